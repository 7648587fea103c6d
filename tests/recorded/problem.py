"""The function that the recorded optimizers go down, for Values and for tensors alike."""

from __future__ import annotations

START = [-1.2, 1.5, 0.7]
STEPS = 100


def objective(a, b, c):
    """A narrow bent valley in a and b, and a sigmoid that couples c to both."""
    valley = (1 - a) ** 2 + 2 * (b - a * a) ** 2
    return valley + 1 / (1 + (-3 * c * (a + b)).exp()) + 0.5 * c * c
