"""Graphs as pictures. Read `diagram.py` first, then `picture/layout.py`, then `picture/svg.py`.

`folding/fold.py` makes large graphs readable; `draw.py` puts everything together.
"""

from ..core.scope import scope
from .diagram import name_values
from .dot import draw_dot, trace
from .draw import Graph, draw
from .explain import Explanation, explain
from .frames import Frames, frames
from .interact import interact
from .latex import latex
from .steps import Step, steps

__all__ = [
    "Explanation",
    "Frames",
    "Graph",
    "Step",
    "draw",
    "draw_dot",
    "explain",
    "frames",
    "interact",
    "latex",
    "name_values",
    "scope",
    "steps",
    "trace",
]
