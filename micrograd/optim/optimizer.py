"""`Optimizer`: what all optimizers share; parameters, settings, state, and `step()`.

Read on in `optimizers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..engine import Value
from ..files import Saved
from .looking import LOOKERS


class Optimizer(Saved):
    """The base: keeps the parameters, their state and the number of steps taken.

    lr:       the learning rate; may be changed between steps, by hand or by a schedule
    settings: the other numbers that it was made with, by name, each an attribute too
    steps:    how many steps were taken
    state:    what each parameter remembers between steps, a tuple of numbers
    """

    def __init__(self, parameters: Iterable[Value], lr: float, **settings: Any) -> None:
        self.parameters = values(parameters, type(self).__name__)
        for name, value in {"lr": lr, **settings}.items():
            for x in value if isinstance(value, tuple) else (value,):
                if not x >= 0:
                    raise ValueError(f"{type(self).__name__}: {name} is at least 0, not {x!r}")
        self.lr = lr
        self.settings = settings
        vars(self).update(settings)
        self.steps = 0
        self.state = [self.first_state() for _ in self.parameters]

    def __repr__(self) -> str:
        chosen = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({len(self.parameters)} parameters, lr={self.lr!r}{chosen})"

    def first_state(self) -> tuple[float, ...]:
        """What each parameter remembers before the first step."""
        return ()

    def coefficients(self) -> tuple[float, ...]:
        """The numbers of step `steps`, counted from 1, that are the same for all parameters."""
        return (self.lr,)

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        """The new number of a parameter and its new state, from its gradient."""
        raise NotImplementedError

    def step(self) -> None:
        """Nothing; afterwards every parameter has moved by its gradient."""
        for looker in LOOKERS:
            looker.stepping(self)
        self.steps += 1
        coefficients = self.coefficients()
        gradients = [p.grad for p in self.parameters]
        new = [
            self.update(p.data, g.data if isinstance(g, Value) else g, state, coefficients)
            for p, g, state in zip(self.parameters, gradients, self.state, strict=True)
        ]
        # All is computed before anything changes.
        for p, (data, _) in zip(self.parameters, new, strict=True):
            p.data = data
        self.state = [state for _, state in new]

    def zero_grad(self) -> None:
        """Nothing; afterwards the gradient of every parameter is 0."""
        for p in self.parameters:
            p.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on later: settings and state, fit for JSON."""
        return {
            "kind": type(self).__name__,
            "lr": self.lr,
            "settings": dict(self.settings),
            "steps": self.steps,
            "state": [list(numbers) for numbers in self.state],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; afterwards the next step is the one that would have followed.

        The settings are those of the state too. What does not fit is a ValueError, and
        changes nothing.
        """
        kind = state.get("kind")
        if kind != type(self).__name__:
            raise ValueError(f"this is the state of {kind}, not of {type(self).__name__}")
        rows = state["state"]
        if len(rows) != len(self.parameters):
            raise ValueError(
                f"{kind}: the state is of {len(rows)} parameters, there are {len(self.parameters)}"
            )
        if set(state["settings"]) != set(self.settings):
            raise ValueError(f"{kind}: these are not its settings: {state['settings']!r:.80}")
        settings = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in state["settings"].items()
        }
        like = type(self)(self.parameters, float(state["lr"]), **settings)
        numbers = [tuple(float(x) for x in row) for row in rows]
        if {len(row) for row in numbers} != {len(like.first_state())}:
            raise ValueError(f"{kind}: the state of some parameter is incomplete")
        like.steps, like.state = int(state["steps"]), numbers
        vars(self).update(vars(like))


def values(parameters: Iterable[Value], name: str) -> list[Value]:
    """The parameters as a list, each once."""
    found = list(parameters)
    if not found:
        raise ValueError(f"{name}: there are no parameters to optimize")
    for p in found:
        if not isinstance(p, Value):
            raise TypeError(f"{name}: parameters are Values, not {p!r:.60}")
    return list(dict.fromkeys(found))
