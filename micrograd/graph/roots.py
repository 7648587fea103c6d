"""What `draw` was given, as the Values to be drawn: one, a list of them, or what a module gives.

A module is called on example inputs, and is afterwards as it was. Read on in `draw.py`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core.lines import user_line
from ..core.observe import Observer
from ..core.sort import toposort
from ..core.watch import WATCH
from ..engine import Value
from ..nn.module import Module

EXAMPLE = 1.0  # what goes into a module of which nothing else is said
SIZES = 4  # how many numbers of inputs are tried


def roots_of(x: Any) -> tuple[Value, ...]:
    """The Values in x: x itself, or those of a list, also of lists in it, each once."""
    if isinstance(x, Value):
        return (x,)
    if not is_list(x):
        raise TypeError(
            "draw takes a Value, a list of them, a module or what jit made, "
            f"not {type(x).__name__} {x!r:.60}"
        )
    found = dict.fromkeys(values_in(x, "the list"))
    if not found:
        raise ValueError(f"draw: there is no Value in {x!r:.60}")
    return tuple(found)


def is_list(x: Any) -> bool:
    """Whether x is a list, a tuple, a dict of results, or an array of NumPy's."""
    return isinstance(x, (list, tuple, dict)) or callable(getattr(x, "tolist", None))


def values_in(x: Any, where: str) -> Iterator[Value]:
    """The Values in nested lists; TypeError that tells where something else is."""
    if isinstance(x, Value):
        yield x
    elif is_list(x):
        if not isinstance(x, (list, tuple, dict)):
            x = x.tolist()
            x = x if isinstance(x, list) else [x]
        for key, element in x.items() if isinstance(x, dict) else enumerate(x):
            yield from values_in(element, f"element {key!r} of {where}")
    else:
        raise TypeError(f"draw: {where} is {type(x).__name__} {x!r:.60}, and not a Value")


# Modules ----------------------------------------------------------------------------------


def called(module: Module, inputs: Any = None) -> tuple[tuple[Value, ...], str]:
    """What a module gives for these inputs, or for examples, and what the picture says of those.

    A tuple is several arguments. Numbers become Values, which the picture names by where they
    went in; where the module wants plain numbers, an index say, they stay what they are.
    """
    with untouched(module), Noted():
        if inputs is not None:
            given = inputs if isinstance(inputs, tuple) else (inputs,)
            try:
                out = module(*[lifted(x) for x in given])
            except (TypeError, ValueError, IndexError):
                out = module(*given)
            return roots_of(out), ""
        return on_examples(module), f"Its inputs are examples, {EXAMPLE} each."


def on_examples(module: Module) -> tuple[Value, ...]:
    """What a module gives for inputs of the first size that all its parameters answer to."""
    parameters = set(module.parameters())
    best: tuple[Value, ...] = ()
    most, refused = -1, None
    for x in examples(module):
        try:
            found = roots_of(module(x))
        except Exception as error:  # whatever a module says to what it cannot take
            refused = refused or error
            continue
        reached = len(parameters.intersection(toposort(*found)[0]))
        if reached > most:
            best, most = found, reached
        if reached == len(parameters):
            break
    if not best:
        raise ValueError(
            f"draw: what {type(module).__name__} takes cannot be told from its parameters "
            f"({type(refused).__name__}: {refused}); give example inputs, "
            "draw(model, inputs=[1.0, 2.0]), where a tuple is several arguments"
        ) from refused
    return best


def examples(module: Module) -> Iterator[Any]:
    """Inputs that the module may take: as many numbers as its rows of parameters are long."""
    paths = [path for path, _ in module.named_parameters()]
    rows = Counter(path.rpartition(".")[0] for path in paths if path.rpartition(".")[2].isdigit())
    sizes = list(dict.fromkeys(rows.values()))[:SIZES] or [1]
    for n in sizes:
        yield [Value(EXAMPLE) for _ in range(n)]
    if 1 in sizes:
        yield Value(EXAMPLE)
    for n in sizes:  # a batch of one
        yield [[Value(EXAMPLE) for _ in range(n)]]


def lifted(x: Any) -> Any:
    """Nested lists with Values for their numbers; anything else as it is."""
    if isinstance(x, (list, tuple)):
        found = [lifted(element) for element in x]
        return found if isinstance(x, list) else tuple(found)
    if callable(getattr(x, "tolist", None)):
        return lifted(x.tolist())
    return Value(x) if isinstance(x, (int, float)) and not isinstance(x, bool) else x


class Noted(Observer):
    """A `with` block in which each node notes the user's line that made it."""

    def made(self, node: Any) -> None:
        setattr(node, "_line", user_line())


@contextmanager
def untouched(module: Module) -> Iterator[None]:
    """A block in which the module is set for use and nobody looks on; then all is as before."""
    training = [inner for inner in module.modules() if inner.training]
    state = random.getstate()
    hidden = WATCH.hide()
    try:
        for inner in training:
            inner.training = False
        yield
    finally:
        for inner in training:
            inner.training = True
        WATCH.show(hidden)
        random.setstate(state)
