"""`door`: the ways into a compiled function, out of which errors come without our frames.

What goes wrong within a trace is told in one line that names the user's own; a dozen frames of
the compiler above it hide that line. `MICROGRAD_TRACEBACK=full` in the environment shows them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from ..core.lines import OTHERS, OURS

F = TypeVar("F", bound=Callable[..., Any])
MEANT = (TypeError, ValueError, ArithmeticError, RuntimeError)  # the errors that we raise


# Where our frames are; machine code says it relative to the folder that it was built in.
HERE = (OURS, "<micrograd", "micrograd/", "micrograd\\")


def is_ours(step: TracebackType) -> bool:
    return step.tb_frame.f_code.co_filename.startswith(HERE)


def is_users(step: TracebackType) -> bool:
    return not step.tb_frame.f_code.co_filename.startswith((*HERE, *OTHERS, "<frozen"))


def without_our_frames(error: BaseException) -> BaseException:
    """The error, with the user's frames alone, and so are those that led to it.

    One that we do not raise, and that came from a line of ours, is our mistake: it keeps them.
    """
    if os.environ.get("MICROGRAD_TRACEBACK") == "full":
        return error
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        steps = []
        step = one.__traceback__
        while step is not None:
            steps.append(step)
            step = step.tb_next
        if isinstance(one, MEANT) or (steps and not is_ours(steps[-1])):
            # What the user's own lines call is theirs too; what ours call is not.
            first = next((i for i, step in enumerate(steps) if is_users(step)), len(steps))
            kept: TracebackType | None = None
            for step in reversed(steps[first:]):
                if not is_ours(step):
                    kept = TracebackType(kept, step.tb_frame, step.tb_lasti, step.tb_lineno)
            one.__traceback__ = kept
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return error


def door(f: F) -> F:
    """The same method; its errors come out with the user's frames, and one of ours."""

    @functools.wraps(f)
    def entered(*args: Any, **kwargs: Any) -> Any:
        try:
            return f(*args, **kwargs)
        except Exception as error:
            raise without_our_frames(error)  # noqa: B904

    return entered  # type: ignore[return-value]
