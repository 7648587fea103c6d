"""`undisturbed`: for what makes many objects and keeps them: `compiled.py`, `native/backend.py`."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def undisturbed(f: F) -> F:
    """The same function, during which Python looks for no garbage.

    A compiler makes a great many objects and keeps them: to look at all of them again and again
    takes much of its time.
    """

    @functools.wraps(f)
    def calm(*args: Any, **kwargs: Any) -> Any:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return f(*args, **kwargs)
        finally:
            if enabled:
                gc.enable()

    return calm  # type: ignore[return-value]
