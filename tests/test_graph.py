"""Drawings: well-formed, the same every time, with every label whole and in its place."""

from __future__ import annotations

import gc
import os
import re
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
from graphs import recipes, run
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import SVG, Shape, classes, mlp_loss, neuron, read, shape, the_example

import micrograd as mg
from micrograd import Value, nn
from micrograd.graph import Graph, draw, name_values
from micrograd.graph.picture.measure import text_width

STYLES = ("node", "record", "circuit")
GOLDEN = Path(__file__).parent / "golden"
OPERATIONS = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "max": mg.maximum,
    "tanh": lambda a, b: a.tanh(),
    "shift": lambda a, b: a - 1e-7,
    "square": lambda a, b: b**2,
    "sum": lambda a, b: mg.sum(a, b, a),
}
GRAPHS = recipes(st.floats(-1e6, 1e6), list(OPERATIONS), max_steps=30)
SIZE = {"mg-title": 14, "mg-small": 11}


def build(recipe):
    root = run(recipe, [Value(x) for x in recipe.leaves], OPERATIONS)[-1]
    root.backward()
    return root


# Golden files: `MICROGRAD_GOLDEN=1 pytest tests/test_graph.py` writes them anew.


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("make", [the_example, neuron])
def test_golden_svg(make, style):
    compare(f"{make.__name__}-{style}.svg", draw(make(), style=style).svg)


@pytest.mark.parametrize("make", [the_example, neuron])
def test_golden_text(make):
    compare(f"{make.__name__}.txt", draw(make()).text + "\n")


def compare(name, found):
    path = GOLDEN / name
    found = re.sub(r"pictures\.py:\d+", "pictures.py:1", found)  # lines may move
    if os.environ.get("MICROGRAD_GOLDEN"):
        path.write_text(found, encoding="utf-8", newline="\n")
    assert found == path.read_text(encoding="utf-8")


# Geometry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=60, deadline=None)
@given(recipe=GRAPHS)
def test_boxes_do_not_overlap_and_hold_their_text(style, recipe):
    check_geometry(draw(build(recipe), style=style).svg, style)


@pytest.mark.parametrize("style", STYLES)
def test_geometry_of_folded_pictures(style):
    check_geometry(draw(mlp_loss((2, 16, 16, 1), 8, penalty=True), style=style).svg, style)


def check_geometry(svg, style):
    root = read(svg)
    left, top, width, height = map(float, root.get("viewBox").split())
    page = Shape(left, top, left + width, top + height)
    boxes, marks = [], []
    for group in root.iter(f"{SVG}g"):
        rects = [shape(r) for r in group.iter(f"{SVG}rect") if is_outline(r)]
        texts = [extent(t) for t in group.iter(f"{SVG}text")]
        assert all(page.holds(s, 0.6) for s in [*rects, *texts])
        boxes += rects[-1:]
        marks.append(texts)
        if style != "circuit":
            assert all(rects[-1].holds(t, 0.6) for t in texts), group
    assert no_two_touch(boxes)
    flat = [(i, t) for i, texts in enumerate(marks) for t in texts]
    for k, (i, a) in enumerate(flat):
        for j, b in flat[k + 1 :]:
            assert i == j or not a.touches(b)


def is_outline(rect):
    return {"mg-box", "mg-number", "mg-gate"} & set(classes(rect))


def extent(text):
    """Where a line of text is, at most."""
    size = next((SIZE[c] for c in classes(text) if c in SIZE), 12)
    width = text_width(text.text, size, bold="mg-title" in classes(text))
    x, y = float(text.get("x")), float(text.get("y"))
    start = {"middle": x - width / 2, "end": x - width}.get(text.get("text-anchor"), x)
    return Shape(start, y - 0.75 * size, start + width, y + 0.22 * size)


def no_two_touch(boxes):
    return not any(a.touches(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_edges_run_to_the_right_and_end_at_boxes():
    root = read(draw(mlp_loss()).svg)
    boxes = [shape(r) for r in root.iter(f"{SVG}rect") if is_outline(r)]
    for path in root.iter(f"{SVG}path"):
        if classes(path) == ["mg-tip"]:
            x, y = map(float, path.get("d")[1:].split("l")[0].split())
            assert any(abs(b.left - x) < 0.1 and b.top <= y <= b.bottom for b in boxes)


# Text ---------------------------------------------------------------------------------------

NASTY = [
    '<b>&amp;"',
    "a|b{c}",
    "\\n\\",
    "x\ny\t",
    "\x00\x1b\ud800",
    "]]>",
    "日本語 ∂L/∂w",
    "👩‍👩‍👧",
    "שלום",
    "é" * 200,
    "'",
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("label", NASTY)
def test_any_label_is_well_formed(label, style):
    v = Value(1.0, label=label) * 2
    v.label = label
    graph = draw(v, style=style)
    check_geometry(graph.svg, style)
    assert graph.text
    assert graph.svg.encode()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_well_formed(label):
    v = Value(1.0, label=label) + Value(2.0, (), label, label)
    words = [t.text for t in read(draw(v).svg).iter(f"{SVG}text")]
    if label.isprintable() and len(label) <= 40 and label:
        assert label in words


def test_operations_with_any_name():
    out = Value(1.0, (Value(2.0),), '<&"|>')
    assert '<&"|>' in [t.text for t in read(draw(out).svg).iter(f"{SVG}text")]
    assert draw(out).to_dot().source


def test_numbers_that_are_none():
    x = Value(float("nan"))
    y = x * float("inf") + 1e300
    y.backward()
    for style in STYLES:
        check_geometry(draw(y, style=style).svg, style)


def test_names():
    w, x = [Value(1.0), Value(2.0)], Value(3.0, label="mine")
    model = mg.nn.MLP(1, [2, 1])
    name_values({"w": w, "x": x, "_hidden": Value(1.0), "model": model, "n": 3})
    assert [v.label for v in (*w, x)] == ["w[0]", "w[1]", "mine"]
    assert model.layers[0].neurons[1].w[0].label == "w[0,1,0]"
    assert model.layers[1].neurons[0].b.label == "b[1,0]"


# The same every time ------------------------------------------------------------------------

SCRIPT = """
from pictures import mlp_loss, neuron
from micrograd.graph import draw
for root in (neuron(), mlp_loss(), mlp_loss((2, 16, 16, 1), 5, penalty=True)):
    for style in ("node", "record", "circuit"):
        print(draw(root, style=style).svg)
    print(draw(root).text, draw(root, depth=1).svg)
"""


def test_the_same_in_every_process():
    folder = str(Path(__file__).parent)
    outputs = set()
    for seed in ("0", "1", "4242"):
        paths = os.pathsep.join(
            [folder, str(Path(folder).parent), os.environ.get("PYTHONPATH", "")]
        )
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        environment["PYTHONIOENCODING"] = "utf-8"
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_no_ids_and_no_variables():
    svg = draw(neuron()).svg
    assert " id=" not in svg
    assert "var(" not in svg
    assert 'role="img"' in svg


def test_themes_leave_each_other_alone():
    pictures = [draw(neuron(), theme=theme).svg for theme in ("light", "dark", "auto")]
    for theme, svg in zip(("light", "dark", "auto"), pictures, strict=True):
        style = read(svg).find(f"{SVG}style").text
        assert f".mg-{theme}" in style
        for other in {"light", "dark", "auto"} - {theme}:
            assert f".mg-{other}" not in style


def test_contrast_of_all_text():
    from micrograd.graph.picture.theme import COLOURS

    def brightness(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colours in COLOURS.values():
        for ink in ("ink", "faint", "green", "red", "plus", "minus"):
            for paper in ("paper", "box", "now"):
                a, b = sorted((brightness(colours[ink]), brightness(colours[paper])))
                assert (b + 0.05) / (a + 0.05) >= 4.5 or (paper == "now" and ink != "ink"), (
                    ink,
                    paper,
                )


# Graph --------------------------------------------------------------------------------------


def test_a_drawing_keeps_the_numbers_of_its_moment():
    x = Value(2.0, label="x")
    graph = draw(x * 3)
    x.data = 7.0
    assert "2.0" in graph.svg


def test_jupyter():
    bundle = draw(neuron())._repr_mimebundle_()
    assert read(bundle["image/svg+xml"]).tag == f"{SVG}svg"
    assert "operations" in bundle["text/plain"]


def test_save(tmp_path):
    graph = draw(the_example())
    assert graph.save(tmp_path / "a.svg").read_text(encoding="utf-8") == graph.svg
    assert graph.save(tmp_path / "a.txt").read_text(encoding="utf-8") == graph.text + "\n"
    assert (tmp_path / "a.txt").read_text(encoding="utf-8").startswith("* L: data -8.0")
    with pytest.raises(ValueError, match=r"\.svg"):
        graph.save(tmp_path / "a.jpg")
    pytest.importorskip("graphviz")
    assert graph.save(str(tmp_path / "a.dot")).read_text(encoding="utf-8") == graph.to_dot().source


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz's program")
def test_pictures_of_graphviz(tmp_path):
    graph = draw(the_example())
    assert graph.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert graph.save(tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert read(draw(the_example(), engine="dot").svg).tag == f"{SVG}svg"


def test_without_graphviz_a_sentence_says_what_to_do(tmp_path, monkeypatch):
    pytest.importorskip("graphviz")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="install") as caught:
        draw(the_example(), engine="dot")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="install"):
        draw(the_example()).save(tmp_path / "a.png")
    assert draw(the_example()).svg
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"style": "blue"}, "style"),
        ({"engine": "neato"}, "engine"),
        ({"theme": "pink"}, "theme"),
        ({"depth": 0}, "depth"),
        ({"depth": True}, "depth"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw(Value(1.0), **arguments)


@pytest.mark.parametrize("root", [3.0, None, [1.0], "x"])
def test_only_values(root):
    with pytest.raises(TypeError, match="Value"):
        draw(root)


def test_one_leaf():
    graph = draw(Value(3.0, label="x"))
    assert isinstance(graph, Graph)
    assert graph.text == "x: data 3.0, grad 0.0"
    for style in STYLES:
        check_geometry(draw(Value(1.0), style=style).svg, style)


def test_constants_can_be_hidden():
    x = Value(3.0, label="x")
    assert [box.title for box in draw(x * 2 + 1).diagram.boxes] == ["x", "· * 2", "· + 1"]
    hidden = draw(mg.sum([x * 2, 1.0]), constants=False)
    assert [box.title for box in hidden.diagram.boxes] == ["x", "*", "sum"]


# The tree of text ---------------------------------------------------------------------------


def test_what_is_shared_is_printed_once():
    x = Value(2.0, label="x")
    y = x * x
    lines = draw(y + y * y).text.split("\n")
    assert sum("x: data" in line for line in lines) == 1
    assert sum("(above)" in line for line in lines) == 3
    assert sum("* #1: data 4.0" in line for line in lines) == 1


@settings(max_examples=100, deadline=None)
@given(GRAPHS)
def test_the_tree_has_every_box_and_every_edge(recipe):
    graph = draw(build(recipe))
    lines = [line for line in graph.text.split("\n") if line]
    mentions = [line for line in lines if line.endswith("(above)")]
    assert len(lines) == len(graph.diagram.boxes) + len(mentions)
    assert len(lines) == len(graph.diagram.links) + 1


def test_a_long_chain_stays_narrow():
    x = Value(1.0)
    for _ in range(500):
        x = x.tanh()
    lines = draw(x).text.split("\n")
    assert max(map(len, lines)) < 200
    assert sum("tanh" in line and "data" in line for line in lines) == 500


def changed_model():
    """A model whose layers were replaced after its first call, and what it gives then."""
    model = nn.MLP(2, [2, 1])
    model([1.0, 2.0])
    model.layers[0] = nn.Layer(2, 3)
    model.layers[1] = nn.Layer(3, 1)
    model.layers[1].neurons[0].w[2] = Value(0.5)
    return model, model([1.0, 2.0])


def test_parameters_are_named_by_where_they_stand_now():
    """Also where nobody who draws has a variable for the model."""
    _hidden, out = changed_model()
    picture = draw(out).svg
    found = sorted(re.findall(r">([wb]\[[\d,]+\])<", picture))
    first = [f"w[{i},{k}]" for i in range(3) for k in range(2)] + [f"b[{i}]" for i in range(3)]
    assert found == sorted([*first, "w[0,0]", "w[0,1]", "w[0,2]", "b[0]"])
    assert "layer 0  3 ReLU neurons" in picture
    assert "layer 1  1 ReLU neuron" in picture


def test_a_module_called_inside_another_that_is_no_part_of_it_keeps_its_own_names():
    class Alike(nn.Neuron):
        def __eq__(self, other):  # so that it has no hash, as a dataclass has none
            return isinstance(other, Alike)

    other = Alike(2)

    class Odd(nn.Module):
        def __init__(self):
            self.scale = Value(2.0)

        def __call__(self, x):
            return self.scale * other(x)

    model = Odd()
    for _ in range(3):
        out = model([1.0, 2.0])
    labels = draw(out).svg
    assert [name for name in ("scale", "w[0]", "w[1]") if name not in labels] == []


def kept_by(look):
    """Whether a graph is still there when its last name is gone, in a function that looked at it."""

    class Named(Value):
        pass

    x = Named(1.0)
    there, y = weakref.ref(x), x * x
    look(y)
    del x, y
    return there() is not None


def test_a_picture_keeps_no_graph_until_the_function_ends():
    was = gc.isenabled()
    gc.disable()
    try:
        assert not kept_by(lambda y: None)
        assert not kept_by(lambda y: mg.draw(y).svg)
    finally:
        if was:
            gc.enable()


def test_the_variables_of_who_draws_stay_as_they_are():
    x = Value(1.0)
    held = locals()
    text = mg.draw(x * 2.0).text
    assert held["x"] is locals()["x"] is x
    assert "x: data 1.0" in text
