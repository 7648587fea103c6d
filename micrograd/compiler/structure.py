"""`Structure`: what the arguments of a function look like, without their numbers.

A number may stand anywhere in nested lists, tuples and arrays. A function is traced once
for each structure; strings, None and True or False count as part of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from ..core.foreign import array_of, is_array
from ..core.rule import real
from ..engine import Value

STATIC = (str, bytes, bool, type(None))


def key_of(x: Any) -> Any:
    """What is the same for all x of one structure, and hashable."""
    if type(x) is float or type(x) is int:
        return 0
    if isinstance(x, (list, tuple)):
        return (type(x), *map(key_of, x))
    if isinstance(x, STATIC):
        return ("=", type(x).__name__, x)
    if is_array(x):
        return ("array", tuple(x.shape))
    if isinstance(x, dict):
        return ("dict", *((k, key_of(v)) for k, v in x.items()))
    return 0


def numbers_in(x: Any) -> Iterable[Any]:
    """The numbers of a structure in order, whatever they are."""
    if type(x) is float:
        yield x
    elif isinstance(x, (list, tuple)):
        for element in x:
            yield from numbers_in(element)
    elif is_array(x):
        yield from numbers_of_array(x)
    elif isinstance(x, dict):
        for element in x.values():
            yield from numbers_in(element)
    elif not isinstance(x, STATIC):
        yield bare(x)


def bare(x: Any) -> Any:
    """A tensor of one number without the graph that it belongs to; anything else as it is."""
    return x.detach() if hasattr(x, "detach") and hasattr(x, "shape") else x


def numbers_of_array(x: Any) -> Iterable[Any]:
    """The numbers of an array in order; an array of objects may hold anything that is a number."""
    x = array_of(x, "jit")
    return x.reshape(-1).tolist() if is_array(x) else numbers_in(x)


def rebuilt(like: Any, numbers: Any) -> Any:
    """The same structure with other numbers; an array becomes one of objects."""
    if isinstance(like, (list, tuple)):
        elements = [rebuilt(element, numbers) for element in like]
        # A named tuple takes its fields one by one.
        return type(like)(*elements) if hasattr(like, "_fields") else type(like)(elements)
    if is_array(like):
        import numpy as np

        filled = np.empty(like.shape, dtype=object)
        for i in range(filled.size):
            filled.flat[i] = next(numbers)
        plain = all(type(x) is float for x in filled.flat)
        return filled.astype(float) if plain else filled
    if isinstance(like, dict):
        return {k: rebuilt(v, numbers) for k, v in like.items()}
    return like if isinstance(like, STATIC) else next(numbers)


class Structure:
    """Positional and keyword arguments, or results, with names for the numbers in them.

    TypeError in a sentence for what is neither a number nor a structure of numbers.
    """

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], f: Any = None) -> None:
        self.args, self.kwargs = args, kwargs
        self.found: list[Any] = []
        self.names: list[str] = []
        names = argument_names(f, len(args)) if f is not None else ["a result"] * len(args)
        for name, x in zip(names, args):
            self.collect(x, name)
        for name, x in kwargs.items():
            self.collect(x, name)

    @classmethod
    def of_result(cls, result: Any) -> Structure:
        return cls((result,), {})

    def collect(self, x: Any, name: str, static: tuple[type, ...] = STATIC) -> None:
        if is_array(x):
            x = array_of(x, f"jit: {name}").tolist()
            static = ()  # whatever stands in an array is a number
        if isinstance(x, (list, tuple)):
            between = "_" if name[-1:].isdigit() else ""
            fields = getattr(x, "_fields", range(len(x)))
            for i, element in zip(fields, x):
                self.collect(element, f"{name}{between if type(i) is int else '_'}{i}", static)
        elif isinstance(x, dict):
            for k, element in x.items():
                self.collect(element, f"{name}_{k}")
        elif not isinstance(x, static):
            self.found.append(x if isinstance(x, Value) else real(bare(x), f"jit: {name}"))
            self.names.append(name if name.isidentifier() else f"x{len(self.names)}")

    def filled(self, numbers: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional and the keyword arguments with these numbers."""
        rest = iter(numbers)
        args = tuple(rebuilt(x, rest) for x in self.args)
        return args, {k: rebuilt(x, rest) for k, x in self.kwargs.items()}

    def fill(self, numbers: list[Any]) -> Any:
        """The result with these numbers."""
        return rebuilt(self.args[0], iter(numbers))

    @property
    def is_scalar(self) -> bool:
        return (
            len(self.args) == 1
            and not self.kwargs
            and len(self.found) == 1
            and not isinstance(self.args[0], (list, tuple, dict))
            and not is_array(self.args[0])
        )


def argument_names(f: Callable[..., Any], n: int) -> list[str]:
    """The names of the first n parameters of f, or x0, x1, ... where it does not say."""
    try:
        given = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        given = []
    names = [p.name for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in given if p.kind == p.VAR_POSITIONAL), "x")
    return [*names[:n], *(f"{rest}{i}" for i in range(max(0, n - len(names))))]


def numbers_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    return [*numbers_in(args), *numbers_in(kwargs)]
