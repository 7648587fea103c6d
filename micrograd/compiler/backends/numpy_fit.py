"""Training steps in NumPy: parameters and what the optimizer remembers are rows of numbers.

They become Values' data again when the loop ends. The optimizer's `update` is the program that
`fit.py` traced, run on all parameters at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...optim.optimizer import Optimizer
from ..arrays.roll import roll
from ..arrays.runtime import Layout
from ..arrays.source import emit
from ..arrays.spaces import numpy_space
from ..ir.program import Program
from .base import Rows
from .numpy import NumPyBatch, numpy_function


class NumPyLoop:
    """The steps of one `fit`; what `fit.py` asks of a loop."""

    def __init__(
        self,
        runner: NumPyBatch,
        rows: Rows,
        optimizer: Optimizer,
        orders: Iterator[Any] | None,
        update: Program,
    ) -> None:
        import numpy as np

        self.runner, self.rows, self.optimizer, self.orders = runner, rows, optimizer, orders
        self.numbers, self.update = update_of(update)
        parameters = runner.made.parameters
        place = {p: i for i, p in enumerate(optimizer.parameters)}
        self.places = [place[p] for p in parameters]  # where the optimizer has them
        self.row = np.array([p._data for p in parameters])
        states = [optimizer.state[i] for i in self.places]
        self.states = [np.array(column) for column in zip(*states)]
        # The arrays in these rows, which stay where they are.
        layout = runner.parameters
        self.gradient = np.zeros(len(parameters))
        self.weights = runner.weights(self.row)
        self.slopes = layout.views(self.gradient) if layout.regular else None
        self.all = runner.columns(rows) if orders is None else None
        self.ahead = False  # whether the rows hold what the parameters do not yet

    def loss(self) -> float:
        """The mean over the next batch; its gradient is in its row."""
        runner = self.runner
        rows = self.rows if self.orders is None else self.rows.chosen(next(self.orders))
        inputs = self.all or runner.columns(rows)
        weights = self.weights if runner.parameters.regular else runner.weights(self.row)
        value = runner.gradient_into(self.gradient, self.slopes, inputs, weights, rows.n)
        if value != value:
            value, slopes = runner.one_by_one(rows.rows, self.row.tolist())
            self.gradient[...] = slopes
        return value

    def take(self, count: int, schedule: Any) -> list[float]:
        """The losses of that many steps, or up to the first that is not a number."""
        import numpy as np

        optimizer = self.optimizer
        found: list[float] = []
        self.ahead = True
        with np.errstate(all="ignore"):
            while len(found) < count and (not found or found[-1] == found[-1]):
                loss = self.loss()
                if loss == loss:
                    optimizer.steps += 1
                    numbers = self.numbers.cut(np.array(optimizer.coefficients(), dtype=float))
                    made = self.update(self.gradient, self.row, *self.states, *numbers)
                    first, *rest = made if isinstance(made, list) else [made]
                    self.row[...] = first
                    self.states = [np.broadcast_to(s, self.row.shape) for s in rest]
                    if schedule is not None:
                        schedule.step()
                found.append(loss)
        return found

    def finish(self) -> None:
        """Give the parameters and the optimizer what the rows hold."""
        if not self.ahead:
            return
        parameters = self.runner.made.parameters
        for p, data, g in zip(parameters, self.row.tolist(), self.gradient.tolist()):
            p.data, p.grad = data, g
        if self.states:
            rows = zip(*[state.tolist() for state in self.states])
            for i, state in zip(self.places, rows):
                self.optimizer.state[i] = state


_updates: dict[Any, tuple[Layout, Any]] = {}  # a few: one for each kind of optimizer


def update_of(update: Program) -> tuple[Layout, Any]:
    """Where an update's numbers are, and the update in NumPy; made once for each program."""
    data = tuple([(i, c.hex()) for i, c in update.data.items()])
    key = (*update.rules, *update.operands, data, *update.inputs, *update.outputs)
    found = _updates.get(key)
    if found is None:
        program = roll(update)
        numbers = Layout(program, program.parameters, program.parameter_places)
        function = numpy_function(emit(program, batched=True), numpy_space())
        found = _updates[key] = numbers, function
    return found
