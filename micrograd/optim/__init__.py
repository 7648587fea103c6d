"""Optimizers, learning rate schedules, Newton's method and the clipping of gradients.

Read `optimizers.py` first. Names, defaults and formulas are PyTorch's.
"""

from .clip import clip_grad_norm, clip_grad_value
from .newton import Newton
from .optimizer import Optimizer
from .optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from .schedules import CosineAnnealingLR, LinearLR, Schedule, StepLR, WarmupLR

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "LinearLR", "Newton", "Optimizer",
    "RMSprop", "Schedule", "StepLR", "WarmupLR", "clip_grad_norm", "clip_grad_value",
]  # fmt: skip
