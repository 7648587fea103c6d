"""A picture as a page: frames fold at a click, boxes show what is inside and their paths.

Everything is in the one file, and nothing is loaded. A folded frame keeps its place, under a lid;
what is inside a folded box is a picture of its own, which opens over the others. So nothing else
moves. The look and the script of the page are in `picture/explorer.py`.
"""

from __future__ import annotations

import json
from typing import Any

from .diagram import Diagram, summary
from .folding.inside import insides
from .picture import explorer
from .picture.page import embedded
from .picture.svg import Picture

MOST = 3_000_000  # characters of pictures of insides in a page


def page(graph: Any) -> str:
    """The page of a `Graph`."""
    shown: Diagram = graph.diagram
    picture = Picture(shown, graph.theme, graph.style, True, graph.rankdir == "TB")
    picture.apart, picture.flow = not graph.flow, graph.flow
    lenses: dict[int, str] = {}
    left = MOST
    found = insides(shown, graph.fold) if graph.fold is not None else {}
    for i, inner in found.items():
        svg = Picture(inner, graph.theme, graph.style).svg(inner)
        left -= len(svg)
        if left < 0:
            break
        lenses[i] = svg
    data = {
        "links": [[link.source, link.target] for link in shown.links],
        "names": [f"{box.title} {box.label} {box.place}".lower() for box in shown.boxes],
        "nodes": [places_of(picture, i) for i in range(len(shown.boxes))],
    }
    return explorer.html(summary(shown), graph.theme, picture.svg(shown), lenses, json.dumps(data))


def places_of(picture: Picture, i: int) -> list[int]:
    """The links between what a box is drawn as, in the style "record"."""
    look = picture.look
    count = len(look.shown.links)
    return [
        k for k in range(count, len(look.edges)) if look.owner(look.edges[k].target) == i
    ]  # fmt: skip


def in_a_notebook(graph: Any) -> str:
    """The page in a frame of its own, which keeps its names from those of the notebook."""
    _, _, width, height = map(float, graph.svg.split('viewBox="')[1].split('"')[0].split())
    tall = min(900, min(1.0, 1000 / width) * height + 120)
    return embedded(graph.html, summary(graph.diagram), tall)
