"""How good a model is on data: the mean loss, what it predicts, and how often that is right.

The training loop, which judges each epoch by these, is in `loop.py`; pictures are in `plots.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import ops
from ..core.no_grad import no_grad
from ..core.rule import real
from ..data import as_lists
from ..engine import Value
from ..nn.module import Module

Loss = Callable[[Any, Any], Any]


def examples(data: Any, who: str) -> tuple[list[Any], list[Any]]:
    """The examples and their targets as lists, as many of the one as of the other and not none."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TypeError(f"{who}: data is a pair of examples and targets, not {data!r:.60}")
    xs, ys = as_lists(data[0]), as_lists(data[1])
    if len(xs) != len(ys) or not xs:
        raise ValueError(f"{who}: {len(xs)} examples and {len(ys)} targets")
    return xs, ys


def a_module(model: Any, who: str) -> None:
    if not isinstance(model, Module):
        hint = ": make one, with brackets" if isinstance(model, type) else ""
        raise TypeError(f"{who}: the model is a Module of micrograd.nn, not {model!r:.60}{hint}")


def with_penalty(mean: Any, penalty: Callable[[], Any] | None) -> Any:
    """The mean loss and the penalty, if there is one."""
    if penalty is None:
        return mean
    more = penalty()
    return mean + (more if isinstance(more, Value) else real(more, "fit: what penalty() gives"))


def outputs(model: Module, xs: Any) -> list[Any]:
    """What the model says to each example: one by one, or as one batch if it needs that."""
    if any(module.whole_batch for module in model.modules()):
        return list(model(xs))
    return [model(x) for x in xs]


def mean_loss(model: Module, loss: Loss, xs: Any, ys: Any) -> Any:
    """The mean of loss(model(x), y) over examples."""
    return ops.mean([loss(out, y) for out, y in zip(outputs(model, xs), ys, strict=True)])


@contextmanager
def in_use(model: Module) -> Iterator[None]:
    """A block in which the model is set for use and records nothing; then all is as before."""
    a_module(model, "train")
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def evaluate(
    model: Module, loss: Loss, data: tuple[Any, Any], penalty: Callable[[], Any] | None = None
) -> float:
    """The mean loss over data, with the model set for use and nothing recorded."""
    with in_use(model):
        error = mean_loss(model, loss, *examples(data, "evaluate"))
        return number(with_penalty(error, penalty))


def number(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


def predict(model: Module, X: Any) -> list[int]:  # noqa: N803
    """The class of each example: the largest of several scores, or 1 where one is above 0."""
    with in_use(model):
        scores = outputs(model, as_lists(X))
    chosen = []
    for score in scores:
        if isinstance(score, list):
            numbers = [number(s) for s in score]
            chosen.append(numbers.index(max(numbers)))
        else:
            chosen.append(int(number(score) > 0))
    return chosen


def accuracy(model: Module, X: Any, y: Any) -> float:  # noqa: N803
    """The share of examples whose class is predicted; targets of -1 count as 0."""
    xs, ys = examples((X, y), "accuracy")
    wanted = [max(0, int(t)) for t in ys]
    hits = sum(a == b for a, b in zip(predict(model, xs), wanted, strict=True))
    return hits / len(wanted)
