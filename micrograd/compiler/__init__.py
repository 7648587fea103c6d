"""The compiler: a trace of scalar code, its backward pass, and fast ways to run both.

Read `jit.py` first, then `ir/program.py` and `trace.py`.
"""

from .ir.program import Program
from .jit import Jit, jit
from .load import load
from .staged import staged
from .trace import TraceError

__all__ = ["Jit", "Program", "TraceError", "jit", "load", "staged"]
