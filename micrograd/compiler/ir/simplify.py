"""Shorter programs with the same results, to the last bit.

A program is copied step by step from the results' point of view: what no result needs is
left out, what was computed before is not computed again, what has only constants is
computed now, and a handful of identities hold in IEEE arithmetic exactly, one line each.
"""

from __future__ import annotations

import math
from typing import Any, Final

from ...core.rule import TABLE, Rule
from . import derived, scope  # noqa: F401 (where loops have their derivatives and names from)
from .hoist import hoisted
from .program import ADD, CONSTANT, MUL, Program
from .prune import pruned
from .region import PACK, Branch, Element, Loop
from .structural import Structural


def simplify(program: Program) -> Program:
    """A new program for the same inputs, parameters and outputs."""
    return copied(copied(pruned(program), True), False)


def needed_in(program: Program) -> list[bool]:
    """For each step whether some output depends on it."""
    needed = [False] * len(program)
    for y in program.outputs:
        needed[y] = True
    operands = program.operands
    for i in range(len(program) - 1, -1, -1):
        if needed[i]:
            for x in operands[i]:
                needed[x] = True
    return needed


def copied(program: Program, shorter: bool) -> Program:
    """The steps that are needed; `shorter` also puts simpler ones in their place."""
    needed = needed_in(program)
    if not shorter and all(needed[i] for i, xs in enumerate(program.operands) if xs):
        return program
    new = Program()
    place = [-1] * len(program)  # of each step in the new one
    for i in program.inputs:
        place[i] = new.input(program.names.get(i, ""))
        if i in program.sequences:
            new.sequences.add(place[i])
    named = [program.names[i] for i in program.parameters if i in program.names]
    for at, i in zip(new.all_parameters(len(program.parameters), named), program.parameters):
        place[i] = at
    done: dict[Any, int] = {}
    merged: set[int] = set()  # steps that stand for several, and so for several adjoints
    names, numbers, notes = program.names, program.numbers, program.notes
    for i, (rule, operands) in enumerate(zip(program.rules, program.operands)):
        if i == program.forward_steps:
            new.forward_steps = len(new)
        if not needed[i] or place[i] >= 0:
            continue
        if rule is CONSTANT:
            place[i] = new.constant(program.data[i])
            continue
        xs = tuple([place[x] for x in operands])
        if shorter and isinstance(rule, Structural):
            rule = with_short_bodies(rule)
            if isinstance(rule, Loop):
                rule, xs = hoisted(
                    rule,
                    xs,
                    lambda r, given: shortest(new, done, r, given),
                    new.constant,
                    lambda body: copied(body, False),
                )
        at = place[i] = shortest(new, done, rule, xs) if shorter else new.step(rule, xs)
        if i in names:
            new.names.setdefault(at, names[i])
        if i in numbers:
            if at in new.numbers:
                merged.add(at)
            else:
                new.numbers[at] = numbers[i]
            if i in notes:
                new.notes.setdefault(at, notes[i])
        elif at >= new.forward_steps >= 0 and i in program.adjoint_of:
            primal = place[program.adjoint_of[i]]
            if primal >= 0 and primal not in merged:
                new.adjoint_of.setdefault(at, primal)
    if new.forward_steps < 0:
        new.forward_steps = len(new)
    new.outputs = [place[y] for y in program.outputs]
    new.values = program.values
    return new


def with_short_bodies(rule: Any) -> Any:
    """A loop or a branch whose own programs are simplified; any other operation as it is."""
    if isinstance(rule, Loop):
        sizes = (rule.constants, rule.carries, rule.entries)
        test = None if rule.test is None else simplify(rule.test)
        return Loop(simplify(rule.body), test, sizes, rule.length, rule.backwards)
    if isinstance(rule, Branch):
        return Branch(simplify(rule.yes), simplify(rule.no))
    return rule


def shortest(new: Program, done: dict[Any, int], rule: Any, xs: tuple[int, ...]) -> int:
    """A step with the value of this operation: an old one if possible."""
    known = new.data
    if isinstance(rule, Structural):
        if isinstance(rule, Element) and new.rules[xs[0]] is PACK:
            return new.operands[xs[0]][rule.k]
        i = done.get((rule, xs))
        if i is None:
            i = done[rule, xs] = new.step(rule, xs)
        return i
    constants = 0
    for x in xs:
        if x in known:
            constants += 1
    if constants == len(xs):
        return new.constant(rule.forward(*[known[x] for x in xs]))
    identity = IDENTITIES.get(rule)
    if identity is not None and (constants or rule not in BY_CONSTANTS):
        found = identity(new, xs)
        if found is not None:
            if isinstance(found, int):
                return found
            rule, xs = found
    turned = (rule is ADD or rule is MUL) and xs[0] > xs[1]
    key: Any = (rule, xs[::-1] if turned else xs)
    i = done.get(key)
    if i is None:
        i = done[key] = new.step(rule, xs)
    return i


# What each may answer: the number of a step, another operation, or None. --------------------


def one_of(new: Program, x: int, c: float) -> bool:
    """Whether step x is this constant, sign of zero included."""
    found = new.data.get(x)
    return found == c and (c != 0.0 or math.copysign(1.0, found) == math.copysign(1.0, c))


def add(new: Program, xs: tuple[int, ...]) -> Any:
    a, b = xs
    if one_of(new, b, -0.0):
        return a  # a + -0 = a
    if one_of(new, a, -0.0):
        return b
    if new.rules[b] is NEG:
        return SUB, (a, new.operands[b][0])  # a + (-b) = a - b
    if new.rules[a] is NEG:
        return SUB, (b, new.operands[a][0])
    for a, b in (xs, xs[::-1]):
        if new.data.get(b, 0.0) < 0.0:
            return SUB, (a, new.constant(-new.data[b]))  # a + (-2) = a - 2
    return None


def sub(new: Program, xs: tuple[int, ...]) -> Any:
    a, b = xs
    if one_of(new, b, 0.0):
        return a  # a - 0 = a
    if new.rules[b] is NEG:
        return ADD, (a, new.operands[b][0])  # a - (-b) = a + b
    if new.data.get(b, 0.0) < 0.0:
        return ADD, (a, new.constant(-new.data[b]))  # a - (-2) = a + 2
    return None


def mul(new: Program, xs: tuple[int, ...]) -> Any:
    for a, b in (xs, xs[::-1]):
        if one_of(new, b, 1.0):
            return a  # a * 1 = a
        if one_of(new, b, -1.0):
            return NEG, (a,)  # a * -1 = -a
    return None


def div(new: Program, xs: tuple[int, ...]) -> Any:
    a, b = xs
    if one_of(new, b, 1.0):
        return a  # a / 1 = a
    return (NEG, (a,)) if one_of(new, b, -1.0) else None


def neg(new: Program, xs: tuple[int, ...]) -> Any:
    (a,) = xs
    if new.rules[a] is NEG:
        return new.operands[a][0]  # -(-a) = a
    return None


def power(new: Program, xs: tuple[int, ...]) -> Any:
    return xs[0] if one_of(new, xs[1], 1.0) else None  # a**1 = a


def same(new: Program, xs: tuple[int, ...]) -> Any:
    return xs[0]  # identity(a) = a; and past the chain rule stop(a) = a too


def where(new: Program, xs: tuple[int, ...]) -> Any:
    c, a, b = xs
    if c in new.data:
        return a if new.data[c] else b  # the condition is known
    return a if a == b else None


def take(new: Program, xs: tuple[int, ...]) -> Any:
    index = new.data.get(xs[0], -1.0)
    known = 0 <= index < len(xs) - 1 and index == int(index)
    return xs[1 + int(index)] if known else None


def extreme(new: Program, xs: tuple[int, ...]) -> Any:
    return xs[0] if len(set(xs)) == 1 else None  # max(a, a) = a


SUB, NEG = TABLE["sub"], TABLE["neg"]
IDENTITIES: Final[dict[Rule, Any]] = {
    TABLE[name]: identity
    for name, identity in (
        ("add", add), ("sub", sub), ("mul", mul), ("div", div), ("neg", neg), ("pow", power),
        ("where", where), ("take", take), ("identity", same), ("stop", same),
        ("maximum", extreme), ("minimum", extreme),
    )
}  # fmt: skip
# Those that have something to say only of constants.
BY_CONSTANTS: Final = frozenset((TABLE["mul"], TABLE["div"], TABLE["pow"]))
