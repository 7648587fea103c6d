"""Graphs as pictures. Read `diagram.py` first, then `layout.py`, then `svg.py`.

`fold.py` makes large graphs readable; `draw.py` puts everything together.
"""

from .diagram import name_values
from .dot import draw_dot, trace
from .draw import Graph, draw
from .frames import Frames, frames
from .latex import latex
from .live import interact
from .paths import Explanation, explain
from .scope import scope
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
