"""Gradients for machines: over a batch of examples, summed as they appear, and of one example.

`gradient_over_batch` makes one of a program of one example, `gradient_of_one` one of that example
alone. Over a batch what depends on an input is a column with one number an example; what does not
is computed once. The gradient by a parameter is a sum of terms, of which most are products; those
are never stored, because the sum of products of two columns is one operation, and in a network the
outer products of a layer are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from ...core.rule import TABLE, Rule
from .program import ADD, CONSTANT, COUNT, INNER, MUL, TOTAL, Program
from .reverse import NONE, Products, reverse
from .simplify import simplify

SUB, NEG = TABLE["sub"], TABLE["neg"]


class Term:
    """What is added or taken away: a step, or a product, as `Products` counts them."""

    def __init__(self, step: int, minus: bool) -> None:
        self.step = step
        self.minus = minus


def gradient_over_batch(program: Program) -> Program:
    """A program whose outputs are the sums of the result and of its gradient over the batch."""
    return over_batch(*terms_of_gradient(program))


def gradient_of_one(program: Program) -> Program:
    """A program whose outputs are the result and its gradient, where products need no steps either.

    Sums have the order of the eager engine's if the rows are taken one after the other, after
    all other steps but those behind them.
    """
    new, outputs, rows = terms_of_gradient(program)
    whole = [True] * len(rows)
    shared, outputs = together(outputs, rows, whole)
    products = sums_of_rows(new, rows, whole, shared, range(len(new)), [], NONE)
    new.outputs = []
    for terms in outputs:
        total = NONE
        for x in [terms] if isinstance(terms, int) else terms:
            if x == NONE:
                x = new.constant(0.0)
            elif x < 0:
                x = products[NONE - 1 - x]
            total = x if total == NONE else new.step(ADD, (total, x))
        new.outputs.append(total)
    return new


def terms_of_gradient(
    program: Program,
) -> tuple[Program, list[int | list[int]], list[tuple[int, tuple[int, ...]]]]:
    """The result and its gradient as terms, and a program that computes them, but for products.

    Of each output the term, or several that are to be added; and the rows of products, as
    `over_batch` has them.
    """
    full = program.copy(named=False)
    products = Products(full)
    reverse(full, products=products, finite=True)  # the machine looks for nan
    (y,) = full.outputs
    first, more = [products.first[p] for p in program.parameters], products.more
    added = list(dict.fromkeys([x for x in chain(first, *more.values()) if x >= 0]))
    others = list(dict.fromkeys([x for xs in products.others for x in xs]))
    full.outputs = [y, *added, *products.factors, *others]
    short = simplify(full)
    del full  # a large one takes much memory
    outputs = short.outputs
    n, m = 1 + len(added), 1 + len(added) + len(products.factors)
    place = dict(zip(added, outputs[1:n]))
    sums: list[int | list[int]] = [outputs[0]]
    for p, x in zip(program.parameters, first):
        if p not in more:
            sums.append(place.get(x, x))
        else:
            sums.append([place.get(x, x) for x in (x, *more[p])])
    place = dict(zip(others, outputs[m:]))
    taken = [tuple(xs) for xs in products.others]
    placed = {xs: tuple([place[x] for x in xs]) for xs in dict.fromkeys(taken)}
    same: dict[tuple[int, ...], tuple[int, ...]] = {}  # steps that were two may be one now
    placed = {xs: same.setdefault(new, new) for xs, new in placed.items()}
    rows = [(d, placed[xs]) for d, xs in zip(outputs[n:m], taken)]
    return short, sums, rows


def together(
    outputs: Sequence[int | list[int]], rows: list[tuple[int, tuple[int, ...]]], whole: list[bool]
) -> tuple[dict[int, int], list[int | list[int]]]:
    """For products of rows that are one sum the first of them, and the outputs with these sums.

    Products are counted 0, 1, and so on. Those of a parameter that has nothing else are one, as
    where a layer is used at each place of a sequence: each is in another row, with another step and
    other steps beside it, which all differ between examples, as `whole` says of rows.
    """
    shared: dict[int, int] = {}
    made = list(outputs)
    row: list[int] = []
    for at, terms in enumerate(outputs):
        if isinstance(terms, int) or max(terms) >= 0:
            continue
        if not row:
            row = [k for k, (_, xs) in enumerate(rows) for _ in xs]
            factors = [d for d, _ in rows]
            others = [id(xs) for _, xs in rows]  # what is equal is one tuple
        products = [NONE - 1 - x for x in terms]
        mine = [row[k] for k in products]
        n = len(mine)
        differ = len({factors[k] for k in mine}) == n and len({others[k] for k in mine}) == n
        if differ and all([whole[k] for k in mine]):
            for k in products:
                shared[k] = products[0]
            made[at] = terms[0]
    return shared, made


def over_batch(
    program: Program,
    outputs: Sequence[int | list[int]],
    rows: list[tuple[int, tuple[int, ...]]],
) -> Program:
    """A program whose outputs are sums over the batch: of a step, a product, or a sum of them.

    The products are those of the first step of each row with its others, -2, -3, and so on.
    """
    varying = program.varying()
    uses = program.uses()
    known: dict[tuple[int, ...], bool] = {}  # of others: whether all of them vary
    for _, xs in rows:
        if xs not in known:
            known[xs] = all([varying[x] for x in xs])
    whole = [varying[d] and known[xs] for d, xs in rows]
    shared, outputs = together(outputs, rows, whole)
    dissolved = [False] * len(program)
    terms = {
        k: dissolve(program, [y] if isinstance(y, int) else y, varying, uses, dissolved)
        for k, y in enumerate(outputs)
        if not isinstance(y, int) or y >= 0
    }
    is_term = [False] * len(program)  # of some output, once
    for found in terms.values():
        for term in found:
            if term.step >= 0:
                is_term[term.step] = True
    new = Program()
    place = [-1] * len(program)  # of each step in the new one, and of the sum over it
    summed = [-1] * len(program)
    for i in program.inputs:
        place[i] = new.input("")
    for at, i in zip(new.all_parameters(len(program.parameters), []), program.parameters):
        place[i] = at
    count = new.step(COUNT)
    for i, (rule, operands) in enumerate(zip(program.rules, program.operands)):
        if dissolved[i] or (place[i] >= 0 and not is_term[i]):
            continue
        if is_term[i] and uses[i] == 1 and varying[i] and rule is MUL:
            summed[i] = product(new, place, operands, varying, count)
            continue
        if rule is CONSTANT:
            place[i] = new.constant(program.data[i])
        elif isinstance(rule, Rule):
            place[i] = new.step(rule, tuple([place[x] for x in operands]))
        if is_term[i]:
            summed[i] = (
                new.step(TOTAL, (place[i],)) if varying[i] else new.step(MUL, (place[i], count))
            )
    new.forward_steps = len(new)
    products = sums_of_rows(new, rows, whole, shared, place, varying, count)
    for k, y in enumerate(outputs):
        if isinstance(y, int) and y < 0:
            new.outputs.append(new.constant(0.0) if y == NONE else products[NONE - 1 - y])
            continue
        total = NONE
        for term in terms[k]:
            i = term.step
            x = summed[i] if i >= 0 else products[NONE - 1 - i]
            if total != NONE:
                total = new.step(SUB if term.minus else ADD, (total, x))
            else:
                total = new.step(NEG, (x,)) if term.minus else x
        new.outputs.append(total)
    new.values = program.values
    return new


def dissolve(
    program: Program,
    roots: list[int],
    varying: list[bool],
    uses: list[int],
    dissolved: list[bool],
) -> list[Term]:
    """A sum of steps as terms, in order: the additions that nobody else needs are dissolved."""
    found: list[Term] = []
    stack = [(x, False) for x in reversed(roots)]
    while stack:
        i, minus = stack.pop()
        rule = program.rules[i] if i >= 0 else MUL
        if i >= 0 and uses[i] == 1 and varying[i] and (rule is ADD or rule is SUB or rule is NEG):
            a, *b = program.operands[i]
            if b:
                stack.append((b[0], minus ^ (rule is SUB)))
            stack.append((a, minus ^ (rule is NEG)))
            dissolved[i] = True
        else:
            found.append(Term(i, minus))
    return found


def sums_of_rows(
    new: Program,
    rows: list[tuple[int, tuple[int, ...]]],
    whole: list[bool],
    shared: dict[int, int],
    place: Sequence[int],
    varying: list[bool],
    count: int,
) -> list[int]:
    """The sums over the batch of the products of the first step of each row with its others.

    `whole` and `shared` are as `together` has them.
    """
    found: list[int] = []
    placed: dict[tuple[int, ...], tuple[int, ...]] = {}
    for (d, xs), all_vary in zip(rows, whole):
        if not all_vary:
            found += [product(new, place, (x, d), varying, count) for x in xs]
            continue
        if xs not in placed:
            placed[xs] = tuple([place[x] for x in xs])
        first, n = len(found), len(new)
        sums: Sequence[int] = range(n, n + len(xs))
        if shared and any([k in shared for k in range(first, first + len(xs))]):
            for k in range(first, first + len(xs)):
                leader = shared.get(k, k)
                if leader < k:
                    found.append(found[leader])
                else:
                    found.append(n)
                    n += 1
            sums = tuple(found[first:])
        else:
            found += sums
            n += len(xs)
        more = n - len(new)
        new.rules += [INNER] * more
        new.operands += [()] * more
        new.rows.append((place[d], placed[xs], sums))
    return found


def product(
    new: Program, place: Sequence[int], operands: tuple[int, ...], varying: list[bool], count: int
) -> int:
    """The sum over the batch of a product: what is the same for all examples comes out of it."""
    a, b = operands
    if varying[a] and varying[b]:
        return new.step(INNER, (place[a], place[b]))
    if varying[b]:
        a, b = b, a
    if varying[a]:
        return new.step(MUL, (new.step(TOTAL, (place[a],)), place[b]))
    return new.step(MUL, (new.step(MUL, (place[a], place[b])), count))
