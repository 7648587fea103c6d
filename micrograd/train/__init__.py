"""Training: the loop over epochs, plots of what was learned, and progress.

Read `loop.py` first. Data sets are in `micrograd/data.py`.
"""

from . import plots
from .loop import Diverged, History, accuracy, evaluate, fit, predict

__all__ = ["Diverged", "History", "accuracy", "evaluate", "fit", "plots", "predict"]
