"""`user_line`: where in the user's own code we are, for messages."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
from typing import Any

OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
# Python's own library and installed packages, NumPy say, which call back into our operations.
OTHERS = tuple(
    folder + os.sep
    for folder in {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
)


def user_line() -> str:
    """Where in the user's own code we are, as file:line.

    That is the innermost frame that is neither ours nor of an installed package, or else
    the innermost that is not ours.
    """
    frame: Any = sys._getframe(1)
    found = ""
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((OURS, "<micrograd")):
            if not name.startswith((*OTHERS, "<frozen", "<__array")):
                return f"{name}:{frame.f_lineno}"
            found = found or f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return found or "an unknown line"


def with_source(place: str) -> str:
    """file:line, and what stands there if it can be read."""
    name, _, line = place.rpartition(":")
    text = linecache.getline(name, int(line)).strip() if line.isdigit() else ""
    return f"{place}: {text}" if text else place
