"""`Jit.fit`: a whole training loop over a compiled function.

Steps, batches and updates are the same for every backend; the native one takes a chunk of
steps at a time without coming back to Python, which then shows the progress and looks for
Ctrl-C. The optimizer's own `update` is traced, so that what it says is what runs.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from math import isnan
from typing import TYPE_CHECKING, Any

from ..engine import Value
from ..optim.optimizer import Optimizer
from ..optim.optimizers import STEADY
from ..train.progress import CtrlC, Progress
from .backends.base import Rows
from .backends.numpy import NumPyBatch
from .backends.numpy_fit import NumPyLoop
from .ir.program import Program
from .ir.reverse import Symbol
from .ir.simplify import simplify
from .native import backend as native
from .native.backend import NativeBatch, padded_columns
from .native.encode import Encoder
from .native.instructions import Build

if TYPE_CHECKING:
    from .compiled import Compiled

CHUNK = 0.03  # seconds between two looks at the keyboard and the progress bar
MASK = (1 << 64) - 1


@dataclass
class Fitted:
    """What `fit` did: the mean loss of each step's batch before the step, and how it ended."""

    loss: list[float] = field(default_factory=list)
    interrupted: bool = False

    @property
    def steps(self) -> int:
        return len(self.loss)

    def __repr__(self) -> str:
        if not self.loss:
            return "<Fitted: no steps>"
        end = ", interrupted" if self.interrupted else ""
        return f"<Fitted: {self.steps} steps, loss {self.loss[0]:.6g} to {self.loss[-1]:.6g}{end}>"


def orders(n: int, batch: int, seed: int) -> Iterator[array[int]]:
    """Batches without end: all examples in random order, again and again in new orders.

    A batch may end one round and begin the next, so that all batches are full and every
    example comes up equally often. Fisher and Yates's shuffle, with the random numbers of
    SplitMix64 (Steele, Lea and Flood 2014), which are the same everywhere.
    """
    state = seed & MASK
    shuffle = native.shuffled if native.available() else shuffled
    rest = array("i")
    while True:
        while len(rest) < batch:
            order, state = shuffle(n, state)
            rest.frombytes(order)
        yield rest[:batch]
        del rest[:batch]


def shuffled(n: int, state: int) -> tuple[bytes, int]:
    """The numbers below n in random order, as the machine gives them, and the next state."""
    order = array("i", range(n))
    for i in range(n - 1, 0, -1):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        j = ((z ^ (z >> 31)) * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    return order.tobytes(), state


def fit(
    made: Compiled,
    backend: str,
    rows: Rows,
    optimizer: Optimizer,
    steps: int,
    batch_size: int | None,
    schedule: Any,
    progress: bool,
    seed: int,
    who: str,
) -> Fitted:
    """Train; the parameters and the optimizer hold the result however it ends."""
    if steps < 0:
        raise ValueError(f"{who}: a number of steps is at least 0, not {steps!r}")
    if rows.n < 1:
        raise ValueError(f"{who}: there are no examples to learn from")
    size = min(batch_size or rows.n, rows.n)
    if size < 1:
        raise ValueError(f"{who}: a batch has at least one example, not {batch_size!r}")
    if {*optimizer.parameters} != {*made.parameters}:
        raise ValueError(
            f"{who}: the optimizer moves {len(optimizer.parameters)} parameters, and the function "
            f"uses {len(made.parameters)}, not the same: name them with jit(f, parameters=...)"
        )
    runner = made.batch(backend)
    loop: Loop | NumPyLoop
    if isinstance(runner, NativeBatch):
        loop = NativeLoop(runner, rows, optimizer, size, seed)
    elif isinstance(runner, NumPyBatch) and type(optimizer).step is Optimizer.step:
        batches = orders(rows.n, size, seed) if size < rows.n else None
        loop = NumPyLoop(runner, rows, optimizer, batches, update_program(optimizer))
    else:
        loop = Loop(runner, rows, optimizer, size, seed)
    done = Fitted()
    with Progress(steps, "step", progress, widget=True) as show, CtrlC() as ctrl_c:
        try:
            chunk = 1
            while done.steps < steps:
                start = time.perf_counter()
                count = min(chunk, steps - done.steps)
                losses = loop.take(count, schedule)
                done.loss.extend(losses)
                if isnan(losses[-1]):  # `take` ends there
                    raise ValueError(
                        f"{who}: the loss is not a number after {done.steps} steps; a smaller "
                        "learning rate usually helps, and micrograd.detect_anomaly() says where"
                    )
                show(len(losses), {"loss": done.loss[-1]})
                if ctrl_c.pressed:
                    raise KeyboardInterrupt
                spent = time.perf_counter() - start
                if spent < CHUNK / 2:
                    chunk *= 8 if spent < CHUNK / 16 else 2
                elif spent > 2 * CHUNK and chunk > 1:
                    chunk //= 2
        except KeyboardInterrupt:
            done.interrupted = True
        finally:
            loop.finish()
    return done


class Loop:
    """Steps in Python, with gradients from any backend."""

    def __init__(self, runner: Any, rows: Rows, optimizer: Optimizer, size: int, seed: int) -> None:
        self.runner, self.rows, self.optimizer = runner, rows, optimizer
        self.size = size
        self.orders = orders(rows.n, size, seed) if size < rows.n else None

    def take(self, count: int, schedule: Any) -> list[float]:
        """The losses of that many steps, or up to the first that is not a number."""
        found: list[float] = []
        while len(found) < count and not any(map(isnan, found[-1:])):
            found.append(self.step(schedule))
        return found

    def step(self, schedule: Any) -> float:
        made = self.runner.made
        rows = self.rows if self.orders is None else self.rows.chosen(next(self.orders))
        loss, gradient = self.runner.gradient(rows, made.numbers())
        for p, g in zip(made.parameters, gradient):
            p.grad = float(g)
        if loss == loss:
            self.optimizer.step()
            if schedule is not None:
                schedule.step()
        return float(loss)

    def finish(self) -> None:
        """Nothing is left to do: the parameters are moved at every step."""


class NativeLoop(Loop):
    """Chunks of steps in the machine; parameters and states live in its columns meanwhile."""

    def __init__(
        self, runner: NativeBatch, rows: Rows, optimizer: Optimizer, size: int, seed: int
    ) -> None:
        super().__init__(runner, rows, optimizer, size, seed)
        self.parameters: list[Value] = runner.made.parameters
        self.inputs, self.stride = padded_columns(
            rows, len(runner.made.program.inputs), runner.build
        )
        self.kinds = 1 + len(optimizer.first_state())
        self.update = update_machine(optimizer, runner.build)
        self.padded = (len(self.parameters) + 7) // 8 * 8
        place = {p: i for i, p in enumerate(optimizer.parameters)}
        self.places = [place[p] for p in self.parameters]  # where the optimizer has them
        self.columns = runner.build.numbers([])
        self.load()

    def load(self) -> None:
        """Fill the columns: gradients, parameters, and what the optimizer remembers."""
        states = [self.optimizer.state[i] for i in self.places]
        fill = [0.0] * (self.padded - len(self.parameters))
        self.columns = self.runner.build.zeros(self.padded)
        self.columns.extend([p._data for p in self.parameters] + fill)
        for k in range(self.kinds - 1):
            self.columns.extend([state[k] for state in states] + fill)
        self.ahead = False  # whether they hold what the parameters do not yet

    def finish(self) -> None:
        """Give the parameters and the optimizer what the columns hold, if that is new."""
        if not self.ahead:
            return
        n, padded = len(self.parameters), self.padded
        g, p, *rows = [self.columns[k * padded :][:n].tolist() for k in range(self.kinds + 1)]
        for parameter, data, gradient in zip(self.parameters, p, g):
            parameter.data, parameter.grad = data, gradient
        if rows:
            for i, state in zip(self.places, zip(*rows)):
                self.optimizer.state[i] = state

    def take(self, count: int, schedule: Any) -> list[float]:
        optimizer = self.optimizer
        build: Build = self.runner.build
        # Nobody comes in between two steps; but a subclass, or somebody who has replaced the
        # method, may have other numbers at each.
        own = "coefficients" in vars(optimizer)
        steady = type(optimizer) in STEADY and schedule is None and not own
        rates, each = [], []
        for _ in range(min(count, 2) if steady else count):
            optimizer.steps += 1
            each.append(optimizer.coefficients())
            rates.append(optimizer.lr)
            if schedule is not None:
                schedule.step()
        numbers = build.numbers(chain.from_iterable(each))
        if steady and count > 2:  # a step may take less time than a turn of the loop above
            numbers.extend(build.numbers(each[-1]) * (count - 2))
            optimizer.steps += count - 2
        order = array("i")
        if self.orders is not None:
            for _ in range(count):
                order.extend(next(self.orders))
        losses = build.zeros(count)
        self.ahead = True
        with self.runner.lock:
            done = self.runner.sums.fit(
                self.update, self.columns, self.inputs, self.rows.n, self.stride, order,
                self.size, count, numbers, losses,
            )  # fmt: skip
        if done == count:
            return losses.tolist()
        # A gradient that is not a number: this one step as the eager engine takes it.
        self.finish()
        optimizer.steps -= count - done  # as it was before that step
        optimizer.lr = rates[min(done, len(rates) - 1)]
        if schedule is not None:
            schedule.t -= count - done
        orders = iter([order[k : k + self.size] for k in range(0, len(order), self.size)][done:])
        if self.orders is not None:
            self.orders = chain(orders, self.orders)
        found = [*losses[:done], self.step(schedule)]
        self.load()
        return found


def update_machine(optimizer: Optimizer, build: Build) -> Any:
    """A machine for the optimizer's `update`, with a column for each number of a parameter."""
    return Encoder(update_program(optimizer), mapped=True).machine(build)


def update_program(optimizer: Optimizer) -> Program:
    """The optimizer's `update` of one parameter, from its gradient, itself and its state."""
    program = Program()
    states = optimizer.first_state()
    g, p = (Symbol(program, program.input(name)) for name in ("g", "p"))
    state = tuple(Symbol(program, program.input(f"s{k}")) for k in range(len(states)))
    optimizer.steps += 1  # what the numbers of a step are is asked for during it
    count = len(optimizer.coefficients())
    optimizer.steps -= 1
    numbers = tuple(Symbol(program, program.parameter(f"c{k}")) for k in range(count))
    new, kept = optimizer.update(p, g, state, numbers)
    program.outputs = [
        y.i if isinstance(y, Symbol) else program.constant(float(y)) for y in (new, *kept)
    ]
    return simplify(program)
