"""`detect_anomaly`: stop at the first operation that makes nan, and say where it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .modes import Observer
from .nodes import attribute, op_name, operands_of, slopes_of
from .toposort import Node

PACKAGE = str(Path(__file__).parent)


class AnomalyError(FloatingPointError):
    """A value or a gradient that is no number; the message names the operation and the line."""


class detect_anomaly(Observer):
    """A `with` block in which the first nan, in a value or a gradient, raises `AnomalyError`.

    The message names the operation, its inputs, and the file and line that made it. With
    `inf` infinite numbers count as well. It costs time on every operation.

    >>> from micrograd import Value, detect_anomaly
    >>> x = Value(-1.0)
    >>> with detect_anomaly():
    ...     y = x.log()
    Traceback (most recent call last):
    micrograd.anomaly.AnomalyError: log(-1.0) is nan, at <doctest ...>:2
    """

    def __init__(self, inf: bool = False) -> None:
        self.inf = inf

    def is_bad(self, x: float) -> bool:
        return x - x != 0 if self.inf else x != x

    def made(self, node: Node) -> None:
        place = user_line()
        if self.is_bad(node._data):
            raise AnomalyError(f"{expression(node)} is {node._data}, at {place}")
        setattr(node, "_line", place)

    def stepped(self, node: Node) -> None:
        """The chain rule has been done at this node."""
        for x, slope in zip(operands_of(node), slopes_of(node), strict=True):
            if isinstance(x, Node) and self.is_bad(x._grad):
                local = "" if slope is None else f", local gradient {slope}"
                place = attribute(node, "_line") or "a line outside detect_anomaly"
                raise AnomalyError(
                    f"the gradient of {name_of(x)} is {x._grad} after the step of "
                    f"{expression(node)}: upstream gradient {node._grad}{local}; made at {place}"
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


def user_line() -> str:
    """Where in the user's own code we are: file and line of the nearest frame outside here."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    if frame is None:
        return "an unknown line"
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
