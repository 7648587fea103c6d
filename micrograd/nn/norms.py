"""Normalization: numbers with mean 0 and variance 1, over a batch or within one example.

The other layers are in `layers.py`, where these are found too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..engine import Value
from .module import Module, is_batch, not_traced, numbers, setting, size


def moments(xs: Sequence[Any]) -> tuple[Any, Any, list[Any]]:
    """Mean and (biased) variance of the numbers, and the numbers with the mean taken off."""
    mean = ops.mean(list(xs))
    centered = [x - mean for x in xs]
    return mean, ops.mean([c * c for c in centered]), centered


class BatchNorm(Module):
    """Each feature of a batch with mean 0 and variance 1, then scaled and shifted.

    Takes a batch, a list of examples, each a list of `num_features` numbers. In training
    the batch's own mean and (biased) variance are used, and remembered: a running value
    moves by `momentum` of the way to that of the batch, the variance unbiased. After
    `eval()` the running ones are used, so that one example does not depend on the others.
    Ioffe and Szegedy (2015); PyTorch's BatchNorm1d.

    >>> norm = BatchNorm(1)
    >>> [f"{y.data:.3f}" for [y] in norm([[1.0], [3.0]])]
    ['-1.000', '1.000']
    >>> norm.running_mean, norm.running_var
    ([0.2], [1.1])
    """

    whole_batch = True

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        num_features = size(num_features, "BatchNorm: num_features")
        self.weight = [Value(1.0) for _ in range(num_features)]
        self.bias = [Value(0.0) for _ in range(num_features)]
        self.eps = setting(eps, "BatchNorm: eps")
        self.momentum = setting(momentum, "BatchNorm: momentum", 0.0, 1.0)
        self.running_mean = [0.0] * num_features
        self.running_var = [1.0] * num_features

    def buffers(self) -> dict[str, list[float]]:
        return {"running_mean": self.running_mean, "running_var": self.running_var}

    def __call__(self, batch: Sequence[Sequence[Any]]) -> list[list[Any]]:
        size = len(self.weight)
        there = hasattr(batch, "__len__") and not isinstance(batch, (str, bytes, dict, set))
        if not there or not all(hasattr(x, "__iter__") and len(x) == size for x in batch):
            raise ValueError(f"{self} takes a list of examples, each a list of {size} numbers")
        if self.training and len(batch) < 2:
            raise ValueError(f"{self}: a batch of one has no variance; train on two or more")
        columns = [self.column(i, [x[i] for x in batch]) for i in range(size)]
        return [list(row) for row in zip(*columns, strict=True)]

    def column(self, i: int, xs: list[Any]) -> list[Any]:
        """Feature i of every example, normalized."""
        if self.training:
            mean, variance, centered = moments(xs)
            self.remember(i, number(mean), number(variance) * len(xs) / (len(xs) - 1))
        else:
            variance = self.running_var[i]
            centered = [x - self.running_mean[i] for x in xs]
        scale = self.weight[i] / ops.sqrt(variance + self.eps)
        return [c * scale + self.bias[i] for c in centered]

    def remember(self, i: int, mean: float, variance: float) -> None:
        m = self.momentum
        self.running_mean[i] = (1 - m) * self.running_mean[i] + m * mean
        self.running_var[i] = (1 - m) * self.running_var[i] + m * variance

    def __repr__(self) -> str:
        return f"BatchNorm({len(self.weight)})"


def number(x: Any) -> float:
    not_traced("BatchNorm: training changes its running statistics")
    return x.data if isinstance(x, Value) else float(x)


class LayerNorm(Module):
    """The numbers of one example with mean 0 and variance 1, then scaled and shifted.

    The same in training and in use. Of a list of examples, each. Ba, Kiros and Hinton
    (2016).

    >>> [f"{y.data:.3f}" for y in LayerNorm(2)([1.0, 3.0])]
    ['-1.000', '1.000']
    """

    def __init__(self, normalized_shape: int, eps: float = 1e-5) -> None:
        normalized_shape = size(normalized_shape, "LayerNorm: normalized_shape")
        self.weight = [Value(1.0) for _ in range(normalized_shape)]
        self.bias = [Value(0.0) for _ in range(normalized_shape)]
        self.eps = setting(eps, "LayerNorm: eps")

    def __call__(self, x: Sequence[Any]) -> list[Any]:
        if is_batch(x):
            return [self(one) for one in x]
        numbers(x, repr(self), len(self.weight))
        _, variance, centered = moments(x)
        scale = 1.0 / ops.sqrt(variance + self.eps)
        return [c * scale * w + b for c, w, b in zip(centered, self.weight, self.bias, strict=True)]

    def __repr__(self) -> str:
        return f"LayerNorm({len(self.weight)})"
