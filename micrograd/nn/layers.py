"""The other layers: activations as modules, maxout, dropout, embeddings, layers in a row.

Each is a `Module` of a few lines, with its source. What PyTorch has carries PyTorch's
name and meaning. Numbers come in lists: one example is a list of numbers, a batch a list
of examples, and a layer that takes an example takes a batch of them too.

Neurons and layers of them are in `mlp.py`, how weights start in `init.py`; normalization
is in `norms.py`, recurrent cells are in `recurrent.py`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from .. import ops
from ..core.number import lift
from ..core.rule import real
from ..core.watch import WATCH
from ..engine import Value
from .mlp import Layer, within
from .module import Module, is_batch, not_traced, setting, size

# Modules in a row -------------------------------------------------------------------------


class Sequential(Module):
    """Modules, or functions of one argument, one after the other.

    >>> Sequential(Linear(2, 3), Tanh(), Linear(3, 1)).parameter_count()
    13
    """

    def __init__(self, *modules: Callable[[Any], Any]) -> None:
        for i, step in enumerate(modules):
            if not callable(step) or isinstance(step, type):
                raise TypeError(
                    f"Sequential: step {i} is {step!r:.60}, and not a module, such as nn.ReLU(), "
                    "or a function"
                )
        self.steps = list(modules)

    def __call__(self, x: Any) -> Any:
        for i, step in enumerate(self.steps):
            try:
                x = step(x)
            except (TypeError, ValueError) as error:
                raise within(error, f"Sequential, step {i}, {step!r:.40}", step, x) from None
        return x

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, i: int) -> Callable[[Any], Any]:
        return self.steps[i]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.steps))})"


class Linear(Layer):
    """Weighted sums without activation; weights start as PyTorch's do, biases at 0.

    One output is a number, several are a list. `init` names another start: see
    `init.start`.

    >>> layer = Linear(2, 3)
    >>> layer, len(layer([1.0, 2.0])), len(layer.weight), len(layer.bias)
    (Linear(2, 3), 3, 3, 3)
    """

    def __init__(self, nin: int, nout: int, init: str = "torch") -> None:
        super().__init__(nin, nout, nonlin=False, init=init)
        self.sizes = nin, nout

    @property
    def weight(self) -> list[list[Value]]:
        """The weights, a row for each output."""
        return [n.w for n in self.neurons]

    @property
    def bias(self) -> list[Value]:
        """The bias of each output."""
        return [n.b for n in self.neurons]

    def __call__(self, x: Sequence[Any]) -> Any:
        if isinstance(x, (Value, float, int)):
            x = [x]  # what a layer of one output gives
        return [self(one) for one in x] if is_batch(x) else super().__call__(x)

    def __repr__(self) -> str:
        return f"Linear{self.sizes}"


# Activations ------------------------------------------------------------------------------


def elements(x: Any, layer: Any) -> Any:
    """x, the numbers or lists of them that a layer takes one by one; TypeError for a text."""
    if isinstance(x, (str, bytes, dict)):
        raise TypeError(f"{layer!r:.40}: it takes a number or a list of numbers, not {x!r:.60}")
    return x


class Activation(Module, marks=False):
    """A function applied to one number, or to each number of a list."""

    def function(self, x: Any) -> Any:
        raise NotImplementedError

    def __call__(self, x: Any) -> Any:
        if hasattr(x, "__iter__"):
            return [self(element) for element in elements(x, self)]
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
        self.negative_slope = setting(negative_slope, "LeakyReLU: negative_slope", -math.inf)

    def function(self, x: Any) -> Any:
        return ops.leaky_relu(x, self.negative_slope)


class PReLU(Activation, marks=False):
    """A leaky relu that learns its slope, one for all or one for each input. He et al. (2015).

    >>> f = PReLU()
    >>> f(-2.0).backward()
    >>> f.weight[0].grad
    -2.0
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        count = size(num_parameters, "PReLU: num_parameters")
        start = setting(init, "PReLU: init", -math.inf)
        self.weight = [Value(start) for _ in range(count)]

    def __call__(self, x: Any) -> Any:
        if len(self.weight) == 1 or is_batch(x):
            return super().__call__(x)
        if len(x) != len(self.weight):
            raise ValueError(f"PReLU: {len(self.weight)} slopes for {len(x)} numbers")
        return [ops.leaky_relu(v, slope) for v, slope in zip(x, self.weight, strict=True)]

    def function(self, x: Any) -> Any:
        return ops.leaky_relu(x, self.weight[0])


class ELU(Activation):
    """x where positive, else alpha * (exp(x) - 1). Clevert, Unterthiner, Hochreiter (2016)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = setting(alpha, "ELU: alpha", -math.inf)

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

    def __init__(self, nin: int, nout: int, pieces: int = 2, init: str = "torch") -> None:
        count = size(pieces, "Maxout: the number of pieces")
        self.pieces = [Linear(nin, nout, init) for _ in range(count)]

    def __call__(self, x: Sequence[Any]) -> Any:
        if is_batch(x):
            return [self(one) for one in x]
        rows = [[n(x) for n in piece.neurons] for piece in self.pieces]
        out = [ops.maximum(*column) for column in zip(*rows, strict=True)]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        nin, nout = self.pieces[0].sizes
        return f"Maxout({nin}, {nout}, pieces={len(self.pieces)})"


# Dropout and embeddings -------------------------------------------------------------------


class Dropout(Module):
    """In training each number is 0 with probability p, the others grow to make up for it.

    What is expected of each number stays the same, and after `eval()` nothing happens.
    Draws from `rng`, or the global `random`. Srivastava et al. (2014), scaled in training
    as PyTorch does.

    >>> drop = Dropout(0.5, rng=random.Random(1))
    >>> drop([1.0, 1.0, 1.0, 1.0])
    [0.0, 2.0, 2.0, 0.0]
    >>> drop.eval()([1.0, 1.0])
    [1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, rng: Any = random) -> None:
        if isinstance(p, bool) or not 0 <= real(p, "Dropout: p") <= 1:
            raise ValueError(f"Dropout: p is a probability, not {p!r}")
        if not callable(getattr(rng, "random", None)):
            raise TypeError(f"Dropout: rng is a random.Random(seed), not {rng!r:.60}")
        self.p = p
        self.rng = None if rng is random else rng  # a module can be neither copied nor pickled

    def __call__(self, x: Any) -> Any:
        if not self.training or self.p == 0:
            return x
        if hasattr(x, "__iter__"):
            return [self(element) for element in elements(x, self)]
        not_traced("Dropout: training draws anew each time")
        drawn = (random if self.rng is None else self.rng).random()
        return x * 0.0 if drawn < self.p else x * (1 / (1 - self.p))

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


class Embedding(Module):
    """A learned list of numbers for each of `num_embeddings` things, looked up by index.

    A list of indices gives a list of lists. In a compiled function an index may be an argument.

    >>> table = Embedding(10, 4)
    >>> table(3) is table.weight[3], table([3, 5])[1] is table.weight[5]
    (True, True)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        rows = size(num_embeddings, "Embedding: num_embeddings")
        columns = size(embedding_dim, "Embedding: embedding_dim")
        self.weight = [[Value(random.gauss(0, 1)) for _ in range(columns)] for _ in range(rows)]

    def __call__(self, index: Any) -> list[Any]:
        if hasattr(index, "__iter__") and not isinstance(index, (str, bytes, dict, set)):
            return [self(i) for i in index]
        if hasattr(index, "_apply") and WATCH.symbolic():  # known only when the program runs
            return ops.take(self.weight, index)  # type: ignore[no-any-return]
        if isinstance(index, bool) or lift(index) is None:
            raise TypeError(f"Embedding: an index is a whole number, not {index!r:.60}")
        if not (0 <= index < len(self.weight) and index == int(index)):
            raise IndexError(f"Embedding: index {index} of {len(self.weight)}, counted from 0")
        return self.weight[int(index)]

    def __repr__(self) -> str:
        return f"Embedding({len(self.weight)}, {len(self.weight[0])})"
