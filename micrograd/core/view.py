"""`View`: a graph as a person reads it, and never a change to it.

What is written in an expression and is no node, a number or the products of a weighted sum, is
shown as a virtual node: it belongs to who looks, and the graph does not know it. `_prev` shows
one node so; pictures, steps, explanations, formulas and staged code read a whole `View`, which
sorts the graph once.
"""

from __future__ import annotations

from typing import Any

from .chain import PASSES
from .node import Node, attribute, leaf, operands_of, partials_of, rule_of
from .rule import TABLE
from .sort import toposort
from .watch import WATCH


class View:
    """The nodes under a root, operands before their users, with what each is computed from.

    A tuple of roots is one view, in which what they share is there once.

    `leaves` and `inner` hold them in topological order. With `products` a weighted sum is shown
    as the products and sums that it stands for, with `constants` a number in an expression as a
    leaf, unless it is a setting such as the exponent of a power. Without `zeros` the products of
    a weighted sum with a written 0 are left out; `hidden` counts them.
    """

    def __init__(
        self, root: Any, products: bool = True, constants: bool = False, zeros: bool = True
    ) -> None:
        self.zeros = zeros
        self.hidden = 0  # how many products with 0 are not shown
        self.roots: tuple[Any, ...] = root if isinstance(root, tuple) else (root,)
        self.root = self.roots[-1]
        self.products = products
        self.constants = constants
        self.expansions: dict[Any, Expansion] = {}
        self.leaves: list[Any] = []
        self.inner: list[Any] = []
        if products or constants or not zeros:
            self.sort()
        else:
            self.leaves, self.inner = toposort(*self.roots)

    def operands(self, v: Any) -> tuple[Any, ...]:
        """The operands of a node in order: nodes, and floats where constants are not shown."""
        return self.edges(v)[0]

    def partials(self, v: Any) -> tuple[Any, ...]:
        """Its local gradients, one for each operand; None where no gradient flows."""
        return self.edges(v)[1]

    def rule(self, v: Any) -> Any:
        """The operation of a node as it is shown: a weighted sum is an addition."""
        rule = rule_of(v)
        return TABLE["add"] if self.products and rule.name == "weighted_sum" else rule

    def edges(self, v: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Operands and local gradients of a node, as they are shown."""
        is_sum = rule_of(v).name == "weighted_sum"
        if is_sum and not self.zeros:
            found = self.expansions.get(v)
            if found is None:
                found = self.without_zeros(v)
            return found.edges(self.constants)
        if not (is_sum and self.products) and not (self.constants and constants_of(v)):
            return operands_of(v), partials_of(v)
        found = self.expansions.get(v)
        if found is None:
            found = self.expansions[v] = attribute(v, "_shown") or Expansion(v)
        return found.edges(self.constants)

    def without_zeros(self, v: Any) -> Expansion:
        """A weighted sum without its products with 0, written out or as it is."""
        xs = operands_of(v)
        n = len(xs) // 2
        kept = [i for i in range(1, n + 1) if not is_zero(xs[i], xs[i + n])]
        self.hidden += n - len(kept)
        if self.products and len(kept) == n:
            found = attribute(v, "_shown") or Expansion(v)
        else:
            found = Expansion(v, kept, self.products)
        self.expansions[v] = found
        return found

    def sort(self) -> None:
        """Fill `leaves` and `inner`, in the order of `Search`."""
        seen: set[Any] = set()
        for root in self.roots:
            if root not in seen:
                self.visit(root, seen)

    def visit(self, root: Any, seen: set[Any]) -> None:
        """Add what lies under a root and was not seen."""
        seen.add(root)
        stack: list[tuple[Any, Any]] = []
        below: Any = root
        while True:
            operands = self.operands(below)
            if operands:
                stack.append((below, iter(operands)))
            else:
                self.leaves.append(below)
            below = None
            while stack and below is None:
                for x in stack[-1][1]:
                    if isinstance(x, Node) and x not in seen:
                        seen.add(x)
                        below = x
                        break
                else:
                    self.inner.append(stack.pop()[0])
            if below is None:
                return

    @property
    def nodes(self) -> list[Any]:
        """All of them, the leaves first."""
        return self.leaves + self.inner

    def live(self) -> list[Any]:
        """Those of `inner` that a gradient of a root reaches, in the same order."""
        reached = set(self.roots)
        for v in reversed(self.inner):
            if v in reached:
                for x, partial in zip(*self.edges(v)):
                    if partial is not None and isinstance(x, Node):
                        reached.add(x)
        return [v for v in self.inner if v in reached]

    def refresh(self) -> None:
        """Give virtual nodes the numbers that follow from the graph as it is now."""
        for v, expansion in self.expansions.items():
            expansion.refresh(v)


class Expansion:
    """One node as it is shown: its operands, virtual ones among them, and its local gradients."""

    def __init__(self, v: Any, kept: list[int] | None = None, written_out: bool = True) -> None:
        self.sums: list[Any] = []  # the products and sums of a weighted sum, operands first
        xs = operands_of(v)
        self.is_sum = rule_of(v).name == "weighted_sum"
        self.fixed: tuple[Any, ...] | None = None
        if self.is_sum and kept is not None:
            n = len(xs) // 2
            places = [0, *kept, *[i + n for i in kept]]
            known = partials_of(v)
            self.fixed = tuple([known[i] for i in places])
            xs = tuple([xs[i] for i in places])
        if self.is_sum and not written_out:
            self.is_sum = False
        elif self.is_sum and len(xs) > 1:
            self.fixed = None
            xs = self.sum_of_products(xs)
        self.bare = [i for i, x in enumerate(xs) if not isinstance(x, Node)]
        if self.fixed is not None:
            self.bare = []
        elif not self.is_sum:
            self.bare = constants_of(v)
        self.operands = tuple(
            [leaf(v._blank(), x) if i in self.bare else x for i, x in enumerate(xs)]
        )
        for node in [*self.sums, *[self.operands[i] for i in self.bare]]:
            setattr(node, "_virtual", True)
            for name in ("_scope", "_line"):  # its parts belong where it belongs
                if attribute(v, name):
                    setattr(node, name, attribute(v, name))
        self.partials: tuple[Any, ...] = ()
        self.refresh(v)

    def sum_of_products(self, xs: tuple[Any, ...]) -> tuple[Any, ...]:
        """A weighted sum as its last addition: of the sum before it and of the last product."""
        hidden = WATCH.hide()  # nobody has made these nodes
        try:
            n = len(xs) // 2
            total, product = xs[0], xs[1] * xs[n + 1]
            for i in range(2, n + 1):
                self.sums += [product, total + product]
                total, product = self.sums[-1], xs[i] * xs[n + i]
            self.sums.append(product)
        finally:
            WATCH.show(hidden)
        self.sums = [node for node in self.sums if isinstance(node, Node)]
        return total, product

    def edges(self, constants: bool) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Operands and local gradients, with virtual leaves for constants or the bare numbers."""
        if constants or not self.bare:
            return self.operands, self.partials
        bare = self.bare
        return (
            tuple([x._data if i in bare else x for i, x in enumerate(self.operands)]),
            tuple([None if i in bare else p for i, p in enumerate(self.partials)]),
        )

    def refresh(self, v: Any) -> None:
        """Numbers and gradients of the virtual nodes, from those of v as they are now."""
        self.passes = PASSES.count
        for node in self.sums:
            xs = operands_of(node)
            node._data = node._rule.forward(*[x._data if isinstance(x, Node) else x for x in xs])
            node._grad = v._grad
        if self.fixed is not None:
            self.partials = self.fixed
            return
        if self.is_sum:
            self.partials = (1.0, 1.0)
        else:
            data = [x._data if isinstance(x, Node) else x for x in self.operands]
            bare = self.bare
            local = rule_of(v).local(data, v._data, [i in bare for i in range(len(data))])
            known = partials_of(v)
            self.partials = tuple([local[i] if i in bare else p for i, p in enumerate(known)])
        for i in self.bare:
            partial = self.partials[i]
            self.operands[i]._grad = 0.0 if partial is None else partial * v._grad


def is_zero(a: Any, b: Any) -> bool:
    """Whether a product is 0 because a factor is a written 0, whatever the other one will be."""
    for x, y in ((a, b), (b, a)):
        if not isinstance(x, Node) and x == 0.0:
            number = y._data if isinstance(y, Node) else y
            return bool(number - number == 0.0)
    return False


def constants_of(v: Any) -> list[int]:
    """The positions of the operands that are numbers in an expression, and no settings."""
    settings = rule_of(v).settings
    return [
        i for i, x in enumerate(operands_of(v)) if not isinstance(x, Node) and i not in settings
    ]


def prev(v: Any) -> tuple[Any, ...]:
    """The operands of a node as Values, with virtual ones for what is none.

    They are the same objects each time, with the gradients of the latest backward pass.
    """
    shown = attribute(v, "_shown")
    if shown is None:
        if rule_of(v).name != "weighted_sum" and not constants_of(v):
            return tuple([x for x in operands_of(v) if isinstance(x, Node)])
        shown = Expansion(v)
        setattr(v, "_shown", shown)
    elif shown.passes != PASSES.count:
        shown.refresh(v)
    return tuple([x for x in shown.operands if isinstance(x, Node)])


def is_virtual(v: Node) -> bool:
    """Whether a node is only shown: its gradient is passed on by the one that it is a part of."""
    return attribute(v, "_virtual") is True


def nothing() -> None:
    """The chain rule at a virtual node."""
