"""`members`: what stands inside a module, at any depth, in one walk.

Compiled where a C compiler is, as a large model has hundreds of thousands of parameters. Read on
in `module.py`.
"""

from __future__ import annotations

from typing import Any

from ..core.node import is_leaf
from ..engine import Value


def members(module: Any, kind: Any) -> list[tuple[str, Any]]:
    """The leaves and the modules among the attributes of a module, each once, with its path.

    kind: the class of modules
    """
    found: list[tuple[str, Any]] = []
    look(vars(module), "", kind, {id(module)}, found)
    return found


def look(x: Any, path: str, kind: Any, seen: set[int], found: list[tuple[str, Any]]) -> None:
    """Put what stands in x, at that path, into `found`."""
    if isinstance(x, Value):
        if id(x) not in seen and is_leaf(x):
            seen.add(id(x))
            found.append((path, x))
    elif isinstance(x, kind):
        if id(x) not in seen:
            seen.add(id(x))
            found.append((path, x))
            look(vars(x), path, kind, seen, found)
    elif isinstance(x, (list, tuple)):
        for i, element in enumerate(x):
            look(element, f"{path}.{i}", kind, seen, found)
    elif isinstance(x, dict):
        for key, element in x.items():
            look(element, f"{path}.{key}" if path else str(key), kind, seen, found)
