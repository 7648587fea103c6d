"""`Structure`: what the arguments of a function look like, without their numbers.

A number may stand anywhere in nested lists, tuples and arrays. A function is traced once
for each structure; strings, None and True or False count as part of it.
"""

from __future__ import annotations

import inspect
import math
from array import array
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NamedTuple

from ..core.foreign import array_of, is_array
from ..core.rule import real
from ..engine import Value

STATIC = (str, bytes, bool, type(None))
FLOATS = {float}  # the types of the numbers in most lists


def key_of(x: Any) -> Any:
    """What is the same for all x of one structure, and hashable."""
    if type(x) is float or type(x) is int:
        return 0
    if isinstance(x, (list, tuple)):
        if {*map(type, x)} == FLOATS:
            return type(x), len(x)
        inside = [key_of(element) for element in x]
        if inside and all([key == 0 for key in inside]):
            return type(x), len(x)
        return ("list", type(x), *inside)
    if isinstance(x, STATIC):
        return ("=", type(x).__name__, x)
    if is_array(x):
        return ("array", tuple(x.shape))
    if isinstance(x, dict):
        return ("dict", *((k, key_of(v)) for k, v in x.items()))
    return 0


def steered_by(key: Any) -> set[str]:
    """The types of what steers a function, in the structure of this key: of strings, None, True."""
    if not isinstance(key, tuple):
        return set()
    return {key[1]} if key[:1] == ("=",) else set().union(*map(steered_by, key))


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


def packed(x: Any, into: array[float], who: str) -> bool:
    """Whether a structure is of plain numbers; then they stand behind those that `into` has."""
    if isinstance(x, (list, tuple)):
        if {*map(type, x)} == FLOATS:
            into.fromlist(x if type(x) is list else list(x))
            return True
        return all([packed(element, into, who) for element in x])
    if is_array(x):
        x = array_of(x, who)
        if getattr(getattr(x, "dtype", None), "kind", "O") != "O":
            into.frombytes(x.astype("d", copy=False).tobytes())
            return True
        found = list(numbers_of_array(x))  # whatever stands in an array is a number
        if any([isinstance(number, Value) for number in found]):
            return False
        into.extend([real(number, who) for number in found])
        return True
    if isinstance(x, dict):
        return all([packed(element, into, who) for element in x.values()])
    if isinstance(x, Value):
        return False
    if not isinstance(x, STATIC):
        into.append(x if type(x) is float else real(bare(x), who))
    return True


def bare(x: Any) -> Any:
    """A tensor of one number without the graph that it belongs to; anything else as it is."""
    return x.detach() if hasattr(x, "detach") and hasattr(x, "shape") else x


def numbers_of_array(x: Any) -> Iterable[Any]:
    """The numbers of an array in order; an array of objects may hold anything that is a number."""
    x = array_of(x, "jit")
    return x.reshape(-1).tolist() if is_array(x) else numbers_in(x)


class Flat(NamedTuple):
    """A list or tuple of so many numbers, in a template."""

    kind: Any
    size: int


def template_of(like: Any) -> Any:
    """The structure of a result, without the numbers in it: 0.0 or a `Flat` is where they are."""
    if isinstance(like, (list, tuple)):
        inside = [template_of(element) for element in like]
        if hasattr(like, "_fields"):
            return type(like)(*inside)
        return Flat(type(like), len(like)) if {*map(type, inside)} == FLOATS else type(like)(inside)
    if isinstance(like, dict):
        return {k: template_of(v) for k, v in like.items()}
    return like if is_array(like) or isinstance(like, STATIC) else 0.0


def rebuilt(like: Any, numbers: Any, start: int = 0) -> tuple[Any, int]:
    """The same structure with the numbers from `start` on, and where the next begins.

    They stand in a list or an array of the standard library; an array of Values becomes one of
    objects.
    """
    if type(like) is Flat:
        end = start + like.size
        part = numbers[start:end]
        part = part.tolist() if isinstance(part, array) else part
        return part if like.kind is list else like.kind(part), end
    if isinstance(like, (list, tuple)):
        elements = []
        for element in like:
            element, start = rebuilt(element, numbers, start)
            elements.append(element)
        # A named tuple takes its fields one by one.
        fields = hasattr(like, "_fields")
        return type(like)(*elements) if fields else type(like)(elements), start
    if is_array(like):
        import numpy as np

        shape = tuple(like.shape)
        end = start + math.prod(shape)
        part = numbers[start:end]
        if isinstance(part, array) or {*map(type, part)} <= FLOATS:
            filled = np.array(part, dtype=float)
        else:
            filled = np.empty(len(part), dtype=object)
            filled[:] = part
        return filled.reshape(shape), end
    if isinstance(like, dict):
        values = {}
        for k, v in like.items():
            values[k], start = rebuilt(v, numbers, start)
        return values, start
    return (like, start) if isinstance(like, STATIC) else (numbers[start], start + 1)


def shape_of(like: Any) -> tuple[int, ...] | None:
    """The shape of a template that is an array, or lists of equal lengths; None of others."""
    if is_array(like):
        return tuple(like.shape)
    if type(like) is Flat:
        return (like.size,)
    if isinstance(like, (list, tuple)):
        if hasattr(like, "_fields") or not like:
            return None
        inside = [shape_of(element) for element in like]
        first = inside[0]
        return None if first is None or inside.count(first) < len(like) else (len(like), *first)
    return None if isinstance(like, (dict, *STATIC)) else ()


def spread(like: Any, numbers: Any, start: int = 0) -> tuple[Any, int]:
    """A structure over many examples, and where the next begins; `numbers` is examples by numbers.

    One array for each part that has a shape: its leading axis is that of the examples.
    """
    shape = shape_of(like)
    if shape is not None:
        end = start + math.prod(shape)
        return numbers[:, start:end].reshape(len(numbers), *shape), end
    if isinstance(like, STATIC):
        return like, start
    inside = like.values() if isinstance(like, dict) else like
    parts = []
    for element in inside:
        part, start = spread(element, numbers, start)
        parts.append(part)
    if isinstance(like, dict):
        return dict(zip(like, parts)), start
    return type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts), start


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
        args, start = rebuilt(list(self.args), numbers)
        return tuple(args), rebuilt(self.kwargs, numbers, start)[0]

    def forget(self) -> None:
        """Nothing; 0.0 stands in the place of each number."""
        self.found = [0.0] * len(self.found)
        self.args, self.kwargs = self.filled(self.found)

    @cached_property
    def template(self) -> Any:
        return template_of(self.args[0])

    def fill(self, numbers: Any) -> Any:
        """The result with these numbers, of one example: a list of them, or an array."""
        return rebuilt(self.template, numbers)[0]

    def spread(self, numbers: Any) -> Any:
        """The result over many examples; `numbers` is an array of examples by numbers."""
        return spread(self.template, numbers)[0]

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
