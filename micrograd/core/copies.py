"""Copies and pickles of graphs: without recursion, and with what is shared still shared.

`copy.deepcopy` and `pickle` would walk a chain of nodes by recursion and give up after
a few hundred. Here a graph is taken in topological order, operands first, so that every
node finds its operands already copied, or already written.
"""

from __future__ import annotations

import copy
import threading
from typing import Any

from .node import (
    BLANK,
    Node,
    attributes_of,
    closure_of,
    leaf,
    operands_of,
    partials_of,
    place,
    rule_of,
)
from .rule import UNRECORDED, Rule, opaque
from .sort import toposort
from .watch import WATCH


def rebuilt(
    cls: Any,
    data: float,
    grad: float,
    rule: Rule,
    operands: tuple[Any, ...],
    partials: tuple[Any, ...],
) -> Any:
    """A node of that class with these contents."""
    value: Node = cls.__new__(cls, BLANK)  # without the __init__ of a subclass
    if operands:
        place(value, rule, operands, data, list(partials))
    else:
        leaf(value, data)
        value._rule = rule if rule is UNRECORDED else opaque(rule.symbol)
    value._grad = grad
    return value


def set_attributes(v: Any, attributes: dict[str, Any]) -> None:
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
    return type(v), v._data, v._grad, rule_of(v), operands_of(v), partials_of(v)


def shallow_copy(v: Node) -> Any:
    """A node with the same operands."""
    value = rebuilt(*contents(v))
    set_attributes(value, attributes_of(v))
    return value


def deep_copy(root: Node, memo: dict[int, Any]) -> Any:
    """The whole graph anew, except for nodes that memo has already."""
    leaves, inner = toposort(root)
    for v in leaves + inner:
        if id(v) not in memo:
            cls, data, grad, rule, operands, partials = contents(v)
            new = tuple(memo[id(x)] if isinstance(x, Node) else x for x in operands)
            memo[id(v)] = value = rebuilt(cls, data, grad, rule, new, partials)
            set_attributes(value, copy.deepcopy(attributes_of(v), memo))
    return memo[id(root)]


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


def after(operands_first: list[Any], *arguments: Any) -> Any:
    """The last node of a graph; its pickle has the other nodes in front."""
    return rebuilt(*arguments)


def reduced(v: Node) -> tuple[Any, ...]:
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
