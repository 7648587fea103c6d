"""`trace`: runs a function once on Values and writes down what it did, as a `Program`.

The numbers in those Values stand for any numbers, so whatever would let them out, such as
`if v > 0` or `v.data`, is an error that names the user's line. Which operations were
done is read from the graph that the function leaves, by the same sort as everywhere else.
What parameters are called is in `naming.py` and `nn/naming.py`; read `ir/reverse.py` next.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

from ..autodiff.carries import filled, leaves
from ..core.lines import OTHERS, OURS, user_line
from ..core.no_grad import no_grad
from ..core.node import (
    Node,
    apply,
    attribute,
    cut_off,
    operands_of,
    rule_of,
)
from ..core.observe import Observer
from ..core.rule import CONDITIONS, TABLE, real
from ..core.watch import WATCH
from ..engine import Value
from ..nn.naming import neuron_of
from . import regions
from .advice import instead_of
from .ir.program import Program
from .naming import lists_of, names_and_places
from .structure import Structure
from .writing import searched, write_steps


class TraceError(TypeError):
    """A traced function looked at a number that is not known yet; says where, and what to do."""


INSTEAD = {
    "bool()": "for a choice by numbers write where(condition, a, b), maximum or minimum",
    "format()": "print the result of the compiled function instead",
    "float()": "use the functions of micrograd, exp(v) for math.exp(v)",
    "int()": "write trunc(v), or keep whole numbers that steer the function out of its arguments",
    "assigning .data": "change numbers outside of the compiled function",
    "forward()": "the compiled function itself computes anew at each call",
    "a copy": "copy before the function is compiled",
    "backward()": "write grad(f) or value_and_grad(f) for a derivative inside",
    ".grad": "write grad(f) or value_and_grad(f) for a derivative inside",
    ".data": "compute with the Value itself; detach() stops its gradient",
}
SAME = {"equal": "==", "not_equal": "!="}


class Tracer(Observer):
    """The observer of a trace: lets no number out, and tells constants from parameters.

    A comparison, a detached Value and what is computed under no_grad are bare numbers to
    the function. They become leaves, so that the graph is the one that the function would
    leave without a trace; `bare` remembers how they are computed.
    """

    symbolic = True

    def __init__(self, inputs: list[Value], stand_in: float = 1.0) -> None:
        self.inputs = dict.fromkeys(inputs)
        self.stand_in = stand_in
        self.constants: set[Node] = set()
        self.bare: dict[Node, tuple[Any, tuple[Any, ...]]] = {}
        self.nodes: dict[Node, int] = {}  # in the order in which they were made

    def born(self, node: Node) -> None:
        self.constants.add(node)

    def made(self, node: Node) -> None:
        self.nodes[node] = len(self.nodes)
        observers = WATCH.observers()
        if len(observers) > 1 and any([isinstance(o, no_grad) for o in observers]):
            self.bare[node] = rule_of(node), operands_of(node)

    def stepped(self, node: Node) -> None:
        self.read(node, "backward()")

    def read(self, node: Node, what: str) -> None:
        line = user_line()
        call = instead_of(line) if what == "bool()" else ""
        raise TraceError(
            f"{line}: {what} of a Value while it is traced for jit: its number is not known "
            f"yet, or would be burnt into the program; {INSTEAD.get(what, INSTEAD['.data'])}"
            + (f"; here: {call}" if call else "")
        )

    def escaping(self, name: str, a: Any, b: Any) -> Any:
        if name == "stop":
            operands: tuple[Any, ...] = (a,)
        elif isinstance(b, Value):
            if name in SAME and not (self.is_condition(a) and self.is_condition(b)):
                raise TraceError(
                    f"{user_line()}: {SAME[name]} between two Values while they are traced: "
                    "eagerly it asks whether they are the same object; write "
                    f"micrograd.{name}(a, b) to compare the numbers, or `is` to compare the objects"
                )
            operands = (a, b)
        else:
            try:
                operands = (a, real(b, name))
            except TypeError:
                return None
        rule = TABLE[name]
        node = apply(rule, operands)
        self.bare[node] = rule, operands
        cut_off(node)
        return node

    def is_condition(self, v: Any) -> bool:
        """Whether v stands for a bool, as the result of a comparison does."""
        rule = self.bare[v][0] if v in self.bare else rule_of(v)
        return rule.name in CONDITIONS

    # Loops and branches, which `autodiff/loops.py` hands over.

    def scan(self, f: Any, init: Any, xs: Any, n: int, reverse: bool, every: int) -> Any:
        return regions.scan(self, f, init, xs, n, reverse, every)

    def while_loop(self, cond: Any, body: Any, init: Any, every: int) -> Any:
        return regions.while_loop(self, cond, body, init, every)

    def cond(self, pred: Any, yes: Any, no: Any, operands: tuple[Any, ...]) -> Any:
        return regions.cond(self, pred, yes, no, operands)

    def body(self, f: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Tracer, Any]:
        """f traced on its own: who looked on, and what it gives for Values in place of numbers."""
        numbers = leaves(args)
        inner = Tracer([Value(self.stand_in) for _ in numbers], self.stand_in)
        hidden = WATCH.hide()
        try:
            with inner:
                return inner, f(*filled(args, iter(list(inner.inputs))))
        finally:
            WATCH.show(hidden)


def trace(
    f: Callable[..., Any], structure: Structure, parameters: list[Value] | None
) -> tuple[Program, list[Value], Structure]:
    """The program of f, the parameters that it reaches, and the structure of its result.

    `parameters` fixes their order, and that they are there even if f does not use them;
    a leaf that is neither among them nor made by f is then a constant of the program,
    which is refused: it would go stale.
    """
    hidden = WATCH.hide()  # what watches outside would take these numbers for real ones
    try:
        tracer, result = traced(f, structure)
    finally:
        WATCH.show(hidden)
    shape = Structure.of_result(result)
    if not shape.found:
        raise TypeError(f"jit: the function gives {result!r:.60} and no number: does it return?")
    outputs = []
    for y in shape.found:
        if not isinstance(y, Value):
            y = Value(y)  # a plain number, the same whatever comes in
            tracer.constants.add(y)
        outputs.append(y)
    program, reached = written(outputs, tracer, structure.names, parameters, f)
    shape.forget()  # else the graph would stay as long as the program
    return program, reached, shape


STAND_INS = (1.0, 0.0, nan)


def traced(f: Callable[..., Any], structure: Structure) -> tuple[Tracer, Any]:
    """What f gives for Values, and who looked on.

    The numbers in them do not matter, but some operations refuse some, as class 1 of one
    class: then others are tried.
    """
    refused: Exception | None = None
    for x in STAND_INS:
        tracer = Tracer([Value(x) for _ in structure.names], x)
        try:
            with tracer:
                return tracer, run(f, structure, list(tracer.inputs))
        except (ValueError, ArithmeticError) as error:
            refused = refused or error
    assert refused is not None
    raise refused


def written(
    outputs: list[Value],
    tracer: Tracer,
    input_names: list[str],
    parameters: list[Value] | None,
    f: Any = None,
) -> tuple[Program, list[Value]]:
    """The program of a graph, and its parameters: all leaves that the tracer does not know."""
    search, full = searched(outputs, tracer, [])
    known = set(tracer.inputs) | tracer.constants
    reached = [] if parameters is None else list(parameters)
    known.update(reached)
    for leaf in search.leaves if search is full else [*search.leaves, *full.leaves]:
        if leaf in known or leaf in tracer.bare:
            continue
        if parameters is not None:
            name = attribute(leaf, "_label") or f"a Value of {leaf._data!r}"
            raise ValueError(
                f"jit: the function uses {name}, which is not among the parameters: add it to "
                "them, or make it a plain number to have it as a constant"
            )
        known.add(leaf)
        reached.append(leaf)  # type: ignore[arg-type]
    program = Program()
    at: dict[Node, int] = {}
    for x, name in zip(tracer.inputs, input_names):
        at[x] = program.input(name)
    steps = program.all_parameters(len(reached), [])
    at.update(zip(reached, steps))
    sums = write_steps(program, at, tracer, search, full)
    lists = lists_of(f, full.inner)  # of now, whatever becomes of the model

    def naming() -> tuple[dict[int, str], dict[int, str]]:
        names, places = names_and_places(lists, reached, set(input_names))
        notes = {i: neuron_of(places[id(w)]) for i, w in sums if id(w) in places}
        return dict(zip(steps, names)), {i: note for i, note in notes.items() if note}

    program.naming = naming
    program.outputs = [at[y] for y in outputs]
    program.forward_steps = len(program)
    program.values = len(outputs)
    return program, reached


def run(f: Callable[..., Any], structure: Structure, inputs: list[Value]) -> Any:
    """What f gives; an error over a Value in the place of a number names the line."""
    args, kwargs = structure.filled(inputs)
    try:
        return f(*args, **kwargs)
    except TraceError:
        raise
    except TypeError as error:
        if "Value" not in str(error):
            raise
        raise TraceError(
            f"{line_of(error)}: {error}; while it is traced for jit every number among the "
            "arguments is a Value that is not known yet: to choose by it write where(condition, "
            "a, b), and take(values, index) for values[index]; other whole numbers that steer the "
            "function, such as a size, are kept out of its arguments"
        ) from error


def line_of(error: BaseException) -> str:
    """The innermost line of an error that is the user's own."""
    found = "an unknown line"
    step = error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if not name.startswith((OURS, *OTHERS, "<micrograd")):
            found = f"{name}:{step.tb_lineno}"
        step = step.tb_next
    return found


def tracing() -> bool:
    """Whether this thread is tracing."""
    return WATCH.symbolic()
