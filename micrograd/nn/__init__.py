"""Neurons, layers and whole networks, built from Values one by one.

Read `module.py` and `mlp.py` first; the other layers are in `layers.py`, `norms.py` and
`recurrent.py`, how weights start is in `init.py`. Losses are in `micrograd/losses.py`.
"""

from typing import TYPE_CHECKING, Any

from ..core.similar import no_attribute
from .layers import (
    ELU,
    GELU,
    Dropout,
    Embedding,
    LeakyReLU,
    Linear,
    Maxout,
    PReLU,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Tanh,
)
from .mlp import ACTIVATIONS, MLP, Layer, Neuron
from .module import Module
from .norms import BatchNorm, LayerNorm
from .recurrent import LSTMCell, RNNCell

__all__ = [
    "ACTIVATIONS", "BatchNorm", "Dropout", "ELU", "Embedding", "GELU", "LSTMCell", "Layer",
    "LayerNorm", "LeakyReLU", "Linear", "MLP", "Maxout", "Module", "Neuron", "PReLU", "RNNCell",
    "ReLU", "Sequential", "SiLU", "Sigmoid", "Tanh",
]  # fmt: skip

if not TYPE_CHECKING:  # for the type checker a wrong name is an error

    def __getattr__(name: str) -> Any:
        raise no_attribute(__name__, name, __all__)
