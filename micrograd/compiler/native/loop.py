"""The steps of a compiled training loop in the machine, a chunk at a time.

The optimizer's own `update` is traced, so that what it says is what runs. What differs from step
to step, such as the learning rate, is computed beforehand for a whole chunk. `fit.py` is the loop
around it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from math import isnan
from typing import Any

from ...core.rule import TABLE
from ...engine import Value
from ...nn.parameters import are_watched, set_all
from ...optim.onecycle import OneCycleLR
from ...optim.optimizer import Optimizer
from ...optim.optimizers import STEADY
from ...optim.state import fitting
from ..backends.base import Rows
from ..cohorts import chosen, cohorts_of, known_optimizer, known_schedule, put
from ..ir.program import Program
from ..ir.reverse import Symbol
from ..ir.simplify import simplify
from ..loop import Loop
from ..paused import gc_paused
from .encode import Encoder
from .instructions import Build


class NativeLoop(Loop):
    """Chunks of steps in the machine; parameters and states live in its columns meanwhile."""

    def __init__(
        self,
        runner: Any,  # a NativeBatch, or several of them
        rows: Rows,
        optimizer: Optimizer,
        schedule: Any,
        size: int,
        seed: int,
    ) -> None:
        super().__init__(runner, rows, optimizer, schedule, size, seed)
        self.parameters: list[Value] = runner.made.parameters
        self.prepare()
        self.padded = (len(self.parameters) + 7) // 8 * 8
        self.update: Any = None
        self.shape: Any = None
        self.sizes: list[int] = []
        # Whether nobody comes in between two steps, so that many can be taken at once.
        self.ahead_of_time = known_optimizer(optimizer) and known_schedule(schedule, optimizer)
        cycles = isinstance(schedule, OneCycleLR) and schedule.cycle_momentum
        self.moving = ("momentum", "betas") if cycles else ()  # settings that differ between steps
        self.load()

    def prepare(self) -> None:
        """Read the examples."""
        self.inputs = self.runner.columns(self.rows)

    @property
    def build(self) -> Build:
        build: Build = self.runner.build
        return build

    # Into the columns and back --------------------------------------------------------------

    @gc_paused
    def load(self) -> None:
        """Fill the columns: gradients, parameters, what the optimizer remembers, who moves how."""
        optimizer, build = self.optimizer, self.build
        n = len(self.parameters)
        self.cohorts = cohorts_of(optimizer, self.parameters)
        begun = []
        self.sizes = []  # of what each remembers
        for cohort in self.cohorts:
            first = cohort.seen.first_state()
            states = chosen(optimizer.state, cohort.there)
            if first and min(map(len, states)) < len(first):
                states = [fitting(state, first) for state in states]
            begun.append(states)
            self.sizes.append(min(map(len, states)) if any(states) else 0)
        self.states = max(self.sizes, default=0)
        rows = [build.zeros(self.padded) for _ in range(self.states)]
        several = len(self.cohorts) != 1 or len(self.cohorts[0].there) < n
        if several:
            rows.append(build.numbers([-1.0] * n + [0.0] * (self.padded - n)))  # those that stay
        for j, (cohort, states, size) in enumerate(zip(self.cohorts, begun, self.sizes)):
            for k in range(size):
                put(rows[k], cohort.here, [state[k] for state in states])
            if several:
                put(rows[-1], cohort.here, [float(j)] * len(states))
        self.columns = build.zeros(2 * self.padded)
        build.module.gather(self.parameters, self.columns, self.padded)
        for row in rows:
            self.columns.extend(row)
        shape = [
            (size, {k: x for k, x in cohort.group.items() if k not in ("params", "lr")})
            for size, cohort in zip(self.sizes, self.cohorts)
        ]
        if self.update is None or self.shape != (shape, several):
            self.update = self.update_machine(several, build)
            self.shape = shape, several
        self.taken = 0  # steps since then
        self.ahead = False  # whether they hold what the parameters do not yet

    @gc_paused
    def finish(self) -> None:
        """Give the parameters and the optimizer what the columns hold, if that is new."""
        if not self.ahead:
            return
        optimizer, n = self.optimizer, len(self.parameters)
        places = [k * self.padded for k in range(2 + self.states)]
        rows = [self.columns[k : k + n].tolist() for k in places[2:]]
        states = list(optimizer.state) if rows else optimizer.state
        counts = list(optimizer.counts)
        for size, cohort in zip(self.sizes, self.cohorts):
            there, here = cohort.there, cohort.here
            if size:
                put(states, there, list(zip(*[chosen(row, here) for row in rows[:size]])))
            put(counts, there, [cohort.before + self.taken] * len(there))
        self.give("grad", 0, range(n))
        if len(self.cohorts) == 1:
            self.give("data", self.padded, self.cohorts[0].here)
        else:  # all together or not at all
            self.give("data", self.padded, [*chain(*[cohort.here for cohort in self.cohorts])])
        optimizer.state, optimizer.counts = states, counts
        self.ahead = False

    def give(self, name: str, at: int, here: Sequence[int]) -> None:
        """Nothing; the parameters in these places have the numbers from there on in the columns."""
        parameters = chosen(self.parameters, here)
        if isinstance(here, range) and not are_watched():
            at += here.start
            if self.build.module.scatter(parameters, self.columns, at, name == "grad"):
                return
            numbers = self.columns[at : at + len(here)].tolist()
        else:
            numbers = [self.columns[at + i] for i in here]
        set_all(parameters, name, numbers)

    # Steps ----------------------------------------------------------------------------------

    def take(self, count: int) -> None:
        if self.ahead_of_time:
            self.chunk(count, self.schedule)
            return
        for _ in range(count):
            # Who comes in between may look at everything, and change it.
            self.chunk(1, None)
            self.finish()
            if isnan(self.losses[-1]):
                return
            self.advance()
            self.load()

    def chunk(self, count: int, schedule: Any) -> None:
        """That many steps, whose numbers are known beforehand."""
        optimizer = self.optimizer
        build = self.build
        before, t = optimizer.steps, getattr(schedule, "t", 0)
        steady = schedule is None and type(optimizer) in STEADY and self.ahead_of_time
        each: list[list[float]] = []
        refused: Exception | None = None
        try:
            for j in range(min(count, 2) if steady else count):
                optimizer.steps = before + j + 1
                each.append([])
                for seen, group, start, *_ in self.cohorts:
                    vars(seen).update(group, steps=start + self.taken + j + 1)
                    each[-1].extend((*seen.coefficients(), *self.moved(group)))
                if schedule is not None:
                    try:
                        schedule.step()
                    except ValueError as error:  # past its end: after this step it says so
                        refused, count = error, j + 1
                        break
            numbers = build.numbers(chain.from_iterable(each))
        except BaseException:  # no step was taken
            optimizer.steps = before
            if schedule is not None:
                schedule.go(t)
            raise
        if steady and count > 2:  # a step may take less time than a turn of the loop above
            numbers.extend(build.numbers(each[-1]) * (count - 2))
        order = array("i")
        if self.orders is not None:
            for _ in range(count):
                order.extend(next(self.orders))
        losses = build.zeros(count)
        done = self.run(order, count, numbers, losses)
        self.ahead = True
        optimizer.steps = before + done
        self.taken += done
        self.losses.extend(losses[:done])
        if done < count:
            # A gradient that is not a number: this one step as the eager engine takes it.
            self.finish()
            if schedule is not None:
                schedule.go(t + done)
            if self.orders is not None:
                rest = [order[k : k + self.size] for k in range(0, len(order), self.size)][done:]
                self.orders = chain(rest, self.orders)
            kept, self.schedule = self.schedule, schedule
            try:
                self.step()
            finally:
                self.schedule = kept
            self.load()
        elif refused is not None:
            self.finish()
            raise refused

    def run(self, order: array[int], count: int, numbers: array[float], losses: Any) -> int:
        """How many of these steps were taken: up to one whose gradient is not a number."""
        with self.runner.lock:
            done: int = self.runner.sums_of(self.size).fit(
                self.update, self.columns, self.inputs, self.rows.n, self.inputs.stride, order,
                self.size, count, numbers, losses,
            )  # fmt: skip
        return done

    def moved(self, group: dict[str, Any]) -> list[float]:
        """The settings of a group that differ between steps, one after the other."""
        found: list[float] = []
        for name in self.moving:
            x = group.get(name, ())
            found.extend(x if isinstance(x, tuple) else (x,))
        return found

    def update_machine(self, several: bool, build: Build) -> Any:
        """A machine for the optimizer's `update`, with a column for each number of a parameter.

        Where not all move alike, the last column says which cohort's update is that of each.
        """
        program = Program()
        g, p = (Symbol(program, program.input(name)) for name in ("g", "p"))
        states = [Symbol(program, program.input(f"s{k}")) for k in range(self.states)]
        which = Symbol(program, program.input("which")) if several else None
        chosen: list[Any] = [p, *states]
        counts = self.optimizer.steps
        try:
            self.optimizer.steps = counts + 1  # what a step's numbers are is asked for during it
            for j, (seen, group, count, *_) in enumerate(self.cohorts):
                vars(seen).update(group, steps=count + 1)
                size, known = self.sizes[j], len(seen.coefficients())
                numbers = [
                    Symbol(program, program.parameter(f"c{j}_{k}"))
                    for k in range(known + len(self.moved(group)))
                ]
                rest = iter(numbers[known:])
                for name in self.moving:
                    if name in group:
                        x = group[name]
                        several_of = isinstance(x, tuple)
                        vars(seen)[name] = (
                            tuple(next(rest) for _ in x) if several_of else next(rest)
                        )
                new, kept = seen.update(p, g, tuple(states[:size]), tuple(numbers[:known]))
                vars(seen).update(group)
                found = [new, *kept, *states[len(kept) :]]
                if which is None:
                    chosen = found
                    continue
                here = which._apply(TABLE["equal"], (which, float(j)))
                chosen = [here._apply(TABLE["where"], (here, x, y)) for x, y in zip(found, chosen)]
        finally:
            self.optimizer.steps = counts
        if which is not None:
            chosen.append(which)
        program.outputs = [
            y.i if isinstance(y, Symbol) else program.constant(float(y)) for y in chosen
        ]
        return Encoder(simplify(program), mapped=True).machine(build)
