"""What stands inside a module, at any depth: `parts` in one walk, `members` by name.

Compiled where a C compiler is, as a large model has hundreds of thousands of parameters: Values
that stand in a list are named when somebody asks. Read on in `module.py`.
"""

from __future__ import annotations

from typing import Any

from ..core.node import is_leaf
from ..engine import Value


def parts(module: Any, kind: Any) -> list[tuple[str, Any]]:
    """The modules and the Values among the attributes of a module, with their paths.

    A list of Values alone is one tuple, with the path of the list. A module comes once.

    kind: the class of modules
    """
    found: list[tuple[str, Any]] = []
    look(vars(module), "", kind, {id(module)}, found)
    return found


def look(x: Any, path: str, kind: Any, seen: set[int], found: list[tuple[str, Any]]) -> None:
    """Put what stands in x, at that path, into `found`; a list or a module that is there, once."""
    if isinstance(x, Value):
        found.append((path, x))
    elif isinstance(x, kind):
        if id(x) not in seen:
            seen.add(id(x))
            found.append((path, x))
            look(vars(x), path, kind, seen, found)
    elif isinstance(x, (list, tuple)):
        if id(x) in seen:
            return
        seen.add(id(x))
        if len(x) > 0 and are_values(x):
            found.append((path, tuple(x)))
            return
        for i, element in enumerate(x):
            look(element, f"{path}.{i}", kind, seen, found)
    elif isinstance(x, dict) and id(x) not in seen:
        seen.add(id(x))
        for key, element in x.items():
            look(element, f"{path}.{key}" if path else str(key), kind, seen, found)


def are_values(xs: Any) -> bool:
    """Whether a list has Values alone."""
    return all(isinstance(x, Value) for x in xs)


def members(found: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The leaves and the modules among `parts`, each once, with its path."""
    seen: set[int] = set()
    named: list[tuple[str, Any]] = []
    for path, x in found:
        if isinstance(x, tuple):
            for i, v in enumerate(x):
                if id(v) not in seen and is_leaf(v):
                    seen.add(id(v))
                    named.append((f"{path}.{i}", v))
        elif not isinstance(x, Value):
            named.append((path, x))
        elif id(x) not in seen and is_leaf(x):
            seen.add(id(x))
            named.append((path, x))
    return named


def leaves(found: list[tuple[str, Any]]) -> list[Value]:
    """The leaves among `parts`, each once."""
    seen: set[int] = set()
    some: list[Value] = []
    for _, x in found:
        if isinstance(x, tuple):
            for v in x:
                if id(v) not in seen and is_leaf(v):
                    seen.add(id(v))
                    some.append(v)
        elif isinstance(x, Value) and id(x) not in seen and is_leaf(x):
            seen.add(id(x))
            some.append(x)
    return some


def different(names: list[str]) -> list[str]:
    """The names, with a mark behind those that were there before: a state needs each once.

    Two are alike where a dict has the keys 1 and "1".
    """
    if len({*names}) == len(names):
        return names
    seen: set[str] = set()
    found = []
    for name in names:
        while name in seen:
            name += "'"
        seen.add(name)
        found.append(name)
    return found


def by_name(found: list[tuple[str, Any]]) -> list[tuple[str, Value]]:
    """The leaves among `parts`, each once, with a path that no other has."""
    pairs = [pair for pair in members(found) if isinstance(pair[1], Value)]
    return list(zip(different([path for path, _ in pairs]), [x for _, x in pairs]))
