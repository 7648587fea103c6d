"""How much room the values of loops take: numbers side by side, known before anything runs.

For who gives every number its place: the machine (`native/regions.py`) and C (
`c/loops.py`).
"""

from __future__ import annotations

from math import prod
from typing import Any

from .program import Program
from .region import Add, Branch, Element, Item, Loop, Pack
from .structural import Structural


class Unsupported(Exception):
    """What has no place beforehand, and so no instruction and no C."""


Shape = tuple[Any, ...]
Shapes = dict[int, Shape]  # of the inputs that are sequences


def is_sequence(program: Program, i: int) -> bool:
    rule = program.rules[i]
    return i in program.sequences or (isinstance(rule, Structural) and rule.sequence)


def shape(program: Program, i: int, given: Shapes) -> Shape:
    """How many entries a sequence has, and each of them if it is one too; () of a number.

    None is a number of entries that is known only when it runs.
    """
    if not is_sequence(program, i):
        return ()
    rule, xs = program.rules[i], program.operands[i]
    if isinstance(rule, Pack):
        return (len(xs), *shape(program, xs[0], given))
    if isinstance(rule, Add):
        return shape(program, xs[0], given)
    if isinstance(rule, Element):
        return shape(program, xs[0], given)[1:]
    if isinstance(rule, Item):
        loop: Any = program.rules[xs[0]]
        entry = shape(loop.body, loop.body.outputs[rule.k], entries(program, xs[0], loop, given))
        n = turns(program, xs[0], loop, given)
        if n is None and entry:
            raise Unsupported("sequences of sequences that grow")
        return (n, *entry)
    return given[i]


def entries(program: Program, i: int, loop: Loop, given: Shapes) -> Shapes:
    """The shapes of what the body of a loop is given turn by turn."""
    b = loop.constants + loop.carries
    return {
        x: shape(program, s, given)[1:]
        for x, s in zip(loop.body.inputs[b:], program.operands[i][b:])
    }


def turns(program: Program, i: int, loop: Loop, given: Shapes) -> int | None:
    """How many turns a loop takes; None if that is known only when it runs."""
    if loop.test is not None:
        return None
    if loop.length is not None:
        return loop.length
    first = program.operands[i][loop.constants + loop.carries]
    n: int | None = shape(program, first, given)[0]
    return n


def size(program: Program, i: int, given: Shapes) -> int:
    """How many numbers the value of a step is that have their place beforehand."""
    rule = program.rules[i]
    if isinstance(rule, Loop):
        return sum(place(program, i, rule, given, len(rule.body.outputs)))
    if isinstance(rule, Branch):
        return len(rule.yes.outputs)
    if isinstance(rule, (Pack, Add, Element)):
        found = shape(program, i, given)
        room: int = 0 if None in found else prod(found)
        return room
    return 1


def place(program: Program, i: int, loop: Loop, given: Shapes, k: int) -> list[int]:
    """How many numbers each of the first k results of a loop is."""
    n = turns(program, i, loop, given)
    sizes = [1] * min(k, loop.carries)
    for y in loop.body.outputs[loop.carries : k]:
        inner = entries(program, i, loop, given)
        sizes.append(0 if n is None else n * prod(shape(loop.body, y, inner)))
    return sizes
