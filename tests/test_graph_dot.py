"""trace and draw_dot as in micrograd's notebook, and diagrams in Graphviz's language."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from helpers import notebook_trace
from pictures import mlp_loss, neuron, the_example
from test_graph import NASTY

import micrograd as mg
from micrograd import Value
from micrograd.graph import draw, draw_dot, trace

pytestmark = pytest.mark.once

HAS_DOT = shutil.which("dot") is not None


@pytest.mark.parametrize("make", [the_example, neuron, mlp_loss])
def test_trace(make):
    root = make()
    assert trace(root) == notebook_trace(root)


def test_trace_of_a_neuron_of_the_library_has_products_and_sums():
    y = mg.nn.Neuron(2)([Value(1.0), Value(2.0)])
    nodes, _ = trace(y)
    assert sorted(v._op for v in nodes) == ["", "", "", "", "", "*", "*", "+", "+", "ReLU"]


def test_trace_of_a_long_chain():
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = -y
    nodes, edges = trace(y)
    assert (len(nodes), len(edges)) == (100_001, 100_000)


def test_draw_dot():
    pytest.importorskip("graphviz")
    x = Value(2.0)
    y = (x * 3 + 1).relu()
    y.backward()
    dot = draw_dot(y)
    assert type(dot).__name__ == "Digraph"
    assert dot.format == "svg"
    assert dot.graph_attr["rankdir"] == "LR"
    assert 'label="{ data 7.0000 | grad 1.0000 }" shape=record' in dot.source
    assert 'label="{ data 2.0000 | grad 3.0000 }" shape=record' in dot.source
    assert sum("label=ReLU" in line for line in dot.source.splitlines()) == 1
    nodes, edges = trace(y)
    operations = sum(1 for v in nodes if v._op)
    arrows = [line for line in dot.source.splitlines() if "->" in line]
    assert len(arrows) == len(edges) + operations
    assert draw_dot(y, format="png", rankdir="TB").graph_attr["rankdir"] == "TB"
    with pytest.raises(ValueError, match="rankdir"):
        draw_dot(y, rankdir="XX")
    with pytest.raises(TypeError, match="Value"):
        draw_dot(3.0)


def test_labels_in_draw_dot():
    pytest.importorskip("graphviz")
    assert "{ a | data 2.0000 | grad" in draw_dot(Value(2.0, label="a")).source


@pytest.mark.skipif(not HAS_DOT, reason="needs Graphviz's program")
@pytest.mark.parametrize("label", NASTY)
def test_any_label_in_graphviz(label):
    pytest.importorskip("graphviz")
    v = Value(1.0, (Value(2.0, label=label) * 2,), label, label)
    for dot in (draw_dot(v), draw(v).to_dot()):
        done = subprocess.run(
            ["dot", "-Tsvg"], input=dot.source.encode(), capture_output=True, check=True
        )
        ElementTree.fromstring(done.stdout)
        assert b"Error" not in done.stderr


def test_to_dot_has_every_box_and_link():
    pytest.importorskip("graphviz")
    graph = draw(mlp_loss((2, 16, 16, 1), 5))
    source = graph.to_dot().source
    assert source.count("->") == len(graph.diagram.links)
    assert source.count("shape=") == len(graph.diagram.boxes)


def test_drawing_needs_no_graphviz():
    code = (
        "import sys; sys.modules['graphviz'] = None\n"
        "import micrograd as mg\n"
        "x = mg.Value(2.0)\n"
        "g = mg.draw(x * x)\n"
        "assert g.svg and g.text\n"
        "assert 'numpy' not in sys.modules\n"
        "try:\n    g.to_dot()\nexcept ImportError as error:\n    assert 'pip install' in str(error)\n"
        "else:\n    raise AssertionError\n"
    )
    folder = str(Path(mg.__file__).parent.parent)
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
