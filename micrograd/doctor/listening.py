"""How a watch hears of things: of backward passes from the engine, of calls from a model.

Read on in `watch.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.node import Node, operands_of
from ..core.observe import Observer


class Listener(Observer):
    """Finds the roots of the backward passes of a step, and whether anything was made."""

    def __init__(self, marked: Any = None) -> None:
        self.marked = marked  # a parameter with a gradient from the step before
        self.value = marked._grad if marked is not None else 0.0
        self.kept = False  # whether it has that gradient still when the last node is made
        self.roots: list[Any] = []
        self.made_any = False
        self.expected: set[int] = set()

    def made(self, node: Node) -> None:
        self.made_any = True
        if self.value:
            self.kept = self.marked._grad == self.value

    def stepped(self, node: Node) -> None:
        if id(node) not in self.expected:
            self.roots.append(node)
            self.expected = {id(node)}
        self.expected.update([id(x) for x in operands_of(node) if isinstance(x, Node)])


def told_of_calls(model: Any, tell: Callable[[], None]) -> Any:
    """The class that a model had; from now on `tell()` is called before it is called or zeroed.

    The model gets a class in between, which passes everything on. None where that cannot be, as
    with a function: then its optimizer tells of steps.
    """
    base = type(model)

    def call(this: Any, *xs: Any, **named: Any) -> Any:
        tell()
        return base.__call__(this, *xs, **named)

    def zero_grad(this: Any) -> None:
        tell()
        base.zero_grad(this)

    names: dict[str, Any] = {"__module__": base.__module__, "__qualname__": base.__qualname__}
    if callable(model):
        names["__call__"] = call
    if hasattr(base, "zero_grad"):
        names["zero_grad"] = zero_grad
    try:
        model.__class__ = type(base.__name__, (base,), names)
    except TypeError:
        return None
    return base
