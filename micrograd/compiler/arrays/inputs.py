"""The arrays that the arguments of a function are: each list of numbers is one."""

from __future__ import annotations

import re
from math import prod
from typing import Any

from ...core.foreign import is_array
from ..structure import STATIC, Structure
from .program import Shape


def input_arrays(structure: Structure) -> list[tuple[str, Shape]]:
    """Name and shape of each array among the arguments, in the order of their numbers."""
    found: list[tuple[str, Shape]] = []
    names = structure.names
    at = 0

    def visit(x: Any) -> None:
        nonlocal at
        shape = shape_of(x)
        if shape is None:
            for element in x.values() if isinstance(x, dict) else x:
                visit(element)
        elif not isinstance(x, STATIC) and 0 not in shape:
            name = names[at]
            for _ in shape:  # the first element of x is x0
                name = re.sub(r"_?0$", "", name)
            found.append((name if name.isidentifier() else names[at], shape))
            at += prod(shape)

    for x in [*structure.args, *structure.kwargs.values()]:
        visit(x)
    return found


def shape_of(x: Any) -> Shape | None:
    """The shape of lists of numbers within lists of equal length; None for what is none."""
    if is_array(x):
        return tuple(x.shape)
    if isinstance(x, dict) or (isinstance(x, tuple) and hasattr(x, "_fields")):
        return None
    if not isinstance(x, (list, tuple)):
        return ()
    if any(isinstance(element, STATIC) for element in x):
        return None
    shapes = {shape_of(element) for element in x}
    if len(shapes) == 1:
        (shape,) = shapes
        return None if shape is None else (len(x), *shape)
    return None if shapes else (0,)
