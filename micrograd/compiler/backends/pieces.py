"""Programs with loops on arrays: what lies between loops and branches is array programs.

A program is cut where a loop or a branch stands. Each piece, and the body of each loop likewise,
becomes an array program of its own, so that a body that is a layer is a matrix product. How a loop
goes round is the `Side`'s: that of NumPy is in `numpy_loops.py`, those of JAX and PyTorch are in
`interop_loops.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...core.rule import Rule
from ..arrays.printing import Rolled
from ..arrays.roll import roll
from ..arrays.runtime import Layout
from ..ir.derived import relevant
from ..ir.program import Program
from ..ir.prune import reached_by
from ..ir.region import Branch, Element, Item, Loop, Pack
from ..ir.structural import Structural

Values = dict[int, Any]


class Segment:
    """Steps between two loops as one array program.

    `moving` are the steps from before that it is given in a row, `fixed` those that are the same
    in all turns, and become its parameters; `outputs` what others need of it.
    """

    def __init__(
        self, program: Program, steps: list[int], fixed: set[int], outputs: list[int]
    ) -> None:
        self.outputs = outputs
        inside = set(steps)
        needed = dict.fromkeys(
            x for i in steps for x in program.operands[i]
            if x not in inside and x not in program.data
        )  # fmt: skip
        self.moving = [x for x in needed if x not in fixed]
        self.fixed = [x for x in needed if x in fixed]
        made = Program()
        at = {x: made.input(f"x{k}") for k, x in enumerate(self.moving)}
        at.update({x: made.parameter(f"w{k}") for k, x in enumerate(self.fixed)})
        for i in steps:
            rule = program.rules[i]
            for x in program.operands[i]:
                if x in program.data and x not in at:
                    at[x] = made.constant(program.data[x])
            at[i] = made.step(rule, tuple([at[x] for x in program.operands[i]]))
            if i in program.bare:
                made.bare.add(at[i])
        made.outputs = [at[y] for y in outputs]
        made.forward_steps, made.values = len(made), len(outputs)
        shape = [("x", (len(self.moving),))] if self.moving else []
        self.rolled: Rolled = roll(made, shape)
        # Dimensions of the array that has all outputs, if there is one.
        self.rank = len(self.rolled.steps[self.rolled.outputs[0].array].shape)
        self.inputs = Layout(self.rolled, self.rolled.inputs, self.rolled.input_places)
        self.weights = Layout(self.rolled, self.rolled.parameters, self.rolled.parameter_places)


class Side:
    """How a library of arrays makes a function of a piece, and goes round a loop."""

    def function(self, segment: Segment) -> Callable[..., Any]:
        raise NotImplementedError

    def row(self, values: Sequence[Any], n: Any) -> Any:
        """The values side by side, as the last dimension."""
        raise NotImplementedError

    def pack(self, values: list[Any], n: Any) -> Any:
        return values

    def results(self, segment: Segment, found: Any) -> list[Any]:
        """What the function of a piece gave as a list of values."""
        if isinstance(found, list):
            return found
        count = len(segment.outputs)
        if count == 1:
            return [found]
        # All of them are one array, which may have more than one dimension.
        lead = found.shape[: len(found.shape) - segment.rank]
        row = found.reshape((*lead, count))
        return [row[..., k] for k in range(count)]

    def add(self, a: Any, b: Any) -> Any:
        return [self.add(x, y) if isinstance(x, list) else x + y for x, y in zip(a, b)]

    def loop(self, loop: Loop, turn: Any, test: Any, given: Any, n: Any) -> list[Any]:
        """The results of a loop, in Python; `given` are constants, carries and sequences."""
        constants, carry, sequences = given
        puts: list[list[Any]] = [[] for _ in range(len(loop.body.outputs) - loop.carries)]
        count, k = -1 if loop.test is not None else loop.turns(sequences), 0
        while k < count or (count < 0 and self.true(test(constants, carry, n)[0])):
            at = count - 1 - k if loop.backwards else k
            found = turn(constants, carry, [s[at] for s in sequences], n)
            carry = found[: loop.carries]
            for put, y in zip(puts, found[loop.carries :]):
                put.append(y)
            k += 1
        return [*carry, *[put[::-1] if loop.backwards else put for put in puts]]

    def branch(self, condition: Any, yes: Any, no: Any, given: list[Any], n: Any) -> list[Any]:
        found: list[Any] = yes(given, n) if self.true(condition) else no(given, n)
        return found

    def stopped(self, given: list[Any]) -> list[Any]:
        """The same, where no gradient is to pass, for a library that differentiates by itself."""
        return given

    def true(self, condition: Any) -> bool:
        return bool(condition != 0)


class Pieces:
    """A program, or the body of a loop, as pieces in their order."""

    def __init__(self, program: Program, fixed: set[int], side: Side) -> None:
        self.program, self.fixed, self.side = program, fixed, side
        self.reached = relevant(program, program.outputs)
        needed = reached_by(program, program.outputs)  # what others read may be gone
        users: dict[int, list[int]] = {}
        for i, xs in enumerate(program.operands):
            for x in xs if needed[i] else ():
                users.setdefault(x, []).append(i)
        ends = set(program.outputs)
        self.plan: list[int | Segment] = []
        waiting: list[int] = []

        def flush() -> None:
            inside = set(waiting)
            outputs = [
                i for i in waiting if i in ends or any([u not in inside for u in users.get(i, [])])
            ]
            if outputs:
                self.plan.append(Segment(program, list(waiting), fixed, outputs))
            waiting.clear()

        for i, rule in enumerate(program.rules):
            if not needed[i]:
                continue
            if isinstance(rule, Structural):
                if not inside_of(program.operands[i], waiting):
                    self.plan.append(i)
                    continue
                flush()
                self.plan.append(i)
            elif isinstance(rule, Rule):
                waiting.append(i)
        flush()
        self.functions = {id(s): side.function(s) for s in self.plan if isinstance(s, Segment)}
        self.bodies: dict[int, list[Pieces]] = {}
        for piece in self.plan:
            if isinstance(piece, int):
                self.add_bodies(piece, program.rules[piece])

    def add_bodies(self, i: int, rule: Any) -> None:
        xs = self.program.operands[i]
        if isinstance(rule, Branch):
            xs = xs[1:]
        if isinstance(rule, (Loop, Branch)):
            constants = rule.constants if isinstance(rule, Loop) else len(xs)
            self.bodies[i] = [
                Pieces(
                    inner,
                    {p for p, x in zip(inner.inputs[:constants], xs) if x in self.fixed},
                    self.side,
                )
                for inner in rule.programs()
            ]

    def prepared(self, values: Values, n: Any) -> list[Any]:
        """The parameters of the pieces as arrays, made once."""
        return [
            piece.weights.cut(self.side.row([values[x] for x in piece.fixed], None))
            if isinstance(piece, Segment) and piece.fixed
            else []
            for piece in self.plan
        ]

    def run(self, values: Values, prepared: list[Any], n: Any) -> list[Any]:
        """The outputs, of n examples or of one if that is None."""
        program, side = self.program, self.side
        values = {**values, **program.data}
        for piece, weights in zip(self.plan, prepared):
            if isinstance(piece, Segment):
                given = []
                if piece.moving:
                    given = piece.inputs.cut(side.row([values[x] for x in piece.moving], n))
                found = self.functions[id(piece)](*given, *weights)
                values.update(zip(piece.outputs, side.results(piece, found)))
                continue
            rule, xs = program.rules[piece], program.operands[piece]
            if isinstance(rule, (Item, Element)):
                values[piece] = values[xs[0]][rule.k]
            elif isinstance(rule, Pack):
                values[piece] = side.pack([values[x] for x in xs], n)
            elif isinstance(rule, Loop):
                values[piece] = self.loop(piece, rule, [values[x] for x in xs], n)
            elif isinstance(rule, Branch):
                values[piece] = self.branch(piece, [values[x] for x in xs], n)
            else:
                values[piece] = side.add(values[xs[0]], values[xs[1]])
        return [values[y] for y in program.outputs]

    def loop(self, i: int, loop: Loop, given: list[Any], n: Any) -> list[Any]:
        bodies = self.bodies[i]
        if not self.reached[i]:
            given = self.side.stopped(given)
        split = loop.split(given)
        body = bodies[0]
        known = {p: v for p, v in zip(body.program.inputs, split[0]) if p in body.fixed}
        weights = body.prepared(known, n)

        def turn(constants: Any, carry: Any, entries: Any, n: Any) -> list[Any]:
            values = dict(zip(body.program.inputs, [*constants, *carry, *entries]))
            return body.run(values, weights, n)

        test = None
        if len(bodies) > 1:
            asked = bodies[1]
            known = {p: v for p, v in zip(asked.program.inputs, split[0]) if p in asked.fixed}
            others = asked.prepared(known, n)

            def test(constants: Any, carry: Any, n: Any) -> list[Any]:
                values = dict(zip(asked.program.inputs, [*constants, *carry]))
                return asked.run(values, others, n)

        return self.side.loop(loop, turn, test, split, n)

    def branch(self, i: int, given: list[Any], n: Any) -> list[Any]:
        def side_of(pieces: Pieces) -> Any:
            known = {p: v for p, v in zip(pieces.program.inputs, given[1:]) if p in pieces.fixed}
            weights = pieces.prepared(known, n)

            def run(values: list[Any], n: Any) -> list[Any]:
                return pieces.run(dict(zip(pieces.program.inputs, values)), weights, n)

            return run

        yes, no = map(side_of, self.bodies[i])
        return self.side.branch(given[0], yes, no, given[1:], n)


def inside_of(operands: tuple[int, ...], waiting: list[int]) -> bool:
    """Whether an operand is among the steps that are not computed yet."""
    return bool(waiting) and not set(waiting).isdisjoint(operands)
