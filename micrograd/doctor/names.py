"""The parameters of whatever someone calls a model, and where each of them stands in it.

A `Module` says so itself. A class of a user's own, with `parameters()` or without, is searched
through its attributes, as everywhere by `nn/naming.py`. Read on in `anatomy.py`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..engine import Value
from ..nn.naming import DEEPEST, inside
from ..nn.naming import named_values as named_values


def parameters_of(model: Any, root: Any = None) -> tuple[list[Value], dict[int, str]]:
    """The parameters of a model in its order, and the name of each leaf in it by identity."""
    held = named_values(model) if model is not None else []
    names = {id(p): path for path, p in held}
    if callable(getattr(model, "parameters", None)):
        found = [p for p in model.parameters() if isinstance(p, Value)]
    else:
        found = [p for _, p in held]
    for i, p in enumerate(found):
        names.setdefault(id(p), p.label or f"parameter {i}")
    return list(dict.fromkeys(found)), names


def repeated(model: Any) -> list[tuple[str, str, int]]:
    """Things with parameters that stand several times in one list: (list, place, how often)."""
    found: list[tuple[str, str, int]] = []
    seen: set[int] = set()

    def look(x: Any, path: str, depth: int) -> None:
        parts = inside(x)
        if isinstance(x, Value) or parts is None or id(x) in seen or depth > DEEPEST:
            return
        seen.add(id(x))
        if isinstance(parts, (list, tuple)):
            counts = Counter(id(e) for e in parts)
            for i, element in enumerate(parts):
                if counts.pop(id(element), 0) > 1 and named_values([element]):
                    times = sum(e is element for e in parts)
                    found.append((path, f"{path}.{i}", times))
        pairs = parts.items() if isinstance(parts, dict) else enumerate(parts)
        for key, element in list(pairs):
            look(element, f"{path}.{key}" if path else str(key), depth + 1)

    look(model, "", 0)
    return found


def layer_name(path: str) -> str:
    """The layer that a parameter belongs to, from where it stands: layers.0 of layers.0.w.3.1."""
    head, found, _ = path.partition(".neurons.")
    if found:
        return head
    steps = path.split(".")
    while len(steps) > 1 and steps[-1].isdigit():
        steps.pop()
    if len(steps) > 1 and steps[-1] in ("w", "b", "weight", "bias", "W"):
        steps.pop()
    return ".".join(steps)


def shape_of(path: str) -> str:
    """The place with every index but the first replaced, alike for all units of a layer."""
    return ".".join("*" if step.isdigit() else step for step in path.split("."))
