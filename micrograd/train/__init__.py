"""Training: the loop over epochs, plots of what was learned, and progress.

Read `loop.py` first. Data sets are in `micrograd/data.py`.
"""

from typing import TYPE_CHECKING, Any

from ..core.similar import no_attribute
from . import plots
from .judge import accuracy, evaluate, predict
from .loop import Diverged, History, fit

__all__ = ["Diverged", "History", "accuracy", "evaluate", "fit", "plots", "predict"]

if not TYPE_CHECKING:  # for the type checker a wrong name is an error

    def __getattr__(name: str) -> Any:
        raise no_attribute(__name__, name, __all__)
