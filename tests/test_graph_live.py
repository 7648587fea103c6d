"""Sliders on leaves: the numbers in Python, the script in a real browser, the widget."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest
from chromium import Chromium
from pictures import SVG, classes, mlp_loss, neuron, read

from micrograd import Value
from micrograd.graph import draw, interact, trace
from micrograd.graph.diagram import number
from micrograd.graph.interact import SCRIPT, Live

pytestmark = pytest.mark.once

HAS_ANYWIDGET = importlib.util.find_spec("anywidget") is not None


def test_a_moved_leaf_changes_everything():
    root = neuron()
    live = Live(root, [v for v in trace(root)[0] if v.label == "w1"])
    state = live.move([-1.5])
    again = neuron()
    [w1] = [v for v in trace(again)[0] if v.label == "w1"]
    w1.data = -1.5
    again.forward()
    for v in trace(again)[0]:
        v.grad = 0.0
    again.backward()
    boxes = draw(again).diagram.boxes
    assert [(s["data"], s["grad"]) for s in state] == [
        (number(b.data), number(b.grad)) for b in boxes
    ]


def test_gradients_are_those_of_one_backward_pass():
    root = neuron()
    live = Live(root)
    for _ in range(3):
        live.move([v.data for v in live.leaves])
    assert [v.grad for v in live.leaves] == [v.grad for v in Live(neuron()).leaves]


def test_leaves_with_labels_are_the_default():
    names = [slider["name"] for slider in Live(neuron()).sliders]
    assert sorted(names) == ["b", "w1", "w2", "x1", "x2"]
    assert len(Live(Value(1.0) * Value(2.0)).sliders) == 2


def test_ranges():
    x, y = Value(3.0, label="x"), Value(0.0, label="y")
    live = Live(x * y, {y: (-2, 5)})
    assert live.sliders == [{"name": "y", "value": 0.0, "low": -2.0, "high": 5.0}]
    assert [(s["low"], s["high"]) for s in Live(x * y).sliders] == [(-3.0, 9.0), (-1.0, 1.0)]
    with pytest.raises(ValueError, match="low to high"):
        Live(x * y, {x: (1, 1)})


def test_wrong_leaves():
    x = Value(3.0, label="x")
    y = x * x
    with pytest.raises(ValueError, match="no leaf"):
        Live(y, [y])
    with pytest.raises(ValueError, match="no leaf"):
        Live(y, [Value(1.0)])
    with pytest.raises(TypeError, match="Values"):
        Live(y, [1.0])
    with pytest.raises(ValueError, match="too many"):
        Live(mlp_loss((2, 16, 16, 1), 2))


@pytest.mark.parametrize("style", ["node", "record", "circuit"])
def test_the_picture_has_room_for_other_numbers(style):
    live = Live(neuron(), style=style)
    from micrograd.graph.picture.measure import text_width

    for group in read(live.svg).iter(f"{SVG}g"):
        for text in group.iter(f"{SVG}text"):
            if {"mg-data", "mg-grad"} & set(classes(text)) and style == "node":
                rect = next(r for r in group.iter(f"{SVG}rect") if "mg-box" in classes(r))
                assert text_width("-1.234e-05", 12) + 40 <= float(rect.get("width"))


def test_numbers_that_json_does_not_know():
    x = Value(1.0, label="x")
    live = Live(x.log())
    state = live.move([0.0])
    assert state[0] == {"data": "0.0", "grad": "inf", "size": None}
    json.dumps(state, allow_nan=False)


def test_without_anywidget_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match=r"pip install .micrograd\[notebooks\]."):
        interact(neuron())


@pytest.mark.skipif(not HAS_ANYWIDGET, reason="needs anywidget")
def test_the_widget():
    widget = interact(neuron())
    before = widget.state
    values = [v.data for v in widget.live.leaves]
    widget.values = [values[0] + 0.25, *values[1:]]
    assert widget.live.leaves[0].data == values[0] + 0.25
    assert widget.state != before
    assert widget.state == widget.live.state
    assert "export default" in widget._esm


HARNESS = """<!DOCTYPE html><meta charset="utf-8"><div id="el"></div><script>
%s
const listeners = {}, sent = [];
const data = %s;
const model = {get: k => data[k], set: (k, v) => { data[k] = v; },
  save_changes: () => sent.push(data.values), on: (k, f) => { listeners[k] = f; }};
render({model, el: document.getElementById("el")});
</script>"""


@pytest.mark.parametrize("style", ["node", "record", "circuit"])
def test_the_script_in_a_browser(tmp_path, style):
    browser = Chromium()
    try:
        live = Live(neuron(), style=style)
        data = {"svg": live.svg, "sliders": live.sliders, "state": live.state, "values": []}
        page = tmp_path / "page.html"
        page.write_text(
            HARNESS % (SCRIPT, json.dumps(data).replace("<", "\\u003c")), encoding="utf-8"
        )
        browser.open(page)
        place = [s["name"] for s in live.sliders].index("w1")
        browser.run(
            "const s = document.querySelectorAll('input')[arguments[0]]; s.value = -1.5;"
            "s.dispatchEvent(new Event('input'));",
            place,
        )
        browser.run("document.querySelectorAll('input')[arguments[0]].focus()", place)
        before = browser.run("return sent.pop()")[place]
        browser.press("ArrowRight")
        [sent] = browser.run("return sent")
        step = browser.run("return +document.querySelectorAll('input')[arguments[0]].step", place)
        assert sent[place] == pytest.approx(before + step), "a slider goes by keyboard"
        # JupyterLab takes keys away from what it does not find this on.
        assert browser.run("return document.activeElement.dataset.lmSuppressShortcuts") == "true"
        assert sent[place] == pytest.approx(-1.5 + step, abs=0.02)
        state = live.move(sent)
        browser.run("data.state = arguments[0]; listeners['change:state']();", state)
        found = browser.run(
            "return [...document.querySelectorAll('[data-box]')].flatMap(g => "
            "[...g.querySelectorAll('.mg-data,.mg-grad')].map(t => [+g.dataset.box, "
            "t.classList.contains('mg-grad'), t.textContent]))"
        )
        assert found
        for i, is_grad, text in found:
            assert text.split(" ")[-1] == state[i]["grad" if is_grad else "data"]
    finally:
        browser.close()
