"""`fit`: the training loop, with what every such loop ends up having.

A progress bar, a history, held-out data, an early stop, and Ctrl-C that loses nothing.
The loop itself is the lines in the middle of `fit`. The means to judge a model are in `judge.py`,
the progress bar is in `progress.py`, pictures of what training did are in `plots.py`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..adversarial import positive, sign
from ..data import batches
from ..engine import Value
from ..nn.module import Module
from ..nn.module import size as whole
from ..optim import Optimizer, Schedule
from ..optim.looking import LOOKERS
from ..optim.schedules import advance, belongs
from .judge import Loss, a_module, evaluate, examples, mean_loss, with_penalty
from .progress import CtrlC, Progress

SMALLER = "Try a smaller learning rate, or look for the cause with detect_anomaly()."
AT_ONCE = "No step was taken: look at the data and the model, with detect_anomaly() say."


@dataclass
class History:
    """What happened: one number an epoch in each list.

    loss:        the mean over the epoch's batches, penalty included, while they were learned
    held_out:    the mean over the held-out examples after the epoch, if there were any
    judged:      the loss after the epoch by which the best one is chosen: that of
                 `held_out`, or without that of the training data, penalty included
    best:        the epoch that the model was left after, counted from 0; -1 for none
    interrupted: whether Ctrl-C ended it
    """

    loss: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    judged: list[float] = field(default_factory=list)
    best: int = -1
    interrupted: bool = False


class Diverged(ValueError):
    """The loss is no longer a finite number. `history` tells what happened until then."""

    def __init__(self, loss: float, history: History, of: str = "", why: str = SMALLER) -> None:
        super().__init__(
            f"fit: the loss{of} is {loss} in epoch {len(history.judged)}; the model has its best "
            f"state again. {why}"
        )
        self.history = history


def fit(
    model: Module,
    loss: Loss,
    data: tuple[Any, Any],
    optimizer: Optimizer,
    *,
    epochs: int = 100,
    batch_size: int | None = None,
    penalty: Callable[[], Any] | None = None,
    held_out: tuple[Any, Any] | None = None,
    patience: int | None = None,
    schedule: Schedule | None = None,
    before_step: Callable[[], Any] | None = None,
    after_step: Callable[[], Any] | None = None,
    progress: bool = True,
    seed: int = 0,
    adversarial: float | None = None,
) -> History:
    """A `History`; the model has learned, has the parameters of its best epoch, and is in eval.

    The best epoch is the one after which the loss on `held_out` was least, or without that
    the loss on the training data; where that was not the last one, all gradients are 0.
    `loss(model(x), y)` is averaged over batches of `batch_size` examples, all of them if None,
    drawn in an order that `seed` fixes; `penalty()` is added to each batch's mean. With
    `patience`, training stops once that many epochs brought nothing better. The optimizer
    stays where training ended.

    With `adversarial=eps` each batch is learned not as it is, but with every number of every
    x moved by eps in the direction that makes the loss larger: adversarial back-propagation,
    as `micrograd/adversarial.py` says. What is judged is the loss on x itself.

    `before_step()` is called when the gradients are there, to clip them say; after the step
    `schedule.step()`, then `after_step()`, to bound weights say. A ReduceLROnPlateau is given
    the loss by which each epoch is judged. Frozen parameters stay where they are. Ctrl-C ends
    training early and keeps the best parameters so far. A loss that is not finite is a
    `Diverged`, with the model at its best state.

    >>> from micrograd import data, losses, nn, optim
    >>> random.seed(1)
    >>> X, y = data.linear(40, noise=0.0)
    >>> model = nn.Neuron(2, nonlin=False)
    >>> opt = optim.SGD(model.parameters(), lr=0.3)
    >>> history = fit(model, losses.squared_error, (X, y), opt, progress=False)
    >>> [round(p.data, 3) for p in model.parameters()]
    [2.0, -1.0, 0.5]
    """
    xs, ys = examples(data, "fit")
    if held_out is not None:
        held_out = examples(held_out, "fit: held_out")
    epochs = whole(epochs, "fit: the number of epochs", 0)
    if patience is not None:
        patience = whole(patience, "fit: patience", 0)
    size = len(xs) if batch_size is None else whole(batch_size, "fit: the size of a batch")
    belongs(schedule, optimizer, "fit")
    suited(model, optimizer)
    for f, what in (
        (loss, "the loss"), (penalty, "penalty"),
        (before_step, "before_step"), (after_step, "after_step"),
    ):  # fmt: skip
        if not callable(f) and (f is not None or f is loss):
            raise TypeError(f"fit: {what} is a function, not {f!r:.60}")
    each_step, each_epoch = schedule, None
    if getattr(schedule, "needs_loss", False):
        each_step, each_epoch = None, schedule
    rng = None if batch_size is None else random.Random(seed)
    reach = None if adversarial is None else positive(adversarial, "fit: adversarial")

    def batch_loss(xs: Any, ys: Any) -> Any:
        return mean_loss(model, loss, xs, ys)

    def objective(xs: Any, ys: Any) -> Any:
        mean = mean_loss(model, loss, xs, ys)
        error = with_penalty(mean, penalty)
        if not isinstance(error, Value):
            raise TypeError(
                f"fit: the loss gives {error!r:.60}, a number without a gradient: compute it from "
                "what the model gives, not from its .data"
            )
        if not math.isfinite(error.data):
            for looker in LOOKERS:
                looker.broke(error)
            raise Diverged(error.data, history, why=SMALLER if begun else AT_ONCE)
        return error

    history, begun = History(), False
    best = model.state_dict()
    try:
        with Progress(epochs, "epoch", progress) as show:
            for epoch in range(epochs):
                model.train()
                total = 0.0
                for batch in batches(xs, ys, size, rng):
                    if reach is not None:
                        batch = sign(batch_loss, batch[0], batch[1], reach), batch[1]
                    optimizer.zero_grad()
                    error = objective(*batch)
                    error.backward()
                    for looker in LOOKERS:
                        looker.lost(error.data)
                    if before_step is not None:
                        before_step()
                    with CtrlC() as ctrl_c:  # not between the two
                        begun = True
                        optimizer.step()
                        advance(each_step, error.data)
                    if ctrl_c.pressed:
                        raise KeyboardInterrupt
                    if after_step is not None:
                        after_step()
                    total += error.data * len(batch[0])
                history.loss.append(total / len(xs))
                if held_out is not None:
                    history.held_out.append(evaluate(model, loss, held_out))
                    judged = history.held_out[-1]
                else:
                    judged = evaluate(model, loss, (xs, ys), penalty)
                if not math.isfinite(judged):
                    if held_out is None or history.judged:
                        raise Diverged(judged, history)
                    why = f"That on the data is {history.loss[-1]:.6g}: look at held_out. {SMALLER}"
                    raise Diverged(judged, history, " on held_out", why)
                history.judged.append(judged)
                advance(each_epoch, judged)
                if history.best < 0 or judged < history.judged[history.best]:
                    best, history.best = model.state_dict(), epoch
                numbers = {"loss": history.loss[-1]}
                if history.held_out:
                    numbers["held out"] = history.held_out[-1]
                show(1, numbers)
                if patience is not None and epoch - history.best >= patience:
                    break
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        model.load_state_dict(best)
        if history.best != len(history.judged) - 1:
            model.zero_grad()  # they are those of other parameters
        model.eval()
    return history


def suited(model: Any, optimizer: Any) -> None:
    """TypeError or ValueError for what is no model, no optimizer, or has nothing to do with it."""
    a_module(model, "fit")
    for name in ("zero_grad", "step"):
        if isinstance(optimizer, type) or not callable(getattr(optimizer, name, None)):
            raise TypeError(
                f"fit: an optimizer has zero_grad() and step(), as optim.SGD(model.parameters()); "
                f"this is {optimizer!r:.60}"
            )
    theirs = {*getattr(optimizer, "parameters", ())} if isinstance(optimizer, Optimizer) else set()
    own = model.parameters()
    if own and theirs and theirs.isdisjoint(own):
        raise ValueError(
            "fit: the optimizer moves none of the model's parameters: make it with "
            "model.parameters() of this model"
        )
