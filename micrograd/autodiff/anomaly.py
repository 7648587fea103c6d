"""`detect_anomaly`: stop at the first operation that makes nan, and say where it is."""

from __future__ import annotations

from typing import Any

from ..core.chain import replay
from ..core.lines import user_line, with_source
from ..core.node import Node, attribute, closure_of, op_name, operands_of, partials_of
from ..core.observe import Observer
from ..core.sort import toposort
from ..core.watch import WATCH


class AnomalyError(FloatingPointError):
    """A value or a gradient that is no number; the message names the operation and the line."""


class detect_anomaly(Observer):
    """A `with` block in which the first nan, in a value or a gradient, raises `AnomalyError`.

    The message names the operation, its inputs, and the file and line of your own that led
    to it, also where a layer or a loss made it. With `inf` infinite numbers count as well.
    It costs time on every operation. Tangents, as of `jvp` and `hvp`, are not looked at.

    >>> from micrograd import Value, detect_anomaly
    >>> x = Value(-1.0)
    >>> with detect_anomaly():
    ...     y = x.log()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.autodiff.anomaly.AnomalyError: log(-1.0) is nan, at <doctest ...>:2: y = x.log()...
    """

    def __init__(self, inf: bool = False) -> None:
        self.inf = inf
        self.now: Node | None = None  # whose step of the chain rule is being made of nodes

    def __enter__(self) -> Any:
        self.now = None
        return super().__enter__()

    def is_bad(self, x: float) -> bool:
        return x - x != 0 if self.inf else x != x

    def made(self, node: Node) -> None:
        if WATCH.symbolic():
            return  # the numbers of a trace stand for others
        place = user_line()
        if self.is_bad(node._data):
            what = f"{expression(node)} is {node._data}"
            if self.now is None:
                raise AnomalyError(f"{what}, at {with_source(place)}")
            raise AnomalyError(
                f"{what}, in the gradient of {expression(self.now)}, {made_at(self.now)}; "
                f"differentiated at {with_source(place)}"
            )
        setattr(node, "_line", place)

    def read(self, node: Any, what: str) -> None:
        if what != "forward()" or WATCH.symbolic():
            return
        replay(node)
        for v in toposort(node)[1]:
            if self.is_bad(v._data):
                raise AnomalyError(
                    f"{expression(v)} is {v._data} after forward(), at {with_source(user_line())}; "
                    f"{made_at(v)}"
                )

    def stepping(self, node: Node | None) -> None:
        self.now = node

    def stepped(self, node: Node) -> None:
        for x, slope in zip(operands_of(node), partials_of(node), strict=True):
            if isinstance(x, Node) and self.is_bad(x._grad):
                known = slope is not None and closure_of(node) is None
                local = f", local gradient {slope}" if known else ""
                raise AnomalyError(
                    f"the gradient of {name_of(x)} is {x._grad} after the step of "
                    f"{expression(node)}: upstream gradient {node._grad}{local}; {made_at(node)}"
                )


def expression(node: Node) -> str:
    """The operation with the numbers it was given: `log(-1.0)`, `2.0 * 3.0`."""
    name = op_name(node)
    numbers = [str(x._data if isinstance(x, Node) else x) for x in operands_of(node)]
    if len(numbers) > 8:
        numbers = [*numbers[:8], f"... {len(numbers) - 8} more"]
    if len(numbers) == 2 and name in ("+", "-", "*", "/", "**", "%", "//"):
        return f"{numbers[0]} {name} {numbers[1]}"
    if name.startswith("**"):
        return f"{numbers[0]} {name}"
    return f"{name}({', '.join(numbers)})"


def name_of(node: Node) -> str:
    label = attribute(node, "_label")
    return f"{label} = {node._data}" if label else f"the operand {node._data}"


def made_at(node: Node) -> str:
    place = attribute(node, "_line")
    return f"made at {with_source(place)}" if place else "made outside of detect_anomaly"
