"""An optimizer's state as JSON can hold it, and back: `saved` and `loaded`.

The optimizers themselves are in `optimizer.py` and `optimizers.py`.
"""

from __future__ import annotations

from itertools import chain
from math import isfinite, nextafter
from typing import Any

from ..core.rule import real


def saved(optimizer: Any) -> dict[str, Any]:
    """The groups as in PyTorch's `state_dict`, and for each parameter its state and its count."""
    place, groups = 0, []
    for group in optimizer.param_groups:
        n = len(group["params"])
        settings: dict[str, Any] = {
            name: list(x) if isinstance(x, tuple) else x
            for name, x in group.items()
            if name != "params"
        }
        # After the last step of a OneCycleLR, whose own state has these, PyTorch's numbers are such
        # as no optimizer takes: what is saved can be loaded.
        if settings["lr"] < 0:
            settings["lr"] = 0.0
        if "betas" in settings:
            settings["betas"] = [min(beta, nextafter(1.0, 0.0)) for beta in settings["betas"]]
        groups.append({"params": list(range(place, place + n)), **settings})
        place += n
    return {
        "kind": type(optimizer).__name__,
        "steps": optimizer.steps,
        "param_groups": groups,
        "counts": list(optimizer.counts),
        "state": [list(numbers) for numbers in whole_state(optimizer)],
    }


def fitting(state: tuple[float, ...], first: tuple[float, ...]) -> tuple[float, ...]:
    """The state, longer where a setting was changed since so that more is to be remembered."""
    return state if len(state) >= len(first) else (*state, *first[len(state) :])


def whole_state(optimizer: Any) -> list[tuple[float, ...]]:
    """What the parameters remember, and what they will where a setting was changed since."""
    firsts = [
        optimizer.at(group, 0).first_state()
        for group in optimizer.param_groups for _ in group["params"]
    ]  # fmt: skip
    return [fitting(state, first) for state, first in zip(optimizer.state, firsts, strict=True)]


def loaded(optimizer: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The new attributes of the optimizer; ValueError or TypeError for what does not fit."""
    kind = type(optimizer).__name__
    if not isinstance(state, dict):
        raise ValueError(f"{kind}: a state is a dict, not {state!r:.60}")
    of = state.get("kind")
    if of != kind:
        raise ValueError(f"this is the state of {of}, not of {kind}")
    entries(state, saved(optimizer), kind)
    n, groups = len(optimizer.parameters), listed(state["param_groups"], kind, "param_groups")
    if len(groups) != len(optimizer.param_groups):
        raise ValueError(
            f"{kind}: the state has {len(groups)} groups, there are {len(optimizer.param_groups)}"
        )
    rows = [
        listed(row, kind, "state of a parameter") for row in listed(state["state"], kind, "state")
    ]
    if len(rows) != n:
        raise ValueError(f"{kind}: the state is of {len(rows)} parameters, there are {n}")
    new_groups = []
    for group, mine, given in zip(
        optimizer.param_groups, saved(optimizer)["param_groups"], groups, strict=True
    ):
        entries(given, mine, f"{kind}: a group")
        places = [whole(x, f"{kind}: a place") for x in listed(given["params"], kind, "params")]
        if places != mine["params"]:
            raise ValueError(f"{kind}: the groups of the state hold other parameters")
        settings = {
            name: tuple(x) if isinstance(x, list) else x
            for name, x in given.items()
            if name != "params"
        }
        for name, x in settings.items():
            if isinstance(x, bool) != isinstance(optimizer.defaults[name], bool):
                raise ValueError(f"{kind}: {name} is not {x!r}")
        new_groups.append({"params": group["params"], **optimizer.checked(settings)})
    numbers = [tuple(number(x, f"{kind}: the state") for x in row) for row in rows]
    squares = [row[k] for row in numbers for k in optimizer.squares if k < len(row)]
    if not all(map(isfinite, chain.from_iterable(numbers))) or min(squares, default=0.0) < 0:
        raise ValueError(
            f"{kind}: what the parameters remember are numbers, and means of squares at least 0"
        )
    place = 0
    for group in new_groups:
        first = optimizer.at(group, 0).first_state()
        for _ in group["params"]:
            if len(numbers[place]) < len(first):
                raise ValueError(f"{kind}: the state of parameter {place} is incomplete")
            place += 1
    steps = whole(state["steps"], f"{kind}: steps")
    counts = [whole(x, f"{kind}: a count") for x in listed(state["counts"], kind, "counts")]
    if len(counts) != n or any(count > steps for count in counts):
        raise ValueError(f"{kind}: the counts of the state do not fit its {steps} steps")
    return {"param_groups": new_groups, "state": numbers, "counts": counts, "steps": steps}


def entries(given: Any, mine: dict[str, Any], who: str) -> None:
    """ValueError where the one has other entries than the other."""
    if not isinstance(given, dict):
        raise ValueError(f"{who}: its state is a dict, not {given!r:.60}")
    for name in mine:
        if name not in given:
            raise ValueError(f"{who}: its state has no {name!r}")
    for name in given:
        if name not in mine:
            raise ValueError(f"{who}: {name!r} is no part of its state")


def listed(x: Any, who: str, what: str) -> Any:
    """x if it is a list, as JSON has it, or a tuple."""
    if not isinstance(x, (list, tuple)):
        raise ValueError(f"{who}: {what} is a list, not {x!r:.60}")
    return x


def number(x: Any, who: str) -> float:
    """x as a float; True and False are none."""
    if isinstance(x, bool):
        raise ValueError(f"{who}: a number is needed, not {x}")
    return real(x, who)


def whole(x: Any, who: str) -> int:
    """x as a number of steps, which a float can count."""
    if isinstance(x, bool) or not isinstance(x, int) or not 0 <= x <= 2**53:
        raise ValueError(f"{who}: a whole number, from 0 to 2**53, is needed, not {x!r:.60}")
    return x
