"""Which nodes a call of a module made: so that pictures and messages can say whose they are.

The values that a call gives out are marked with a `Call`; nothing is kept for the nodes between,
which `graph/folding/nest.py` finds again between the values that came in and those that came out.
A `Call` holds no node of the graph: it knows its arguments by identity, which is enough as long
as something that was computed from them is alive. What the places in a model are called is in
`naming.py`; read that next.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Final
from weakref import ref

from ..core.lines import OURS
from ..core.node import attribute, is_leaf
from ..core.scope import depth
from ..core.watch import WATCH
from ..engine import Value
from .members import by_name

CLOCK: Final = count(1)


class Places:
    """Where the parameters and modules stand inside one module, as it was at a call."""

    def __init__(self, module: Any) -> None:
        self.module: Any = ref(module)
        self.title = type(module).__name__
        # What was called inside it and is no part of it: by identity, as modules may have no hash.
        self.strangers: dict[int, Any] = {}
        self.lists: list[tuple[str, Any]] = module._named_lists()
        self.known: dict[Value, str] | None = None
        modules = module.named_modules()
        self.inner: dict[int, tuple[Any, str]] = {id(x): (ref(x), path) for path, x in modules}
        # What the rows of the parameters of a module are, where it says so.
        self.rows: dict[str, tuple[str, ...]] = {
            path: tuple(x.row_names) for path, x in modules if x.row_names
        }

    @property
    def paths(self) -> dict[Value, str]:
        """The path of each parameter."""
        if self.known is None:
            self.known = {path[1]: path[0] for path in by_name(self.lists)}
        return self.known

    def path_of(self, module: Any) -> str | None:
        """Where a module stands in this one, or None."""
        known = self.inner.get(id(module))
        return known[1] if known is not None and known[0]() is module else None

    def now(self) -> Places:
        """The same of the module as it stands now: this one if the module is gone."""
        module = self.module()
        return self if module is None else Places(module)

    def with_part(self, module: Any) -> Places:
        """What knows of a module that was called inside: this one, or a newer one."""
        root = self.module()
        stranger = self.strangers.get(id(module))
        if root is None or (stranger is not None and stranger() is module):
            return self
        found = places_of(root)
        if found.path_of(module) is None:
            self.strangers[id(module)] = ref(module)
            found.strangers = self.strangers
        return found


KNOWN: dict[int, tuple[Any, Places]] = {}  # by the identity of a module: a weak reference, and its


class Call:
    """One call of a module: which, from when to when, and what came in."""

    __slots__ = ("end", "inputs", "line", "module", "path", "places", "scopes", "start", "title")

    module: Any  # its identity
    title: str
    path: str  # where it stands in the module of the outermost call
    places: Places
    scopes: int  # how many scopes were open
    inputs: dict[int, tuple[Any, ...]]  # the place of each Value among the arguments
    line: tuple[str, int]  # of the user's code, or ("", 0)
    start: int
    end: int

    def within(self, other: Call) -> bool:
        """Whether this call was made by that one."""
        return other.start < self.start and self.end < other.end


def begun(module: Any, outer: Call | None, names: Any, args: Any, kwargs: Any, frame: Any) -> Call:
    """A call that begins, in a line of that frame."""
    this = Call()
    this.module = module
    this.title = type(module).__name__
    this.scopes = depth() if WATCH.active else 0
    path = outer.places.path_of(module) if outer is not None else None
    if outer is not None and path is None:  # a layer that was put in since
        outer.places = outer.places.with_part(module)
        path = outer.places.path_of(module)
    if outer is not None and path is not None:
        this.places, this.path = outer.places, path
    else:
        known = KNOWN.get(id(module))
        this.places = known[1] if known and known[0]() is module else places_of(module)
        this.path = ""
    inputs: dict[int, tuple[Any, ...]] = {}
    this.inputs = inputs
    for k, x in enumerate(args):
        if type(x) is not float:
            collect(x, (names[k] if k < len(names) else "x",), inputs)
    for name, x in kwargs.items():
        collect(x, (name,), inputs)
    name = frame.f_code.co_filename
    if name.startswith(OURS):
        this.line = outer.line if outer is not None else ("", 0)
    else:
        this.line = name, frame.f_lineno
    this.start = next(CLOCK)
    return this


def places_of(module: Any) -> Places:
    """The places in a module, which are remembered as long as there is the module."""
    places = Places(module)
    key = id(module)

    def forget(gone: Any) -> None:
        if key in KNOWN and KNOWN[key][0] is gone:
            del KNOWN[key]

    KNOWN[key] = ref(module, forget), places
    return places


def collect(x: Any, path: tuple[Any, ...], found: dict[int, tuple[Any, ...]]) -> None:
    """Put the place of each Value inside nested lists into `found`."""
    if isinstance(x, Value):
        found.setdefault(id(x), path)
    elif isinstance(x, (list, tuple)):
        for i, element in enumerate(x):
            if type(element) is float:
                continue
            if isinstance(element, Value):
                found.setdefault(id(element), (*path, i))
            elif isinstance(element, (list, tuple, dict)):
                collect(element, (*path, i), found)
    elif isinstance(x, dict):
        for key, element in x.items():
            collect(element, (*path, key), found)


def ended(call: Call, out: Any) -> None:
    """The call is over, and gave that."""
    call.end = next(CLOCK)
    mark(out, call)


def mark(x: Any, call: Call) -> None:
    """Mark what came out."""
    if isinstance(x, Value):
        if id(x) not in call.inputs and not is_leaf(x):
            setattr(x, "_calls", (*(attribute(x, "_calls") or ()), call))
    elif isinstance(x, (list, tuple)):
        for element in x:
            mark(element, call)
    elif isinstance(x, dict):
        for element in x.values():
            mark(element, call)
