"""`Optimizer`: what all optimizers share; parameter groups, settings, state, and `step()`.

How a state is written and read back is in `state.py`. Read on in `optimizers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import signature
from itertools import chain
from math import inf
from operator import is_
from typing import Any

from ..core.node import are_all
from ..core.rule import real
from ..core.similar import close_to
from ..engine import Value
from ..files import Saved
from ..nn.parameters import free_among, set_all, values
from .looking import LOOKERS
from .state import fitting, loaded, saved

Group = dict[str, Any]


class Optimizer(Saved):
    """The base: keeps the parameters in groups, their state and the number of steps taken.

    parameters:   Values; or, as in PyTorch, dicts with "params" and the settings in which that
                  group differs: `SGD([{"params": a}, {"params": b, "lr": 0.01}], lr=0.1)`
    param_groups: one dict for each group: its "params", "lr" and settings, which may be changed
                  between steps, by hand or by a schedule
    lr:           the learning rate of all groups; the settings are attributes in the same way.
                  Assigning sets it in every group; reading is a ValueError where they differ
    steps:        how many steps were taken
    state:        what each parameter remembers between steps, a tuple of numbers
    counts:       how many steps moved each parameter: fewer where it was frozen

    A parameter with `requires_grad = False` is left where it is.
    """

    lr: float
    steps: int

    def __init__(
        self, parameters: Iterable[Value] | Iterable[Group], lr: float, **settings: Any
    ) -> None:
        self.defaults: dict[str, Any] = {"lr": lr, **settings}
        # What the class declares as defaults tells what its settings are: switches, numbers, pairs.
        declared = signature(type(self)).parameters.values()
        self.declared = {p.name: p.default for p in declared if p.default is not p.empty}
        self.right: dict[int, list[Any]] = {}  # the settings of each group that were looked at
        self.param_groups: list[Group] = []
        self.steps = 0
        self.state: list[tuple[float, ...]] = []
        self.counts: list[int] = []
        self.defaults = self.checked(self.defaults)
        for group in groups_in(parameters, type(self).__name__):
            self.add_param_group(group)

    # Groups and settings --------------------------------------------------------------------

    def add_param_group(self, group: Group) -> None:
        """Nothing; afterwards its parameters are moved too, with its settings or the defaults.

        ValueError for a setting that there is not, or a parameter that is in another group.
        """
        who = type(self).__name__
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f'{who}: a group is a dict with "params", not {group!r:.60}')
        found = values(group["params"], who, moved=True)
        if not found:
            raise ValueError(f"{who}: there are no parameters to optimize")
        if not {*found}.isdisjoint(self.parameters):
            raise ValueError(f"{who}: a parameter stands in more than one group")
        own = {name: value for name, value in group.items() if name != "params"}
        made = {"params": found, **self.checked({**self.defaults, **own})}
        first = self.at(made, 0).first_state()
        vars(self).update(
            param_groups=[*self.param_groups, made],
            state=self.state + [first] * len(found),
            counts=self.counts + [0] * len(found),
        )

    @property
    def parameters(self) -> list[Value]:
        """All parameters, group by group: the order of `state`."""
        return list(chain.from_iterable([group["params"] for group in self.param_groups]))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings but for the learning rate, where all groups have the same."""
        return {name: getattr(self, name) for name in self.defaults if name != "lr"}

    def __getattr__(self, name: str) -> Any:
        if name not in vars(self).get("defaults", ()):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        found = [group[name] for group in self.param_groups] or [self.defaults[name]]
        if any(x != found[0] for x in found):
            raise ValueError(
                f"{type(self).__name__}: {name} differs between groups, {found!r:.80}: read "
                f'optimizer.param_groups[i]["{name}"]'
            )
        return found[0]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in vars(self).get("defaults", ()) or hasattr(type(self), name):
            super().__setattr__(name, value)
            return
        checked = [
            self.checked({key: x for key, x in {**group, name: value}.items() if key != "params"})
            for group in self.param_groups
        ]
        for group, new in zip(self.param_groups, checked, strict=True):
            group[name] = new[name]

    def checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings of a group; ValueError or TypeError in a sentence for what is no setting."""
        new = {}
        for name, value in settings.items():
            who = f"{type(self).__name__}: {name}"
            if name not in self.defaults:
                hint = close_to(name, self.defaults)
                raise ValueError(f"{type(self).__name__}: there is no setting {name!r}{hint}")
            new[name] = setting(value, self.declared.get(name, value), who)
        return new

    def check_groups(self) -> None:
        """Nothing; TypeError or ValueError for settings that somebody wrote into a group."""
        for i, group in enumerate(self.param_groups):
            now = [group.get(name) for name in self.defaults]
            right = self.right.get(i, ())
            if len(now) != len(right) or not all(map(is_, now, right)):
                found = self.checked(dict(zip(self.defaults, now)))
                group.update(found)
                self.right[i] = [found[name] for name in self.defaults]

    def __repr__(self) -> str:
        groups = [
            f"{len(group['params'])} parameters"
            + "".join(f", {name}={x!r}" for name, x in group.items() if name != "params")
            for group in self.param_groups
        ]
        return f"{type(self).__name__}({'; '.join(groups)})"

    # What a kind of optimizer says ----------------------------------------------------------

    squares: tuple[int, ...] = ()  # which numbers of its state are squares, and never below 0

    def first_state(self) -> tuple[float, ...]:
        """What each parameter remembers before the first step."""
        return ()

    def coefficients(self) -> tuple[float, ...]:
        """The numbers of step `steps`, counted from 1, that are the same for all of a group."""
        return (self.lr,)

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        """The new number of a parameter and its new state, from its gradient."""
        raise NotImplementedError

    # Steps ----------------------------------------------------------------------------------

    def at(self, group: Group, steps: int) -> Optimizer:
        """The optimizer as a group sees it at a step: with that group's settings as attributes."""
        seen = object.__new__(type(self))
        vars(seen).update(vars(self))
        vars(seen).update(group)
        vars(seen)["steps"] = steps
        return seen

    def cohorts(self) -> list[tuple[Group, int, Sequence[int]]]:
        """Who moves alike: a group, how many steps moved them, and the places of the parameters.

        Frozen ones are in none. There are several of one group where some were frozen for a
        while: as in PyTorch each parameter has its own count, which Adam's corrections follow.
        """
        self.check_groups()
        found: list[tuple[Group, int, Sequence[int]]] = []
        start = 0
        for group in self.param_groups:
            end = start + len(group["params"])
            free = free_among(group["params"])
            counts = self.counts[start:end]
            if len(free) < len(counts):
                counts = [counts[i] for i in free]
            elif counts and counts.count(counts[0]) == len(counts):  # all of them
                found.append((group, counts[0], range(start, end)))
                start = end
                continue
            for count in dict.fromkeys(counts):
                places = [start + i for i, own in zip(free, counts) if own == count]
                found.append((group, count, places))
            start = end
        return found

    def step(self) -> None:
        """Nothing; afterwards every parameter has moved by its gradient: all of them, or none."""
        for looker in LOOKERS:
            looker.stepping(self)
        parameters, steps = self.parameters, self.steps
        state, counts = list(self.state), list(self.counts)
        old = {"steps": steps, "state": self.state, "counts": self.counts}
        moved: list[Value] = []
        data: list[Any] = []
        own: dict[str, Any] = {}  # attributes of a user's own kind, which it may change
        before: list[float] = []
        try:
            self.steps = steps + 1
            for group, count, places in self.cohorts():
                seen = self.at(group, count + 1)
                coefficients, first, update = seen.coefficients(), seen.first_state(), seen.update
                theirs = [parameters[i] for i in places]
                gradients = [p.grad for p in theirs]
                if not are_all(gradients, float):
                    gradients = [g.data if isinstance(g, Value) else g for g in gradients]
                for i, p, g in zip(places, theirs, gradients):
                    now = state[i] if len(state[i]) >= len(first) else fitting(state[i], first)
                    new, state[i] = update(p.data, g, now, coefficients)
                    data.append(new)
                    counts[i] = count + 1
                moved += theirs
                own.update(
                    (name, x)
                    for name, x in vars(seen).items()
                    if name not in group and name not in old and vars(self).get(name) is not x
                )
            # All is computed before anything changes.
            before = [p.data for p in moved]
            set_all(moved, "data", data)
            vars(self).update(own, steps=steps + 1, state=state, counts=counts)
        except BaseException:
            vars(self).update(old)
            if before:
                set_all(moved, "data", before)
            raise

    def zero_grad(self) -> None:
        """Nothing; afterwards the gradient of every parameter is 0."""
        parameters = self.parameters
        set_all(parameters, "grad", [0.0] * len(parameters))

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on later: groups with their settings, and state, fit for JSON."""
        return saved(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; afterwards the next step is the one that would have followed.

        The settings are those of the state too. What does not fit is a ValueError, and
        changes nothing.
        """
        try:
            new = loaded(self, state)
        except (TypeError, KeyError, OverflowError) as error:
            raise ValueError(f"this state does not fit: {error}") from error
        vars(self).update(new)


def groups_in(parameters: Any, who: str) -> list[Group]:
    """The groups of PyTorch's two forms: a list of parameters, or of dicts."""
    if isinstance(parameters, Mapping):
        raise TypeError(f"{who}: groups are a list of dicts, not one dict: put it in brackets")
    if isinstance(parameters, (list, tuple)) or not (
        isinstance(parameters, Value) or hasattr(parameters, "parameters")
    ):
        parameters = list(parameters) if hasattr(parameters, "__iter__") else parameters
        if isinstance(parameters, (list, tuple)) and any(
            isinstance(x, Mapping) for x in parameters
        ):
            return list(parameters)
    return [{"params": parameters}]


def setting(x: Any, like: Any, who: str) -> Any:
    """x if it is what a setting of this kind may be: a switch, a number, or several of them.

    A number is one of Python's own, so that it can be written to a file.
    """
    if isinstance(like, tuple):
        if not isinstance(x, (tuple, list)) or len(x) != len(like):
            raise ValueError(f"{who} is {len(like)} numbers, not {x!r:.60}")
        return tuple([setting(a, b, who) for a, b in zip(x, like, strict=True)])
    if isinstance(like, bool):
        if isinstance(x, bool) or getattr(x, "dtype", None) == "bool" or x in (0, 1):
            return bool(x)
        raise ValueError(f"{who} is True or False, not {x!r:.60}")
    if isinstance(x, bool):
        raise TypeError(f"{who} is a number, not {x}")
    number = real(x, who)
    if not 0 <= number < inf:
        raise ValueError(f"{who} is {'finite' if number == inf else 'at least 0'}, not {x!r:.60}")
    return x if type(x) in (float, int) else number
