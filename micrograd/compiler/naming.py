"""What parameters are called in a program: by their labels, or by their place in the model.

How a place is written is in `nn/naming.py`.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.node import attribute, each_attribute
from ..engine import Value
from ..nn.module import Module
from ..nn.naming import before_index, identifier
from .ir.names import RESERVED

Lists = list[list[tuple[str, Any]]]


def lists_of(f: Any, nodes: Sequence[Any] = ()) -> Lists:
    """Where parameters stand in models, in lists.

    In those that the function refers to, and those that were called while `nodes` were made.
    """
    called = [call.places for v in nodes for call in attribute(v, "_calls") or ()]
    lists = [model._named_lists() for model in models_of(f)]
    return lists + [places.lists for places in dict.fromkeys(called)]


def names_and_places(
    lists: Lists, parameters: Sequence[Value], taken: set[str]
) -> tuple[list[str], dict[int, str]]:
    """A name for each parameter, none twice; and by id where in a model it is.

    The label of the Value if that is a name; else the place in a model, `w0_3_1` for the weight 1
    of neuron 3 in layer 0; else p0, p1, ... Of parameters in a list only the first has a place.
    """
    known: dict[int, str] = {}
    places: dict[int, str] = {}
    for path, x in reversed([each for some in lists for each in some]):  # what stands first wins
        if isinstance(x, tuple):
            begin = before_index(path)
            numbered = [f"{begin}{i}" for i in range(len(x))]
            known.update(zip(map(id, reversed(x)), reversed(numbered)))
            places[id(x[0])] = f"{path}.0"
        else:
            known[id(x)] = identifier(path)
            places[id(x)] = path
    names = [name or f"p{i}" for i, name in enumerate(map(known.get, map(id, parameters)))]
    for i, label in enumerate(each_attribute(parameters, "_label")):
        if label and str(label).isidentifier():
            names[i] = str(label)
    if len({*names}) < len(names) or not (taken | RESERVED).isdisjoint(names):
        taken = taken | RESERVED
        for i, name in enumerate(names):
            while name in taken:
                name += "_"
            taken.add(name)
            names[i] = name
    return names, places


def models_of(f: Any) -> Iterator[Module]:
    """The Modules that a function refers to: itself, its globals, what it closes over."""
    while hasattr(f, "__wrapped__"):
        f = f.__wrapped__
    if isinstance(f, Module):
        yield f
    if isinstance(f, types.MethodType):
        if isinstance(f.__self__, Module):
            yield f.__self__
        f = f.__func__
    code = getattr(f, "__code__", None)
    if code is None:
        return
    for name in code.co_names:
        x = f.__globals__.get(name)
        if isinstance(x, Module):
            yield x
    for cell in f.__closure__ or ():
        try:
            x = cell.cell_contents
        except ValueError:  # a name that has no value yet
            continue
        if isinstance(x, Module):
            yield x
