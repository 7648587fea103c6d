"""Programs over a batch of examples: results and gradients summed as they appear.

`over_batch` turns a program of one example into one of many. What depends on an input is
a column with one number an example; what does not is computed once. The gradient by a
parameter is a sum over the batch; the products in it are never stored, because the sum
of products of two columns is one operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.rule import TABLE, Rule
from .program import CONSTANT, COUNT, INNER, TOTAL, Program
from .reverse import Products, reverse
from .simplify import simplify

ADD, SUB, MUL, NEG = (TABLE[name] for name in ("add", "sub", "mul", "neg"))


def gradient_over_batch(program: Program) -> Program:
    """A program whose outputs are the sums of the result and of its gradient over the batch.

    As `over_batch` of the program with its backward pass, but that gradients which are one product
    each have no step there for any example.
    """
    full = program.copy(named=False)
    products = Products(full)
    reverse(full, products=products)
    values = len(full.outputs)
    others = list(dict.fromkeys([x for xs in products.others for x in xs]))
    full.outputs += products.factors + others
    short = simplify(full)
    del full  # a large one takes much memory
    n = values + len(products.factors)
    place = dict(zip(others, short.outputs[n:]))
    # Neurons of a layer have the same inputs.
    placed = {xs: tuple([place[x] for x in xs]) for xs in dict.fromkeys(products.others)}
    rows = [(d, placed[xs]) for d, xs in zip(short.outputs[values:n], products.others)]
    summed = over_batch(short, values, rows)
    taken = products.taken
    gradient = dict(zip([p for p in program.parameters if not taken[p]], summed.outputs[1:]))
    steps = iter(summed.outputs[values:])
    for parameters in products.parameters:
        gradient.update(zip(parameters, steps))
    summed.outputs = [summed.outputs[0], *[gradient[p] for p in program.parameters]]
    return summed


def over_batch(
    program: Program, values: int = -1, rows: Sequence[tuple[int, tuple[int, ...]]] = ()
) -> Program:
    """A program whose outputs are the sums of the outputs over the batch.

    Only of the first `values` of them, then; and for each of the rows the sums of the products of
    its first step with each of its others.
    """
    varying = program.varying()
    uses = program.uses()
    # Each output as a signed sum of terms; the additions between them are dissolved.
    terms: list[list[tuple[int, bool]]] = []
    dissolved = [False] * len(program)
    is_term = [False] * len(program)
    for y in program.outputs[:values] if values >= 0 else program.outputs:
        found: list[tuple[int, bool]] = []
        stack = [(y, False)]
        while stack:
            i, minus = stack.pop()
            rule = program.rules[i]
            if uses[i] == 1 and varying[i] and rule in (ADD, SUB, NEG):
                a, *b = program.operands[i]
                if b:
                    stack.append((b[0], minus ^ (rule is SUB)))
                stack.append((a, minus ^ (rule is NEG)))
                dissolved[i] = True
            else:
                found.append((i, minus))
                is_term[i] = True
        terms.append(found)
    new = Program()
    place = [-1] * len(program)  # of each step in the new one, and of the sum over it
    summed = [-1] * len(program)
    for i in program.inputs:
        place[i] = new.input(program.names.get(i, ""))
    named = [program.names[i] for i in program.parameters if i in program.names]
    for at, i in zip(new.all_parameters(len(program.parameters), named), program.parameters):
        place[i] = at
    count = new.step(COUNT)
    new.names[count] = "n"
    twice: int | None = None
    for i, (rule, operands) in enumerate(zip(program.rules, program.operands)):
        if dissolved[i] or (place[i] >= 0 and not is_term[i]):
            continue
        if is_term[i] and uses[i] == 1:
            if varying[i] and rule is MUL:
                summed[i] = product(new, place, operands, varying)
                continue
            if not varying[i] and rule is ADD and operands[0] == operands[1]:
                # n (x + x) is x (n + n), to the last bit. Penalties, of p * p, have many of them.
                if twice is None:
                    twice = new.step(ADD, (count, count))
                summed[i] = new.step(MUL, (place[operands[0]], twice))
                continue
        if rule is CONSTANT:
            place[i] = new.constant(program.data[i])
        elif isinstance(rule, Rule):
            place[i] = new.step(rule, tuple([place[x] for x in operands]))
        if i in program.names and i not in program.data and place[i] >= 0:
            new.names.setdefault(place[i], program.names[i])
        if is_term[i]:
            summed[i] = (
                new.step(TOTAL, (place[i],)) if varying[i] else new.step(MUL, (place[i], count))
            )
    new.forward_steps = len(new)
    for found in terms:
        new.outputs.append(signed_sum(new, [(summed[i], minus) for i, minus in found]))
    new.values = program.values
    placed: dict[tuple[int, ...], tuple[int, ...]] = {}  # those of which all vary
    for _, xs in rows:
        if xs not in placed and all([varying[x] for x in xs]):
            placed[xs] = tuple([place[x] for x in xs])
    for d, xs in rows:
        if varying[d] and xs in placed:
            first = len(new)
            new.rules += [INNER] * len(xs)
            new.operands += [()] * len(xs)
            new.rows.append((place[d], placed[xs], first))
            new.outputs += range(first, len(new))
        else:
            new.outputs += [row_element(new, place, (x, d), varying, count) for x in xs]
    return new


def row_element(
    new: Program, place: list[int], operands: tuple[int, ...], varying: list[bool], count: int
) -> int:
    """The sum over the batch of a product that no step of an example is."""
    a, b = operands
    if varying[a] or varying[b]:
        return product(new, place, operands, varying)
    return new.step(MUL, (new.step(MUL, (place[a], place[b])), count))


def product(new: Program, place: list[int], operands: tuple[int, ...], varying: list[bool]) -> int:
    """The sum over the batch of a product: what is the same for all examples comes out of it."""
    a, b = operands
    if varying[a] and varying[b]:
        return new.step(INNER, (place[a], place[b]))
    if varying[b]:
        a, b = b, a
    return new.step(MUL, (new.step(TOTAL, (place[a],)), place[b]))


def signed_sum(new: Program, terms: Sequence[tuple[int, bool]]) -> int:
    total: Any = None
    for i, minus in terms:
        if total is None:
            total = new.step(NEG, (i,)) if minus else i
        else:
            total = new.step(SUB if minus else ADD, (total, i))
    return int(total)
