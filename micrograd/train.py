"""`fit`: the training loop, with what every such loop ends up having.

A progress bar, a history, held-out data, an early stop, and Ctrl-C that loses nothing.
The loop itself is the ten lines in the middle of `fit`. Pictures of what it did are in
`plots.py`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import ops
from .data import as_lists, batches
from .modes import no_grad
from .nn import Module
from .optim import Optimizer, Schedule


@dataclass
class History:
    """What happened: one number an epoch in each list.

    loss:        the mean over the training examples, penalty included
    held_out:    the mean over the held-out examples, if there were any
    best:        the epoch that the model was left at, counted from 0
    interrupted: whether Ctrl-C ended it
    """

    loss: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    best: int = -1
    interrupted: bool = False

    @property
    def judged(self) -> list[float]:
        """The losses by which the best epoch is chosen."""
        return self.held_out or self.loss


def fit(
    model: Module,
    loss: Callable[[Any, Any], Any],
    data: tuple[Any, Any],
    optimizer: Optimizer,
    *,
    epochs: int = 100,
    batch_size: int | None = None,
    penalty: Callable[[], Any] | None = None,
    held_out: tuple[Any, Any] | None = None,
    patience: int | None = None,
    schedule: Schedule | None = None,
    after_step: Callable[[], Any] | None = None,
    progress: bool = True,
    seed: int = 0,
) -> History:
    """A `History`; the model has learned, and has the parameters of its best epoch.

    The best epoch is the one with the least loss on `held_out`, or without that on the
    training data. `loss(model(x), y)` is averaged over batches of `batch_size` examples,
    all of them if None, drawn in an order that `seed` fixes; `penalty()` is added to each
    batch's mean. With `patience`, training stops once that many epochs brought nothing
    better. `schedule.step()` and then `after_step()` are called after each step. Ctrl-C
    ends training early: the best parameters so far are kept.

    A loss that is not finite is a ValueError, with the model at its best state: a smaller
    learning rate usually helps.

    >>> from micrograd import data, losses, nn, optim
    >>> random.seed(1)
    >>> X, y = data.linear(40, noise=0.0)
    >>> model = nn.Neuron(2, nonlin=False)
    >>> opt = optim.SGD(model.parameters(), lr=0.3)
    >>> history = fit(model, losses.squared_error, (X, y), opt, progress=False)
    >>> [round(p.data, 3) for p in model.parameters()]
    [2.0, -1.0, 0.5]
    """
    xs, ys = as_lists(data[0]), as_lists(data[1])
    if len(xs) != len(ys) or not xs:
        raise ValueError(f"fit: {len(xs)} examples and {len(ys)} targets")
    rng = random.Random(seed)
    history = History()
    best = model.state_dict()
    try:
        with bar(epochs, progress) as show:
            for epoch in range(epochs):
                model.train()
                total = 0.0
                for batch in batches(xs, ys, batch_size or len(xs), rng if batch_size else None):
                    optimizer.zero_grad()
                    error = mean_loss(model, loss, *batch)
                    if penalty is not None:
                        error = error + penalty()
                    error.backward()
                    optimizer.step()
                    if schedule is not None:
                        schedule.step()
                    if after_step is not None:
                        after_step()
                    total += error.data * len(batch[0])
                history.loss.append(total / len(xs))
                if held_out is not None:
                    history.held_out.append(evaluate(model, loss, held_out))
                judged = history.judged
                if not math.isfinite(judged[-1]) or not math.isfinite(history.loss[-1]):
                    raise ValueError(
                        f"fit: the loss is {judged[-1]} after epoch {epoch}; the model keeps its "
                        "best state. Try a smaller learning rate, or micrograd.detect_anomaly()."
                    )
                # The loss of an epoch is measured while its steps are taken, the state after.
                if history.best < 0 or judged[-1] < judged[history.best]:
                    history.best, best = epoch, model.state_dict()
                show(history)
                if patience is not None and epoch - history.best >= patience:
                    break
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        model.load_state_dict(best)
        model.eval()
    return history


def mean_loss(model: Module, loss: Callable[[Any, Any], Any], xs: Any, ys: Any) -> Any:
    """The mean of loss(model(x), y) over examples."""
    return ops.mean([loss(model(x), y) for x, y in zip(xs, ys, strict=True)])


def evaluate(model: Module, loss: Callable[[Any, Any], Any], data: tuple[Any, Any]) -> float:
    """The mean loss over data, with the model set for use and nothing recorded."""
    was = model.training
    model.eval()
    try:
        with no_grad():
            return float(getattr(mean_loss(model, loss, *map(as_lists, data)), "data", math.nan))
    finally:
        model.train(was)


def predict(model: Module, X: Any) -> list[int]:  # noqa: N803
    """The class of each example: the largest of several scores, or 1 where one is above 0."""
    chosen = []
    with no_grad():
        for x in as_lists(X):
            scores = model(x)
            if isinstance(scores, list):
                chosen.append(max(range(len(scores)), key=lambda i: scores[i].data))
            else:
                chosen.append(int(scores.data > 0))
    return chosen


def accuracy(model: Module, X: Any, y: Any) -> float:  # noqa: N803
    """The share of examples whose class is predicted; targets of -1 count as 0."""
    wanted = [max(0, int(t)) for t in as_lists(y)]
    hits = sum(a == b for a, b in zip(predict(model, X), wanted, strict=True))
    return hits / len(wanted)


class bar:  # noqa: N801 (a context manager)
    """A progress bar that shows the losses of the latest epoch, or nothing at all."""

    def __init__(self, epochs: int, visible: bool) -> None:
        from tqdm.auto import tqdm

        self.line: Any = tqdm(total=epochs, disable=not visible, unit="epoch", dynamic_ncols=True)

    def __enter__(self) -> Callable[[History], None]:
        return self.show

    def show(self, history: History) -> None:
        losses = {"loss": f"{history.loss[-1]:.4f}"}
        if history.held_out:
            losses["held out"] = f"{history.held_out[-1]:.4f}"
        self.line.set_postfix(losses, refresh=False)
        self.line.update()

    def __exit__(self, *error: object) -> None:
        self.line.close()
