"""`cohorts_of`: which parameters of a compiled training loop move alike, and where they are.

And what such a loop may know beforehand of an optimizer and a schedule. Used by the loops in
machine code, `native/loop.py`, and in NumPy, `backends/numpy_fit.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..engine import Value
from ..nn.parameters import are_same, is_frozen
from ..optim.onecycle import OneCycleLR
from ..optim.optimizer import Optimizer
from ..optim.optimizers import STEADY, Adagrad, Adam
from ..optim.schedules import CosineAnnealingLR, LinearLR, MultiStepLR, StepLR, WarmupLR

COEFFICIENTS = {kind.coefficients for kind in (*STEADY, Adagrad, Adam)}
BY_STEP = (StepLR, MultiStepLR, LinearLR, CosineAnnealingLR, WarmupLR, OneCycleLR)


class Cohort(NamedTuple):
    """Parameters that move alike: the optimizer as they see it, and where they are."""

    seen: Optimizer
    group: dict[str, Any]
    before: int  # steps that moved them before
    there: Sequence[int]  # their places in the optimizer
    here: Sequence[int]  # and among the parameters of the compiled function


def cohorts_of(optimizer: Optimizer, parameters: list[Value]) -> list[Cohort]:
    """Who moves alike among these parameters; frozen ones are in none."""
    theirs = optimizer.parameters
    same = are_same(theirs, parameters)
    place = {} if same else {p: i for i, p in enumerate(parameters)}
    return [
        Cohort(
            optimizer.at(group, count), group, count, there,
            there if same else [place[theirs[i]] for i in there],
        )
        for group, count, there in optimizer.cohorts()
    ]  # fmt: skip


def chosen(xs: list[Any], places: Sequence[int]) -> list[Any]:
    """What stands in these places, to be read: the list itself where that is all of it."""
    if isinstance(places, range):
        if len(places) == len(xs):
            return xs
        return xs[places.start : places.stop]
    return [xs[i] for i in places]


def put(xs: Any, places: Sequence[int], new: Sequence[Any]) -> None:
    """Nothing; afterwards this stands in these places of a list or an array."""
    if isinstance(places, range):
        xs[places.start : places.stop] = new if isinstance(xs, list) else array(xs.typecode, new)
    else:
        for i, x in zip(places, new):
            xs[i] = x


def known_optimizer(optimizer: Optimizer) -> bool:
    """Whether its coefficients follow from settings and the number of steps, and nothing else."""
    kind = type(optimizer)
    return (
        kind.coefficients in COEFFICIENTS
        and "coefficients" not in vars(optimizer)
        and not any(hasattr(kind, name) for name in ("steps", *optimizer.defaults))
    )


def known_schedule(schedule: Any, optimizer: Optimizer) -> bool:
    """Whether its rates follow from the number of steps, so that it can go back to one of them."""
    if schedule is None:
        return True
    if type(schedule) not in BY_STEP or not {"step", "rate", "changes"}.isdisjoint(vars(schedule)):
        return False
    if isinstance(schedule, WarmupLR):
        return known_schedule(schedule.then, optimizer)
    if isinstance(schedule, OneCycleLR) and schedule.cycle_momentum:
        groups = range(len(optimizer.param_groups))  # a momentum of 0 is another update
        ends = [schedule.of_group(f"{end}_momentum", i) for end in ("base", "max") for i in groups]
        return all(ends)
    return True


def steps_in_the_machine(optimizer: Optimizer) -> bool:
    """Whether `step` is that of `Optimizer`, which the machine knows; else Python takes it."""
    return type(optimizer).step is Optimizer.step and "step" not in vars(optimizer)


def fits(optimizer: Optimizer, parameters: list[Value], who: str) -> None:
    """ValueError unless it moves these parameters and no others, but for frozen ones."""
    if are_same(optimizer.parameters, parameters):
        return
    theirs, mine = set(optimizer.parameters), set(parameters)
    if not all(is_frozen(p) for p in theirs ^ mine):
        raise ValueError(
            f"{who}: the optimizer moves {len(theirs)} parameters, and the function uses "
            f"{len(mine)}, not the same: name them with jit(f, parameters=...), "
            "and freeze those that are to stay with p.requires_grad = False"
        )
