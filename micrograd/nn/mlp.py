"""`Neuron`, `Layer` and `MLP`: the networks of micrograd.

A `Neuron` weighs its inputs, adds a bias and bends the result; a `Layer` is neurons side by
side, an `MLP` layers in a row. The other kinds of layers are in `layers.py`, how weights start
is in `init.py`. Read on in `micrograd/losses.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import ops
from ..core.number import lift
from ..core.weighted_sum import weighted_sum
from ..engine import Value
from .init import start
from .module import Module, numbers, size
from .parameters import unique
from .recorded import OPEN, recorded

ACTIVATIONS = {
    "relu": ("ReLU", ops.relu),
    "leaky_relu": ("LeakyReLU", ops.leaky_relu),
    "elu": ("ELU", ops.elu),
    "silu": ("SiLU", ops.silu),
    "gelu": ("GELU", ops.gelu),
    "sigmoid": ("Sigmoid", ops.sigmoid),
    "tanh": ("Tanh", ops.tanh),
    "linear": ("Linear", lambda x: x),
}


def within(error: Exception, where: str, layer: Any, x: Any) -> Exception:
    """The error, with the place in the model if the size of what came in is to blame."""
    if isinstance(x, (Value, float, int)):
        x = [x]
    inputs = [len(n.w) for n in getattr(layer, "neurons", ()) if hasattr(n, "w")]
    if not hasattr(x, "__len__") or isinstance(x, (str, bytes)):
        given = f"not {x!r:.60}"
    elif inputs and len(x) != inputs[0]:
        given = f"and got {len(x)}: {inputs[0]} weights for {len(x)} inputs"
    else:
        return strange(x, where) or error
    if not inputs:
        return error
    return type(error)(f"{where}: it takes a list of {inputs[0]} numbers, {given}")


def strange(x: Any, where: str) -> Exception | None:
    """The error about the first of the inputs that is no number, if one is none."""
    if all([isinstance(row, (list, tuple)) for row in x]):
        return None  # a batch: what is wrong with it the layer knows
    for i, number in enumerate(x):
        if not isinstance(number, Value) and lift(number) is None and not hasattr(number, "shape"):
            return TypeError(f"{where}: input {i} is {number!r:.60}, and not a number")
    return None


class Neuron(Module, marks=False):  # a layer has many: their sums tell which they are
    """relu(w1*x1 + w2*x2 + ... + b), or without the relu where `nonlin` is false.

    The weights are drawn from the global `random`, between -1 and 1; the bias starts at 0.
    `activation` names another bend than relu, `init` another start: see `init.start`.

    >>> n = Neuron(2)
    >>> n, Neuron(3, activation="tanh"), Neuron(2, nonlin=False)
    (ReLUNeuron(2), TanhNeuron(3), LinearNeuron(2))
    >>> len(n.parameters())
    3
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        activation: str = "relu",
        init: str = "uniform",
        nout: int = 1,
    ) -> None:
        if isinstance(nonlin, str) or callable(nonlin):
            raise TypeError(
                f"Neuron: nonlin is True or False, not {nonlin!r:.60}; the bend is named by "
                'activation="tanh"'
            )
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            raise ValueError(
                f"Neuron: the activation is one of {', '.join(ACTIVATIONS)}, not {activation!r}"
            )
        nin, nout = size(nin, "Neuron: the number of inputs"), size(nout, "Neuron: nout")
        self.w = [Value(start(init, nin, nout)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin
        self.activation = activation

    def __call__(self, x: Sequence[Any]) -> Any:
        if isinstance(x, (dict, set, str, bytes)) or not hasattr(x, "__iter__"):
            numbers(x, repr(self), len(self.w))
        return neuron_output(self, x) if OPEN.get() is not None else outermost_neuron(self, x)

    def parameters(self) -> list[Value]:
        found = [*self.w, self.b]
        return found if len({*found}) == len(found) else unique(found)

    def __repr__(self) -> str:
        kind = ACTIVATIONS[self.activation][0] if self.nonlin else "Linear"
        return f"{kind}Neuron({len(self.w)})"


def neuron_output(neuron: Neuron, x: Sequence[Any]) -> Any:
    """What a neuron gives for these inputs."""
    try:
        # sum((wi*xi for wi, xi in zip(w, x)), b)
        act = weighted_sum(neuron.w, x, neuron.b)
    except TypeError as error:
        raise (strange(x, repr(neuron)) if hasattr(x, "__iter__") else None) or error from None
    return ACTIVATIONS[neuron.activation][1](act) if neuron.nonlin else act


outermost_neuron = recorded(neuron_output)


class Layer(Module, marks=False):
    """`nout` neurons that see the same inputs; a list of outputs, or the one if it is one."""

    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        nin, nout = (
            size(nin, "Layer: the number of inputs"),
            size(nout, "Layer: the number of neurons"),
        )
        self.neurons = [Neuron(nin, nout=nout, **kwargs) for _ in range(nout)]

    def __call__(self, x: Sequence[Any]) -> Any:
        return layer_outputs(self, x) if OPEN.get() is not None else outermost_layer(self, x)

    def parameters(self) -> list[Value]:
        return unique([p for n in self.neurons for p in n.parameters()])

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(n) for n in self.neurons)}]"


def layer_outputs(layer: Layer, x: Sequence[Any]) -> Any:
    """What a layer gives for these inputs: a list, or the one output if it is one."""
    try:
        if isinstance(x, (dict, set)):
            raise TypeError(f"Layer: the inputs are a list, in order, not {x!r:.60}")
        # Within a layer no call is recorded: its neurons need not ask whether they are.
        out = [neuron_output(n, x) if type(n) is Neuron else n(x) for n in layer.neurons]
    except (TypeError, ValueError) as error:
        raise within(error, type(layer).__name__, layer, x) from None
    return out[0] if len(out) == 1 else out


outermost_layer = recorded(layer_outputs)


class MLP(Module):
    """Layers of the given sizes in a row, all but the last with the activation.

    >>> model = MLP(2, [16, 16, 1])
    >>> len(model.parameters())
    337
    >>> len(model), len(model[0].neurons)
    (3, 16)
    >>> MLP(2, [2, 1], activation="tanh", init="xavier")
    MLP of [Layer of [TanhNeuron(2), TanhNeuron(2)], Layer of [LinearNeuron(2)]]
    """

    def __init__(
        self, nin: int, nouts: Iterable[int], activation: str = "relu", init: str = "uniform"
    ) -> None:
        if isinstance(nouts, (str, bytes, dict, set)) or not hasattr(nouts, "__iter__"):
            raise TypeError(
                f"MLP: the sizes of the layers are a list, as in MLP(2, [16, 1]), not {nouts!r:.60}"
            )
        sizes = [
            size(n, f"MLP: the size of layer {i - 1}" if i else "MLP: the number of inputs")
            for i, n in enumerate([nin, *nouts])
        ]
        if len(sizes) < 2:
            raise ValueError("MLP: there is at least one layer, as in MLP(2, [1]), not []")
        last = len(sizes) - 2
        self.layers = [
            Layer(sizes[i], sizes[i + 1], nonlin=i != last, activation=activation, init=init)
            for i in range(len(sizes) - 1)
        ]

    def __call__(self, x: Any) -> Any:
        for i, layer in enumerate(self.layers):
            # A layer of one neuron gives a scalar; the next one takes a list.
            try:
                x = layer([x] if isinstance(x, (Value, float, int)) else x)
            except (TypeError, ValueError) as error:
                raise within(error, f"MLP, layer {i}", layer, x) from None
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: int) -> Layer:
        return self.layers[i]

    def parameters(self) -> list[Value]:
        return unique([p for layer in self.layers for p in layer.parameters()])

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"
