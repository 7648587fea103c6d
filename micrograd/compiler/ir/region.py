"""Loops and branches in a program: steps whose operation has programs of its own.

A `Loop` is one step, and so is a `Branch`; both give several results at once, a bundle, of which
`Item` takes one. What a loop goes through, and what it puts out turn by turn, are sequences:
`PACK` makes one of numbers, `Element` takes a number out. That is all there is: derivatives of
loops are loops again (`derived.py`), so every order and both modes follow.

    operands of a Loop   constants, first carries, sequences
    inputs of its body   the constants, the carries, one entry of each sequence
    outputs              the next carries, then an entry of each sequence that it puts out
    results              the last carries, then those sequences

A loop can always put out the carries that its turns began with, which a reverse pass needs; what
nobody takes is left out by `simplify`. Read `derived.py` next. (Past 300 lines because these
operations are read against each other.)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from ...core.no_grad import no_grad
from ...core.node import BLANK, Node, made, place
from ...core.selection import Whole
from ...core.watch import WATCH
from ...engine import Value
from .program import Program
from .reverse import Symbol, places
from .structural import LATER, Structural


def bind(rule: Structural, operands: tuple[Any, ...]) -> Any:
    """The operation on symbols, on Values that are traced, or else at once."""
    for x in operands:
        if isinstance(x, Symbol):
            return Symbol(x.program, x.program.step(rule, places(x.program, operands)))
    if WATCH.symbolic():
        operands = tuple([bind(PACK, tuple(x)) if isinstance(x, list) else x for x in operands])
        return made(place(Value(BLANK), rule, operands, 1.0, [1.0] * len(operands)))
    return rule.evaluate(*operands)


def is_sequence(x: Any) -> bool:
    """Whether an operand is a sequence of numbers."""
    if isinstance(x, Symbol):
        rule: Any = x.program.rules[x.i]
        return x.i in x.program.sequences or (isinstance(rule, Structural) and rule.sequence)
    if isinstance(x, Node):
        return isinstance(x._rule, Structural) and bool(x._rule.sequence)
    return isinstance(x, (list, Whole))


class Parts(Whole):
    """The gradient, or the tangent, of a bundle or a sequence: of some parts, or of all as `dense`.

    Both by place; a part is a number or itself a Whole.
    """

    def __init__(
        self, parts: dict[int, Any], dense: Any = None, forward: bool = False, n: int = 0
    ) -> None:
        self.parts = parts
        self.dense = dense
        self.forward = forward
        self.n = n

    def __add__(self, other: Any) -> Parts:
        assert isinstance(other, Parts)
        parts = dict(self.parts)
        for k, part in other.parts.items():
            parts[k] = parts[k] + part if k in parts else part
        dense = self.dense if other.dense is None else other.dense
        if self.dense is not None and other.dense is not None:
            dense = bind(ADD, (self.dense, other.dense))
        return Parts(parts, dense, self.forward, max(self.n, other.n))

    def step(self) -> Any:
        """The whole sequence as one operand; where there is no part it is 0."""
        if not self.parts:
            return self.dense
        numbers = []
        zero = zero_like(next(iter(self.parts.values())))
        for k in range(self.n):
            part = self.parts.get(k, zero)
            numbers.append(part.step() if isinstance(part, Parts) else part)
        packed = bind(PACK, tuple(numbers))
        return packed if self.dense is None else bind(ADD, (self.dense, packed))


def zero_like(x: Any) -> Any:
    """No gradient: 0, or for a sequence as many."""
    if not isinstance(x, Parts):
        return 0.0
    return [zero_like(next(iter(x.parts.values()), 0.0))] * x.n


def whole(x: Any, forward: bool = False) -> Any:
    """A sequence as a Whole, a number as it is."""
    return Parts({}, x, forward) if is_sequence(x) and not isinstance(x, Whole) else x


def step_of(x: Any) -> Any:
    """A gradient or a tangent as an operand."""
    return x.step() if isinstance(x, Parts) else x


class Item(Structural):
    """One result of a bundle: a number or a sequence."""

    def __init__(self, k: int, sequence: bool) -> None:
        super().__init__("item", 1)
        self.k = k
        self.sequence = sequence

    def evaluate(self, *operands: Any) -> Any:
        return operands[0][self.k]

    def pullback(self, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
        (rate,) = rates
        if isinstance(rate, Parts) and rate.forward and isinstance(rate, Bundle):
            return [rate.parts.get(self.k)]
        return [None if rate is None else Bundle({self.k: rate})]


class Bundle(Parts):
    """The gradient or the tangent of a bundle."""

    def __add__(self, other: Any) -> Parts:
        total = Parts.__add__(self, other)
        return Bundle(total.parts, None, self.forward)


class Element(Structural):
    """The number, or the sequence, at one place of a sequence."""

    def __init__(self, k: int, n: int, sequence: bool = False) -> None:
        super().__init__("element", 1)
        self.k = k
        self.n = n
        self.sequence = sequence

    def evaluate(self, *operands: Any) -> Any:
        return operands[0][self.k]

    def pullback(self, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
        (rate,) = rates
        if isinstance(rate, Parts) and rate.forward:
            return [entry_of(rate, self.k, self.n, self.sequence)]
        return [None if rate is None else Parts({self.k: rate}, n=self.n)]


def entry_of(rate: Parts, k: int, n: int, sequence: bool) -> Any:
    """What stands at one place of the gradient or the tangent of a sequence; None for nothing."""
    part = rate.parts.get(k)
    if rate.dense is None:
        return part
    found = whole(bind(element(k, n, sequence), (rate.dense,)), rate.forward)
    return found if part is None else found + part


class Pack(Structural):
    """A sequence of numbers, or of sequences."""

    def __init__(self) -> None:
        super().__init__("pack", 0)
        self.sequence = True

    def evaluate(self, *operands: Any) -> Any:
        return list(operands)

    def pullback(self, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
        n = len(xs)
        back = next((r for r in rates if isinstance(r, Parts) and not r.forward), None)
        if back is None:
            moving = {k: r for k, r in enumerate(rates) if r is not None}
            return [Parts(moving, None, True, n), *[None] * (n - 1)] if moving else [None] * n
        return [
            None if r is None else entry_of(back, k, n, is_sequence(xs[k]))
            for k, r in enumerate(rates)
        ]


class Add(Structural):
    """The sum of two sequences, number by number."""

    def __init__(self) -> None:
        super().__init__("add_sequences", 2)
        self.sequence = True

    def evaluate(self, *operands: Any) -> Any:
        a, b = operands
        return [self.evaluate(x, y) if isinstance(x, list) else x + y for x, y in zip(a, b)]

    def pullback(self, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
        return list(rates)


PACK, ADD = Pack(), Add()
LATER.update(bind=bind, pack=PACK)


@cache
def item(k: int, sequence: bool) -> Item:
    return Item(k, sequence)


@cache
def element(k: int, n: int, sequence: bool = False) -> Element:
    return Element(k, n, sequence)


class Loop(Structural):
    """A body done again and again: `length` times, through its sequences, or while `test` holds."""

    def __init__(
        self, body: Program, test: Program | None, sizes: tuple[int, int, int], length: int | None,
        backwards: bool = False, history: int = -1,
    ) -> None:  # fmt: skip
        super().__init__("loop", 0)
        self.body = body
        self.test = test
        self.constants, self.carries, self.entries = sizes
        self.length = length
        self.backwards = backwards
        self.history = history  # the result from which on stand the carries that turns began with

    def split(self, operands: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """The constants, the first carries, the sequences."""
        a, b = self.constants, self.constants + self.carries
        return list(operands[:a]), list(operands[a:b]), list(operands[b:])

    def turns(self, sequences: Sequence[Any]) -> int:
        """How many turns there are, where that is known; -1 where the test tells."""
        if self.test is not None:
            return -1
        return len(sequences[0]) if self.length is None else self.length

    def evaluate(self, *operands: Any) -> Any:
        constants, carry, sequences = self.split(operands)
        n, outputs = self.turns(sequences), len(self.body.outputs) - self.carries
        found: list[list[Any]] = [[] for _ in range(outputs)]
        k = 0
        while k < n or (n < 0 and self.goes_on([*constants, *carry])):
            at = n - 1 - k if self.backwards else k
            given = [*constants, *carry, *[s[at] for s in sequences]]
            results = self.body.run(given, ())
            carry = results[: self.carries]
            for output, y in zip(found, results[self.carries :]):
                output.append(y)
            k += 1
        if self.backwards:
            for output in found:
                output.reverse()
        return (*carry, *found)

    def programs(self) -> list[Program]:
        return [self.body] if self.test is None else [self.body, self.test]

    def goes_on(self, numbers: list[Any]) -> bool:
        assert self.test is not None
        with no_grad():
            return truth(self.test.run(numbers, ())[0])

    def pullback(self, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
        found: list[Any] = LATER["loop"](self, xs, y, rates)
        return found


class Branch(Structural):
    """One of two programs, which have the same inputs: the first where the condition is not 0."""

    def __init__(self, yes: Program, no: Program) -> None:
        super().__init__("branch", 0)
        self.yes = yes
        self.no = no

    def programs(self) -> list[Program]:
        return [self.yes, self.no]

    def evaluate(self, *operands: Any) -> Any:
        taken = self.yes if truth(operands[0]) else self.no
        return tuple(taken.run(list(operands[1:]), ()))

    def pullback(self, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
        found: list[Any] = LATER["branch"](self, xs, y, rates)
        return found


def truth(condition: Any) -> bool:
    return bool((condition._data if isinstance(condition, Node) else condition) != 0.0)


def loop_of(
    body: Program, test: Program | None, sizes: tuple[int, int, int], length: int | None,
    backwards: bool = False,
) -> Loop:  # fmt: skip
    """A loop that also puts out the carries that its turns began with."""
    first, carries = sizes[0], sizes[1]
    history = len(body.outputs)
    body.outputs += body.inputs[first : first + carries]
    body.values = len(body.outputs)
    return Loop(body, test, sizes, length, backwards, history)


def chooses(program: Program) -> bool:
    """Whether examples may go different ways: then each is run on its own."""
    for rule in program.rules:
        if isinstance(rule, Branch) or (isinstance(rule, Loop) and rule.test is not None):
            return True
        if isinstance(rule, Structural) and any([chooses(inner) for inner in rule.programs()]):
            return True
    return False


def remembers(program: Program) -> bool:
    """Whether a loop that asks each turn puts out what it went through, as for a gradient."""
    for rule in program.rules:
        if (
            isinstance(rule, Loop)
            and rule.test is not None
            and len(rule.body.outputs) > rule.carries
        ):
            return True
        if isinstance(rule, Structural) and any([remembers(inner) for inner in rule.programs()]):
            return True
    return False
