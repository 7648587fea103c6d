"""Neurons, layers and multilayer perceptrons, built from Values one by one.

A `Module` is whatever has parameters. A `Neuron` weighs its inputs, adds a bias and
bends the result; a `Layer` is neurons side by side, an `MLP` layers in a row.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from .engine import Value
from .neuron import weighted_sum


class Module:
    """Anything with parameters."""

    def zero_grad(self) -> None:
        """Nothing; afterwards the gradient of every parameter is 0."""
        for p in self.parameters():
            p.grad = 0.0

    def parameters(self) -> list[Value]:
        """The Values that training changes, always in the same order."""
        return []


class Neuron(Module):
    """relu(w1*x1 + w2*x2 + ... + b), or without the relu where `nonlin` is false.

    The weights are drawn from the global `random`, between -1 and 1; the bias starts at 0.

    >>> n = Neuron(2)
    >>> n
    ReLUNeuron(2)
    >>> len(n.parameters())
    3
    """

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def __call__(self, x: Sequence[Any]) -> Any:
        act = weighted_sum(self.w, x, self.b)  # sum((wi*xi for wi, xi in zip(w, x)), b)
        return act.relu() if self.nonlin else act

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons that see the same inputs; a list of outputs, or the one if it is one."""

    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    def __call__(self, x: Sequence[Any]) -> Any:
        out = [n(x) for n in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        return [p for n in self.neurons for p in n.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(n) for n in self.neurons)}]"


class MLP(Module):
    """Layers of the given sizes in a row, all but the last with a relu.

    >>> model = MLP(2, [16, 16, 1])
    >>> len(model.parameters())
    337
    """

    def __init__(self, nin: int, nouts: Iterable[int]) -> None:
        sizes = [nin, *nouts]
        last = len(sizes) - 2
        self.layers = [
            Layer(sizes[i], sizes[i + 1], nonlin=i != last) for i in range(len(sizes) - 1)
        ]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"
