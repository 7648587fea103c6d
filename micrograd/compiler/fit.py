"""`Jit.fit`: a whole training loop over a compiled function.

Steps, batches and updates are the same for every backend; the native one takes a chunk of
steps at a time without coming back to Python, which then shows the progress and looks for
Ctrl-C. One step after the other is in `loop.py`, the chunks are in `native/loop.py`, and NumPy's
steps in `backends/numpy_fit.py`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any

from ..nn.module import size as whole
from ..optim.looking import LOOKERS
from ..optim.optimizer import Optimizer
from ..optim.schedules import belongs
from ..train.progress import CtrlC, Progress
from .backends.base import Rows
from .backends.numpy import NumPyBatch
from .backends.numpy_fit import NumPyLoop, moves_in_rows
from .cohorts import fits, steps_in_the_machine
from .loop import Loop, orders, shuffled
from .native.backend import NativeBatch
from .native.loop import NativeLoop
from .ragged import Ragged, RaggedBatch, RaggedLoop

if TYPE_CHECKING:
    from .compiled import Compiled

__all__ = ["Fitted", "fit", "orders", "shuffled"]

CHUNK = 0.03  # seconds between two looks at the keyboard and the progress bar


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


def fit(
    made: Compiled | Ragged,
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
    """Train; the parameters, the optimizer and the schedule hold the result however it ends."""
    steps = whole(steps, f"{who}: a number of steps", 0)
    if rows.n < 1:
        raise ValueError(f"{who}: there are no examples to learn from")
    size = rows.n
    if batch_size is not None:
        size = min(whole(batch_size, f"{who}: the size of a batch"), rows.n)
    belongs(schedule, optimizer, who)
    fits(optimizer, made.parameters, who)
    runner = made.batch(backend)
    loop: Loop
    if isinstance(runner, RaggedBatch) and size == 1 and steps_in_the_machine(optimizer):
        kind = RaggedLoop if runner.in_the_machine else Loop
        loop = kind(runner, rows, optimizer, schedule, size, seed)
    elif (
        isinstance(runner, NativeBatch)
        and (size == 1 or not runner.alone)
        and steps_in_the_machine(optimizer)
    ):
        loop = NativeLoop(runner, rows, optimizer, schedule, size, seed)
    elif isinstance(runner, NumPyBatch) and moves_in_rows(optimizer, schedule):
        loop = NumPyLoop(runner, rows, optimizer, schedule, size, seed)
    else:
        loop = Loop(runner, rows, optimizer, schedule, size, seed)
    done = Fitted(loop.losses)
    with Progress(steps, "step", progress, widget=True) as show, CtrlC() as ctrl_c:
        try:
            chunk = 1
            while done.steps < steps:
                start, before = time.perf_counter(), done.steps
                loop.take(min(chunk, steps - before))
                for looker in LOOKERS:
                    looker.chunk(optimizer, done.loss[before:], loop.finish, loop.sample)
                if isnan(done.loss[-1]):  # `take` ends there
                    raise ValueError(
                        f"{who}: the loss is not a number after {done.steps} steps; a smaller "
                        "learning rate usually helps, and micrograd.detect_anomaly() says where"
                    )
                show(done.steps - before, {"loss": done.loss[-1]})
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
