"""`explain`: a derivative as the sum over all paths, of the products along each.

The gradient of the root by x is the sum, over every path from x to the root, of the local
gradients multiplied along it. There may be exponentially many: they are counted without
walking them, and the largest are found by keeping the few best at every node.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from typing import Any, NamedTuple

from ..core.node import Node, closure_of, op_name
from ..core.view import View, is_virtual
from ..engine import Value
from .diagram import check, number, plural
from .latex import decimal, symbol
from .names import Names
from .picture.measure import clean
from .steps import by_closure, factor, names_of, passed

SUMS = frozenset(("add", "sum", "fsum"))
SHOWN = 10  # how many paths are listed, unless told otherwise


class Path(NamedTuple):
    """One path, from the root down to x: the local gradients on it, and their product."""

    nodes: tuple[Any, ...]
    names: tuple[str, ...]
    slopes: tuple[float, ...]
    product: float

    @property
    def legs(self) -> tuple[list[str], list[float]]:
        """Names and factors as they are shown: a run of nameless sums counts as one."""
        names: list[str] = []
        factors: list[float] = []
        for name, slope in zip(self.names, (*self.slopes, None), strict=True):
            if slope == 1.0 and name == "+" and names[-1:] == ["+"] and factors[-1] == 1.0:
                continue
            names.append(name)
            if slope is not None:
                factors.append(slope)
        return names, factors

    @property
    def text(self) -> str:
        names, factors = self.legs
        product = " * ".join(map(number, factors or [1.0]))
        equals = f" = {number(self.product)}" if len(factors) > 1 else ""
        return f"{' <- '.join(names)}: {product}{equals}"

    @property
    def latex(self) -> str:
        names, (first, *rest) = self.legs[0], self.legs[1] or [1.0]
        route = r" \leftarrow ".join(map(symbol, names))
        product = r" \cdot ".join([decimal(first), *map(factor, rest)])
        return rf"\underbrace{{{product}}}_{{{route}}}"


class Explanation:
    """Why `x.grad` is what it is. Print it, or let a notebook show the formula.

    total: the gradient of the root by x, as `backward` computes it
    count: how many paths there are, exactly
    paths: all of them if they are few, else those with the largest products
    rest:  what the paths that are not listed add up to
    """

    def __init__(
        self, total: float, count: int, paths: list[Path], name: str, root_name: str
    ) -> None:
        self.total = total
        self.count = count
        self.paths = paths
        self.name = name
        self.root_name = root_name

    @property
    def rest(self) -> float:
        if len(self.paths) == self.count:
            return 0.0
        return self.total - math.fsum(path.product for path in self.paths)

    @property
    def text(self) -> str:
        head = f"d {self.root_name} / d {self.name} = {number(self.total)}"
        if not self.count:
            return f"{head}: no path carries a gradient from {self.root_name} to {self.name}"
        lines = [f"{head}, the sum over {plural(self.count, 'path')}:"]
        lines += [f"  {path.text}" for path in self.paths]
        if self.count > len(self.paths):
            more = plural(self.count - len(self.paths), "more path")
            lines.append(f"  and {more}, together {number(self.rest)}")
        return "\n".join(lines)

    @property
    def latex(self) -> str:
        left = rf"\frac{{\partial {symbol(self.root_name)}}}{{\partial {symbol(self.name)}}}"
        terms = [path.latex for path in self.paths]
        if self.count > len(self.paths):
            words = plural(self.count - len(self.paths), "more path")
            terms.append(rf"\underbrace{{{factor(self.rest)}}}_{{\text{{{words}}}}}")
        if not terms:
            return f"{left} = 0"
        return f"{left} = {' + '.join(terms)} = {decimal(self.total)}"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self.text.splitlines()[0].rstrip(':')}>"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"


def explain(root: Value, x: Value, most: int = SHOWN) -> Explanation:
    """The derivative of root by x as the sum over the paths between them; `Explanation`.

    All paths are listed if there are at most `most`, else the `most` with the largest
    products. The gradients in the graph are not touched.

    >>> x = Value(3.0, label="x")
    >>> a, b = x * 2, x * x
    >>> a.label, b.label = "a", "b"
    >>> y = a + b
    >>> y.label = "y"
    >>> print(explain(y, x))
    d y / d x = 8.0, the sum over 3 paths:
      y <- b <- x (1 of 2): 1.0 * 3.0 = 3.0
      y <- b <- x (2 of 2): 1.0 * 3.0 = 3.0
      y <- a <- x: 1.0 * 2.0 = 2.0
    """
    check(root, "explain")
    if not isinstance(x, Value):
        raise TypeError(f"explain takes two Values, the root and x; x is {x!r:.60}")
    if type(most) is not int or most < 1:
        raise ValueError(f"explain: most is a whole number from 1, not {most!r}")
    view = View(root, constants=is_virtual(x))
    if x not in set(view.nodes):
        raise ValueError("explain: x is no part of the graph under root")
    order = view.live()
    named = Names(view)
    names = names_of(view, named)
    partials = {v: local_partials(view, v) for v in order}
    total = adjoint_of(view, x, order)
    # From x up: which nodes depend on it, and along how many paths.
    count: dict[Any, int] = {x: 1}
    for v in order:
        if v is not x:
            n = sum(count.get(y, 0) for y, _ in partials[v])
            if n:
                count[v] = n
    labels = {v: names[v] if v in named.places else label for v, label in named.labels.items()}
    found = as_paths(best_ways(root, x, order, partials, count, most), labels)
    return Explanation(total, count.get(root, 0), found, names[x], names[root])


def adjoint_of(view: View, x: Value, order: list[Any]) -> float:
    """The gradient as `backward` computes it, to the last bit."""
    adjoint: dict[Any, float] = dict.fromkeys(view.nodes, 0.0)
    adjoint[view.root] = 1.0
    for v in reversed(order):
        for _, y, _, _, after in passed(view, v, adjoint):
            adjoint[y] = after
    return adjoint[x]


def local_partials(view: View, v: Any) -> list[tuple[Any, float]]:
    """The operands that v passes a gradient to, with its local gradients."""
    if closure_of(v) is not None:
        zero = {y: 0.0 for y in view.operands(v) if isinstance(y, Node)}
        return [(y, after) for _, y, _, _, after in by_closure(view, v, {**zero, v: 1.0})]
    return [
        (y, partial)
        for y, partial in zip(*view.edges(v), strict=True)
        if partial is not None and isinstance(y, Node)
    ]


class Way(NamedTuple):
    """The beginning of a path at the root: its size, and how it goes on."""

    size: float  # the logarithm of the product's absolute value
    number: int  # in the order in which they were found, so that ties are decided
    node: Any
    slope: float
    which: str  # of several among the operands
    before: Any  # the Way that it prolongs


def best_ways(
    root: Value,
    x: Value,
    order: list[Any],
    partials: dict[Any, list[tuple[Any, float]]],
    count: dict[Any, int],
    most: int,
) -> list[list[Way]]:
    """The paths with the largest products, the largest first; at most `most`."""
    if root not in count:
        return []
    made = 0
    ways: dict[Any, list[Way]] = {root: [Way(0.0, 0, root, 1.0, "", None)]}
    for v in reversed(order):
        best = ways.get(v)
        if best is None or v is x:
            continue
        best = ways[v] = heapq.nlargest(most, best, key=lambda way: (way.size, -way.number))
        often = Counter([y for y, _ in partials[v]])
        met: Counter[Any] = Counter()
        for y, slope in partials[v]:
            if y not in count:
                continue
            met[y] += 1
            which = f" ({met[y]} of {often[y]})" if often[y] > 1 else ""
            size = log_size(slope)
            kept = ways.setdefault(y, [])
            for way in best:
                made += 1
                total = way.size + size
                kept.append(Way(math.inf if total != total else total, made, y, slope, which, way))
    ends = heapq.nlargest(most, ways.get(x, []), key=lambda way: (way.size, -way.number))
    return [chain(way) for way in ends]


def chain(way: Way | None) -> list[Way]:
    """The steps of a path, from the root on."""
    steps: list[Way] = []
    while way is not None:
        steps.append(way)
        way = way.before
    return steps[::-1]


def as_paths(found: list[list[Way]], labels: dict[Any, str]) -> list[Path]:
    """The paths with names for their nodes, so that no two read the same."""
    paths = [as_path(steps, numbered(found, labels, SUMS)) for steps in found]
    if len({path.text for path in paths}) < len(paths):
        paths = [as_path(steps, numbered(found, labels)) for steps in found]
    return paths


def as_path(steps: list[Way], names: dict[Any, str]) -> Path:
    product = 1.0
    for step in steps[1:]:
        product = step.slope * product
    return Path(
        tuple([step.node for step in steps]),
        tuple([names[step.node] + step.which for step in steps]),
        tuple([step.slope for step in steps[1:]]),
        product,
    )


def numbered(
    paths: list[list[Way]], labels: dict[Any, str], alike: frozenset[str] = frozenset()
) -> dict[Any, str]:
    """Names for the nodes on the paths: the label, or the symbol of the operation.

    Where several have the same they are numbered, but for the operations in `alike`.
    """
    same: dict[str, list[Any]] = {}
    for node in dict.fromkeys([step.node for path in paths for step in path]):
        name = labels[node] or clean(op_name(node)) or number(node._data)
        same.setdefault(name, []).append(node)
    names: dict[Any, str] = {}
    for name, nodes in same.items():
        several = [v for v in nodes if labels[v] or v._rule.name not in alike]
        names.update(dict.fromkeys(nodes, name))
        if len(several) > 1:
            names.update({v: f"{name}[{i}]" for i, v in enumerate(several, 1)})
    return names


def log_size(slope: float) -> float:
    """The logarithm of the absolute value; nan counts as infinite, for it must be seen."""
    if slope != slope:
        return math.inf
    return math.log(abs(slope)) if slope else -math.inf
