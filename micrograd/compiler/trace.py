"""`trace`: runs a function once on Values and writes down what it did, as a `Program`.

The numbers in those Values stand for any numbers, so whatever would let them out, such as
`if v > 0` or `v.data`, is an error that names the user's line. Which operations were
done is read from the graph that the function leaves, by the same sort as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..anomaly import user_line
from ..engine import Value
from ..modes import Observer
from ..nodes import apply, attribute, is_made_by_hand, operands_of
from ..rule import TABLE, real
from ..toposort import Node, Search
from ..watch import WATCH
from .program import Program
from .structure import Structure


class TraceError(TypeError):
    """A traced function looked at a number that is not known yet; says where, and what to do."""


INSTEAD = {
    "bool()": "for a choice by numbers write where(condition, a, b), maximum or minimum",
    "format()": "print the result of the compiled function instead",
    ".data": "compute with the Value itself; detach() stops its gradient",
}


class Tracer(Observer):
    """The observer of a trace: lets no number out, and tells constants from parameters."""

    symbolic = True

    def __init__(self) -> None:
        self.constants: set[Node] = set()
        self.comparisons: set[Node] = set()

    def born(self, node: Node) -> None:
        self.constants.add(node)

    def read(self, node: Node, what: str) -> None:
        hint = INSTEAD.get(what, INSTEAD[".data"])
        raise TraceError(
            f"{user_line()}: {what} of a Value while it is traced for jit: its number is not known "
            f"yet, or would be burnt into the program; {hint}"
        )

    def escaping(self, name: str, a: Any, b: Any) -> Any:
        if name == "stop":
            return apply(TABLE["stop"], (a,))
        if not isinstance(b, Value):
            try:
                b = real(b, name)
            except TypeError:
                return None
        return apply(TABLE[name], (a, b))


def trace(
    f: Callable[..., Any], structure: Structure, parameters: list[Value] | None
) -> tuple[Program, list[Value], Structure]:
    """The program of f, the parameters that it reaches, and the structure of its result.

    `parameters` fixes their order, and that they are there even if f does not use them;
    a leaf that is neither among them nor made by f is then a constant of the program,
    which is refused: it would go stale.
    """
    inputs = [Value(1.0) for _ in structure.names]
    tracer = Tracer()
    with tracer:
        result = f(*structure.arguments(inputs), **structure.keywords(inputs))
    shape = Structure.of_result(result)
    program = Program()
    place: dict[Any, int] = {}
    for x, name in zip(inputs, structure.names):
        place[x] = program.input(name)
    outputs = [y if isinstance(y, Value) else Value(real(y, "jit: a result")) for y in shape.found]
    tracer.constants.update(y for y in outputs if y not in place and is_fresh(y, shape.found))
    search = Search()
    for y in outputs:
        search.visit(y)
    reached = list(parameters) if parameters is not None else []
    known = set(reached)
    for leaf in search.leaves:
        if leaf in place or leaf in tracer.constants or leaf in known:
            continue
        if parameters is not None:
            name = attribute(leaf, "_label") or f"a Value of {leaf._data!r}"
            raise ValueError(
                f"jit: the function uses {name}, which is not among the parameters: add it to "
                "them, or make it a plain number to have it as a constant"
            )
        known.add(leaf)
        reached.append(leaf)  # type: ignore[arg-type]
    names = parameter_names(reached, set(structure.names))
    for p, name in zip(reached, names):
        place[p] = program.parameter(name)
    for leaf in search.leaves:
        if leaf not in place:
            place[leaf] = program.constant(leaf._data)
    for v in search.inner:
        if is_made_by_hand(v) or attribute(v, "_backward_by_hand"):
            raise TypeError(
                f"jit: the operation {v._rule.symbol!r} was made by hand and cannot be compiled; "
                "define it with micrograd.custom"
            )
        operands = [
            place[x] if isinstance(x, Node) else program.constant(x) for x in operands_of(v)
        ]
        rule: Any = v._rule
        place[v] = program.step(rule.twin if rule.flipped else rule, tuple(operands))
        label = attribute(v, "_label")
        if label and str(label).isidentifier():
            program.names.setdefault(place[v], str(label))
    program.outputs = [place[y] for y in outputs]
    program.forward_steps = len(program)
    program.values = len(outputs)
    return program, reached, shape


def is_fresh(y: Value, found: list[Any]) -> bool:
    """Whether an output is a number that f returned as such."""
    return not any(y is x for x in found)


def parameter_names(parameters: list[Value], taken: set[str]) -> list[str]:
    """Their labels where those are names and unique, else p0, p1, ..."""
    names = []
    for i, p in enumerate(parameters):
        label = str(attribute(p, "_label") or "")
        name = label if label.isidentifier() and label not in taken else f"p{i}"
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return names


def tracing() -> bool:
    """Whether this thread is tracing."""
    return WATCH.symbolic()
