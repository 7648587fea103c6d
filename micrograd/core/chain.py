"""The chain rule on Values: gradients that can be differentiated again; and replay.

`backward()` in `engine.py` passes numbers from node to node. Here the same sums are made
of Values, by evaluating the partial derivatives of the table on the nodes themselves.
`autodiff/transforms.py` builds on it.
"""

from __future__ import annotations

from typing import Any, Final

from .node import (
    Node,
    attribute,
    closure_of,
    is_leaf,
    is_made_by_hand,
    leaf,
    local_gradients,
    operands_of,
    partials_of,
    place,
    rule_of,
    set_grads,
)
from .rule import CHOICE, UNRECORDED, real, times
from .selection import ForwardSelection, Selection
from .sort import Search, toposort
from .watch import WATCH


class Graphs:
    """Whether any gradient is a Value: as long as none is, `.grad` need not look."""

    def __init__(self) -> None:
        self.used = False


GRAPHS: Final = Graphs()


class Passes:
    """How often gradients were passed on or numbers replayed: who shows a graph looks again."""

    def __init__(self) -> None:
        self.count = 0


PASSES: Final = Passes()


def set_grad_value(v: Node, gradient: object) -> None:
    """Note the gradient as a Value, or with None forget it."""
    if gradient is not None:
        GRAPHS.used = True
        setattr(v, "_grad_value", gradient)
    elif GRAPHS.used and attribute(v, "_grad_value") is not None:
        delattr(v, "_grad_value")


def take_grad_values(nodes: list[Node]) -> list[Any]:
    """The gradients that are Values, each with its node, which has a number from here on."""
    found: list[Any] = []
    for v in nodes:
        gradient = attribute(v, "_grad_value")
        if gradient is not None:
            found.append((v, gradient))
            set_grad_value(v, None)
    return found


def recorded(root: Node) -> None:
    """ValueError where there is nothing to go back through, and nobody meant a leaf."""
    if root._rule is UNRECORDED:
        raise ValueError(
            "backward: this Value was computed under no_grad(), which recorded no graph to go back "
            "through: compute it outside of the block"
        )


def accumulate(root: Node, start: float, search: Search, sweep: Any) -> None:
    """The chain rule from root down, added to what the leaves had; or nothing, after an error.

    `search` has met what lies under root; `sweep` passes gradients from node to node.
    """
    recorded(root)
    if WATCH.told:
        WATCH.begins(root)
    PASSES.count += 1
    leaves = search.leaves
    before = [leaf._grad for leaf in leaves]
    values: list[Any] = []
    try:
        if GRAPHS.used:  # a `_backward` of someone's own is to find numbers in .grad
            values = take_grad_values(leaves + search.inner)
        for v in leaves:
            v._grad = 0.0
        root._grad = start
        # What no gradient reaches, behind a dead ReLU say, keeps a gradient of 0.
        sweep(search.live([root]))
        set_grads(leaves, [old + leaf._grad for old, leaf in zip(before, leaves)])
    except BaseException:
        set_grads(leaves, before)
        for v, gradient in values:
            set_grad_value(v, gradient)
        raise


def passed_on(v: Node, rates: list[Any]) -> list[Any]:
    """For each operand of v its local gradient times the rate given for it, as Values.

    None where nothing flows. Backwards all rates are the gradient of v; forwards each is
    the tangent of its operand.
    """
    rule = v._rule
    xs = operands_of(v)
    if closure_of(v) is not None or is_made_by_hand(v):
        refuse(v)
    wanted = [r if isinstance(x, Node) else None for x, r in zip(xs, rates)]
    if WATCH.symbolic():
        found: list[Any] = rule.pullback(xs, v, wanted)
        return found
    stored = partials_of(v)
    wanted = [None if p is None else r for p, r in zip(stored, wanted)]
    if rule.kind == CHOICE:  # what it passes on is constant wherever it can be differentiated
        return [None if r is None else times(p, r) for p, r in zip(stored, wanted)]
    local = rule.local(xs, v, [r is not None for r in wanted])
    parts: list[Any] = []
    for partial, known, rate in zip(local, stored, wanted):
        if partial is None:
            parts.append(None)
            continue
        check_fresh(v, partial, known)
        parts.append(times(partial, rate))
    return parts


def check_fresh(v: Node, partial: Any, stored: Any) -> None:
    """Complain if a local gradient is no longer the one of the forward pass."""
    s = partial._data if isinstance(partial, Node) else partial
    if s is not None and s != stored and (s == s or stored == stored):
        raise ValueError(
            f"the data of an operand of {v._rule.symbol!r} has changed since the forward pass: "
            "call forward() on the result first"
        )


def refuse(v: Node) -> None:
    """Complain of an operation that has no rule, where a rule is needed."""
    symbol: str = v._rule.symbol
    sentence = getattr(closure_of(v), "sentence", None)  # of a step that knows better
    if sentence is not None:
        raise ValueError(sentence)
    if symbol == "checkpoint":
        raise TypeError(
            "checkpoint keeps no graph to push forward or to differentiate twice: call the "
            "function without checkpoint for that, or inside micrograd.grad, which does so itself"
        )
    how = "and has no _backward" if closure_of(v) is None else "with a _backward of numbers"
    raise TypeError(
        f"the operation {symbol!r} was made by hand, {how}: that serves first derivatives in "
        "reverse mode, but neither forward mode nor derivatives of derivatives; define it with "
        "micrograd.custom"
    )


def adjoints(root: Node, seed: Any, ends: list[Any]) -> dict[Any, Any]:
    """The gradient of root by every node that it depends on: by node, as a Value.

    With `ends` by these alone and what lies between: what does not depend on them is a
    constant, however large the graph that it came from.
    """
    search = Search()
    live: set[Any] = set(ends)
    for x in ends:
        search.seen.add(x)
    search.visit(root)
    if ends:
        for v in search.inner:
            if any([x in live for x in operands_of(v) if isinstance(x, Node)]):
                live.add(v)
    selection = None
    if WATCH.symbolic():
        selection = Selection()
        for v in search.inner:
            xs = operands_of(v)
            numbers = [x for x in xs if not isinstance(x, Node)]
            selection.node(v, v._rule, [x for x in xs if isinstance(x, Node)], numbers)
    found: dict[Any, Any] = {root: seed}
    for v in reversed(search.inner):
        gradient = found.get(v)
        if gradient is None or (ends and v not in live):
            continue
        xs = operands_of(v)
        rates = [gradient if not ends or x in live else None for x in xs]
        if WATCH.active:
            WATCH.stepping(v)
        parts = passed_on(v, rates)
        if selection is not None:
            keys = [None if part is None else x for x, part in zip(xs, parts)]
            parts = selection.select(v, v._rule, xs, v, keys, parts)
        for x, part in zip(xs, parts):
            if part is not None:
                have = found.get(x)
                found[x] = part if have is None else have + part
    if WATCH.active:
        WATCH.stepping(None)
    return found


def tangents_of(outputs: list[Any], tangents: dict[Any, Any]) -> dict[Any, Any]:
    """How fast each node under the outputs changes as the given nodes do: by node, as a Value."""
    search = Search()
    for moving in tangents:
        search.seen.add(moving)
    for output in outputs:
        search.visit(output)
    found = dict(tangents)
    selection = ForwardSelection() if WATCH.symbolic() else None
    for v in search.inner:
        xs = operands_of(v)
        rates = [found.get(x) if isinstance(x, Node) else None for x in xs]
        if any([rate is not None for rate in rates]):
            total: Any = None
            parts = passed_on(v, rates)
            if selection is not None:
                parts = selection.select(v, v._rule, xs, rates, parts)
            for part in parts:
                if part is not None:
                    total = part if total is None else total + part
            if total is not None:
                found[v] = total
    return found


def backward_with_graph(root: Node, seed: Any) -> None:
    """`backward(create_graph=True)`: the same sums, as Values."""
    recorded(root)
    if WATCH.told:
        WATCH.begins(root)
    PASSES.count += 1
    start = seed
    if not isinstance(seed, Node):
        start = leaf(root._blank(), real(seed, "backward: the seed"))
    found = adjoints(root, start, [])
    leaves, inner = toposort(root)
    before = [(v, v._grad, attribute(v, "_grad_value")) for v in leaves + inner]
    try:
        for v in inner:
            v._grad = 0.0
            set_grad_value(v, None)
        for x, gradient in found.items():
            v = x
            total = gradient
            if is_leaf(v):
                old = attribute(v, "_grad_value")
                if old is not None:
                    total = old + gradient
                elif v._grad != 0.0:
                    total = gradient + v._grad
            v._grad = total._data
            set_grad_value(v, total)
    except BaseException:
        for v, number, value in before:
            v._grad = number
            set_grad_value(v, value)
        raise


def replay(root: Node) -> None:
    """Compute every node under root anew from the leaves; all of them, or none."""
    PASSES.count += 1
    inner = toposort(root)[1]
    for v in inner:
        if is_made_by_hand(v):
            raise TypeError(
                f"forward: the operation {v._rule.symbol!r} was made by hand and cannot be "
                "replayed; define it with micrograd.custom"
            )
    before = [(v._data, v._grad, v._da, v._db, v._a, v._b) for v in inner]
    try:
        for v in inner:
            xs = operands_of(v)
            data = [x._data if isinstance(x, Node) else x for x in xs]
            rule: Any = v._rule
            y: float = rule.forward(*data)
            if closure_of(v) is not None:
                v._data = y
                v._grad = 0.0
            else:
                place(v, rule_of(v), xs, y, local_gradients(rule, list(xs), data, y))
    except BaseException:
        for v, fields in zip(inner, before):
            v._data, v._grad, v._da, v._db, v._a, v._b = fields
        raise
