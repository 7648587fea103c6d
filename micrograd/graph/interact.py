"""`interact`: a graph in a notebook with a slider for each leaf, alive.

Moving a slider changes the leaf, replays the graph forwards and backwards, and writes the
new numbers into the picture. The widget is anywidget's; what it shows comes from `Live`,
which needs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from ..core.node import is_leaf
from ..core.rule import real
from ..core.view import View
from ..engine import Value
from .diagram import Diagram, check, diagram, label_of, number, plural
from .folding.fold import LARGEST
from .picture.page import PAINT
from .picture.svg import Picture

WIDE = -0.0001234  # a number that needs as much room as any

Leaves = Iterable[Value] | Mapping[Value, tuple[float, float]]


class Live:
    """A graph whose leaves can be moved: the sliders, the picture, and its numbers."""

    def __init__(
        self,
        root: Value,
        leaves: Leaves | None = None,
        style: str = "node",
        constants: bool = True,
        theme: str = "auto",
    ) -> None:
        check(root, "interact")
        self.root = root
        self.view = View(root)
        found = self.view.leaves
        if leaves is None:
            leaves = [v for v in found if label_of(v)] or found
        self.leaves: list[Any] = list(leaves)
        for v in self.leaves:
            if not isinstance(v, Value):
                raise TypeError(f"interact: leaves are Values, not {v!r:.60}")
            if not is_leaf(v) or v not in found:
                raise ValueError(f"interact: {label_of(v) or v} is no leaf of this graph")
        self.ranges = [self.range_of(v, leaves) for v in self.leaves]
        self.diagram: Diagram = diagram(self.view, constants)
        if len(self.diagram.boxes) > LARGEST:
            raise ValueError(
                f"interact: {plural(len(self.diagram.boxes), 'node')} are too many for a live "
                f"picture, up to {LARGEST} are drawn; take a smaller part of the graph"
            )
        wide = [box._replace(data=WIDE, grad=WIDE) for box in self.diagram.boxes]
        for i, box in enumerate(self.diagram.boxes):
            if box.kind == "number":
                wide[i] = box
        self.picture = Picture(self.diagram._replace(boxes=wide), theme, style, marks=True)
        self.replay()
        self.svg = self.picture.svg(self.now())

    def range_of(self, v: Any, leaves: Any) -> tuple[float, float]:
        """From where to where a slider goes."""
        if isinstance(leaves, Mapping):
            low, high = (real(x, "interact: the end of a slider") for x in leaves[v])
            if not low < high:
                raise ValueError(f"interact: a slider goes from low to high, not {low} to {high}")
            return low, high
        reach = max(1.0, 2.0 * abs(v._data))
        return v._data - reach, v._data + reach

    @property
    def sliders(self) -> list[dict[str, Any]]:
        return [
            {"name": label_of(v) or f"leaf {i}", "value": v._data, "low": low, "high": high}
            for i, (v, (low, high)) in enumerate(zip(self.leaves, self.ranges, strict=True), 1)
        ]

    def move(self, values: Iterable[float]) -> list[dict[str, Any]]:
        """What stands in the boxes once the leaves have these values."""
        for v, value in zip(self.leaves, values, strict=True):
            v.data = value
        self.replay()
        return self.state

    def replay(self) -> None:
        """Forward and backward; the gradients are of this root alone."""
        self.root.forward()
        for v in self.view.leaves:
            v._grad = 0.0
        self.root.backward()
        self.view.refresh()

    def now(self) -> Diagram:
        boxes = [
            box if box.node is None else box._replace(data=box.node._data, grad=box.node._grad)
            for box in self.diagram.boxes
        ]
        return self.diagram._replace(boxes=boxes)

    @property
    def state(self) -> list[dict[str, Any]]:
        """For each box the numbers as they are written, and the gradient for its bar."""
        return [
            {
                "data": number(box.data),
                "grad": number(box.grad),
                "size": box.grad if box.grad - box.grad == 0 else None,
            }
            for box in self.now().boxes
        ]


SCRIPT = (
    PAINT
    + """
function render({ model, el }) {
  const board = document.createElement("div");
  const stage = document.createElement("div");
  stage.style.overflow = "auto";
  stage.innerHTML = model.get("svg");
  const values = model.get("sliders").map(slider => slider.value);
  model.get("sliders").forEach((slider, i) => {
    const row = document.createElement("label");
    row.style.cssText = "display:flex;gap:8px;align-items:center;max-width:560px";
    row.style.font = "13px sans-serif";
    const name = document.createElement("span"), input = document.createElement("input");
    const output = document.createElement("output");
    name.textContent = slider.name;
    name.style.minWidth = "5em";
    output.style.minWidth = "5em";
    output.textContent = Number(slider.value).toPrecision(4);
    Object.assign(input, { type: "range", min: slider.low, max: slider.high,
                           step: (slider.high - slider.low) / 400 });
    input.value = slider.value;
    input.style.flex = 1;
    input.dataset.lmSuppressShortcuts = "true";  // arrows are its own, not JupyterLab's
    input.oninput = () => {
      values[i] = +input.value;
      output.textContent = values[i].toPrecision(4);
      model.set("values", [...values]);
      model.save_changes();
    };
    row.append(name, input, output);
    board.append(row);
  });
  function paint() {
    const state = model.get("state");
    let largest = 0;
    for (const box of state) if (box.size !== null) largest = Math.max(largest, Math.abs(box.size));
    for (const group of stage.querySelectorAll("[data-box]")) {
      const box = state[+group.dataset.box];
      write(group, ".mg-data", box.data);
      paintBox(group, box.size, box.grad, largest);
    }
  }
  model.on("change:state", paint);
  el.append(board, stage);
  paint();
}
"""
)


def interact(
    root: Value,
    leaves: Leaves | None = None,
    style: str = "node",
    constants: bool = True,
    theme: str = "auto",
) -> Any:
    """A widget for a notebook: the graph of root, and a slider for each of the leaves.

    `leaves` are Values, or a dict that gives each its range, `{x: (-2, 2)}`; all that have
    labels unless given. A moved slider sets the leaf's `data`, replays the graph, and
    leaves the gradients of root in `.grad`. `style`, `constants` and `theme` are those of
    `draw`. Needs anywidget: `pip install "micrograd[notebooks]"`.
    """
    try:
        anywidget = import_module("anywidget")
        traitlets = import_module("traitlets")
    except ImportError:
        raise ImportError(
            'interact needs the package anywidget: pip install "micrograd[notebooks]"'
        ) from None
    live = Live(root, leaves, style, constants, theme)
    shared = {
        "svg": traitlets.Unicode(live.svg),
        "sliders": traitlets.List(live.sliders),
        "values": traitlets.List(),
        "state": traitlets.List(live.state),
    }
    members: dict[str, Any] = {name: trait.tag(sync=True) for name, trait in shared.items()}
    members["_esm"] = SCRIPT + "export default { render };"
    widget = type("Interactive", (anywidget.AnyWidget,), members)()
    widget.live = live
    widget.observe(lambda change: setattr(widget, "state", live.move(change["new"])), "values")
    return widget
