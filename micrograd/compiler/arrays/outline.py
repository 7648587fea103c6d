"""`outline`: an array program as boxes for a picture: each step with its formula and operands.

`graph/arrays.py` draws it. Finer than the printed program: an activation of a matrix product is not
written into the next product.
"""

from __future__ import annotations

from typing import NamedTuple

from .operands import Text
from .program import Apply, ArrayProgram, Leaf, Shape, Sum
from .source import Writer


class Line(NamedTuple):
    """One array: what it is called, how it is computed, and from which."""

    name: str
    shape: Shape
    formula: str  # empty where the array is given
    operands: tuple[int, ...]  # by number among the lines
    kind: str  # "input", "parameter", "constant", "step"
    live: bool  # whether a gradient flows back to it
    result: bool = False


class Steps(Writer):
    """Writes a line for each layer."""

    def is_inlined(self, i: int, found: Text) -> bool:
        if not super().is_inlined(i, found):
            return False
        user = self.program.steps[self.user[i]]
        layer = "@" in found.text and isinstance(self.program.steps[i], Apply) and "(" in found.text
        return not (layer and found.text[0].isalpha() and isinstance(user, Sum))


def outline(program: ArrayProgram) -> list[Line]:
    """The arrays of the forward pass, each after those that it is computed from."""
    writer = Steps(program, False)
    formulas = dict(writer.lines(0, program.forward_steps))
    lines: list[Line] = []
    at: dict[int, int] = {}
    reached: dict[int, tuple[int, ...]] = {}
    live = [False] * len(program.steps)
    results = {y.array for y in program.outputs}
    for i, step in enumerate(program.steps[: program.forward_steps]):
        mine: dict[int, None] = {}
        for read in step.reads():
            mine.update(dict.fromkeys(reached[read.array]))
            live[i] = live[i] or live[read.array]
        name = writer.names[i] or ""
        if isinstance(step, Leaf):
            live[i] = step.kind in ("input", "parameter")
            if step.kind == "constant" and (step.size == 1 or not name.isidentifier()):
                reached[i] = ()
                continue
            name = name or step.name
        elif i not in formulas:
            reached[i] = tuple(mine)
            continue
        kind = step.kind if isinstance(step, Leaf) else "step"
        formula = formulas.get(i, "").replace("np.", "")
        at[i] = len(lines)
        reached[i] = (at[i],)
        lines.append(Line(name, step.shape, formula, tuple(mine), kind, live[i], i in results))
    used = {k for line in lines for k in line.operands} | {
        k for k, line in enumerate(lines) if line.kind == "step"
    }
    kept = {k: n for n, k in enumerate(sorted(used))}
    return [
        line._replace(operands=tuple([kept[k] for k in line.operands]))
        for k, line in enumerate(lines) if k in kept
    ]  # fmt: skip
