"""What holds for parameters wherever they are used: each counts once, some are frozen, and
their numbers are set all together or not at all.

Models, optimizers, clipping and the compiler build on these functions. Read on in
`module.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..core.chain import GRAPHS
from ..core.node import (
    add_grads,
    are_all,
    attribute,
    having,
    is_leaf,
    same_nodes,
    set_data,
    set_grads,
)
from ..core.watch import WATCH
from ..engine import Value


def unique(parameters: Iterable[Value]) -> list[Value]:
    """The parameters in order, each once: one that stands in a model twice is still one."""
    return list(dict.fromkeys(parameters))


def values(parameters: Iterable[Value], who: str, moved: bool = False) -> list[Value]:
    """The same; a TypeError in a sentence for what are no Values. One Value is a list of one.

    ValueError for results of operations, where parameters are to be moved.
    """
    if isinstance(parameters, Value):
        parameters = [parameters]
    if hasattr(parameters, "parameters"):
        raise TypeError(
            f"{who}: a list of Values is needed, not the model itself: write model.parameters()"
        )
    if isinstance(parameters, (str, bytes)) or not hasattr(parameters, "__iter__"):
        raise TypeError(f"{who}: a list of Values is needed, not {parameters!r:.60}")
    found = list(parameters)
    for p in found:
        if not isinstance(p, Value):
            raise TypeError(f"{who}: parameters are Values, not {p!r:.60}")
        if moved and not is_leaf(p):
            raise ValueError(
                f"{who}: {p!r:.60} is the result of an operation, which the next forward pass "
                "computes again; a parameter is made by Value(number)"
            )
    return unique(found)


def is_frozen(p: Value) -> bool:
    """Whether someone said `p.requires_grad = False`: then no optimizer moves it."""
    return attribute(p, "_requires_grad") is False


def free_among(parameters: list[Value]) -> Sequence[int]:
    """The places of those that are not frozen."""
    frozen = {*having(parameters, "_requires_grad", False)}
    everywhere = range(len(parameters))
    return [i for i in everywhere if i not in frozen] if frozen else everywhere


def are_same(a: Sequence[Value], b: Sequence[Value]) -> bool:
    """Whether these are the same Values in the same order; what they hold is not compared."""
    return len(a) == len(b) and same_nodes(as_list(a), as_list(b))


def set_all(parameters: Sequence[Value], name: str, numbers: Sequence[Any]) -> None:
    """Nothing; afterwards `name` ("data" or "grad") of each is its number.

    Of all, or after an interrupt or an error of none.
    """
    parameters, numbers = as_list(parameters), as_list(numbers)
    if are_plain(parameters, numbers):
        (set_data if name == "data" else set_grads)(parameters, numbers)
        return
    before = [getattr(p, name) for p in parameters]
    try:
        for p, x in zip(parameters, numbers, strict=True):
            setattr(p, name, x)
    except BaseException:
        for p, x in zip(parameters, before, strict=True):
            setattr(p, name, x)
        raise


def add_to_grad(parameters: Sequence[Value], numbers: Sequence[float]) -> None:
    """Nothing; afterwards each number is added to `.grad`. Of all or of none."""
    parameters, numbers = as_list(parameters), as_list(numbers)
    if are_plain(parameters, numbers):
        add_grads(parameters, numbers)
    else:
        sums = [p.grad + g for p, g in zip(parameters, numbers, strict=True)]
        set_all(parameters, "grad", sums)


def as_list(xs: Iterable[Any]) -> list[Any]:
    """xs itself if it is a list: compiled code goes through lists fastest."""
    return xs if type(xs) is list else list(xs)


def are_plain(parameters: list[Value], numbers: list[Any]) -> bool:
    """Whether nobody has to be asked before numbers are set: these are Values and floats alone."""
    return (
        not are_watched()
        and len(parameters) == len(numbers)
        and are_all(parameters, Value)
        and are_all(numbers, float)
    )


def are_watched() -> bool:
    """Whether somebody wants to know of every number that is set."""
    return bool(WATCH.active or GRAPHS.used)
