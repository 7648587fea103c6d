"""`Observer`: who looks on while a graph is built; the base of no_grad, scopes, tracing.

An observer is told of every node that is made between entering and leaving a `with` block, in
the same thread or asyncio task. How the engine reaches it is in `watch.py`; `no_grad` is in
`no_grad.py`, `detect_anomaly` in `autodiff/`, `scope` in `graph/`, tracing in `compiler/`.
"""

from __future__ import annotations

from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any

from .watch import WATCH


class Observer:
    """The base of a mode: what it overrides is called by the engine, in this context alone.

    It is a `with` block, and a decorator: of a generator or a coroutine it is on while that
    runs, and off while that waits.
    """

    symbolic = False  # whether the numbers in the graph only stand for others

    def __call__(self, function: Any) -> Any:
        if isgeneratorfunction(function):

            @wraps(function)
            def decorated(*args: Any, **kwargs: Any) -> Any:
                return Resumed(self, function(*args, **kwargs))

        elif iscoroutinefunction(function):

            @wraps(function)
            async def decorated(*args: Any, **kwargs: Any) -> Any:
                return await Resumed(self, function(*args, **kwargs))

        elif isasyncgenfunction(function):
            raise TypeError(
                f"{type(self).__name__}: an asynchronous generator cannot be decorated: "
                "write the with block around what it computes between two yields"
            )
        else:

            @wraps(function)
            def decorated(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return function(*args, **kwargs)

        return decorated

    def __enter__(self) -> Any:
        WATCH.enter(self)
        return self

    def __exit__(self, *error: object) -> None:
        WATCH.leave(self)

    def made(self, node: Any) -> None:
        """A new interior node is complete."""

    def born(self, node: Any) -> None:
        """A Value was made from a number: a leaf."""

    def read(self, node: Any, what: str) -> None:
        """A bare number is about to leave the graph, by what is named (".data", "bool()")."""

    def stepped(self, node: Any) -> None:
        """backward() has done the chain rule at a node."""

    def stepping(self, node: Any) -> None:
        """The chain rule at this node is about to make nodes of its own; None: no longer."""

    def escaping(self, name: str, a: Any, b: Any) -> Any:
        """A comparison ("less", ...) or a detached Value ("stop") is about to leave the graph.

        A node that comes back takes its place.
        """
        return None


class Resumed:
    """A generator or a coroutine that runs under an observer, each time that it is resumed."""

    def __init__(self, observer: Observer, body: Any) -> None:
        self.observer = observer
        self.body = body

    def __iter__(self) -> Any:
        return self

    def __await__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        with self.observer:
            return self.body.send(value)

    def throw(self, *error: Any) -> Any:
        with self.observer:
            return self.body.throw(*error)

    def close(self) -> None:
        with self.observer:
            self.body.close()
