"""An array program as text: formulas with shapes, and source that stands on its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .operands import WIDTH
from .outline import Line, outline
from .program import ArrayProgram, Leaf, Shape
from .reverse import reverse
from .runtime import nested
from .source import Source, Writer, emit, wrapped
from .spaces import definitions, elsewhere, needs, own_names, texts


class Rolled(ArrayProgram):
    """An array program that prints: `str` gives formulas with shapes, `source` NumPy code.

    >>> from micrograd import Value, jit
    >>> import micrograd as mg
    >>> w, b = [[Value(0.5), Value(-1.0)], [Value(2.0), Value(1.5)]], [Value(0.0), Value(1.0)]
    >>> def layer(x):
    ...     return [mg.tanh(sum(wi * xi for wi, xi in zip(row, x)) + bi) for row, bi in zip(w, b)]
    >>> fast = jit(layer)
    >>> y = fast([1.0, 2.0])
    >>> print(fast.array_program)
    given x[2]; W1[2, 2], b1[2]
      1  v2[2] = tanh(W1 @ x + b1)
    gives v2
    """

    def __str__(self) -> str:
        return formulas(self)

    def __repr__(self) -> str:
        leaves = sum(isinstance(step, Leaf) for step in self.steps)
        return f"<array program: {len(self.steps) - leaves} steps, {len(self.outputs)} outputs>"

    def outline(self) -> list[Line]:
        """The arrays and steps of the forward pass, for `draw`."""
        return outline(self)

    @property
    def source(self) -> str:
        """Forward and backward as a module of its own, which runs under NumPy, JAX and PyTorch.

        Of one result with its gradient, by the parameters or, if there are none, by the inputs.
        """
        program: ArrayProgram = self
        if len(self.outputs) == 1 and (self.parameters or self.inputs):
            program = reverse(self, self.parameters or self.inputs)
        return standing_alone(emit(program))


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


def standing_alone(source: Source) -> str:
    head = [
        "import numpy as np  # or jax.numpy, or torch with torch.set_default_dtype(torch.float64)"
    ]
    wanted = [name for name in source.calls if name in texts()]
    used = {part for name in wanted for part in needs(name)}
    body = definitions(wanted)
    if re.search(r"\b(?<!\.)(inf|nan)\b", body + source.text):
        head.append("from math import inf, nan")
    if " pi" in body or "(pi" in body:
        head.append("from math import pi")
    missing = [
        name
        for name in elsewhere()
        if name in source.calls or any(f"{name}(" in texts()[u] for u in used)
    ]
    for name in missing:
        head.append(f"# {name}: from scipy.special, jax.scipy.special or torch.special")
    for name in own_names(source.calls):
        head.append(f"# {name}: an operation of your own")
    arrays = [literal(name, "np.asarray", nested(data, shape))
              for name, (shape, data) in source.constants.items()]  # fmt: skip
    arrays += [literal(name, "np.asarray", nested(data, shape))
               for name, (shape, data) in source.tables.items()]  # fmt: skip
    blocks = ["\n".join(head), "\n".join(arrays), body, source.text]
    return "\n\n\n".join(block for block in blocks if block)


def literal(name: str, function: str, data: object) -> str:
    """An assignment of an array, in lines of readable length."""
    line = f"{name} = {function}({data!r})"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = {function}(", *wrapped(repr(data) + ",", "    "), ")"])
