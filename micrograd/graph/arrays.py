"""The picture of an array program: a box for each step on whole arrays, whatever their sizes.

A network of any width is the same picture. The forward pass is black, with the name and shape of
each array on its wire; the backward pass is red, and there stands the gradient that has that
shape. The boxes are drawn by `picture/arrays.py`; what the steps are says the program itself
(`compiler/arrays/outline.py`).
"""

from __future__ import annotations

from typing import Any

from .diagram import Box, Diagram, Link, plural


def array_diagram(lines: list[Any]) -> Diagram:
    """The boxes of an outline, operands before their users."""
    boxes: list[Box] = []
    links: list[Link] = []
    for i, line in enumerate(lines):
        shape = f" [{', '.join(map(str, line.shape))}]" if line.shape else ""
        back = f"d{line.name}{shape}" if line.live else ""
        kind = "leaf" if line.kind != "step" else "op"
        size = 1.0
        for n in line.shape:
            size *= n
        words = f"{line.name}{shape}"
        boxes.append(Box(line.formula, words, size, 0.0, kind, note=back, place=line.kind))
        for place, source in enumerate(line.operands):
            live = lines[source].live and line.live
            links.append(Link(source, i, place, len(line.operands), live))
    steps = [line for line in lines if line.kind == "step"]
    leaves = [line for line in lines if line.kind != "step"]
    results = [line.name for line in lines if line.result]
    sentence = (
        f"Array program of {plural(len(steps), 'step')} on {plural(len(leaves), 'array')}; "
        f"{', '.join(results[:3]) or 'nothing'} is the result."
    )
    return Diagram(boxes, links, len(steps), len(leaves), sentence=sentence)


def lines_of(shown: Diagram) -> str:
    """The same as text."""
    head = [box.label for box in shown.boxes if box.kind == "leaf"]
    lines = [f"given {', '.join(head)}"]
    steps = [box for box in shown.boxes if box.kind == "op"]
    width = len(str(len(steps)))
    lines += [f"{k:>{width + 2}}  {box.label} = {box.op}" for k, box in enumerate(steps, 1)]
    return "\n".join(lines)
