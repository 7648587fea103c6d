"""`staged`: the backward pass of a graph that is already there, written out by hand."""

from __future__ import annotations

from ..core.node import attribute
from ..core.sort import toposort
from ..engine import Value
from .backends.emit import emit
from .ir.reverse import reverse
from .ir.simplify import simplify
from .trace import Tracer, written


def staged(root: Value, name: str = "f") -> str:
    """The source of a function that computes root and its gradient, in plain Python.

    Step by step, as one writes it by hand: the forward pass, and then for each number v
    of it dv, the derivative of the result by v. Its arguments are the leaves that have a
    label, or all leaves if none has; the other leaves are numbers in it. Nodes with a
    label keep their names. It is not run, and does not depend on the numbers in the graph
    but those.

    >>> from micrograd import staged
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> print(staged(a * b + b.tanh()), end="")
    # sech2: The derivative of tanh, 1 - tanh(x)**2, also where tanh(x) rounds to 1.
    def f(a, b):
        # forward
        v3 = a * b + tanh(b)
        # backward
        db = sech2(b) + a
        return v3, [b, db]
    """
    if not isinstance(root, Value):
        raise TypeError(f"staged: a Value is needed, the root of a graph, not {root!r:.60}")
    if not name.isidentifier():
        raise ValueError(f"staged: the name of a function is needed, not {name!r}")
    leaves, _ = toposort(root)
    labelled = [x for x in leaves if attribute(x, "_label")]
    tracer = Tracer([])
    if labelled:
        tracer.constants = set(leaves) - set(labelled)
    program, _ = written([root], tracer, [], labelled or None)  # type: ignore[arg-type]
    reverse(program)
    return emit(simplify(program), name, gradient=True)
