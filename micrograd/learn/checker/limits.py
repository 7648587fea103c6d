"""`within`: run code of somebody else's under a limit of time and of recursion.

The code runs in a thread of its own, and the caller waits: that works the same in a notebook,
in the REPL, in a script and under another event loop, and touches no signal. When time is up
an exception is raised inside the thread, again and again, since it may be caught there. A
thread that outlives that is left behind, and dies with the process. For files of others,
`sandbox.py` has a process that can be killed.
"""

from __future__ import annotations

import contextvars
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

SECONDS = 1.0  # for one trial; a right class takes some thousandths
DEPTH = 1000  # of calls: Python's own limit
HIGHEST = 5000  # that the code may raise that to; far below where the stack ends
STACK = 64 * 2**20  # bytes: DEPTH calls need a part of it, and HIGHEST calls as well
SLOWEST = 5  # times as long by the clock, for what sleeps
TRIES = 20  # to stop a thread


class TimeUp(SystemExit):
    """Raised inside code that takes too long. (A SystemExit ends a thread without a word.)"""


def within(attempt: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What attempt() gives; `TimeUp` if it has not ended after so many seconds.

    An exception of attempt is raised here. The limit of recursion is set back at the end.

    >>> within(lambda: 6 * 7)
    42
    """
    given: list[Any] = []
    raised: list[BaseException] = []
    context = contextvars.copy_context()

    def work() -> None:
        try:
            given.append(context.run(attempt))
        except BaseException as error:
            raised.append(error)

    depth, set_limit = sys.getrecursionlimit(), sys.setrecursionlimit
    size = threading.stack_size(STACK)
    thread = threading.Thread(target=work, daemon=True)
    set_limit(DEPTH)
    sys.setrecursionlimit = lambda limit: set_limit(min(limit, HIGHEST))
    try:
        thread.start()
        threading.stack_size(size)
        if not ends(thread, seconds):
            stop(thread)
            raise TimeUp
    except KeyboardInterrupt:
        stop(thread)
        raise
    except RuntimeError:  # no threads here, as in a browser
        given.append(attempt())
    finally:
        sys.setrecursionlimit = set_limit
        set_limit(depth)
    if raised:
        raise raised[0]
    return given[0]


def ends(thread: threading.Thread, seconds: float) -> bool:
    """Whether it ends in so many seconds of the processor, which a busy machine is short of."""
    start, begun = time.monotonic(), time.process_time()
    while thread.is_alive():
        thread.join(0.02)
        if time.process_time() - begun > seconds or time.monotonic() - start > SLOWEST * seconds:
            return False
    return True


def stop(thread: threading.Thread) -> None:
    """Raise TimeUp in the thread until it ends."""
    for _ in range(TRIES):
        if not thread.is_alive():
            return
        throw(TimeUp, thread.ident)
        thread.join(0.05)
    # It waits in C, for a clock or a network, and gets its TimeUp when it comes back. Until then
    # Python 3.11 finds no way through a function under `sys.setprofile`, unless an exception that
    # was asked for has arrived somewhere: here.
    try:
        throw(Arrived, threading.get_ident())
        for _ in range(1000):
            pass
    except Arrived:
        pass


class Arrived(Exception):
    """Raised and caught in `stop`."""


def throw(error: type[BaseException], ident: int | None) -> None:
    """Have the error raised in that thread."""
    name = ctypes.c_ulong(ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(name, ctypes.py_object(error))
