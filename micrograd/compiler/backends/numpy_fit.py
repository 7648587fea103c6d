"""Training steps in NumPy: parameters and what the optimizer remembers are rows of numbers.

They become Values' data again when the loop ends. The optimizer's own `update` is traced and
rolled up, so that all parameters of a group move at once. `fit.py` is the loop around it; the
same in machine code is in `native/loop.py`.
"""

from __future__ import annotations

from typing import Any

from ...nn.parameters import set_all
from ...optim.onecycle import OneCycleLR
from ...optim.optimizer import Optimizer
from ...optim.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from ...optim.schedules import WarmupLR, advance
from ...optim.state import fitting
from ..arrays.roll import roll
from ..arrays.runtime import Layout
from ..arrays.source import emit
from ..arrays.spaces_numpy import numpy_space
from ..cohorts import (
    Cohort,
    chosen,
    cohorts_of,
    known_optimizer,
    known_schedule,
    put,
    steps_in_the_machine,
)
from ..ir.program import Program
from ..ir.reverse import Symbol
from ..ir.simplify import simplify
from ..loop import Loop
from .base import Rows
from .numpy import NumPyBatch, numpy_function

KINDS = (SGD, Adagrad, RMSprop, Adam, AdamW)


def moves_in_rows(optimizer: Optimizer, schedule: Any) -> bool:
    """Whether nobody comes in between two steps, and all that differs between them is numbers."""
    return (
        type(optimizer) in KINDS
        and "update" not in vars(optimizer)
        and steps_in_the_machine(optimizer)
        and known_optimizer(optimizer)
        and known_schedule(schedule, optimizer)
        and not moves_momentum(schedule)
    )


def moves_momentum(schedule: Any) -> bool:
    if isinstance(schedule, WarmupLR):
        return moves_momentum(schedule.then)
    return isinstance(schedule, OneCycleLR) and bool(schedule.cycle_momentum)


class Mover:
    """A cohort in rows: what its parameters remember, and how they move."""

    def __init__(self, cohort: Cohort) -> None:
        import numpy as np

        self.cohort, self.seen = cohort, cohort.seen
        here = cohort.here
        in_order = isinstance(here, range)
        self.here: Any = slice(here[0], here[-1] + 1) if in_order else np.array(here)
        first = cohort.seen.first_state()
        begun = [fitting(state, first) for state in chosen(cohort.seen.state, cohort.there)]
        self.states = [np.array(column) for column in zip(*begun)]
        self.numbers, self.update = update_of(self.traced())

    def traced(self) -> Program:
        """The update of one parameter, from its gradient, itself, its state and coefficients."""
        program, seen = Program(), self.seen
        g, p = (Symbol(program, program.input(name)) for name in ("g", "p"))
        state = [Symbol(program, program.input(f"s{k}")) for k in range(len(self.states))]
        count = len(self.coefficients(1))
        numbers = [Symbol(program, program.parameter(f"c{k}")) for k in range(count)]
        new, kept = seen.update(p, g, tuple(state), tuple(numbers))
        program.outputs = [
            y.i if isinstance(y, Symbol) else program.constant(float(y))
            for y in (new, *kept, *state[len(kept) :])
        ]
        return simplify(program)

    def coefficients(self, step: int) -> tuple[float, ...]:
        """The numbers of a step of this loop, counted from 1."""
        vars(self.seen).update(self.cohort.group, steps=self.cohort.before + step)
        return self.seen.coefficients()

    def step(self, step: int, row: Any, gradient: Any) -> None:
        """Nothing; afterwards the parameters of the cohort have moved in the row."""
        import numpy as np

        here = self.here
        numbers = self.numbers.cut(np.array(self.coefficients(step), dtype=float))
        made = self.update(gradient[here], row[here], *self.states, *numbers)
        first, *rest = made if isinstance(made, list) else [made]
        row[here] = first
        self.states = [np.broadcast_to(s, (len(self.cohort.here),)) for s in rest]


class NumPyLoop(Loop):
    """The steps of one `fit` in NumPy."""

    def __init__(
        self,
        runner: NumPyBatch,
        rows: Rows,
        optimizer: Optimizer,
        schedule: Any,
        size: int,
        seed: int,
    ) -> None:
        import numpy as np

        super().__init__(runner, rows, optimizer, schedule, size, seed)
        parameters = runner.made.parameters
        self.movers = [Mover(cohort) for cohort in cohorts_of(optimizer, parameters)]
        self.row = np.array([p._data for p in parameters], dtype=float)
        # The arrays in these rows, which stay where they are.
        layout = runner.parameters
        self.gradient = np.zeros(len(parameters))
        self.weights = runner.weights(self.row)
        self.slopes = layout.views(self.gradient) if layout.regular else None
        self.all = runner.columns(rows) if self.orders is None else None
        self.before, self.done = optimizer.steps, 0
        self.ahead = False  # whether the rows hold what the parameters do not yet

    def loss(self) -> float:
        """The mean over the next batch; its gradient is in its row."""
        runner: NumPyBatch = self.runner
        rows = self.rows if self.orders is None else self.rows.chosen(next(self.orders))
        inputs = self.all or runner.columns(rows)
        weights = self.weights if runner.parameters.regular else runner.weights(self.row)
        value = runner.gradient_into(self.gradient, self.slopes, inputs, weights, rows.n)
        if value != value:
            value, slopes = runner.one_by_one(rows.rows, self.row.tolist())
            self.gradient[...] = slopes
        return value

    def take(self, count: int) -> None:
        import numpy as np

        losses = self.losses
        end = len(losses) + count
        with np.errstate(all="ignore"):
            while len(losses) < end:
                loss = self.loss()
                self.ahead = True
                losses.append(loss)
                if loss != loss:
                    return
                self.done += 1
                for mover in self.movers:
                    mover.step(self.done, self.row, self.gradient)
                advance(self.schedule, loss)

    def finish(self) -> None:
        """Give the parameters and the optimizer what the rows hold, if that is new."""
        if not self.ahead:
            return
        optimizer, parameters = self.optimizer, self.runner.made.parameters
        states, counts = list(optimizer.state), list(optimizer.counts)
        row = self.row.tolist()
        moved, data = [], []
        for mover in self.movers:
            _, _, before, there, here = mover.cohort
            moved += chosen(parameters, here)
            data += chosen(row, here)
            if mover.states:
                put(states, there, list(zip(*[state.tolist() for state in mover.states])))
            put(counts, there, [before + self.done] * len(there))
        set_all(parameters, "grad", [g + 0.0 for g in self.gradient.tolist()])
        set_all(moved, "data", data)
        optimizer.state, optimizer.counts = states, counts
        optimizer.steps = self.before + self.done
        self.ahead = False


_updates: dict[Any, tuple[Layout, Any]] = {}  # those used last: one for each kind and settings
KEPT = 16


def update_of(update: Program) -> tuple[Layout, Any]:
    """Where an update's numbers are, and the update in NumPy; made once for each program."""
    data = tuple([(i, c.hex()) for i, c in update.data.items()])
    key = (*update.rules, *update.operands, data, *update.inputs, *update.outputs)
    found = _updates.get(key)
    if found is None:
        program = roll(update)
        numbers = Layout(program, program.parameters, program.parameter_places)
        function = numpy_function(emit(program, batched=True), numpy_space())
        found = numbers, function
        while len(_updates) >= KEPT:
            del _updates[next(iter(_updates))]
    else:
        del _updates[key]
    _updates[key] = found
    return found
