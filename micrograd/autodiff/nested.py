"""Structures of numbers: lists, tuples, dictionaries and arrays, nested to any depth.

The transforms take and give numbers in whatever structure a user keeps them in. Here a
structure is taken apart into a flat list, and put together again with other numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any


def is_array(x: Any) -> bool:
    """Whether x is a NumPy array; NumPy is not imported to find out."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(x, numpy.ndarray)


def children(x: Any) -> Any:
    """What a structure holds, in order; None of a number."""
    if isinstance(x, (list, tuple)):
        return x
    if isinstance(x, dict):
        return list(x.values())
    if is_array(x) and x.ndim:
        return x.ravel().tolist()
    return None


def flatten(x: Any) -> list[Any]:
    """The numbers in a structure, from left to right.

    >>> flatten([1.0, (2.0, {"a": 3.0})])
    [1.0, 2.0, 3.0]
    """
    inside = children(x)
    if inside is None:
        return [x]
    return [number for child in inside for number in flatten(child)]


def rebuild(like: Any, numbers: Iterator[Any]) -> Any:
    """A structure like another, with these numbers in it.

    >>> rebuild([1.0, (2.0, {"a": 3.0})], iter("xyz"))
    ['x', ('y', {'a': 'z'})]
    """
    inside = children(like)
    if inside is None:
        return next(numbers)
    if is_array(like):
        import numpy

        found = [next(numbers) for _ in inside]
        plain = all(isinstance(x, (int, float)) for x in found)
        return numpy.array(found, dtype=float if plain else object).reshape(like.shape)
    new = [rebuild(child, numbers) for child in inside]
    if isinstance(like, dict):
        return dict(zip(like, new, strict=True))
    # A named tuple takes its fields one by one.
    return type(like)(*new) if hasattr(like, "_fields") else type(like)(new)


def in_order_of(like: Any, x: Any, who: str) -> Any:
    """x with its dictionaries in the order of those in `like`; ValueError for other keys."""
    if isinstance(like, dict) and isinstance(x, dict):
        if like.keys() != x.keys():
            there, wanted = (", ".join(map(repr, d)) or "none" for d in (x, like))
            raise ValueError(f"{who}: a dictionary has the keys {there}, where {wanted} are wanted")
        return {key: in_order_of(like[key], x[key], who) for key in like}
    several = (list, tuple)
    if isinstance(like, several) and isinstance(x, several) and len(like) == len(x):
        found = [in_order_of(a, b, who) for a, b in zip(like, x)]
        return type(x)(*found) if hasattr(x, "_fields") else type(x)(found)
    return x


def as_tuples(x: Any) -> Any:
    """The same with tuples for lists, as a matrix is given back."""
    if isinstance(x, dict):
        return {key: as_tuples(child) for key, child in x.items()}
    return tuple(map(as_tuples, x)) if isinstance(x, (list, tuple)) else x


def names(x: Any, name: str) -> list[str]:
    """For each number of a structure how to write it, as `name[1]['a']`.

    >>> names([1.0, {"a": 3.0}], "x")
    ['x[0]', "x[1]['a']"]
    """
    inside = children(x)
    if inside is None:
        return [name]
    keys: Any = range(len(inside))
    if isinstance(x, dict):
        keys = map(repr, x)
    elif is_array(x) and x.ndim > 1:
        keys = [", ".join(map(str, place)) for place in ndindex(x.shape)]
    return [
        path for key, child in zip(keys, inside, strict=True)
        for path in names(child, f"{name}[{key}]")
    ]  # fmt: skip


def ndindex(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The places in an array of this shape, in order."""
    places: list[tuple[int, ...]] = [()]
    for n in shape:
        places = [(*place, i) for place in places for i in range(n)]
    return places
