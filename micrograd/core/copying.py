"""Copies and pickles of graphs: without recursion, and with what is shared still shared.

`copy.deepcopy` and `pickle` would walk a chain of nodes by recursion and give up after
a few hundred. Here a graph is taken in topological order, operands first, so that every
node finds its operands already copied, or already written.
"""

from __future__ import annotations

import copy
import threading
from typing import Any

from ..engine import Value, blank
from .node import closure_of, operands_of, place, slopes_of
from .observe import WATCH
from .rule import Rule
from .sort import Node, compiled, toposort


def attributes_of(v: Node) -> dict[str, Any]:
    """What was set on a node beyond its fields: its label, and a user's own attributes."""
    found = v._more if compiled else v.__dict__
    return dict(found or {})


def rebuilt(
    data: float,
    grad: float,
    rule: Rule,
    operands: tuple[Any, ...],
    slopes: tuple[Any, ...],
) -> Value:
    """A node with these contents."""
    value = blank() if operands else Value(data, (), rule.symbol)
    if operands:
        place(value, rule, operands, data, list(slopes))
    this: Node = value
    this._grad = grad
    return value


def set_attributes(v: Value, attributes: dict[str, Any]) -> None:
    for name, attribute in attributes.items():
        setattr(v, name, attribute)


def contents(v: Node) -> tuple[Any, ...]:
    """The arguments with which `rebuilt` makes the same node."""
    if closure_of(v) is not None:
        raise TypeError(
            f"cannot copy or pickle the operation {v._rule.symbol!r}: its _backward is a function "
            "that holds on to the original nodes; define it with micrograd.custom"
        )
    if WATCH.active:
        WATCH.read(v, "a copy")
    rule = v._rule.twin if v._rule.flipped else v._rule
    return v._data, v._grad, rule, operands_of(v), slopes_of(v)


def shallow_copy(v: Value) -> Value:
    """A node with the same operands."""
    value = rebuilt(*contents(v))
    set_attributes(value, attributes_of(v))
    return value


def deep_copy(root: Value, memo: dict[int, Any]) -> Value:
    """The whole graph anew, except for nodes that memo has already."""
    leaves, inner = toposort(root)
    for v in leaves + inner:
        if id(v) not in memo:
            data, grad, rule, operands, slopes = contents(v)
            new = tuple(memo[id(x)] if isinstance(x, Node) else x for x in operands)
            memo[id(v)] = value = rebuilt(data, grad, rule, new, slopes)
            set_attributes(value, copy.deepcopy(attributes_of(v), memo))
    copied: Value = memo[id(root)]
    return copied


class Announced(threading.local):
    """The nodes that are being pickled in order, so that none writes its operands first."""

    def __init__(self) -> None:
        self.ids: set[int] = set()


announced = Announced()


class Finished:
    """The last item of a pickled list of nodes: writing it ends their announcement."""

    def __init__(self, ids: set[int]) -> None:
        self.ids = ids

    def __reduce__(self) -> tuple[Any, ...]:
        announced.ids -= self.ids
        return int, ()


def after(operands_first: list[Any], *arguments: Any) -> Value:
    """The last node of a graph; its pickle has the other nodes in front."""
    return rebuilt(*arguments)


def reduced(v: Value) -> tuple[Any, ...]:
    """How pickle takes a node apart; a root takes its whole graph with it, in order."""
    make: tuple[Any, ...] = rebuilt, contents(v)
    if id(v) not in announced.ids and any(operands_of(x) for x in nodes_among(operands_of(v))):
        inner = toposort(v)[1][:-1]
        ids = {id(x) for x in inner} - announced.ids
        announced.ids |= ids
        make = after, ([*inner, Finished(ids)], *contents(v))
    attributes = attributes_of(v)
    # Last, because an attribute may lead back to the node.
    return (*make, attributes, None, None, set_attributes) if attributes else make


def nodes_among(operands: tuple[Any, ...]) -> list[Node]:
    return [x for x in operands if isinstance(x, Node)]
