"""What loops carry: structures of numbers, what a turn gets of them, and what is wrong with them.

`loops.py` and `implicit.py` use it, and what traces them for `jit`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import Any

from ..core.node import Node
from ..core.rule import real
from .nested import flatten, is_array, rebuild

MOST = 2**31 - 1  # turns of a scan


def leaves(x: Any) -> list[Any]:
    """The numbers of a structure in order; None holds none."""
    return [number for number in flatten(x) if number is not None]


def filled(like: Any, numbers: Iterator[Any]) -> Any:
    """The same structure with other numbers."""
    return rebuild(like, iter([None if x is None else next(numbers) for x in flatten(like)]))


def numbered(x: Any, where: str) -> Any:
    """The structure with floats and Values in it; TypeError for what is no number."""
    if type(x) is float or isinstance(x, Node) or x is None:
        return x
    found = [v if isinstance(v, Node) else real(v, where) for v in leaves(x)]
    return filled(x, iter(found))


def shape(x: Any) -> Any:
    """What is the same of all structures that are alike."""
    if is_array(x):
        return ("array", tuple(x.shape))
    if isinstance(x, dict):
        return ("dict", *((key, shape(v)) for key, v in x.items()))
    if isinstance(x, (list, tuple)):
        return (type(x).__name__, *map(shape, x))
    return None if x is None else 0


def like_before(who: str, old: Any, new: Any) -> Any:
    """The new carry; TypeError if it has another structure than the old one."""
    if not (isinstance(new, (float, Node)) and isinstance(old, (float, Node))):
        new = same_shape(who, "the carry", old, new)
    return numbered(new, f"{who}: the carry")


def same_shape(who: str, what: str, old: Any, new: Any) -> Any:
    """The new structure, its dictionaries in the order of the old one's; TypeError for another."""
    if shape(old) == shape(new):
        return new
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return {key: same_shape(who, f"entry {key!r} of {what}", old[key], new[key]) for key in old}
    if isinstance(old, (list, tuple)) and type(old) is type(new) and len(old) == len(new):
        pairs = enumerate(zip(old, new))
        found = [same_shape(who, f"entry {k} of {what}", a, b) for k, (a, b) in pairs]
        return type(old)(*found) if hasattr(old, "_fields") else type(old)(found)
    raise TypeError(
        f"{who}: {what} was {described(old)} and is {described(new)} now; it must keep its "
        "structure: give back as many numbers, in lists and tuples as before"
    )


def described(x: Any) -> str:
    if is_array(x):
        return f"an array of shape {tuple(x.shape)}"
    if isinstance(x, dict):
        return f"a dict with the keys {', '.join(map(repr, x)) or 'none'}"
    if isinstance(x, (list, tuple)):
        return f"a {type(x).__name__} of {len(x)}"
    return "None" if x is None else "a number"


def entry(xs: Any, i: int) -> Any:
    """What the turn i gets: the entry i of each list or array in xs."""
    if xs is None:
        return None
    if isinstance(xs, dict):
        return {key: entry(x, i) for key, x in xs.items()}
    if isinstance(xs, tuple):
        found = [entry(x, i) for x in xs]
        return type(xs)(*found) if hasattr(xs, "_fields") else tuple(found)
    return numbered(xs[i], "scan: xs")


def stacked(ys: list[Any]) -> Any:
    """The outputs of all turns in the structure of one, with a list for each number or list."""
    if not ys:
        return []  # nobody knows of what
    first = ys[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: stacked([y[key] for y in ys]) for key in first}
    if isinstance(first, tuple):
        found = [stacked([y[k] for y in ys]) for k in range(len(first))]
        return type(first)(*found) if hasattr(first, "_fields") else tuple(found)
    return [same_shape("scan", "the output", first, y) for y in ys]


def lengths(xs: Any) -> list[int]:
    """Of every list and array to be scanned how many entries it has."""
    if xs is None:
        return []
    if isinstance(xs, dict):
        xs = tuple(xs.values())
    if isinstance(xs, tuple):
        return [n for x in xs for n in lengths(x)]
    if not hasattr(xs, "__len__"):
        raise TypeError(
            f"scan: xs is a list or an array to go through, or a tuple of such, not {xs!r:.60}"
        )
    return [len(xs)]


def turns(who: str, xs: Any, length: Any) -> int:
    """How often a scan goes round."""
    found = lengths(xs)
    if length is not None:
        found.append(whole(who, "length", length))
    if not found:
        raise ValueError(f"{who}: without xs it needs the number of turns: give length=n")
    if len(set(found)) > 1:
        several = " and ".join(map(str, sorted(set(found))))
        raise ValueError(f"{who}: xs and length say {several} turns; they must be the same")
    if found[0] < 0:
        raise ValueError(f"{who}: length is a number of turns from 0 on, not {found[0]}")
    if found[0] > MOST:
        raise ValueError(f"{who}: {found[0]} turns are more than the {MOST} that are counted")
    return found[0]


def whole(who: str, what: str, x: Any) -> int:
    if isinstance(x, Node):
        raise TypeError(
            f"{who}: {what} is a whole number that is known before, not a Value: where the number "
            "of turns depends on numbers, write while_loop"
        )
    number = real(x, f"{who}: {what}")
    if number != number or number != int(number):
        raise ValueError(f"{who}: {what} is a whole number, not {x!r}")
    return int(number)


def kept(who: str, checkpoint: Any, n: int | None) -> int:
    """How many turns lie between two carries that are kept; 0 if all are."""
    if checkpoint == "all" or checkpoint is None:
        return 0
    if checkpoint == "sqrt" and n is not None:
        return max(1, isqrt(n))
    if isinstance(checkpoint, int) and not isinstance(checkpoint, bool) and checkpoint > 0:
        return 0 if checkpoint == 1 or (n is not None and checkpoint >= n > 0) else checkpoint
    raise ValueError(
        f'{who}: checkpoint is "all", "sqrt" or a number of turns from 1 on, not {checkpoint!r}'
    )


def true(condition: Any, who: str) -> bool:
    """A condition as a bool: a number that is not 0, or a Value of one."""
    if isinstance(condition, Node):
        condition = condition._data
    if condition is None or not hasattr(condition, "__bool__"):
        raise TypeError(
            f"{who}: a condition is true or false, or a number, not {condition!r:.60}: does its "
            "function return?"
        )
    return bool(condition)


def pair(found: Any) -> Any:
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise TypeError(
            "scan: f gives a pair, the new carry and an output, which may be None; not "
            f"{found!r:.60}"
        )
    return found


def callable_or_error(who: str, f: Any) -> None:
    if not callable(f):
        raise TypeError(f"{who}: a function is needed, not {f!r:.60}")
