"""An array program as text: formulas with shapes, and source that stands on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .program import ArrayProgram, Leaf, Shape
from .reverse import reverse
from .runtime import nested
from .source import WIDTH, Source, Writer, emit, wrapped
from .spaces import ELSEWHERE, definitions, needs, own_names, texts


def with_shape(name: str, shape: Shape) -> str:
    return f"{name}[{', '.join(map(str, shape))}]" if shape else name


def formulas(program: ArrayProgram) -> str:
    """One line a step, with its shape: what goes in, what is done, what comes out."""
    writer = Writer(program, False)
    found = writer.lines(0, program.forward_steps)
    names = writer.names

    def listed(leaves: Sequence[int]) -> str:
        shown = []
        for i in leaves:
            step = program.steps[i]
            assert isinstance(step, Leaf)
            shown.append(with_shape(names[i] or step.name, step.shape))
        return ", ".join(shown)

    lines = [f"given {listed(program.inputs) or 'nothing'}"]
    if program.parameters:
        lines[0] += f"; {listed(program.parameters)}"
    constants = [with_shape(name, shape) for name, (shape, _) in writer.constants.items()]
    if constants:
        lines.append(f"with {', '.join(constants)}")
    width = len(str(len(found)))
    for number, (i, right) in enumerate(found, 1):
        left = with_shape(names[i], program.steps[i].shape)
        lines.append(f"{number:>{width + 2}}  {left} = {right.replace('np.', '')}")
    lines.append("gives " + ", ".join(writer.results()))
    return "\n".join(lines)


def whole_source(program: ArrayProgram) -> str:
    """Forward and backward as a module of its own: constants, the functions it needs, and `f`.

    Of one result with its gradient, by the parameters or, if there are none, by the inputs.
    """
    if len(program.outputs) == 1 and (program.parameters or program.inputs):
        program = reverse(program, program.parameters or program.inputs)
    source = emit(program)
    return standing_alone(source)


def standing_alone(source: Source) -> str:
    head = ["import numpy as np  # or jax.numpy, or torch with torch.set_default_dtype(torch.float64)"]
    wanted = [name for name in source.calls if name in texts()]
    used = {part for name in wanted for part in needs(name)}
    body = definitions(wanted)
    if any(f"{name}(" in body or f"{name}(" in source.text for name in ("inf", "nan")) or any(
        word in body for word in (" inf", " nan", "-inf")
    ):
        head.append("from math import inf, nan")
    if " pi" in body or "(pi" in body:
        head.append("from math import pi")
    missing = [
        name
        for name in ELSEWHERE
        if name in source.calls or any(f"{name}(" in texts()[u] for u in used)
    ]
    for name in missing:
        head.append(f"# {name}: from scipy.special, jax.scipy.special or torch.special")
    for name in own_names(source.calls):
        head.append(f"# {name}: an operation of your own")
    blocks = ["\n".join(head)]
    arrays = [literal(name, "np.asarray", nested(data, shape))
              for name, (shape, data) in source.constants.items()]  # fmt: skip
    arrays += [literal(name, "np.asarray", nested(data, shape))
               for name, (shape, data) in source.tables.items()]  # fmt: skip
    if arrays:
        blocks.append("\n".join(arrays))
    if body:
        blocks.append("\n" + body + "\n")
    blocks.append(("\n" if body else "") + source.text)
    return "\n\n".join(blocks)


def literal(name: str, function: str, data: Any) -> str:
    """An assignment of an array, in lines of readable length."""
    line = f"{name} = {function}({data!r})"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = {function}(", *wrapped(repr(data) + ",", "    "), ")"])


