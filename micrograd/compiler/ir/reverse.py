"""The chain rule on a program: adds the steps of the backward pass.

The derivatives are those of the table in `ops.py`, evaluated on symbols that write down
what is done to them. The sums are made in the order of the eager engine's, so that the
compiled gradient is the same to the last bit. `Products` is the pass for machines, of which
`batch.py` makes a program; read that next. (Past 300 lines by a few, as both are one pass.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.operators import give_operators
from ...core.rule import FLAT, TABLE, Rule, apply, method, times
from ...core.selection import Missing, Selection, Whole, chooses
from .program import (
    ADD,
    MUL,
    PARAMETER,
    PRODUCTS,
    WEIGHTED_SUM,
    Program,
    sum_of_products,
)

NONE = -1
EQUAL, TAKE = TABLE["equal"], TABLE["take"]


class Symbol:
    """A step of a program that does arithmetic by adding steps."""

    __slots__ = ("i", "program")

    def __init__(self, program: Program, i: int) -> None:
        self.program = program
        self.i = i

    def _apply(self, rule: Rule, operands: tuple[Any, ...]) -> Symbol:
        return Symbol(self.program, self.program.step(rule, places(self.program, operands)))

    def __bool__(self) -> bool:
        raise TypeError(
            "jit: a derivative given to micrograd.custom decides by a number, which is not known "
            "while it is compiled: write where(condition, a, b)"
        )


def _operator(name: str, xs: tuple[Any, ...]) -> Any:
    symbol: Symbol = xs[0] if isinstance(xs[0], Symbol) else xs[1]
    return symbol._apply(TABLE[name], xs)


give_operators(Symbol, _operator)
for _name, _rule in TABLE.items():
    if not _rule.internal and not hasattr(Symbol, _name):
        setattr(Symbol, _name, method(_rule, lambda rule, x: x._apply(rule, (x,)), apply))


def places(program: Program, operands: tuple[Any, ...]) -> tuple[int, ...]:
    """The steps of symbols and numbers."""
    return tuple([x.i if isinstance(x, Symbol) else program.known(x) for x in operands])


def reverse(
    program: Program,
    seeds: Sequence[Any] | None = None,
    by: Sequence[int] | None = None,
    start: dict[int, Any] | None = None,
    chained: bool = False,
    products: Products | None = None,
    finite: bool = False,
) -> set[int]:
    """The steps that have a gradient; the program then also gives that by each parameter.

    Of several outputs it is the gradient of the sum of seed * output. `by` lists other
    steps than the parameters to differentiate by, such as the inputs. The sums begin with what
    `start` has for a step. `chained` is for the body of a loop: where a seed is 0, the turns after
    this one did not select the output. With `products` the gradient by parameters is there, and no
    output. `finite` is for whoever looks for nan in what comes out: values count as finite.
    """
    n = len(program)
    by = program.parameters if by is None else by
    program.forward_steps = n
    program.values = len(program.outputs)
    rules, steps = program.rules, program.operands
    known = program.data
    selection = Selection(finite)
    choices = any([chooses(rule) for rule in {*rules}])
    active = [False] * n
    for i in by:
        active[i] = True
    for i in range(n):
        rule = rules[i]
        if steps[i] and isinstance(rule, Rule):
            if i not in program.bare:
                active[i] = any([active[x] for x in steps[i]]) and rule.kind != FLAT
            if not choices:
                continue
            numbers = [known[x] for x in steps[i] if x in known]
            if rule.reflected is not None and steps[i][0] in known:
                rule = rule.reflected
            selection.node(i, rule, [x for x in steps[i] if x not in known], numbers)
    adjoint: dict[int, Any] = dict(start or {})
    for y, seed in zip(program.outputs, seeds or [1.0] * len(program.outputs)):
        if chained and isinstance(seed, Symbol) and selection.choices and selection.matters(y):
            there = Missing(seed._apply(TABLE["not_equal"], (seed, 0.0)), selection.guards)
            selection.missing[y] = None if y in adjoint else there
        adjoint[y] = adjoint[y] + seed if y in adjoint else seed
        if products is not None and rules[y] is PARAMETER:
            products.add(adjoint, y, seed)
    for i in reversed(program.order or range(n)):
        g = adjoint.get(i)
        rule = rules[i]
        if g is None or not active[i] or not isinstance(rule, Rule):
            continue
        if isinstance(g, Sum):
            g = g.step(program)
        if isinstance(g, Symbol):
            program.adjoint_of.setdefault(g.i, i)
        xs = steps[i]
        if products is not None and not selection.selects(i):
            into = products.pull(rule, xs, g, active, adjoint)
            if into is not None:
                selection.select(i, rule, (), None, into, [g] * len(into))
                continue
        symbols = [known[x] if x in known else Symbol(program, x) for x in xs]
        result = Symbol(program, i)
        parts = rule.pullback(symbols, result, [g if active[x] else None for x in xs])
        keys = [x if active[x] else None for x in xs]
        for x, part in zip(xs, selection.select(i, rule, symbols, result, keys, parts)):
            if part is None:
                continue
            if products is not None:
                products.add(adjoint, x, part)
                continue
            have = adjoint.get(x)
            adjoint[x] = part if have is None else have + part
    if products is not None:
        return set()
    for p in by:
        g = adjoint.get(p, 0.0)
        if isinstance(g, Whole):
            g = g.step()
        if isinstance(g, Symbol):
            program.adjoint_of.setdefault(g.i, p)
        program.outputs.append(g.i if isinstance(g, Symbol) else program.known(g))
    if program.order:  # what was added comes after, should it be differentiated again
        program.order = [*program.order, *range(n, len(program))]
    return set(adjoint)


class Sum:
    """A gradient that no step holds yet: a start, if any, and products that are added to it."""

    def __init__(self, start: int) -> None:
        self.start = start  # a step, or NONE
        self.first: list[int] = []
        self.second: list[int] = []

    def step(self, program: Program) -> Symbol:
        """The gradient as one step."""
        factors = (*self.first, *self.second)
        if self.start >= 0:
            return Symbol(program, program.step(WEIGHTED_SUM, (self.start, *factors)))
        rule = MUL if len(self.first) == 1 else PRODUCTS
        return Symbol(program, program.step(rule, factors))


class Products:
    """A backward pass for machines: sums of products passed on without a step for each product.

    What comes together at a step is one sum of products. The gradient by a parameter is a sum of
    terms: `first[p]`, or `NONE`, and `more[p]`. A term is a step, or it is one of the products that
    need none: the step `factors[k]` times each of the steps `others[k]`, for all k one after the
    other, are the terms -2, -3, and so on. In a network nearly all gradients are one of those, and
    over a batch they are outer products of whole layers.

    `pull` says of sums of products what the table says too, without a symbol for each factor;
    tests/test_batch.py holds it to the table, bit by bit. An element of a table of parameters is a
    sum of products as well: with 1 where the index is its own, else 0.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.first = [NONE] * len(program)
        self.more: dict[int, list[int]] = {}
        self.factors: list[int] = []
        self.others: list[list[int]] = []
        self.last = NONE  # the product that was counted last
        self.hot: dict[
            int, list[int]
        ] = {}  # by an index the steps that are 1 where it is 0, 1, ...

    def pull(
        self,
        rule: Rule,
        xs: tuple[int, ...],
        g: Any,
        active: list[bool],
        adjoint: dict[int, Any],
    ) -> list[int] | None:
        """The operands, but for parameters, to whose gradients the step has added its own.

        Of a sum of products each factor gets g times the other one, in the order of the operands,
        in which `Rule.pullback` has them too. None for another operation, of which nothing is done.
        """
        program = self.program
        if not isinstance(g, Symbol):
            if rule is not MUL or type(g) is not float or not self.of_parameters(xs):
                return None
            g = Symbol(program, program.known(g))  # a penalty has one such product a parameter
        rules, constants = program.rules, program.data
        into: list[int] = []
        if rule is ADD:
            for x in xs:
                if active[x]:
                    into.append(x)
                    self.add(adjoint, x, g)
            return into
        if rule is TAKE:
            if not all([rules[x] is PARAMETER or not active[x] for x in xs]):
                return None
            hot = self.one_hot(xs[0], len(xs) - 1)
            for x in xs[1:]:
                if active[x]:
                    self.product(x)
            self.row(g.i, [one for x, one in zip(xs[1:], hot) if active[x]])
            return into
        sums = sum_of_products(rule, xs)
        if sums is None:
            return None
        start, first, second = sums
        if start >= 0 and active[start]:
            into.append(start)
            self.add(adjoint, start, g)
        others: list[int] = []
        for some, beside in ((first, second), (second, first)):
            for x, other in zip(some, beside):
                if not active[x]:
                    continue
                if other in constants:
                    into.append(x)
                    self.add(adjoint, x, times(constants[other], g))
                elif rules[x] is not PARAMETER:
                    into.append(x)
                    self.add_product(adjoint, x, other, g.i)
                elif rules[other] is PARAMETER:  # the same for all examples
                    self.term(x, program.step(MUL, (other, g.i)))
                else:
                    self.product(x)
                    others.append(other)
        self.row(g.i, others)
        return into

    def of_parameters(self, xs: tuple[int, ...]) -> bool:
        """Whether these are parameters."""
        return all([self.program.rules[x] is PARAMETER for x in xs])

    def product(self, p: int) -> None:
        """Add to the gradient by a parameter the product that comes next in `row`."""
        self.last -= 1
        self.term(p, self.last)

    def row(self, factor: int, others: list[int]) -> None:
        """The factor times each of the others, for what `product` was told."""
        if not others:
            return
        if not self.factors or self.factors[-1] != factor:
            self.factors.append(factor)
            self.others.append([])
        self.others[-1] += others

    def one_hot(self, index: int, n: int) -> list[int]:
        """For each of the first n numbers from 0 a step that is 1 where the index is it, else 0."""
        program = self.program
        hot = self.hot.setdefault(index, [])
        for k in range(len(hot), n):
            hot.append(program.step(EQUAL, (index, program.constant(float(k)))))
        return hot[:n]

    def term(self, p: int, x: int) -> None:
        """Add a term to the gradient by a parameter."""
        if self.first[p] == NONE:
            self.first[p] = x
        else:
            self.more.setdefault(p, []).append(x)

    def add(self, adjoint: dict[int, Any], x: int, part: Any) -> None:
        """Add a part, a number or a step, to the gradient of a step."""
        if self.program.rules[x] is PARAMETER:
            if isinstance(part, Whole):
                part = part.step()
            self.term(x, part.i if isinstance(part, Symbol) else self.program.known(part))
            return
        have = adjoint.get(x)
        if isinstance(have, Sum):
            have = have.step(self.program)
        adjoint[x] = part if have is None else have + part

    def add_product(self, adjoint: dict[int, Any], x: int, other: int, g: int) -> None:
        """Add the product of two steps to the gradient of a step."""
        have = adjoint.get(x)
        if not isinstance(have, Sum):
            if isinstance(have, float):
                have = Symbol(self.program, self.program.known(have))
            have = Sum(NONE if have is None else have.i)
            adjoint[x] = have
        have.first.append(other)
        have.second.append(g)
