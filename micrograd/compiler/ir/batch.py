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

ADD, SUB, MUL, NEG = (TABLE[name] for name in ("add", "sub", "mul", "neg"))


def over_batch(program: Program) -> Program:
    """A program whose outputs are the sums of the outputs over the batch."""
    varying = program.varying()
    uses = program.uses()
    # Each output as a signed sum of terms; the additions between them are dissolved.
    terms: list[list[tuple[int, bool]]] = []
    dissolved = [False] * len(program)
    is_term = [False] * len(program)
    for y in program.outputs:
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
        place[i] = new.input(program.names[i])
    for i in program.parameters:
        place[i] = new.parameter(program.names[i])
    count = new.step(COUNT)
    new.names[count] = "n"
    twice: int | None = None
    for i, (rule, operands) in enumerate(zip(program.rules, program.operands)):
        if dissolved[i]:
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
    return new


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
