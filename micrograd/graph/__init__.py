"""Graphs as pictures. Read `diagram.py` first, then `layout.py`, then `svg.py`."""

from .diagram import name_values
from .dot import draw_dot, trace
from .draw import Graph, draw

__all__ = ["Graph", "draw", "draw_dot", "name_values", "trace"]
