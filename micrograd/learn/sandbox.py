"""`judged`: how far a learner's file gets on the ladder, found out in a process of its own.

That process may use so much time and memory, and no network; it starts no other process and
writes no file. It answers with an empty line for each stage that passes, and then one line of JSON.
This stops accidents and hangs, and what a learner thinks of trying; a file written by an attacker
belongs in a virtual machine. Limits of memory and the network of its own need Linux or another
Unix. `commands.py` calls it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from .checker.errors import in_line
from .homework import check_class
from .ladder import FOLDER, climb, stages

MEMORY: Final = 1024  # megabytes
SECONDS: Final = 60.0
NEW_USER_AND_NETWORK: Final = 0x10000000 | 0x40000000  # of Linux's unshare
FORBIDDEN: Final = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork",
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod",
    "os.chown", "os.truncate", "os.kill", "shutil.", "webbrowser.", "urllib.Request",
    "ftplib.", "smtplib.", "http.client.", "pty.spawn",
)  # fmt: skip
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Verdict(NamedTuple):
    """What was found about a file: stages passed, the one ahead, and one finding about it."""

    file: str
    passed: int
    stage: int
    begun: bool
    cause: str
    finding: str
    seconds: float


def judged(
    path: Path, folder: Path = FOLDER, seconds: float = SECONDS, memory: int = MEMORY
) -> Verdict:
    """The `Verdict` on a file. What goes wrong with the process is a finding, too."""
    words = [sys.executable, "-I", "-c", START, str(HERE), str(path), str(folder), str(memory)]
    start = time.monotonic()
    with subprocess.Popen(
        [*words, str(seconds)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True, cwd=path.parent or None,
    ) as process:  # fmt: skip
        why = ""
        try:
            said = process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            kill(process)
            said = process.communicate()[0]
            why = f"It was stopped after {seconds:g} seconds."
        except BaseException:
            kill(process)
            raise
    *stages_passed, last = [b"", *said.split(b"\n")]
    took = round(time.monotonic() - start, 2)
    try:
        passed, stage, begun, cause, finding = json.loads(last)
        return Verdict(path.name, passed, stage, begun, cause, finding, took)
    except (ValueError, TypeError):
        code = process.returncode
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        cause = "too slow" if why else "no answer"
        finding = why or f"The file ended the process, with {ended}."
        passed = len(stages_passed) - 1
        return Verdict(path.name, passed, passed + 1, True, cause, finding, took)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


# In the process of its own ----------------------------------------------------------------

HERE: Final = Path(__file__).parents[2]
START: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from micrograd.learn.sandbox import answer; answer(*sys.argv[2:])"
)


def answer(file: str, folder: str, memory: str, seconds: str) -> None:
    """Judge a file and write what was found, and nothing else, to where output went."""
    door = os.dup(1)
    os.dup2(2, 1)  # what the file prints goes where errors go
    ladder = stages(Path(folder))
    content = Path(file).read_bytes()
    confine(int(memory), float(seconds))
    try:
        names = names_of(content, file)
        found = climb(names, ladder, check_class, lambda stage: tell(door, "\n"))
        finding = found.report.faults[0][:2] if found.report is not None else ("", "")
        stage = found.ahead.number if found.ahead else 0
        said = [found.passed, stage, found.begun, *finding]
    except BaseException as error:  # exit() in the file, too
        said = [0, 1, True, "the file", f"It does not run: {described(error)}."]
    tell(door, json.dumps(said))
    os._exit(0)  # whatever threads are still at it


def tell(door: int, words: str) -> None:
    """Write to whoever waits for an answer: an end of line for a stage that passes, the verdict."""
    os.write(door, words.encode())


def described(error: BaseException) -> str:
    """An error in a line, with where it is in the learner's file."""
    if isinstance(error, EOFError):
        return f"it asks for input, and nobody is there to answer{in_line(error)}"
    line = getattr(error, "lineno", None)  # of a SyntaxError
    message = getattr(error, "msg", None) or str(error)
    where = f", in line {line}" if line else in_line(error)
    return f"{type(error).__name__}: {message}".rstrip(": ") + where


def names_of(text: str | bytes, file: str) -> dict[str, Any]:
    """The names of a file, run as the module `mine`; its only class with backward() is Value."""
    module = types.ModuleType("mine")
    module.__file__ = file
    sys.modules["mine"] = module
    exec(compile(text, file, "exec"), module.__dict__)
    names = dict(vars(module))
    classes = [x for x in names.values() if isinstance(x, type) and x.__module__ == "mine"]
    own = [x for x in classes if hasattr(x, "backward")]
    if "Value" not in names and len(own) == 1:
        names["Value"] = own[0]
    return names


def confine(memory: int, seconds: float) -> None:
    """Take away what a learner's file has no use for."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory * 2**20, memory * 2**20))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # not on this system
    if sys.platform == "linux":
        ctypes.CDLL(None).unshare(NEW_USER_AND_NETWORK)  # a network without a way out, if allowed
    sys.dont_write_bytecode = True
    sys.addaudithook(refuse)


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """A PermissionError for what a learner's file may not do."""
    if event.startswith(FORBIDDEN):
        raise PermissionError(f"a file that is checked may not use {event}")
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        if (mode and set(str(mode)) & set("wax+")) or (flags and flags & WRITING):
            raise PermissionError(f"a file that is checked may not write: {arguments[0]!r}")
