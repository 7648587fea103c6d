"""The native backend; not there yet in this build."""

from __future__ import annotations

from .backends import Batch


def available() -> bool:
    return False


class NativeBatch(Batch):
    """Machine code."""
