"""`OwnStep`: a `_backward` that someone assigned, held without a reference cycle.

Hand-made operations end like this, in every course that builds the engine step by step:

    def _backward():
        self.grad += (1 - t**2) * out.grad
    out._backward = _backward

The function holds `out` in a cell, and `out` holds the function: a cycle, which only the
garbage collector could free, and the whole graph with it. Here the function's cell for
`out` is replaced by one of our own, which is filled only while the function runs.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CellType, FunctionType


class OwnStep:
    """The step of `owner` as its maker wrote it; called with the owner."""

    def __init__(self, function: Callable[[], object], owner: object) -> None:
        self.function = function
        self.cells: list[CellType] = []
        cells = function.__closure__ if isinstance(function, FunctionType) else None
        if not isinstance(function, FunctionType) or not cells:
            return
        own = [is_filled(cell) and cell.cell_contents is owner for cell in cells]
        if not any(own):
            return
        replaced = tuple(
            CellType() if mine else cell for mine, cell in zip(own, cells, strict=True)
        )
        copy = FunctionType(
            function.__code__,
            function.__globals__,
            function.__name__,
            function.__defaults__,
            replaced,
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        copy.__dict__.update(function.__dict__)
        self.function = copy
        self.cells = [cell for mine, cell in zip(own, replaced, strict=True) if mine]

    def __call__(self, owner: object) -> None:
        for cell in self.cells:
            cell.cell_contents = owner
        try:
            self.function()
        finally:
            for cell in self.cells:
                del cell.cell_contents


def is_filled(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
