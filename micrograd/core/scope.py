"""`scope`: a name for the part of a graph that is built inside a `with` block."""

from __future__ import annotations

from typing import Any

from .lines import user_line
from .node import Node, attribute
from .observe import Observer
from .watch import WATCH

Path = tuple[str, ...]


class scope(Observer):  # noqa: N801  (a context manager, named like no_grad)
    """A `with` block, or a decorator, whose nodes fold into one box of that name.

    Scopes may stand inside each other; a name that comes again goes on with the same box.
    `draw(root, depth=1)` shows each outermost scope as one box, `depth=2` what is in them.

    >>> from micrograd import Value
    >>> from micrograd.graph import draw
    >>> x = Value(3.0, label="x")
    >>> with scope("square"):
    ...     y = x * x
    >>> [box.title for box in draw(y + 1, depth=1).diagram.boxes]
    ['x', 'square', '· + 1']
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"scope: a name is a str that is not empty, not {name!r:.60}")
        self.name = name

    def made(self, node: Node) -> None:
        # The observers are told from the outermost to the innermost: each adds its name.
        known = scope_of(node)
        setattr(node, "_scope", (*known, self.name))
        if not known:
            setattr(node, "_line", user_line())


def scope_of(node: Node) -> Path:
    """The names of the scopes around the making of a node, the outermost first."""
    path: Any = attribute(node, "_scope")
    return path if path else ()


def depth() -> int:
    """How many scopes are open in this thread."""
    if not WATCH.active:
        return 0
    return sum([isinstance(o, scope) for o in WATCH.observers()])
