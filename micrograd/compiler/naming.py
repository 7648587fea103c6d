"""What parameters are called in a program: by their labels, or by their place in the model.

How a place is written is in `nn/naming.py`.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.node import attribute
from ..engine import Value
from ..nn.module import Module
from ..nn.naming import identifier
from .ir.names import RESERVED


def names_and_places(
    f: Any, parameters: Sequence[Value], taken: set[str], nodes: Sequence[Any] = ()
) -> tuple[list[str], dict[int, str]]:
    """A name for each parameter, none twice; and by id where in a model it is.

    The label of the Value if that is a name; else the place in a model that the function
    refers to or that was called while `nodes` were made, `w0_3_1` for the weight 1 of neuron 3
    in layer 0; else p0, p1, ...
    """
    taken = taken | RESERVED
    paths: dict[int, str] = {}
    models = list(models_of(f))
    for model in models:
        for name, p in model.named_parameters():
            paths.setdefault(id(p), name)
    called = [call.places for v in nodes for call in attribute(v, "_calls") or ()]
    for places in dict.fromkeys(called):
        for p, name in places.paths.items():
            paths.setdefault(id(p), name)
    names: list[str] = []
    for i, p in enumerate(parameters):
        label = attribute(p, "_label")
        path = paths.get(id(p))
        if label and str(label).isidentifier():
            name = str(label)
        else:
            name = identifier(path) if path else f"p{i}"
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return names, paths


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
