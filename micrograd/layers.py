"""The other layers: activations as modules, normalization, dropout, recurrence, embeddings.

Each is a `Module` of a few lines, with its source. What PyTorch has carries PyTorch's
name and meaning. A layer takes the numbers of one example, a list; `BatchNorm` alone
takes a whole batch, a list of examples. Neurons and layers of them are in `nn.py`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from . import ops
from .engine import Value
from .neuron import weighted_sum
from .nn import Layer, Module

# How weights start ------------------------------------------------------------------------

INITS = ("uniform", "xavier", "he", "zeros")


def start(init: str, nin: int, nout: int) -> float:
    """One weight between `nin` inputs and `nout` outputs, drawn from the global `random`.

    "uniform"  between -1 and 1, as micrograd does
    "xavier"   uniform with variance 2 / (nin + nout): keeps the size of tanh activations
               and of their gradients through the layers. Glorot and Bengio (2010)
    "he"       normal with variance 2 / nin: the same for relu, which halves the variance.
               He et al. (2015)
    "zeros"    all alike, to see why not: neurons that start equal stay equal
    """
    if init == "uniform":
        return random.uniform(-1, 1)
    if init == "xavier":
        bound = math.sqrt(6 / (nin + nout))
        return random.uniform(-bound, bound)
    if init == "he":
        return random.gauss(0, math.sqrt(2 / nin))
    if init == "zeros":
        return 0.0
    raise ValueError(f"the start of weights is one of {', '.join(INITS)}, not {init!r}")


# Modules in a row -------------------------------------------------------------------------


class Sequential(Module):
    """Modules, or functions of one argument, one after the other.

    >>> Sequential(Linear(2, 3), Tanh(), Linear(3, 1)).parameter_count()
    13
    """

    def __init__(self, *modules: Callable[[Any], Any]) -> None:
        self.steps = list(modules)

    def __call__(self, x: Any) -> Any:
        for step in self.steps:
            x = step(x)
        return x

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.steps))})"


class Linear(Layer):
    """A layer without activation: weights as in `Neuron`, or another start by `init`.

    >>> Linear(2, 3)
    Linear(2, 3)
    """

    def __init__(self, nin: int, nout: int, init: str = "uniform") -> None:
        super().__init__(nin, nout, nonlin=False, init=init)
        self.sizes = nin, nout

    def __repr__(self) -> str:
        return f"Linear{self.sizes}"


# Activations ------------------------------------------------------------------------------


class Activation(Module):
    """A function applied to one number, or to each number of a list."""

    def function(self, x: Any) -> Any:
        raise NotImplementedError

    def __call__(self, x: Any) -> Any:
        if hasattr(x, "__iter__"):
            return [self(element) for element in x]
        return self.function(x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReLU(Activation):
    """max(0, x)."""

    def function(self, x: Any) -> Any:
        return ops.relu(x)


class LeakyReLU(Activation):
    """x where positive, else `negative_slope` * x. Maas, Hannun and Ng (2013)."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def function(self, x: Any) -> Any:
        return ops.leaky_relu(x, self.negative_slope)


class PReLU(Activation):
    """A leaky relu that learns its slope. He et al. (2015).

    >>> f = PReLU()
    >>> f(-2.0).backward()
    >>> f.weight.grad
    -2.0
    """

    def __init__(self, init: float = 0.25) -> None:
        self.weight = Value(init)

    def function(self, x: Any) -> Any:
        return ops.leaky_relu(x, self.weight)


class ELU(Activation):
    """x where positive, else alpha * (exp(x) - 1). Clevert, Unterthiner, Hochreiter (2016)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def function(self, x: Any) -> Any:
        return ops.elu(x, self.alpha)


class SiLU(Activation):
    """x * sigmoid(x), also called swish. Elfwing, Uchibe and Doya (2018)."""

    def function(self, x: Any) -> Any:
        return ops.silu(x)


class GELU(Activation):
    """x times the normal distribution function, exactly. Hendrycks and Gimpel (2016)."""

    def function(self, x: Any) -> Any:
        return ops.gelu(x)


class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    def function(self, x: Any) -> Any:
        return ops.sigmoid(x)


class Tanh(Activation):
    """tanh(x) = 2 sigmoid(2x) - 1."""

    def function(self, x: Any) -> Any:
        return ops.tanh(x)


class Maxout(Module):
    """For each output the largest of several weighted sums. Goodfellow et al. (2013).

    With one of two pieces held at 0 it is a relu, with one a multiple of the other a leaky
    relu.

    >>> len(Maxout(2, 3)([1.0, -1.0])), Maxout(2, 3).parameter_count()
    (3, 18)
    """

    def __init__(self, nin: int, nout: int, pieces: int = 2, init: str = "uniform") -> None:
        self.pieces = [Linear(nin, nout, init) for _ in range(pieces)]

    def __call__(self, x: Sequence[Any]) -> Any:
        rows = [[n(x) for n in piece.neurons] for piece in self.pieces]
        out = [ops.maximum(*column) for column in zip(*rows, strict=True)]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        nin, nout = self.pieces[0].sizes
        return f"Maxout({nin}, {nout}, pieces={len(self.pieces)})"


# Normalization and dropout ----------------------------------------------------------------


class BatchNorm(Module):
    """Each feature of a batch with mean 0 and variance 1, then scaled and shifted.

    Takes a list of examples, each a list of `size` numbers. In training the batch's own
    mean and (biased) variance are used and remembered as running means, the variance
    unbiased; after `eval()` the running ones are used. Ioffe and Szegedy (2015); PyTorch's
    BatchNorm1d.

    >>> norm = BatchNorm(1)
    >>> [f"{y.data:.3f}" for [y] in norm([[1.0], [3.0]])]
    ['-1.000', '1.000']
    """

    def __init__(self, size: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.weight = [Value(1.0) for _ in range(size)]
        self.bias = [Value(0.0) for _ in range(size)]
        self.eps, self.momentum = eps, momentum
        self.running_mean = [0.0] * size
        self.running_var = [1.0] * size

    def buffers(self) -> dict[str, list[float]]:
        return {"running_mean": self.running_mean, "running_var": self.running_var}

    def __call__(self, batch: Sequence[Sequence[Any]]) -> list[list[Any]]:
        n, size = len(batch), len(self.weight)
        if any(len(x) != size for x in batch):
            raise ValueError(f"BatchNorm({size}): every example has {size} numbers")
        if self.training and n < 2:
            raise ValueError("BatchNorm: a batch of one has no variance; train on two or more")
        columns = []
        for i in range(size):
            xs = [x[i] for x in batch]
            if self.training:
                mean = ops.mean(xs)
                centered = [x - mean for x in xs]
                variance = ops.mean([c * c for c in centered])
                self.remember(i, mean, variance, n)
            else:
                mean, variance = self.running_mean[i], self.running_var[i]
                centered = [x - mean for x in xs]
            scale = self.weight[i] / ops.sqrt(variance + self.eps)
            columns.append([c * scale + self.bias[i] for c in centered])
        return [list(row) for row in zip(*columns, strict=True)]

    def remember(self, i: int, mean: Any, variance: Any, n: int) -> None:
        m = self.momentum
        mean, variance = number(mean), number(variance)
        self.running_mean[i] = (1 - m) * self.running_mean[i] + m * mean
        self.running_var[i] = (1 - m) * self.running_var[i] + m * variance * n / (n - 1)

    def __repr__(self) -> str:
        return f"BatchNorm({len(self.weight)})"


def number(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


class LayerNorm(Module):
    """The numbers of one example with mean 0 and variance 1, scaled and shifted.

    Ba, Kiros and Hinton (2016).

    >>> [f"{y.data:.3f}" for y in LayerNorm(2)([1.0, 3.0])]
    ['-1.000', '1.000']
    """

    def __init__(self, size: int, eps: float = 1e-5) -> None:
        self.weight = [Value(1.0) for _ in range(size)]
        self.bias = [Value(0.0) for _ in range(size)]
        self.eps = eps

    def __call__(self, x: Sequence[Any]) -> list[Any]:
        if len(x) != len(self.weight):
            raise ValueError(f"LayerNorm({len(self.weight)}) got {len(x)} numbers")
        mean = ops.mean(list(x))
        centered = [v - mean for v in x]
        scale = 1.0 / ops.sqrt(ops.mean([c * c for c in centered]) + self.eps)
        return [c * scale * w + b for c, w, b in zip(centered, self.weight, self.bias, strict=True)]

    def __repr__(self) -> str:
        return f"LayerNorm({len(self.weight)})"


class Dropout(Module):
    """In training each number is 0 with probability p, the others grow to make up for it.

    After `eval()` nothing happens. Draws from `rng`, or the global `random`. Srivastava et
    al. (2014), scaled in training as PyTorch does.

    >>> drop = Dropout(0.5, rng=random.Random(1))
    >>> drop([1.0, 1.0, 1.0, 1.0])
    [0.0, 2.0, 2.0, 0.0]
    >>> drop.eval()([1.0, 1.0])
    [1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, rng: Any = random) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is a probability below 1, not {p!r}")
        self.p, self.rng = p, rng

    def __call__(self, x: Any) -> Any:
        if not self.training or self.p == 0:
            return x
        if hasattr(x, "__iter__"):
            return [self(element) for element in x]
        return x * 0.0 if self.rng.random() < self.p else x * (1 / (1 - self.p))

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


# Recurrence and embeddings ----------------------------------------------------------------


class Affine(Module):
    """W x + b for a recurrent cell, uniform within 1 / sqrt(size) as PyTorch starts them."""

    def __init__(self, nin: int, nout: int, size: int) -> None:
        bound = 1 / math.sqrt(size)
        self.weight = [
            [Value(random.uniform(-bound, bound)) for _ in range(nin)] for _ in range(nout)
        ]
        self.bias = [Value(random.uniform(-bound, bound)) for _ in range(nout)]

    def __call__(self, x: Sequence[Any]) -> list[Any]:
        return [weighted_sum(w, x, b) for w, b in zip(self.weight, self.bias, strict=True)]


class RNNCell(Module):
    """tanh(W x + b + U h + c): one step of a recurrent network. Elman (1990).

    >>> cell = RNNCell(2, 3)
    >>> h = cell([1.0, 2.0])
    >>> len(cell([0.0, 1.0], h))
    3
    """

    def __init__(self, nin: int, size: int) -> None:
        self.size = size
        self.of_input, self.of_state = Affine(nin, size, size), Affine(size, size, size)

    def __call__(self, x: Sequence[Any], h: Sequence[Any] | None = None) -> list[Any]:
        h = [0.0] * self.size if h is None else h
        return [ops.tanh(a + b) for a, b in zip(self.of_input(x), self.of_state(h), strict=True)]

    def __repr__(self) -> str:
        return f"RNNCell({len(self.of_input.weight[0])}, {self.size})"


class LSTMCell(Module):
    """One step of a long short-term memory; takes and gives a pair (h, c).

    Gates in PyTorch's order: input, forget, candidate, output. Hochreiter and Schmidhuber
    (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).

    >>> cell = LSTMCell(1, 2)
    >>> h, c = cell([1.0])
    >>> len(h), len(c)
    (2, 2)
    """

    def __init__(self, nin: int, size: int) -> None:
        self.size = size
        self.of_input, self.of_state = Affine(nin, 4 * size, size), Affine(size, 4 * size, size)

    def __call__(
        self, x: Sequence[Any], state: tuple[Sequence[Any], Sequence[Any]] | None = None
    ) -> tuple[list[Any], list[Any]]:
        zeros = [0.0] * self.size
        h, c = state if state is not None else (zeros, zeros)
        z = [a + b for a, b in zip(self.of_input(x), self.of_state(h), strict=True)]
        n = self.size
        i, f, o = (list(map(ops.sigmoid, z[k * n : k * n + n])) for k in (0, 1, 3))
        g = list(map(ops.tanh, z[2 * n : 3 * n]))
        new_c = [f[k] * c[k] + i[k] * g[k] for k in range(n)]
        return [o[k] * ops.tanh(new_c[k]) for k in range(n)], new_c

    def __repr__(self) -> str:
        return f"LSTMCell({len(self.of_input.weight[0])}, {self.size})"


class Embedding(Module):
    """A learned list of `size` numbers for each of `count` things, looked up by index.

    >>> table = Embedding(10, 4)
    >>> table(3) is table.weight[3]
    True
    """

    def __init__(self, count: int, size: int) -> None:
        self.weight = [[Value(random.gauss(0, 1)) for _ in range(size)] for _ in range(count)]

    def __call__(self, index: int) -> list[Value]:
        if not (0 <= index < len(self.weight) and index == int(index)):
            raise IndexError(f"Embedding: index {index} of {len(self.weight)}, counted from 0")
        return self.weight[int(index)]

    def __repr__(self) -> str:
        return f"Embedding({len(self.weight)}, {len(self.weight[0])})"
