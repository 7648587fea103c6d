"""Graphs as pictures. Read `diagram.py` first, then `layout.py`, then `svg.py`.

`fold.py` makes large graphs readable; `draw.py` puts everything together.
"""

from .diagram import name_values
from .dot import draw_dot, trace
from .draw import Graph, draw
from .scope import scope

__all__ = ["Graph", "draw", "draw_dot", "name_values", "scope", "trace"]
