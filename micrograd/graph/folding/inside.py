"""What is inside a folded box, as a diagram of its own: one step further open."""

from __future__ import annotations

from typing import Any

from ..diagram import Box, Diagram
from .assemble import Assembly
from .fold import READABLE, Fold
from .parts import is_earlier, last_part
from .quotient import Key


def insides(shown: Diagram, fold: Any) -> dict[int, Diagram]:
    """By number of a box: what is inside; of boxes that stand for several, inside the first."""
    assembly = Assembly(fold)
    assembly.diagram()
    found: dict[int, Diagram] = {}
    for key, i in assembly.places.items():
        if shown.boxes[i].kind == "fold":
            unit = fold.units[next(j for j in assembly.members[key] if j >= fold.mesh.first)]
            inner = opened(fold, unit)
            if inner is not None:
                found[i] = inner
    return found


def opened(fold: Any, unit: Key) -> Diagram | None:
    """The diagram of what is in one box, and of what goes into it."""
    mesh = fold.mesh
    part = last_part(unit)
    members = [i for i, key in enumerate(fold.units) if key == unit]
    if part is None or is_earlier(unit) or len(members) > 20_000:
        return None
    new = Fold(mesh, fold.constants)
    keys: list[Key] = list(fold.units)
    for i in members:
        if i < mesh.first:
            keys[i] = i
            continue
        way = mesh.paths[i]
        depth = way.index(part) + 1
        while depth < len(way) and mesh.is_all_of(way[depth], way[depth - 1]):
            depth += 1
        keys[i] = way[: depth + 1] if len(way) > depth else i
        new.depths[i] = depth
    for i in members:
        if i < mesh.first:
            users = {keys[j] for j in mesh.users[i]}
            if len(users) == 1 and isinstance(next(iter(users)), tuple):
                keys[i] = users.pop()
    mine = {keys[i] for i in members}
    if len(mine) > READABLE:
        return None
    new.keys = new.units = keys
    try:
        assembly = Assembly(new)
        whole = assembly.diagram()
    except (KeyError, ValueError, IndexError):
        return None
    inner = {assembly.places[key] for key in mine if key in assembly.places}
    return restricted(whole, inner)


def restricted(whole: Diagram, inner: set[int]) -> Diagram:
    """The boxes of these numbers, and stand-ins for what they are computed from."""
    number: dict[int, int] = {}
    boxes: list[Box] = []
    links = [link for link in whole.links if link.target in inner]
    sources = {link.source for link in links} - inner
    for i, box in enumerate(whole.boxes):
        if i in inner:
            number[i] = len(boxes)
            boxes.append(box._replace(frame=-1))
        elif i in sources:
            number[i] = len(boxes)
            shown = box.label or box.op or box.rows[0][1]
            boxes.append(Box("", shown, box.data, box.grad, "number"))
    links = [
        link._replace(source=number[link.source], target=number[link.target]) for link in links
    ]
    operations = sum(box.kind != "leaf" for box in boxes)
    last = (len(boxes) - 1,)
    return Diagram(boxes, links, operations, len(boxes) - operations, results=last)
