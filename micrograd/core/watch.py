"""`WATCH`: where the engine tells of what it does, as long as somebody observes.

As long as no observer is active anywhere the engine pays for one comparison. What an observer
is stands in `observe.py`.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any, Final

# Those of this context, the outermost first. A context is a thread's, or an asyncio task's, which
# starts with those that were open where it was made.
_observers: Final[ContextVar[tuple[Any, ...]]] = ContextVar("micrograd_observers", default=())
# The leaves that were made in this context since someone began to note them, or None.
_births: Final[ContextVar[Any]] = ContextVar("micrograd_births", default=None)


class Watch:
    """The observers of each context, and how many there are in all."""

    def __init__(self) -> None:
        self.active = 0
        self.noting = 0  # how many contexts note the leaves that are made
        self.told: list[Any] = []  # functions of a root, called as backward() begins there
        self.lock: Any = threading.Lock()

    def observers(self) -> tuple[Any, ...]:
        """Those of this context, the outermost first."""
        found: tuple[Any, ...] = _observers.get()
        return found

    def enter(self, observer: object) -> None:
        with self.lock:
            self.active += 1
        _observers.set((*_observers.get(), observer))

    def leave(self, observer: object) -> None:
        kept = list(_observers.get())
        for i in range(len(kept) - 1, -1, -1):
            if kept[i] is observer:
                del kept[i]
                break
        _observers.set(tuple(kept))
        with self.lock:
            self.active -= 1

    def hide(self) -> tuple[Any, ...]:
        """The observers of this context, which see nothing from here on; for `show`."""
        hidden = _observers.get()
        _observers.set(())
        return hidden

    def show(self, hidden: tuple[Any, ...]) -> None:
        _observers.set(hidden)

    def note_births(self) -> Any:
        """From here on the leaves made in this context are noted; for `births`."""
        outer = _births.get()
        _births.set(set())
        with self.lock:
            self.noting += 1
        return outer

    def births(self, outer: Any) -> Any:
        """The set of leaves made since `note_births`, which gave `outer`."""
        found = _births.get()
        if outer is not None:
            outer.update(found)
        _births.set(outer)
        with self.lock:
            self.noting -= 1
        return found

    def made(self, node: Any) -> None:
        """Tell all observers of a new node."""
        for observer in self.observers():
            observer.made(node)

    def born(self, node: Any) -> None:
        """Tell them of a Value that was made from a number, and note it where somebody does."""
        found = _births.get()
        if found is not None:
            found.add(node)
        for observer in self.observers():
            observer.born(node)

    def read(self, node: Any, what: str) -> None:
        """Tell them that a bare number leaves the graph: by `.data`, `bool()` and the like."""
        for observer in self.observers():
            observer.read(node, what)

    def stepped(self, node: Any) -> None:
        """Tell them that the chain rule has been done at a node."""
        for observer in self.observers():
            observer.stepped(node)

    def begins(self, root: Any) -> None:
        """Tell those who asked for no more that a backward pass begins at this root."""
        for tell in list(self.told):
            tell(root)

    def stepping(self, node: Any) -> None:
        """Tell them of the node whose step of the chain rule is made of new nodes from here on."""
        for observer in self.observers():
            observer.stepping(node)

    def escaping(self, name: str, a: object, b: object) -> Any:
        """What an observer puts in the place of a comparison or a detached Value, or None."""
        for observer in self.observers():
            node = observer.escaping(name, a, b)
            if node is not None:
                return node
        return None

    def tracer(self) -> Any:
        """The innermost observer that traces, or None."""
        found: Any = None
        if self.active:
            for observer in self.observers():
                if observer.symbolic:
                    found = observer
        return found

    def symbolic(self) -> bool:
        """Whether the numbers in the graph only stand for others: it is being traced."""
        return self.active > 0 and any([observer.symbolic for observer in self.observers()])


WATCH: Final = Watch()
