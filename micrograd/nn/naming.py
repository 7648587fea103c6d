"""What parameters are called: by their place in the module, in one way everywhere.

Pictures, programs, explanations, the doctor and messages all ask here. "layers.0.neurons.1.w.2"
is `w[1,2]` of "layer 0" in a picture, `w0_1_2` in a program, and "layer 0, neuron 1" in a note.
The rows of a recurrent cell are its gates. Which module a parameter belongs to is found by
`calls.py`, or among the variables of whoever asks, in `graph/names.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..core.node import is_leaf
from ..engine import Value

SILENT = ("layers", "neurons", "modules")  # words that say nothing which the numbers do not
DEEPEST = 12  # how far objects inside objects are searched


class Place(NamedTuple):
    """Where a parameter stands."""

    path: str  # layers.0.neurons.1.w.2
    holder: str  # layers.0
    name: str  # w[1,2]
    row: str = ""  # what tells the rows of the holder apart: "w.1", "weight_ih.3"
    part: str = ""  # the part of the holder that the row belongs to, in words: "forget gate"
    owner: str = ""  # the class of the outermost module, where it is the holder itself

    @property
    def title(self) -> str:
        """The part, or else the holder, in words: "layer 0"."""
        return self.part or title_of(self.holder) or self.owner


def place_of(
    path: str, rows: Mapping[str, tuple[str, ...]] | None = None, owner: str = ""
) -> Place:
    """The place that a path tells of.

    `rows` gives, for the path of a module whose rows have names, those names.

    >>> place_of("layers.0.neurons.1.w.2").name, place_of("layers.0.neurons.1.w.2").title
    ('w[1,2]', 'layer 0')
    >>> place_of("blocks.1.query.3.0").name, place_of("blocks.1.query.3.0").title
    ('query[3,0]', 'block 1')
    """
    steps = path.split(".")
    indices: list[str] = []
    while len(steps) > 1 and steps[-1].isdigit():
        indices.insert(0, steps.pop())
    name = steps.pop()
    row = indices[0] if indices else ""
    if len(steps) > 1 and steps[-1].isdigit() and steps[-2] == "neurons":
        row = steps[-1]
        indices.insert(0, row)
        steps = steps[:-2]
        name_of_row = "neuron"
    else:
        name_of_row = name
    holder = ".".join(steps)
    part = ""
    if rows and holder in rows and indices and int(indices[0]) < len(rows[holder]):
        part = rows[holder][int(indices[0])]
        name_of_row = "row"
    shown = f"{name}[{','.join(indices)}]" if indices else name
    return Place(path, holder, shown, f"{name_of_row}.{row}", part, owner)


def title_of(path: str) -> str:
    """A place in words: "layer 0" of layers.0, "block 1, attention" of blocks.1.attention."""
    words: list[str] = []
    for step in path.split(".") if path else ():
        if step.isdigit() and words:
            word = words[-1]
            words[-1] = f"{word.removesuffix('s') if len(word) > 2 else word} {step}"
        else:
            words.append(step)
    return ", ".join(words)


def indexed(path: str) -> str:
    """A place as a variable with indices: layers.0.neurons.2.w.1 is w[0,2,1]."""
    steps = path.split(".")
    names = [step for step in steps if not step.isdigit()]
    indices = [step for step in steps if step.isdigit()]
    name = names[-1] if names else "p"
    return f"{name}[{','.join(indices)}]" if indices else name


def identifier(path: str) -> str:
    """A place as a name in Python: w0_3_1 of layers.0.neurons.3.w.1.

    Other paths have underscores for dots.
    """
    before, _, last = path.rpartition(".")
    return before_index(before) + last if last.isdigit() and before else written(path)


@lru_cache(maxsize=256)
def before_index(path: str) -> str:
    """The names of numbers in one list are alike but for their ends: what they begin with."""
    return written(f"{path}.0")[:-1]


def written(path: str) -> str:
    """What `identifier` says, with nothing remembered."""
    parts = [part for part in path.split(".") if part not in SILENT]
    for kind in ("w", "b"):
        if parts.count(kind) == 1 and all(part.isdigit() for part in parts if part != kind):
            parts.remove(kind)
            return kind + "_".join(parts)
    name = "_".join(parts)
    return name if name.isidentifier() else f"p_{name}"


def neuron_of(path: str) -> str:
    """ "layer 0, neuron 3" for "layers.0.neurons.3.w.1"; nothing for what is no weight."""
    return title_of(".".join(path.split(".")[:-2])) if ".w." in path else ""


# Whatever holds Values --------------------------------------------------------------------


def inside(x: Any) -> dict[str, Any] | list[Any] | tuple[Any, ...] | None:
    """The parts of a container or of an object with attributes, or None."""
    if isinstance(x, (dict, list, tuple)):
        return x
    if isinstance(x, (str, bytes, int, float, type)) or callable(getattr(x, "getstate", None)):
        return None
    found = getattr(x, "__dict__", None)
    return found if isinstance(found, dict) else None


def named_values(model: Any, prefix: str = "") -> list[tuple[str, Value]]:
    """The leaves among the attributes of an object at any depth, each once, with their places."""
    found: list[tuple[str, Value]] = []
    seen: set[int] = set()

    def look(x: Any, path: str, depth: int) -> None:
        if isinstance(x, Value):
            if id(x) not in seen and is_leaf(x):
                seen.add(id(x))
                found.append((path, x))
            return
        parts = inside(x)
        if parts is None or id(x) in seen or depth > DEEPEST:
            return
        seen.add(id(x))
        pairs = parts.items() if isinstance(parts, dict) else enumerate(parts)
        for key, element in list(pairs):
            look(element, f"{path}.{key}" if path else str(key), depth + 1)

    look(model, prefix, 0)
    return found
