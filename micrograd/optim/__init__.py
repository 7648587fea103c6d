"""Optimizers, learning rate schedules, Newton's method and the clipping of gradients.

Read `optimizers.py` first. Names, defaults and formulas are PyTorch's.
"""

from typing import TYPE_CHECKING, Any

from ..core.similar import no_attribute
from .clip import clip_grad_norm, clip_grad_value
from .newton import Newton
from .onecycle import OneCycleLR
from .optimizer import Optimizer
from .optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from .plateau import ReduceLROnPlateau
from .schedules import CosineAnnealingLR, LinearLR, MultiStepLR, Schedule, StepLR, WarmupLR

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "LinearLR", "MultiStepLR", "Newton",
    "OneCycleLR", "Optimizer", "RMSprop", "ReduceLROnPlateau", "Schedule", "StepLR", "WarmupLR",
    "clip_grad_norm", "clip_grad_value",
]  # fmt: skip

if not TYPE_CHECKING:  # for the type checker a wrong name is an error

    def __getattr__(name: str) -> Any:
        raise no_attribute(__name__, name, __all__)
