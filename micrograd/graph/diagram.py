"""What a drawing shows: boxes and edges, taken from a graph of Values.

A `Diagram` is the graph as a person should see it, still without positions: which boxes
there are, what is written in each, and which leads to which.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from ..core.node import Node, attribute, is_leaf
from ..core.view import View
from ..engine import Value
from ..nn.module import Module
from ..nn.naming import indexed
from .picture.measure import clean, clipped
from .written import is_ordered, literals, written

MENTIONED = 4  # results in the sentence that tells what is drawn


class Box(NamedTuple):
    """One box: a node of the graph, a number written in an expression, or many nodes folded."""

    op: str  # the operation as it is written, empty on a leaf; the title of a fold
    label: str
    data: float
    grad: float
    kind: str  # "op", "leaf", "number" or "fold"
    node: Any = None
    times: int = 1  # how many like it are drawn as this one box
    spread: Spread | None = None  # where it stands for several numbers, from where to where
    note: str = ""  # what is inside a fold, in words
    place: str = ""  # where it stands in a module, or who made it, in full
    frame: int = -1  # the innermost frame around it, by its number in the diagram
    path: str = ""  # of what is folded: the module or neuron, layers.0.neurons.1
    found: str = ""  # the codes of what the doctor says about it
    ordered: bool = False  # whether it matters which operand comes first

    @property
    def chance(self) -> str:
        """The name of the distribution that the number was drawn from, or nothing."""
        d = None if self.node is None else attribute(self.node, "_draw")
        return "" if d is None else str(d.name)

    @property
    def signal(self) -> float | None:
        """What an estimator sends through a draw in the place of a gradient, if it is one."""
        return None if self.node is None else attribute(self.node, "_signal")

    @property
    def title(self) -> str:
        label = clipped(self.label)
        name = label or "leaf" if self.kind == "leaf" else clipped(self.op)
        if self.chance:
            name = f"~{self.chance}" if self.kind != "leaf" or not label else f"{label} ~"
        if label and self.kind != "leaf":
            name = f"{name}  {label}"
        return f"{name}  \u00d7{self.times:,}" if self.times > 1 else name

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What stands under the title: captions and numbers."""
        spread = self.spread or Spread(self.data, self.data, self.grad, self.grad)
        return (
            ("data", interval(spread.low, spread.high)),
            ("grad", interval(spread.grad_low, spread.grad_high)),
        )

    @property
    def words(self) -> str:
        """The box in a line, with all digits."""
        name = " ".join((self.op, self.label)).strip() or "leaf"
        if self.times > 1:
            name = f"{self.times:,} times {name}"
        if self.note:
            name = f"{name} ({self.note})"
        if self.place and self.place != self.label:
            name = f"{name} [{self.place}]"
        if self.spread:
            return f"{name}: {', '.join(' '.join(row) for row in self.rows)}"
        signal = "" if self.signal is None else f", signal {self.signal!r}"
        return f"{name}: data {self.data!r}, grad {self.grad!r}{signal}"


class Spread(NamedTuple):
    """The smallest and the largest data and gradient among several nodes."""

    low: float
    high: float
    grad_low: float
    grad_high: float


class Link(NamedTuple):
    """An edge from a box to one that uses it, as its operand number `place` of `of`."""

    source: int
    target: int
    place: int
    of: int
    live: bool = True  # whether a gradient flows back along it
    flow: float = 0.0  # how large it is; of several that are drawn as one, the largest


class Frame(NamedTuple):
    """A line around what belongs together: a module that was called, a layer, a scope."""

    title: str
    parent: int = -1  # the frame around it, which stands before it in the list
    note: str = ""
    times: int = 1
    kind: str = "scope"
    line: str = ""  # where in the user's code it was called
    path: str = ""  # where it stands in the model
    found: str = ""  # the codes of what the doctor says about it

    @property
    def head(self) -> str:
        """What stands on it."""
        title = clipped(self.title)
        words = f"{title}  {clipped(self.note, 64)}" if self.note else title
        return f"{words}  \u00d7{self.times:,}" if self.times > 1 else words


class Diagram(NamedTuple):
    boxes: list[Box]
    links: list[Link]
    operations: int
    leaves: int
    folded: bool = False
    frames: tuple[Frame, ...] = ()
    remarks: tuple[str, ...] = ()  # what is not shown, in words
    sentence: str = ""  # the picture in a sentence, where it is no graph of Values
    results: tuple[int, ...] = ()  # the boxes of what was asked for

    @property
    def has_gradients(self) -> bool:
        return any(box.grad or box.spread for box in self.boxes)


def diagram(
    view: View,
    constants: bool = True,
    names: dict[Any, str] | None = None,
    places: dict[Any, str] | None = None,
    given: Collection[Any] = (),
) -> Diagram:
    """The boxes and edges of a view, operands before their users.

    With `constants` numbers in expressions are shown, in the box of their operation; those that
    are data, as the nodes in `given` take them, are boxes. Without, only Values are.
    `names` are labels to be shown in the place of the nodes' own, `places` where they stand.
    """
    boxes: list[Box] = []
    links: list[Link] = []
    place_of: dict[Node, int] = {}

    def add(v: Node, numbers: dict[int, float] | None = None) -> int:
        place = place_of.get(v)
        if place is None:
            kind = "leaf" if is_leaf(v) else "op"
            place = place_of[v] = len(boxes)
            label = names[v] if names else label_of(v)
            where = places.get(v, "") if places else ""
            ordered = kind == "op" and is_ordered(view.rule(v))
            op = clean(written(view, v, numbers or {}))
            boxes.append(
                Box(op, label, v._data, v._grad, kind, v, place=where, ordered=ordered)
            )  # fmt: skip
        return place

    for v in view.inner:
        operands, partials = view.edges(v)
        settings = view.rule(v).settings
        numbers = literals(view, v) if constants and v not in given else {}
        shown = [
            (i, x)
            for i, x in enumerate(operands)
            if isinstance(x, Node) or (constants and i not in settings and i not in numbers)
        ]
        sources = []
        for i, x in shown:
            if isinstance(x, Node):
                sources.append((i, add(x)))
            else:
                sources.append((i, len(boxes)))
                boxes.append(Box("", "", x, 0.0, "number"))
        target = add(v, numbers)
        links += [
            Link(source, target, place, len(shown), partials[i] is not None, flow(v, partials[i]))
            for place, (i, source) in enumerate(sources)
        ]
    results = tuple([add(root) for root in view.roots])  # a leaf may be one, and have no user
    return Diagram(boxes, links, len(view.inner), len(view.leaves), results=results)


def flow(v: Any, partial: float | None) -> float:
    """The size of the gradient that a node passes to an operand."""
    return 0.0 if partial is None else abs(partial * v._grad)


def check(root: object, who: str = "draw") -> None:
    """Nothing; TypeError where root is no Value."""
    if not isinstance(root, Value):
        raise TypeError(f"{who} takes a Value, not {type(root).__name__} {root!r:.60}")


def label_of(v: Node) -> str:
    return clean(str(attribute(v, "_label") or ""))


def name_values(scope: dict[str, Any]) -> None:
    """Nothing; afterwards the Values among these variables carry their names as labels.

    Write `name_values(locals())`. A list of Values names its elements `w[0]`, `w[1]`, a
    model its parameters by where they are, `w[0,2,1]` in layer 0, neuron 2; a Value that
    has a label keeps it.

    >>> from micrograd import Value
    >>> a = Value(2.0)
    >>> b = a * 3
    >>> name_values({"a": a, "b": b})
    >>> a.label, b.label
    ('a', 'b')
    """
    if not isinstance(scope, dict):
        raise TypeError(f"name_values: variables are a dictionary by name, not {scope!r:.60}")
    for name, x in scope.items():
        if not isinstance(name, str) or name.startswith("_"):
            continue
        if isinstance(x, Value):
            x.label = x.label or name
        elif isinstance(x, (list, tuple)):
            for i, element in enumerate(x):
                if isinstance(element, Value):
                    element.label = element.label or f"{name}[{i}]"
        elif isinstance(x, Module):
            for path, parameter in x.named_parameters():
                parameter.label = parameter.label or indexed(path)


def number(x: float) -> str:
    """A number as it stands in a box: four digits, and a point so that it reads as a float."""
    if x != x or x - x != 0:
        return str(x)
    text = f"{x + 0.0:.4g}"  # -0.0 reads as 0.0
    return text if "." in text or "e" in text else text + ".0"


def interval(low: float, high: float) -> str:
    """One number, or from where to where several of them reach."""
    if low == high or low != low:
        return number(low)
    return f"{number(low)} to {number(high)}"


def plural(n: int, what: str) -> str:
    if n == 1:
        return f"1 {what}"
    many = {"leaf": "leaves", "box": "boxes", "more box": "more boxes"}
    return f"{n:,} {many.get(what, what + 's')}"


def summary(shown: Diagram) -> str:
    """The picture in a sentence, for those who cannot see it."""
    if shown.sentence:
        return shown.sentence
    folded = f", folded into {plural(len(shown.boxes), 'box')}" if shown.folded else ""
    remarks = "".join(f" {remark}" for remark in shown.remarks)
    return (
        f"Computation graph of {plural(shown.operations, 'operation')} on "
        f"{plural(shown.leaves, 'leaf')}{folded}; {results_of(shown)}.{remarks}"
    )


def results_of(shown: Diagram) -> str:
    """What comes out, in words."""
    found = [shown.boxes[i] for i in shown.results]
    numbers = [box.rows[0][1] for box in found[:MENTIONED]]
    if len(found) == 1:
        return f"{found[0].label or 'the result'} is {numbers[0]}"
    named = any(box.label for box in found)
    if named:
        pairs = zip(found, numbers)
        numbers = [f"{box.label or 'a result'} is {text}" for box, text in pairs]
    if len(found) > MENTIONED:
        numbers.append(f"{len(found) - MENTIONED} more")
    said = f"{', '.join(numbers[:-1])} and {numbers[-1]}"
    return said if named else f"the results are {said}"
