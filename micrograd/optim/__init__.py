"""Optimizers, learning rate schedules, Newton's method and the clipping of gradients.

Read `optimizers.py` first. Names, defaults and formulas are PyTorch's.
"""

from typing import TYPE_CHECKING, Any

from ..core.similar import no_attribute
from .clip import clip_grad_norm, clip_grad_value
from .newton import Newton
from .optimizer import Optimizer
from .optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from .schedules import CosineAnnealingLR, LinearLR, Schedule, StepLR, WarmupLR

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "LinearLR", "Newton", "Optimizer",
    "RMSprop", "Schedule", "StepLR", "WarmupLR", "clip_grad_norm", "clip_grad_value",
]  # fmt: skip

if not TYPE_CHECKING:  # for the type checker a wrong name is an error

    def __getattr__(name: str) -> Any:
        raise no_attribute(__name__, name, __all__)
