"""Draws the gallery: `python docs/gallery.py` writes `gallery.md` and `images/gallery/*.svg`.

Each picture is what `mg.draw(...)` gives by itself; with it stand the size of the graph, how long
drawing took, and how many edges cross. With Graphviz's program, torchviz or torchview installed,
`python docs/gallery.py --beside` adds pictures of the same by them, and their figures.
"""

from __future__ import annotations

import importlib.util
import platform
import random
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "microgpt")]

import microgpt  # noqa: E402  (which stands beside this file)

import micrograd as mg  # noqa: E402
from micrograd import Value, data, losses, nn  # noqa: E402
from micrograd.graph import Graph  # noqa: E402

IMAGES = HERE / "images" / "gallery"


BESIDE = (
    "\n"
    "Beside dot, with the same boxes and frames as clusters: over 40 random graphs each of "
    "15, 30 and 60 operations in random scopes (`python benchmarks/draw.py`) edges cross "
    "307, 551 and 600 times in all, with dot 429, 988 and 1,307 times, counted where dot "
    "draws the graph, which it does for 40, 37 and 25 of them; in 10, 2 and 1 of these "
    "there are more crossings than with dot. In the gallery there are in none.\n"
)


class Entry(NamedTuple):
    title: str
    words: str
    graph: Callable[[], Graph]
    code: str = ""


def neuron() -> Graph:
    x, w = [Value(2.0), Value(0.0)], [Value(-3.0), Value(1.0)]
    b = Value(6.88)
    y = (w[0] * x[0] + w[1] * x[1] + b).tanh()
    y.backward()
    return mg.draw(y, style="circuit")


def mlp() -> Graph:
    random.seed(1)
    model = nn.MLP(3, [4, 4, 1])
    loss = (model([2.0, 3.0, -1.0]) - 1.0) ** 2
    loss.backward()
    return mg.draw(loss)


def mlp_flow() -> Graph:
    random.seed(3)
    model = nn.MLP(2, [3, 3, 1], activation="sigmoid")
    for p in model.layers[0].parameters():
        p.data *= 12.0
    xs, ys = [[1.0, 2.0], [0.5, -1.0], [2.0, 0.3], [-1.0, 1.0]], [1.0, 0.0, 1.0, 0.0]
    report = mg.diagnose(model, losses.squared_error, (xs, ys))
    model.zero_grad()
    loss = losses.squared_error(model(xs[0]), ys[0])
    loss.backward()
    return mg.draw(loss, flow=True, findings=report)


def softmax() -> Graph:
    logits = [Value(2.0), Value(-1.0), Value(0.5)]
    loss = -mg.log(mg.softmax(logits)[0])
    loss.backward()
    return mg.draw(loss)


def batch_norm() -> Graph:
    norm = nn.BatchNorm(1)
    x = [[Value(1.0)], [Value(-2.0)], [Value(0.5)]]
    loss = mg.sum([y**2 for [y] in norm(x)])
    loss.backward()
    return mg.draw(loss, style="circuit")


def lstm() -> Graph:
    random.seed(1)
    cell = nn.LSTMCell(2, 2)
    x, h, c = [1.0, -0.5], [Value(0.1), Value(-0.3)], [Value(0.4), Value(0.2)]
    out, _ = cell(x, (h, c))
    loss = mg.sum(out)
    loss.backward()
    return mg.draw(loss)


def rnn() -> Graph:
    random.seed(1)
    cell, readout = nn.RNNCell(2, 3), nn.Linear(3, 1)
    state = None
    for x in [[1.0, 2.0], [0.5, -1.0], [0.2, 1.0], [0.3, 0.2], [-1.0, 1.0]]:
        state = cell(x, state)
    loss = (readout(state) - 1.0) ** 2
    loss.backward()
    return mg.draw(loss)


class Head(nn.Module):
    """One head of attention: each vector takes from all of them what answers its query."""

    def __init__(self, width: int, size: int) -> None:
        self.query, self.key, self.value = (microgpt.matrix(size, width, 0.5) for _ in range(3))

    def __call__(self, xs: list[list[Any]]) -> list[list[Any]]:
        queries, keys, values = (
            [microgpt.linear(w, x) for x in xs] for w in (self.query, self.key, self.value)
        )
        found = []
        for q in queries:
            weights = mg.softmax([mg.dot(q, k) * len(q) ** -0.5 for k in keys])
            found.append([mg.dot(weights, column) for column in zip(*values)])
        return found


def attention() -> Graph:
    random.seed(3)
    head = Head(3, 2)
    xs = [[Value(random.gauss(0, 1)) for _ in range(3)] for _ in range(2)]
    loss = mg.sum([v * v for row in head(xs) for v in row])
    loss.backward()
    return mg.draw(loss)


def gpt_loss(model: Any) -> Any:
    return microgpt.loss_of(model, [0, 1, 2, 3, 0])


def gpt() -> Graph:
    random.seed(1)
    model = microgpt.GPT(5, 8, width=8, heads=2)
    loss = gpt_loss(model)
    loss.backward()
    return mg.draw(loss)


def moons() -> Graph:
    random.seed(1)
    model = nn.MLP(2, [16, 16, 1])
    xs, ys = data.moons(50, noise=0.1, seed=1)
    loss = mg.mean([losses.logistic(model(x), t) for x, t in zip(xs, ys, strict=True)])
    loss.backward()
    return mg.draw(loss)


def newton() -> Graph:
    def f(x: Any) -> Any:
        return x**4 - 2 * x

    x = Value(1.5)
    step = x - mg.grad(f)(x) / mg.grad(mg.grad(f))(x)
    step.backward()
    return mg.draw(step)


def mlp_arrays() -> Graph:
    model = nn.MLP(2, [16, 16, 1])
    fast = mg.jit(lambda x, y: losses.squared_error(model(x), y), parameters=model.parameters())
    fast([1.0, 2.0], 1.0)
    return mg.draw(fast)


def lstm_arrays() -> Graph:
    cell = nn.LSTMCell(4, 8)

    def loss(x: Any, h: Any, c: Any) -> Any:
        out, _ = cell(x, (h, c))
        return mg.sum([v * v for v in out])

    fast = mg.jit(loss, parameters=cell.parameters())
    fast([1.0] * 4, [0.1] * 8, [0.2] * 8)
    return mg.draw(fast)


def rnn_arrays() -> Graph:
    cell = nn.RNNCell(2, 8)

    def loss(xs: Any, h: Any) -> Any:
        for x in xs:
            h = cell(x, h)
        return mg.sum([v * v for v in h])

    fast = mg.jit(loss, parameters=cell.parameters())
    fast([[1.0, 2.0]] * 5, [0.0] * 8)
    return mg.draw(fast)


def gpt_arrays() -> Graph:
    random.seed(1)
    model = microgpt.GPT(5, 8, width=8, heads=2)
    fast = mg.jit(lambda: gpt_loss(model), parameters=model.parameters())
    fast()
    return mg.draw(fast)


ENTRIES = {
    "neuron": Entry("A neuron", "Values above the wires, gradients below.", neuron),
    "mlp": Entry("A multilayer perceptron",
                 "Its neurons are folded; each layer is a frame.", mlp),
    "mlp-flow": Entry("Gradient flow, and what the doctor finds",
                      "`draw(loss, flow=True, findings=mg.diagnose(...))`", mlp_flow),
    "softmax": Entry("Softmax and its loss", "How a softmax avoids overflow.", softmax),
    "batch-norm": Entry("Batch normalization", "One feature of a batch of three.", batch_norm),
    "lstm": Entry("An LSTM cell", "A frame for each gate.", lstm),
    "rnn": Entry("A recurrent network over five steps",
                 "The rows go on where the marks say so; the parameters are shared.", rnn),
    "attention": Entry("A head of attention", "Two vectors of three numbers.", attention),
    "gpt": Entry("A small GPT on a word of three letters",
                 "Its last call is open; the ones before are one box.", gpt),
    "moons": Entry("The loss over a batch of 50",
                   "32,000 operations: what is alike is drawn once, with a count.", moons),
    "newton": Entry("A step of Newton's method",
                    "First and second derivatives are graphs, too.", newton),
    "mlp-arrays": Entry("The perceptron as arrays",
                        "`draw(fast)`: the same picture whatever the width.", mlp_arrays),
    "lstm-arrays": Entry("The LSTM cell as arrays", "All gates are one product.", lstm_arrays),
    "rnn-arrays": Entry("Five steps as arrays", "One product for the inputs.", rnn_arrays),
    "gpt-arrays": Entry("The GPT as arrays", "36 steps on nine arrays of parameters.",
                        gpt_arrays),
}  # fmt: skip


def benchmark() -> Any:
    """The functions that count crossings."""
    path = HERE.parent / "benchmarks" / "draw.py"
    spec = importlib.util.spec_from_file_location("benchmark_draw", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def size_of(svg: str) -> tuple[float, float]:
    found = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert found is not None
    return float(found[1]), float(found[2])


def row(graph: Graph, seconds: float, count: Any) -> str:
    width, height = size_of(graph.svg)
    points, _ = count.crossings(count.of_ours(graph.diagram, graph.style))
    shown = graph.diagram
    return (
        f"| micrograd | {len(shown.boxes)} | {width:.0f} x {height:.0f} | {points} | "
        f"{1000 * seconds:.0f} |"
    )


def beside(name: str, graph: Graph, count: Any) -> list[str]:
    """The same by Graphviz's program, if it is there: a picture and a row of the table."""
    if not shutil.which("dot") or graph.style == "arrays":
        return []
    text = graph.to_dot().source
    start = time.perf_counter()
    svg = count.dot("-Tsvg", text)
    seconds = time.perf_counter() - start
    (IMAGES / f"{name}-dot.svg").write_text(svg, encoding="utf-8")
    points, _ = count.crossings(count.of_dot(text))
    found = re.search(r'width="(\d+)pt" height="(\d+)pt"', svg)
    size = f"{found[1]} x {found[2]}" if found else ""
    boxes = len(graph.diagram.boxes)
    return [f"| dot | {boxes} | {size} | {points} | {1000 * seconds:.0f} |"]


def processor() -> str:
    for line in (
        Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    ):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    count = benchmark()
    parts = [
        "# Gallery\n\nWhat `mg.draw` makes of models, as it comes: no name was given to any value, "
        "and nothing was arranged. Saved as `.html` each can be searched and folded. Figures are "
        f"those of `python docs/gallery.py` on one core of {processor()}: boxes, size in "
        "pixels, crossings of edges, and milliseconds from the graph to the SVG.\n" + BESIDE
    ]
    for name, entry in ENTRIES.items():
        entry.graph()  # once to import what it needs
        graph = entry.graph()
        again = mg.draw(graph.root, style=graph.style) if graph.style != "arrays" else graph
        start = time.perf_counter()
        if graph.style != "arrays":
            again = mg.draw(graph.root, style=graph.style)
        _ = again.svg
        seconds = time.perf_counter() - start
        (IMAGES / f"{name}.svg").write_text(graph.svg, encoding="utf-8")
        parts.append(
            f"## {entry.title}\n\n{entry.words}\n\n![{entry.title}](images/gallery/{name}.svg)\n"
        )
        table = [row(graph, seconds, count)]
        if "--beside" in sys.argv[1:]:
            more = beside(name, graph, count)
            if more:
                parts.append(f"![The same by dot](images/gallery/{name}-dot.svg)\n")
            table += more
        parts.append(
            "| | boxes | size | crossings | ms |\n|---|---|---|---|---|\n" + "\n".join(table) + "\n"
        )
        print(f"{name}: {table[0]}", flush=True)
    (HERE / "gallery.md").write_text("\n".join(parts), encoding="utf-8")
    print(f"wrote {HERE / 'gallery.md'}")


if __name__ == "__main__":
    main()
