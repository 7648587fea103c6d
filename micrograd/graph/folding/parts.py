"""Which part of a program made each node: calls of modules and the user's scopes, nested.

A scope is written on each node. Of a call only the values that it gave out are marked: its nodes
are those between them and what came in, or what an earlier call gave. `pattern.py` adds the
layers and neurons that are found by their shape.
"""

from __future__ import annotations

from os.path import basename
from typing import Any, NamedTuple

from ...core.node import attribute
from ...core.scope import scope_of
from ...nn.naming import title_of


class Part(NamedTuple):
    """A step on the way from the whole graph down to a node."""

    kind: str  # "scope", "call", "layer", "neuron" or "sum"
    key: object  # which one it is
    title: str
    note: str = ""
    likeness: object = None  # what is the same for other parts like it
    line: str = ""  # where in the user's code it was called
    path: str = ""  # where it stands in the model: layers.0.neurons.1


def short_line(line: str) -> str:
    """file:line without folders: pictures are shown to others. A notebook's cell has no file."""
    name = basename(line)
    if "ipykernel_" in line or name.startswith("<ipython-input"):
        return f"line {name.rpartition(':')[2]} of a cell"
    return name


Way = tuple[Part, ...]
EARLIER = "the calls before the last"  # behind the part in the key of a box of several calls


def last_part(key: Any) -> Part | None:
    """The part that a key folds, or None where it is of another kind."""
    while isinstance(key, tuple) and key and not any(isinstance(x, Part) for x in key):
        key = key[0]
    if not isinstance(key, tuple):
        return None
    return next((x for x in reversed(key) if isinstance(x, Part)), None)


def inside_of(key: Any) -> str:
    """The kind of the part that a key folds."""
    last = last_part(key)
    return last.kind if last is not None else ""


def is_earlier(key: Any) -> bool:
    """Whether a key is that of the calls before the last."""
    while isinstance(key, tuple) and key and not any(isinstance(x, Part) for x in key):
        key = key[0]
    return isinstance(key, tuple) and bool(key) and key[-1] == EARLIER


def ways(mesh: Any, calls: list[Any]) -> list[Way]:
    """For each interior node the parts that it lies in, the outermost first."""
    found: list[list[Any]] = [[] for _ in mesh.nodes]
    outputs: dict[Any, list[int]] = {call: [] for call in calls}
    for i in range(mesh.first, len(mesh.nodes)):
        for call in attribute(mesh.nodes[i], "_calls") or ():
            outputs[call].append(i)
    for call in calls:
        for i in members(mesh, call, outputs[call]):
            mine = found[i]
            if not mine or call.within(mine[-1]):
                mine.append(call)
    titles = numbered(calls)
    told: dict[Any, Way] = {}
    result: list[Way] = []
    for i in range(mesh.first, len(mesh.nodes)):
        names = scope_of(mesh.nodes[i])
        sign = (names, *found[i])
        way = told.get(sign)
        if way is None:
            way = told[sign] = woven(names, found[i], titles)
        result.append(way)
    return result


def members(mesh: Any, call: Any, outputs: list[int]) -> list[int]:
    """The interior nodes that a call made."""
    stack = list(outputs)
    seen = set(stack)
    for i in stack:  # which grows on the way
        for j in mesh.operands[i]:
            if j < mesh.first or j in seen or id(mesh.nodes[j]) in call.inputs:
                continue
            others = attribute(mesh.nodes[j], "_calls")
            if others and not any(
                other is call or other.within(call) or call.within(other) for other in others
            ):
                continue
            seen.add(j)
            stack.append(j)
    return made(mesh, call, sorted(stack), set(outputs))


def made(mesh: Any, call: Any, found: list[int], outputs: set[int]) -> list[int]:
    """Those that the call made, of all that its outputs depend on, operands first.

    What others use, too, came in by another way than the arguments, unless it depends on a
    parameter of the module: then it is a state that the module keeps.
    """
    parameters = call.places.paths
    own: set[int] = set()
    for i in found:
        below = mesh.operands[i]
        if any(j in own or mesh.nodes[j] in parameters for j in below):
            own.add(i)
    inside = set(found)
    for i in reversed(found):
        if i not in outputs and i not in own and not inside.issuperset(mesh.users[i]):
            inside.discard(i)
    return [i for i in found if i in inside]


def numbered(calls: list[Any]) -> dict[Any, tuple[str, str]]:
    """The title of each call, and which one of several of the same module it is."""
    alike: dict[object, list[Any]] = {}
    around: list[Any] = []  # the calls that this one was made by
    for call in calls:
        while around and not call.within(around[-1]):
            around.pop()
        above = around[-1].start if around else 0
        alike.setdefault((above, call.places, call.path, call.title), []).append(call)
        around.append(call)
    found: dict[Any, tuple[str, str]] = {}
    for same in alike.values():
        for k, call in enumerate(same, 1):
            title = title_of(call.path)
            if call.title.lower() not in title.lower().split(", ")[-1]:
                title = f"{title}: {call.title}" if title else call.title
            found[call] = title or call.title, f"{k} of {len(same)}" if len(same) > 1 else ""
    return found


def woven(names: tuple[str, ...], calls: list[Any], titles: dict[Any, tuple[str, str]]) -> Way:
    """Scopes and calls in one row: a call stands inside the scopes that were open at it."""
    way: list[Part] = []
    done = 0

    def enter(upto: int) -> None:
        nonlocal done
        while done < min(upto, len(names)):
            above = way[-1].key if way else None
            way.append(Part("scope", (above, names[done]), names[done], "", ("scope", names[done])))
            done += 1

    for call in calls:
        enter(call.scopes)
        title, number = titles[call]
        likeness = ("call", id(call.places), call.path, call.title)
        file, number_of_line = call.line
        line = short_line(f"{file}:{number_of_line}") if file else ""
        way.append(Part("call", call.start, title, number, likeness, line, call.path))
    enter(len(names))
    return tuple(way)
