"""Do the tests notice a mistake? A job of its own, some hours long: `python tests/mutants.py`.

cosmic-ray (pip install cosmic-ray) changes one operator, number or keyword at a time in a copy of
the tree and runs the tests of that module; a mutant that no test notices survives. What is done
stays in `.mutants/`: Ctrl-C loses nothing, and the next run goes on. Survivors that are the same
program, or that nobody could notice, are listed with the reason in `tests/survivors.txt`; the others
are printed.

    python tests/mutants.py                   # all modules below
    python tests/mutants.py engine reverse    # some
    python tests/mutants.py --report          # what is known so far
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".mutants"
KNOWN = Path(__file__).with_name("survivors.txt")
MODULES = {
    "engine": ("engine.py", "engine number random_graphs stateful dropin"),
    "chain": ("core/chain.py", "transforms engine random_graphs custom"),
    "selection": ("core/selection.py", "edges transforms random_graphs"),
    "tape": ("autodiff/tape.py", "transforms"),
    "ops": ("ops.py", "ops edges transforms"),
    "reverse": ("compiler/ir/reverse.py", "compiler_modes compiler_operations"),
    "simplify": ("compiler/ir/simplify.py", "compiler_modes compiler_operations compiler_source"),
    "losses": ("losses.py", "losses"),
    "optimizers": ("optim/optimizers.py", "optim groups"),
    "alike": ("graph/folding/alike.py", "graph_fold graph"),
}
CONFIG = """\
[cosmic-ray]
module-path = "micrograd/{path}"
timeout = 300.0
excluded-modules = []
test-command = {command}

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [
  "core/ReplaceBinaryOperator_BitOr_.*",  # types: int | None
  "core/RemoveDecorator",  # of mypyc and typing
]
"""


def tool(name: str, *words: object) -> str:
    command = [str(Path(sys.executable).with_name(name)), *map(str, words)]
    try:
        done = subprocess.run(command, cwd=WORK / "tree", capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit("mutants: pip install cosmic-ray in this environment first") from None
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def begin(name: str) -> Path:
    """The session of a module, made now if it is the first time: a copy of the tree, as Python."""
    tree = WORK / "tree"
    if not tree.exists():
        tree.mkdir(parents=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(
            f"tar --null -T - -cf - | tar -xf - -C '{tree}'",
            shell=True, cwd=ROOT, input=listed.stdout, check=True,
        )  # fmt: skip
    session, config = WORK / f"{name}.sqlite", WORK / f"{name}.toml"
    if not session.exists():
        path, tests = MODULES[name]
        files = " ".join(f"tests/test_{test}.py" for test in tests.split())
        command = f"{sys.executable} -m pytest -x -q -p no:cacheprovider {files}"
        config.write_text(CONFIG.format(path=path, command=json.dumps(command)), encoding="utf-8")
        tool("cosmic-ray", "init", config, session)
        tool("cr-filter-operators", session, config)
    return session


def run(name: str, session: Path) -> None:
    print(f"{name}: running; Ctrl-C stops, and the next run goes on", flush=True)
    try:
        subprocess.run(
            [
                Path(sys.executable).with_name("cosmic-ray"),
                "exec",
                session.with_suffix(".toml"),
                session,
            ],
            cwd=WORK / "tree",
        )
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def report(name: str, session: Path) -> int:
    """How many mutants survive that nobody knows of; they are printed."""
    known = KNOWN.read_text(encoding="utf-8").splitlines() if KNOWN.exists() else []
    killed = alive = 0
    for line in tool("cosmic-ray", "dump", session).splitlines():
        item, result = json.loads(line)
        if result is None or result["worker_outcome"] != "normal":
            continue
        if result["test_outcome"] != "survived":
            killed += 1
            continue
        change = [
            x for x in result["diff"].splitlines() if x[:1] in "+-" and x[:3] not in ("+++", "---")
        ]
        text = f"{MODULES[name][0]}: {' -> '.join(x[1:].strip() for x in change)}"
        if not any(x.startswith(text) for x in known):
            alive += 1
            print(f"  line {item['mutations'][0]['start_pos'][0]}: {text}")
    total = killed + alive
    share = f", {100.0 * killed / total:.1f} %" if total else ""
    print(f"{name}: {killed} of {total} noticed{share}")
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
    for name in options.modules or MODULES:
        session = WORK / f"{name}.sqlite"
        if not options.report:
            run(name, begin(name))
        if session.exists():
            alive += report(name, session)
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
