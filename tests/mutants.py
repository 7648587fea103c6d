"""Do the tests notice a mistake? A job of its own, some hours long: `python tests/mutants.py`.

One operator, comparison, number or keyword at a time is changed in a copy of the tree (with the
operators of cosmic-ray: pip install cosmic-ray), and the tests of that module run; a mutant that no
test notices survives. What was noticed stays in `.mutants/`: Ctrl-C loses nothing, and the next run
tries only the others again, with the tests as they then are. Survivors that are the same program,
or that nobody could notice, are listed with the reason in `tests/survivors.txt`; the others are
printed.

    python tests/mutants.py                   # all modules below
    python tests/mutants.py engine reverse    # some
    python tests/mutants.py --report          # what is known so far

A mutant costs a fork and not a start of Python: pytest and what the tests import besides micrograd
are imported once. Each test file runs in a fork of its own, those first that noticed most so far,
and in it those tests first. A test that takes ten times as long as without a mistake has noticed it.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hypothesis
import hypothesis.stateful
import mpmath  # noqa: F401 (imported for all forks)
import numpy  # noqa: F401
import pytest
from mistakes import mutants

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".mutants"
TREE = WORK / "tree"
KNOWN = Path(__file__).with_name("survivors.txt")
MODULES = {
    "engine": ("engine.py", "engine watch anomaly number custom dropin"),
    "chain": (
        "core/chain.py",
        "engine custom anomaly watch checkpoint selection unchosen transforms",
    ),
    "selection": ("core/selection.py", "selection unchosen compiler_modes"),
    "tape": ("autodiff/tape.py", "tape custom transforms"),
    "ops": ("ops.py", "ops edges losses take unchosen"),
    "reverse": (
        "compiler/ir/reverse.py",
        "batch reverse simplify compiler_modes selection loops_compiled",
    ),
    "simplify": (
        "compiler/ir/simplify.py",
        "simplify compiler_source compiler_modes loops_compiled",
    ),
    "losses": ("losses.py", "losses"),
    "optimizers": ("optim/optimizers.py", "optim groups"),
    "alike": ("graph/folding/alike.py", "alike graph_fold graph"),
}
SAYS = "  ## "  # between a survivor and the reason
OPTIONS = [
    *("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what is imported already
]
# The same examples each time, and no effort to find the smallest that fails.
hypothesis.settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
hypothesis.settings.load_profile("mutants")


# Running tests ------------------------------------------------------------------------------------


class Teller:
    """A plugin of pytest that runs tests in a given order, and tells through a pipe how they go."""

    def __init__(self, pipe: int, place: Callable[[str], object]) -> None:
        self.pipe, self.place = pipe, place

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda x: self.place(x.nodeid))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        os.write(self.pipe, f"{nodeid}\n".encode())


class Tests:
    """The test files of a module, and what is known of them."""

    def __init__(self, names: str) -> None:
        self.files = [f"tests/test_{name}.py" for name in names.split()]
        self.usual: dict[str, float] = {}  # seconds that a test takes without a mistake
        self.word = ""
        self.noticed: Counter[str] = Counter()  # by test and by file: how many mistakes
        gc.freeze()  # a fork need not look through what is here already
        for file in self.files:
            if self.failing(file) is not None:
                raise SystemExit(f"mutants: {file} fails without a mistake in the code")

    def notice(self, word: str) -> str | None:
        """The test that fails now, or that never ends; None if the mistake survives.

        Tests whose parameters are in the word come first: that is a function, or a row.
        """
        self.word = word
        for file in sorted(self.files, key=lambda x: -self.noticed[x]):
            test = self.failing(file)
            if test is not None:
                self.noticed[file] += 1
                self.noticed[test] += 1
                return test
        return None

    def place(self, test: str) -> tuple[bool, int, float]:
        """Where a test stands in its file: after those that come before it in this order."""
        parameters = re.split(r"\W+", test.partition("[")[2])
        named = any(len(x) > 2 and x in self.word for x in parameters)
        return not named, -self.noticed[test], self.usual.get(test, 0.0)

    def failing(self, file: str) -> str | None:
        """The first test of this file that fails; the file itself if it cannot be imported."""
        known = file in self.usual
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.close(read)
            os.setsid()
            os.chdir(TREE)
            sys.path.insert(0, str(TREE))
            if known:  # what the file left without the mistake is not stale
                sys.dont_write_bytecode = True
                os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            silence = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silence, stream)
            os._exit(pytest.main([*OPTIONS, file], plugins=[Teller(write, self.place)]))
        os.close(write)
        test, since = file, time.perf_counter()
        while select.select([read], [], [], 5.0 + 10.0 * self.usual.get(test, 60.0))[0]:
            told = os.read(read, 1 << 16).decode()
            now = time.perf_counter()
            if not known:
                self.usual[test] = now - since
            if not told:
                break
            test, since = told.splitlines()[-1], now
        else:
            os.killpg(child, signal.SIGKILL)
        os.close(read)
        return test if os.waitpid(child, 0)[1] else None


# The job ------------------------------------------------------------------------------------------


def copy() -> None:
    """The tree as it is now, as Python, with the one file that even such a build makes."""
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in [*git.stdout.decode().split("\0")[:-1], "micrograd/compiler/native/functions.h"]:
        old, new = ROOT / name, TREE / name
        if old.exists():
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old, new)


def run(name: str) -> None:
    """Try all mutants of a module that no test has noticed yet."""
    path, tests = MODULES[name]
    copy()
    done = noticed(name)
    skip = {*done, *listed()}
    file, original = TREE / "micrograd" / path, ROOT / "micrograd" / path
    left = [(text, source) for text, source in mutants(path) if text not in skip]
    print(f"{name}: {len(left)} to try; Ctrl-C stops, and the next run goes on", flush=True)
    known = Tests(tests)
    known.noticed.update(done.values())
    known.noticed.update(test.split("::")[0] for test in done.values())
    with (WORK / f"{name}.jsonl").open("a", encoding="utf-8") as log:
        try:
            for text, source in left:
                file.write_text(source, encoding="utf-8")
                by = known.notice(text.split()[1].rstrip(":"))
                if by is not None:
                    print(json.dumps([text, by]), file=log, flush=True)
        finally:
            shutil.copy2(original, file)


def noticed(name: str) -> dict[str, str]:
    """The mutants of a module that were noticed, and by which test."""
    log = WORK / f"{name}.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return dict(json.loads(line) for line in lines)


def listed() -> dict[str, str]:
    """The survivors that are no fault of the tests, and why: `mutant  ## reason`."""
    lines = KNOWN.read_text(encoding="utf-8").splitlines() if KNOWN.exists() else []
    return dict(line.split(SAYS) for line in lines if SAYS in line)


def report(name: str) -> int:
    """How many mutants survive that nobody knows of; they are printed."""
    done, reasons, alive, known = noticed(name), listed(), 0, 0
    texts = [text for text, _ in mutants(MODULES[name][0])]
    for text in texts:
        if text in done:
            continue
        if text in reasons:
            known += 1
            continue
        alive += 1
        print(f"  {text}")
    killed = len(texts) - known - alive
    print(
        f"{name}: {killed} of {len(texts)} noticed, {100.0 * killed / len(texts):.1f} %; "
        f"{known} listed, {alive} not"
    )
    return alive


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(MODULES))
    parser.add_argument("--report", action="store_true", help="run nothing, print what is known")
    options = parser.parse_args()
    for name in options.modules:
        if name not in MODULES:
            parser.error(f"there is no module {name!r}: {', '.join(MODULES)}")
    alive = 0
    WORK.mkdir(exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        for name in options.modules or MODULES:
            if not options.report:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    parser.error("another run is using .mutants/")
                run(name)
            if (WORK / f"{name}.jsonl").exists():
                alive += report(name)
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
