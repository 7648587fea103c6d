"""The two builds of the engine: the same files as Python, or as machine code by mypyc.

Whatever differs between them is here: how an object is laid out, which built-in is quicker,
and the docstrings that the compiler drops. The other files call these functions and read alike
in both builds. Read on in `node.py`.
"""

from __future__ import annotations

import os
from collections import deque
from functools import partial
from itertools import repeat
from typing import Any, Final

try:
    from mypy_extensions import mypyc_attr
except ImportError:  # it is only the compiler of Python that looks at the decorator

    def mypyc_attr(*attributes: str, **settings: object) -> Any:  # type: ignore[misc]
        return lambda cls: cls


__all__ = ["compiled", "mypyc_attr"]

# True where this file, and so the engine, runs as machine code.
compiled: Final = not __file__.endswith(".py")


def light_node(names: Any) -> None:
    """Give Python a `Node` that is small: fields in slots, and 8 bytes for attributes of a user's.

    In a class made by Python 3.11 or 3.12 the place for a `__dict__` costs 40 bytes an instance.
    `AST`, the base of the nodes of syntax trees, has one for 8 and passes it on; nothing else of
    it is used.
    """
    if compiled:
        return
    from _ast import AST

    def init(self: object) -> None:
        """Nothing: whoever makes a node sets its fields."""

    own = {"__slots__", "__dict__", "__weakref__", *names["FIELDS"]}
    body = {key: value for key, value in vars(names["Node"]).items() if key not in own}
    names["Node"] = type("Node", (AST,), {**body, "__slots__": names["FIELDS"], "__init__": init})


def plain_attributes(cls: Any) -> None:
    """In Python a `__dict__` knows about attributes of a user's own by itself."""
    if not compiled:
        for name in ("__getattr__", "__setattr__", "__delattr__"):
            delattr(cls, name)


def quick_set(names: Any) -> None:
    """In Python nothing is quicker than the built-in set to remember which nodes were met."""
    if not compiled:
        names["Seen"] = set


def quick_value(cls: Any) -> None:
    """In Python an empty object is made faster without `__init__`, and hashed by `object`."""
    if not compiled:
        cls._blank = staticmethod(partial(cls.__new__, cls))
        cls.__hash__ = object.__hash__


def set_all(nodes: Any, field: str, numbers: Any) -> bool:
    """Set a field of all in one call into C, so that no signal comes in between; not compiled."""
    if compiled:
        return False
    deque(map(setattr, nodes, repeat(field), numbers), maxlen=0)
    return True


def keep_docstring(cls: Any, file: str) -> None:
    """The compiler drops the docstring of a class: help() has it from the source beside."""
    source = os.path.splitext(file)[0].split(".")[0] + ".py"
    if compiled and os.path.exists(source):
        with open(source, encoding="utf-8") as lines:
            text = lines.read().split(f"class {cls.__name__}(")[1].split('"""')[1]
        setattr(cls, "__doc__", text)
