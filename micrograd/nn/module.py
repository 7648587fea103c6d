"""`Module`: whatever has parameters, by name, with a state that can be kept.

What its calls give out is marked by `recorded.py`. Read on in `mlp.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from ..core.rule import real
from ..core.watch import WATCH
from ..engine import Value
from ..files import Saved
from .members import by_name, different, leaves, members, parts
from .parameters import is_frozen, set_all, unique
from .recorded import recorded
from .summary import Row, Summary, kind_of

M = TypeVar("M", bound="Module")


class Module(Saved):
    """Anything with parameters. A subclass assigns Values, Modules or lists of them to itself.

    Parameters are the leaves among those Values; what an operation gave, an activation
    kept to look at say, is none. One that is reached in several ways, as the weights of tied
    layers are, is one parameter: it counts, moves and is saved once.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Value(2.0)
    ...     def __call__(self, x):
    ...         return self.factor * x
    >>> [name for name, p in Scale().named_parameters()]
    ['factor']
    """

    training = True
    whole_batch = False  # whether it takes a batch of examples and not one
    row_names: Sequence[str] = ()  # what the rows of its parameters are, such as gates

    def __init_subclass__(cls, marks: bool = True, **kwargs: Any) -> None:
        """Without `marks` its calls are not remembered: pictures know its parameters alone."""
        super().__init_subclass__(**kwargs)
        if marks and "__call__" in vars(cls):
            setattr(cls, "__call__", recorded(vars(cls)["__call__"]))

    def __call__(self, x: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} does not say what it computes: define __call__"
        )

    def zero_grad(self) -> None:
        """Nothing; afterwards the gradient of every parameter is 0."""
        for p in self.parameters():
            p.grad = 0.0

    def parameters(self) -> list[Value]:
        """The Values that training changes, always in the same order."""
        return leaves(parts(self, Module))

    def named_parameters(self) -> list[tuple[str, Value]]:
        """The parameters with where they are: ("layers.0.neurons.3.w.1", Value)."""
        inside = parts(self, Module)
        if type(self).parameters is Module.parameters:
            return by_name(inside)
        names = {id(x): name for name, x in members(inside)}
        found = unique(self.parameters())
        paths = different([names.get(id(p)) or str(i) for i, p in enumerate(found)])
        return list(zip(paths, found, strict=True))

    def _named_lists(self) -> list[tuple[str, Any]]:
        """What `by_name` makes the named parameters of, for whoever asks later, if at all."""
        # The modules of this package list what stands among their attributes; others may do more.
        known = str(type(self).parameters.__module__).startswith(__package__)
        if known and type(self).named_parameters is Module.named_parameters:
            return [(path, x) for path, x in parts(self, Module) if not isinstance(x, Module)]
        return list(self.named_parameters())

    def parameter_count(self) -> int:
        """How many parameters there are.

        >>> from micrograd.nn import MLP
        >>> MLP(3, [4, 2]).parameter_count(), MLP(3, [4, 4, 1]).parameter_count()
        (26, 41)
        """
        return len(unique(self.parameters()))

    def summary(self) -> Summary:
        """A table of the layers with how many parameters each has; in Jupyter it shows itself.

        >>> from micrograd.nn import MLP
        >>> print(MLP(2, [16, 1]).summary())
        MLP
                    layer                 parameters
          layers.0  Layer(2, 16), relu            48
          layers.1  Layer(16, 1), linear          17
        65 parameters
        """

        def counts(module: Module) -> tuple[int, int]:
            found = unique(module.parameters())
            return len(found), sum(map(is_frozen, found))

        inner = [(path, x) for path, x in parts(self, Module) if isinstance(x, Module)]
        paths = [path for path, _ in inner]
        rows = tuple(
            Row(path, kind_of(x), *counts(x))
            for path, x in inner
            if not any(path.startswith(f"{other}.") for other in paths)
        )
        return Summary(type(self).__name__, rows, *counts(self))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.summary()._repr_html_(), "text/plain": repr(self)}

    def requires_grad_(self: M, needed: bool = True) -> M:
        """The module itself, with all its parameters frozen (False) or free to move again.

        PyTorch's name. What is frozen no optimizer moves, in any training loop; its gradient is
        still there to be looked at. One parameter is frozen by `p.requires_grad = False`.

        >>> from micrograd.nn import MLP
        >>> model = MLP(3, [4, 2])
        >>> _ = model.layers[0].requires_grad_(False)
        >>> sum(p.requires_grad for p in model.parameters())
        10
        """
        for p in self.parameters():
            p.requires_grad = needed
        return self

    def modules(self) -> list[Module]:
        """This module and all modules inside it."""
        return [module for _, module in self.named_modules()]

    def named_modules(self) -> list[tuple[str, Module]]:
        """The same with where they are, this one first: [("", self), ("layers.0", Layer), ...]."""
        return [("", self), *((p, x) for p, x in parts(self, Module) if isinstance(x, Module))]

    def train(self: M, mode: bool = True) -> M:
        """The module itself, where dropout and batch statistics are on, or with False off."""
        if not isinstance(mode, bool):
            raise TypeError(
                f"{type(self).__name__}.train: the mode is True or False, not {mode!r:.60}"
            )
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """The module itself, set for use: dropout off, batch statistics remembered."""
        return self.train(False)

    def buffers(self) -> dict[str, list[float]]:
        """Numbers that belong to the state but are not trained, such as running means."""
        return {}

    def named_buffers(self) -> list[tuple[str, list[float]]]:
        """The buffers of this module and all inside it, with where they are."""
        found = [
            (f"{path}.{name}" if path else name, numbers)
            for path, module in self.named_modules()
            for name, numbers in module.buffers().items()
        ]
        taken = [name for name, _ in self.named_parameters()]
        paths = different([*taken, *(name for name, _ in found)])[len(taken) :]
        return [(path, numbers) for path, (_, numbers) in zip(paths, found, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """All parameters and buffers by name, as plain numbers."""
        state: dict[str, Any] = {name: p.data for name, p in self.named_parameters()}
        return {**state, **{name: list(numbers) for name, numbers in self.named_buffers()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; sets the parameters to these numbers. All of them fit, or none is set."""
        if not isinstance(state, dict):
            raise ValueError(f"{type(self).__name__}: a state is a dict, not {state!r:.60}")
        mine = self.state_dict()
        missing, extra = [k for k in mine if k not in state], [k for k in state if k not in mine]
        if missing or extra:
            first = f"{missing[0]} is missing" if missing else f"{extra[0]} is not in this model"
            raise ValueError(
                f"this state does not fit: {first} ({len(state)} entries, {len(mine)} are needed)"
            )
        new: dict[str, Any] = {}
        for name, numbers in mine.items():
            given = state[name]
            if not isinstance(numbers, list):
                new[name] = number(given, name)
            elif isinstance(given, (list, tuple)) and len(given) == len(numbers):
                new[name] = [number(x, name) for x in given]
            else:
                raise ValueError(
                    f"this state does not fit: {name} is {given!r:.60}, not {len(numbers)} numbers"
                )
        named, buffers = self.named_parameters(), self.named_buffers()
        try:
            set_all([p for _, p in named], "data", [new[name] for name, _ in named])
            for name, numbers in buffers:
                numbers[:] = new[name]
        except BaseException:
            set_all([p for _, p in named], "data", [mine[name] for name, _ in named])
            for name, numbers in buffers:
                numbers[:] = mine[name]
            raise


def number(x: Any, name: str) -> float:
    """x as a float, where a state has a number; True and False are none there."""
    if isinstance(x, bool):
        raise TypeError(f"{name}: a real number is needed, not {x}")
    return real(x, name)


def size(n: Any, what: str, least: int = 1) -> int:
    """n as a whole number of things, at least 1; TypeError or ValueError in a sentence."""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"{what} is a whole number, not {n!r:.60}")
    whole = n.__index__()
    if whole < least:
        raise ValueError(f"{what} is at least {least}, not {whole}")
    return int(whole)


def numbers(x: Any, who: str, n: int | None = None) -> None:
    """Nothing where x is a list of numbers, n of them if n is given; else TypeError, ValueError."""
    if isinstance(x, (str, bytes, dict, set)) or not hasattr(x, "__len__"):
        many = "numbers" if n is None else f"{n} numbers"
        raise TypeError(f"{who}: it takes a list of {many}, not {x!r:.60}")
    if n is not None and len(x) != n:
        raise ValueError(f"{who}: it takes a list of {n} numbers, and got {len(x)}")


def setting(x: Any, who: str, low: float = 0.0, high: float = math.inf) -> float:
    """x as a finite float between these; TypeError or ValueError in a sentence."""
    found = number(x, who)
    if not (low <= found <= high and math.isfinite(found)):
        bounds = "finite" if low == -math.inf else f"a finite number, at least {low:g}"
        bounds = f"from {low:g} to {high:g}" if high < math.inf else bounds
        raise ValueError(f"{who} is {bounds}, not {x!r:.60}")
    return found


def is_batch(x: Any) -> bool:
    """Whether x is a list of examples, and not one example, a list of numbers."""
    if not hasattr(x, "__len__") or not len(x) or isinstance(x, (str, bytes, dict, set)):
        return False
    return hasattr(x[0], "__iter__") and not isinstance(x[0], (str, bytes))


def not_traced(why: str) -> None:
    """TypeError where a function is being traced: a trace would repeat what happened once."""
    if WATCH.symbolic():
        raise TypeError(
            f"{why}, which a trace cannot hold: call model.eval() before, or use no jit"
        )
