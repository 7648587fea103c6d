"""`Module`: whatever has parameters, by name, with a state that can be kept.

Read on in `mlp.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from ..core.node import is_leaf
from ..core.rule import real
from ..core.watch import WATCH
from ..engine import Value
from ..files import Saved

M = TypeVar("M", bound="Module")


class Module(Saved):
    """Anything with parameters. A subclass assigns Values, Modules or lists of them to itself.

    Parameters are the leaves among those Values; what an operation gave, an activation
    kept to look at say, is none.

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
        return [x for _, x in found_in(self, "") if isinstance(x, Value)]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """The parameters with where they are: ("layers.0.neurons.3.w.1", Value)."""
        names = {id(x): name for name, x in found_in(self, "") if isinstance(x, Value)}
        return [(names.get(id(p), str(i)), p) for i, p in enumerate(self.parameters())]

    def parameter_count(self) -> int:
        """How many parameters there are.

        >>> from micrograd.nn import MLP
        >>> MLP(3, [4, 2]).parameter_count(), MLP(3, [4, 4, 1]).parameter_count()
        (26, 41)
        """
        return len(self.parameters())

    def modules(self) -> list[Module]:
        """This module and all modules inside it."""
        return [self, *(x for _, x in found_in(self, "") if isinstance(x, Module))]

    def train(self: M, mode: bool = True) -> M:
        """The module itself, where dropout and batch statistics are on, or with False off."""
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
        return [
            (f"{path}.{name}" if path else name, numbers)
            for path, module in [("", self), *found_in(self, "")]
            if isinstance(module, Module)
            for name, numbers in module.buffers().items()
        ]

    def state_dict(self) -> dict[str, Any]:
        """All parameters and buffers by name, as plain numbers."""
        state: dict[str, Any] = {name: p.data for name, p in self.named_parameters()}
        return {**state, **{name: list(numbers) for name, numbers in self.named_buffers()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; sets the parameters to these numbers. All of them fit, or none is set."""
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
                new[name] = real(given, name)
            elif isinstance(given, (list, tuple)) and len(given) == len(numbers):
                new[name] = [real(x, name) for x in given]
            else:
                raise ValueError(
                    f"this state does not fit: {name} is {given!r:.60}, not {len(numbers)} numbers"
                )
        for name, p in self.named_parameters():
            p.data = new[name]
        for name, numbers in self.named_buffers():
            numbers[:] = new[name]


def is_batch(x: Any) -> bool:
    """Whether x is a list of examples, and not one example, a list of numbers."""
    return len(x) > 0 and hasattr(x[0], "__iter__")


def not_traced(why: str) -> None:
    """TypeError where a function is being traced: a trace would repeat what happened once."""
    if WATCH.symbolic():
        raise TypeError(
            f"{why}, which a trace cannot hold: call model.eval() before, or use no jit"
        )


def found_in(module: Module, prefix: str) -> Iterator[tuple[str, Value | Module]]:
    """The leaves and Modules among the attributes of a module, at any depth, each once."""
    seen = {id(module)}

    def look(x: Any, path: str) -> Iterator[tuple[str, Value | Module]]:
        if isinstance(x, (Value, Module)):
            if id(x) in seen or (isinstance(x, Value) and not is_leaf(x)):
                return
            seen.add(id(x))
            yield path, x
            if isinstance(x, Value):
                return
            x = vars(x)
        if isinstance(x, dict):
            for key, element in x.items():
                yield from look(element, f"{path}.{key}" if path else str(key))
        elif isinstance(x, (list, tuple)):
            for i, element in enumerate(x):
                yield from look(element, f"{path}.{i}")

    yield from look(vars(module), prefix)
