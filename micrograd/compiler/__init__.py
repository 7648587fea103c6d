"""The compiler: a trace of scalar code, its backward pass, and fast ways to run both.

Read `jit.py` first, then `program.py` and `trace.py`.
"""

from .jit import Jit, jit
from .program import Program
from .staged import staged
from .trace import TraceError

__all__ = ["Jit", "Program", "TraceError", "jit", "staged"]
