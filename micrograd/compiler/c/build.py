"""C compiled by this machine's compiler, and kept: `library(text)`.

What was compiled is found again by the text, the compiler and the processor, in the folder
`micrograd` of `$XDG_CACHE_HOME`, which is `~/.cache` by default. `$CC` names the compiler.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from .functions import LIBRARY

# No option may change a result: no a*b + c in one rounding, no other order of additions, and a
# function of a constant as the C library has it, not as the compiler knows better. Without errno a
# square root is an instruction; small functions in line take time and give none.
FLAGS = (
    "-std=c99", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
    "-fno-inline-small-functions", "-fPIC", "-shared", "-w",
    *[f"-fno-builtin-{name}" for name in LIBRARY.split()],
)  # fmt: skip
KEPT = 256  # libraries
OWN: list[tempfile.TemporaryDirectory[str]] = []


def compiler() -> list[str]:
    """The words of the command that compiles; RuntimeError where there is none."""
    given = shlex.split(os.environ.get("CC", ""))
    for words in [given] if given else [["cc"], ["gcc"], ["clang"]]:
        found = shutil.which(words[0])
        if found:
            return [found, *words[1:]]
    what = f"$CC says {given[0]}, which is not there" if given else "none was found"
    raise RuntimeError(
        f'jit: backend="c" needs a C compiler, and {what}; install gcc or clang, or take the '
        "backend that is built in by leaving it out"
    )


@cache
def identity(words: tuple[str, ...]) -> str:
    """What tells this compiler and this processor from others."""
    said = subprocess.run([*words, "--version"], capture_output=True, text=True).stdout
    processor = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor += next((x for x in lines if x.startswith(("flags", "Features"))), "")
    except OSError:
        pass
    return f"{said.splitlines()[:1]} {platform.machine()} {processor}"


@cache
def folder() -> Path:
    """Where libraries are kept: a folder that is ours alone, since what lies in it is run."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    found = Path(home) / "micrograd"
    try:
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = found.stat()
        shared = about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not shared and about.st_uid == os.getuid() and os.access(found, os.W_OK):
            return found
    except (OSError, AttributeError):
        pass
    OWN.append(tempfile.TemporaryDirectory(prefix="micrograd-"))  # until this process ends
    return Path(OWN[-1].name)


def library(text: str) -> ctypes.CDLL:
    """The library of this C, compiled if it is new. RuntimeError with what the compiler says."""
    words = compiler()
    key = "\0".join([text, *words, *FLAGS, identity(tuple(words))])
    path = folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.so"
    if path.exists():
        try:
            found = ctypes.CDLL(str(path))
            os.utime(path)
            return found
        except OSError:  # half a file, or one for another machine
            path.unlink(missing_ok=True)
    build(words, text, path)
    return ctypes.CDLL(str(path))


def build(words: list[str], text: str, path: Path) -> None:
    """Nothing; the library is at `path`, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent) as room:
        source, made = Path(room, "f.c"), Path(room, "f.so")
        source.write_text(text, encoding="utf-8")
        for native in (["-march=native"], []):  # which not every compiler knows
            command = [*words, *FLAGS, *native, "-o", str(made), str(source), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True)
            if not done.returncode:
                break
        else:
            raise RuntimeError(f"jit: {words[0]} fails: {done.stderr.strip()[:500]}")
        os.replace(made, path)
    kept = sorted(path.parent.glob("*.so"), key=lambda x: x.stat().st_mtime)
    for old in kept[:-KEPT]:
        old.unlink(missing_ok=True)
