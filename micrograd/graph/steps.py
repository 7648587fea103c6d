"""`steps`: the backward pass one product at a time, in numbers, words and formulas.

It follows `Value.backward` in the same order and with the same roundings, but keeps the
gradients to itself. `frames.py` draws the steps, `explain.py` sums over whole paths.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

from ..core.node import Node, closure_of, op_name
from ..core.rule import real
from ..core.view import View
from ..engine import Value
from ..nn.naming import indexed
from .diagram import check, number
from .latex import decimal, symbol
from .names import Names
from .written import expression

SHOWN = 100  # steps in the table that a notebook shows
LONGEST = 4  # operands in a formula


class Step(NamedTuple):
    """One product of the chain rule: `operand.grad += upstream * local`.

    The first step of all has no node: it gives the root its gradient, which is 1.
    """

    number: int
    node: Any  # whose chain rule it is, None at the first step
    operand: Any  # whose gradient grows
    place: int  # which operand of the node it is
    upstream: float  # the gradient of the node, complete by now
    local: float | None  # how fast the node changes with the operand; None if nobody says
    before: float  # the gradient of the operand before the step
    after: float  # and after it
    name: str  # of the operand
    node_name: str
    root_name: str
    op: str
    formula: str  # the operation with the names of its operands, such as a * b

    @property
    def text(self) -> str:
        """The arithmetic, as Python: `w1.grad += 2.0 * 0.5`."""
        if self.node is None:
            return f"{self.name}.grad = {number(self.after)}"
        if self.local is None:
            return f"{self.name}.grad += {number(self.after - self.before)}"
        return f"{self.name}.grad += {number(self.upstream)} * {number(self.local)}"

    @property
    def words(self) -> str:
        """The step in a sentence."""
        if self.node is None:
            return f"{self.name} changes with itself at the rate {number(self.after)}."
        start = f"{self.node_name} = {self.formula}"
        if self.local is None:
            return f"{start} has a _backward of its own, which adds to {self.name}.grad."
        return (
            f"{start} has gradient {number(self.upstream)} and changes {number(self.local)} times "
            f"as fast as {self.name}: {self.name}.grad grows from {number(self.before)} to "
            f"{number(self.after)}."
        )

    @property
    def latex(self) -> str:
        """The chain rule of this step, as a formula."""
        x, root = symbol(self.name), symbol(self.root_name)
        left = rf"\frac{{\partial {root}}}{{\partial {x}}}"
        if self.node is None:
            return f"{left} = {decimal(self.after)}"
        if self.local is None:
            return rf"{left} \mathrel{{+}}= {decimal(self.after - self.before)}"
        v = symbol(self.node_name)
        return (
            rf"{left} \mathrel{{+}}= \frac{{\partial {root}}}{{\partial {v}}} \cdot "
            rf"\frac{{\partial {v}}}{{\partial {x}}} "
            rf"= {decimal(self.upstream)} \cdot {factor(self.local)} "
            rf"= {decimal(self.upstream * self.local)}"
        )

    def __str__(self) -> str:
        return self.text


class Steps(Iterator[Step]):
    """The steps of a backward pass, one by one; a notebook shows them as a table.

    Looking at them takes none away, and changes no gradient.
    """

    def __init__(self, view: View, start: float, write: bool) -> None:
        self.view, self.start = view, start
        self.ahead = walk(view, start, write)

    def __next__(self) -> Step:
        return next(self.ahead)

    def __repr__(self) -> str:
        return f"<steps of {names_of(self.view)[self.view.root]}.backward()>"

    def _repr_html_(self) -> str:
        taken = list(itertools.islice(walk(self.view, self.start), SHOWN + 1))
        left = "<td style='text-align:left'>"
        rows = [
            f"<tr><td>{step.number}</td>{left}<code>{escape(step.text)}</code></td>"
            f"{left}{escape(step.words)}</td></tr>"
            for step in taken[:SHOWN]
        ]
        if len(taken) > SHOWN:
            rows.append(f"<tr><td></td>{left}and so on</td></tr>")
        return f"<table>{''.join(rows)}</table>"


def steps(root: Value, seed: object = 1.0, write: bool = False) -> Steps:
    """Each step of `root.backward(seed)`, in its order; see `Step`.

    Nobody's `.grad` changes, unless `write` is true: then each step is done as it is
    given out, and at the end the gradients are those that `backward` leaves.

    >>> x, w = Value(2.0, label="x"), Value(-3.0, label="w")
    >>> y = x * w
    >>> y.label = "y"
    >>> for step in steps(y):
    ...     print(step)
    y.grad = 1.0
    x.grad += 1.0 * -3.0
    w.grad += 1.0 * 2.0
    >>> x.grad
    0.0
    >>> print(step.words)
    y = x * w has gradient 1.0 and changes 2.0 times as fast as w: w.grad grows from 0.0 to 2.0.
    """
    check(root, "steps")
    return Steps(View(root), real(seed, "steps: the seed"), write)


def walk(view: View, start: float, write: bool = False) -> Iterator[Step]:
    """The steps of a backward pass over a view."""
    root = view.root
    names = names_of(view)
    leaves = set(view.leaves)
    had = {v: v._grad if v in leaves else 0.0 for v in view.nodes}
    adjoint = dict.fromkeys(had, 0.0)

    def put(v: Node, gradient: float) -> None:
        adjoint[v] = gradient
        if write:
            v._grad = had[v] + gradient if v in leaves else gradient

    if write:
        for v in view.inner:
            v._grad = 0.0
    put(root, start)
    yield Step(0, None, root, 0, start, 1.0, 0.0, start, names[root], "", names[root], "", "")
    count = 0
    for v in reversed(view.live()):
        upstream = adjoint[v]
        formula = formula_of(view, v, names)
        for place, x, local, before, after in passed(view, v, adjoint):
            put(x, after)
            count += 1
            yield Step(
                count, v, x, place, upstream, local, before, after,
                names[x], names[v], names[root], op_name(v), formula,
            )  # fmt: skip


def passed(
    view: View, v: Node, adjoint: dict[Node, float]
) -> Iterator[tuple[int, Node, float | None, float, float]]:
    """What the chain rule does to each operand of a node: place, operand, partial, old, new."""
    upstream = adjoint[v]
    if closure_of(v) is not None:
        yield from by_closure(view, v, adjoint)
        return
    for place, (x, partial) in enumerate(zip(*view.edges(v), strict=True)):
        if partial is not None and isinstance(x, Node):
            before = adjoint[x]
            yield place, x, partial, before, before + partial * upstream


def by_closure(
    view: View, v: Node, adjoint: dict[Node, float]
) -> list[tuple[int, Node, float | None, float, float]]:
    """The same where the user wrote the step: it is run, and the gradients put back."""
    operands: list[Any] = [x for x in dict.fromkeys(view.operands(v)) if isinstance(x, Node)]
    kept = [(x, x._grad) for x in [*operands, v]]
    try:
        for x in [*operands, v]:
            x._grad = adjoint[x]
        closure_of(v)(v)
        after = [x._grad for x in operands]
    finally:
        for x, gradient in kept:
            x._grad = gradient
    return [(i, x, None, adjoint[x], after[i]) for i, x in enumerate(operands)]


def formula_of(view: View, v: Node, names: dict[Any, str]) -> str:
    """An operation on its operands by their names: `a * b`, `tanh(v1)`, `sum(v1, v2, v3, ...)`."""
    op = view.rule(v).symbol
    xs = [names[x] if isinstance(x, Node) else number(x) for x in view.operands(v)]
    more = ["..."] if len(xs) > LONGEST else []
    return expression(op, [*xs[:LONGEST], *more])


def names_of(view: View, named: Names | None = None) -> dict[Any, str]:
    """A name for every node: what it is called in pictures if no other node is, else v1, v2, ...

    A parameter that shares its name with one of another layer has all its indices, w[0,1,2].
    """
    named = named or Names(view)
    called = dict(named.labels)
    labels: dict[str, int] = {}
    for label in called.values():
        labels[label] = labels.get(label, 0) + 1
    counts = dict(labels)
    for v, place in named.places.items():
        if counts[called[v]] > 1 and called[v] == place.name:
            labels[called[v]] -= 1
            called[v] = indexed(place.path)
            labels[called[v]] = labels.get(called[v], 0) + 1
    names: dict[Any, str] = {}
    count = 0
    for v in view.nodes:
        label = called[v]
        if label and labels[label] == 1:
            names[v] = label
            continue
        count += 1
        while f"v{count}" in labels:
            count += 1
        names[v] = f"v{count}"
    return names


def factor(x: float) -> str:
    """A number as the right factor of a product."""
    return rf"({decimal(x)})" if x < 0 else decimal(x)
