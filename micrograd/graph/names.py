"""What the nodes of a graph are called when nobody has labelled them.

A parameter is called by its place in the module that was called with it, or in an object among
the variables of whoever asks; any other leaf by its variable, `a`, `w[0]`, `xs[2,1]`, or by its
place among the arguments of the call that it went into. A label of the user's wins. How a place
is written is in `nn/naming.py`, and how calls are remembered in `nn/calls.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from inspect import CO_OPTIMIZED
from types import FunctionType, ModuleType
from typing import Any

from ..core.lines import OTHERS, OURS
from ..core.node import Node, attribute
from ..core.view import View, is_virtual
from ..engine import Value
from ..nn.module import Module
from ..nn.naming import Place, inside, place_of
from .diagram import label_of

MOST = 40_000  # how many things are looked through for names
ALSO = {"In", "Out", "exit", "quit"}  # what a notebook keeps among the variables


class Names:
    """Labels and places of the nodes of a view: `labels[v]`, `places[v]` of parameters."""

    def __init__(self, view: View, frame: Any = None) -> None:
        self.labels: dict[Any, str] = {v: label_of(v) for v in view.nodes}
        self.places: dict[Any, Place] = {}
        calls = calls_in(view.nodes)
        self.by_calls(view, calls)
        if frame is not None:
            self.by_variables(view, frame)
        self.by_arguments(view, calls)

    def paths(self) -> dict[Any, str]:
        return {v: place.path for v, place in self.places.items()}

    def by_calls(self, view: View, calls: Iterable[Any]) -> None:
        """Parameters of modules that were called, by their place in the outermost."""
        leaves = set(view.leaves)
        for known in dict.fromkeys(call.places for call in calls):
            for places in (
                known.now(),
                known,
            ):  # a layer may have changed since it was first called
                for p, path in places.paths.items():
                    if p in leaves and p not in self.places:
                        self.put(p, place_of(path, places.rows, places.title))

    def put(self, v: Any, place: Place) -> None:
        self.places[v] = place
        if not self.labels[v]:
            self.labels[v] = place.name

    def by_variables(self, view: View, frame: Any) -> None:
        """Leaves that still have no name, by the variables that hold them."""
        wanted = {
            v for v in view.leaves
            if not self.labels[v] and not is_virtual(v) and attribute(v, "_draw") is None
        }  # fmt: skip
        left = MOST
        for variables in scopes_of(frame):
            if not wanted or left < 0:
                return
            singles: list[tuple[str, Any]] = []
            for name, x in variables.items():
                if name.startswith("_") or name in ALSO:
                    continue
                if isinstance(x, Value):
                    singles.append((name, x))
                elif not isinstance(x, (ModuleType, FunctionType, type, View)):
                    left -= self.look(x, name, wanted, left)
            # After those in lists: a variable of a loop still holds the last of them.
            for name, x in singles:
                if x in wanted:
                    wanted.discard(x)
                    self.labels[x] = name

    def look(self, x: Any, name: str, wanted: set[Any], most: int) -> int:
        """Name what is inside a variable; how many things were looked at."""
        if isinstance(x, Module):
            named = x.named_parameters()
            for path, p in named:
                if p in wanted:
                    wanted.discard(p)
                    self.put(p, place_of(path, None, type(x).__name__))
            return len(named)
        seen: set[int] = set()
        count = 0
        start = "" if name == "self" else name
        stack: list[tuple[Any, str, bool, int]] = [(x, start, False, 0)]
        while stack and count < most:
            x, path, owned, depth = stack.pop()
            count += 1
            if isinstance(x, Value):
                if x in wanted:
                    wanted.discard(x)
                    if owned:
                        self.put(x, place_of(path))
                    else:
                        self.labels[x] = variable(path)
                continue
            if isinstance(x, Module):
                count += self.look(x, path, wanted, most)
                continue
            parts = inside(x)
            if not parts or id(x) in seen or depth > 6:
                continue
            if isinstance(x, (ModuleType, FunctionType)) or type(x).__module__.startswith(
                "micrograd."
            ):
                continue
            seen.add(id(x))
            own = not isinstance(x, (dict, list, tuple))
            if own and depth == 0:
                path = ""  # what an object holds is called by its place there
            pairs = parts.items() if isinstance(parts, dict) else enumerate(parts)
            for key, element in list(pairs)[:most]:
                if not isinstance(element, (int, float, str)):
                    deeper = f"{path}.{key}" if path else str(key)
                    stack.append((element, deeper, owned or own, depth + 1))
        return count

    def by_arguments(self, view: View, calls: list[Any]) -> None:
        """Leaves that went into a call, by their place among its arguments."""
        for v in view.leaves:
            if not self.labels[v] and not is_virtual(v):
                for call in calls:
                    place = call.inputs.get(id(v))
                    if place is not None:
                        self.labels[v] = variable(".".join(map(str, place)))
                        break


def calls_in(nodes: Iterable[Node]) -> list[Any]:
    """The calls of modules that these nodes came out of, in order; the outer before the inner."""
    found = {call: None for v in nodes for call in attribute(v, "_calls") or ()}
    return sorted(found, key=lambda call: call.start)


def variable(path: str) -> str:
    """xs.2.1 as it stands in an expression: xs[2,1]."""
    name, *rest = path.split(".")
    indices: list[str] = []
    for step in rest:
        if step.isdigit():
            indices.append(step)
        else:
            name += f"[{','.join(indices)}].{step}" if indices else f".{step}"
            indices = []
    return f"{name}[{','.join(indices)}]" if indices else name


def caller() -> Any:
    """The frame of whoever called us from outside this library."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((OURS, "<micrograd")):
        frame = frame.f_back
    return frame


def scopes_of(frame: Any) -> Iterable[dict[str, Any]]:
    """The variables that can be seen from a frame, and from those that called it."""
    first = frame
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith((*OTHERS, "<frozen")) and not name.startswith(OURS):
            break
        yield variables_of(frame)
        if is_module(frame):
            break
        frame = frame.f_back
    if first is not None and not is_module(first):
        yield first.f_globals


def is_module(frame: Any) -> bool:
    """Whether the variables of a frame are those of its module."""
    return not frame.f_code.co_flags & CO_OPTIMIZED and frame.f_locals is frame.f_globals


def variables_of(frame: Any) -> dict[str, Any]:
    """The variables of a frame.

    Python before 3.13 copies those of a function for us, and keeps the copy, and with it the graph,
    until the function returns. Where nobody else has it, it is emptied.
    """
    there = frame.f_locals
    found = dict(there)
    copied = sys.version_info < (3, 13) and frame.f_code.co_flags & CO_OPTIMIZED
    if copied and sys.getrefcount(there) <= 3:  # the frame's, ours, and that of this call
        there.clear()
    return found
