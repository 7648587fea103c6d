"""The gradient doctor: what goes wrong with gradients, found, named and explained.

`diagnose` looks once, `watch` looks on while a model trains, `compare_backward` runs the wrong
orders of a backward pass beside the right one, `shares` says how a gradient is split. Read
`diagnose.py` first.
"""

from .comparison import Comparison, compare_backward
from .diagnose import diagnose
from .report import CODES, Finding, Report
from .shares import Shares, shares
from .thresholds import T as THRESHOLDS
from .watch import Watch, watch

__all__ = [
    "CODES", "Comparison", "Finding", "Report", "Shares", "THRESHOLDS", "Watch",
    "compare_backward", "diagnose", "shares", "watch",
]  # fmt: skip
