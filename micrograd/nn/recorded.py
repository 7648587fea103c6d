"""`recorded`: the `__call__` of a module, whose results know that they came out of this call.

What is remembered of a call is in `calls.py`, which is compiled where a C compiler is; read that
next.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from types import FunctionType
from typing import Any

from .calls import Call, begun, ended

OPEN: ContextVar[Call | None] = ContextVar("micrograd_call", default=None)


def recorded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The `__call__` of a module, which marks what it gives out."""
    code = getattr(function, "__code__", None)
    names = code.co_varnames[1 : code.co_argcount] if code is not None else ()

    run = function
    if not isinstance(function, FunctionType):  # what a decorator such as jit made of it

        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            bound = getattr(function, "__get__", None)
            if bound is None:
                return function(self, *args, **kwargs)
            return bound(self, type(self))(*args, **kwargs)

    @wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        outer = OPEN.get()
        if outer is not None and outer.module is self:  # super().__call__(x)
            return run(self, *args, **kwargs)
        this = begun(self, outer, names, args, kwargs, sys._getframe(1))
        token = OPEN.set(this)
        try:
            out = run(self, *args, **kwargs)
        finally:
            OPEN.reset(token)
            this.module = None  # the values that it gave do not keep the module alive
        ended(this, out)
        return out

    return call
