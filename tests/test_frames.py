"""The film of a backward pass: its pictures, its page, and the page in a real browser."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest
from pictures import SVG, classes, mlp_loss, neuron, read, the_example

from micrograd import Value
from micrograd.graph import draw, frames, steps, trace
from micrograd.graph.diagram import number

pytestmark = pytest.mark.once

STYLES = ("node", "record", "circuit")


def gradients_shown(svg):
    """What stands in each box as its gradient."""
    found = {}
    for group in read(svg).iter(f"{SVG}g"):
        for text in group.iter(f"{SVG}text"):
            if "mg-grad" in classes(text):
                found[int(group.get("data-box"))] = text.text.removeprefix("grad ")
    return found


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("make", [the_example, neuron, mlp_loss])
def test_the_last_picture_has_the_gradients_of_backward(make, style):
    root = make()
    film = frames(root, style=style)
    shown = gradients_shown(film.svg(len(film) - 1))
    boxes = film.diagram.boxes
    assert {
        i: number(box.node.grad) for i, box in enumerate(boxes) if box.node is not None
    } == shown
    assert set(gradients_shown(film.svg(0)).values()) == {"0.0"}


def test_each_picture_changes_one_gradient():
    film = frames(neuron())
    for i, step in enumerate(steps(neuron()), 1):
        before, after = film.frames[i - 1].gradients, film.frames[i].gradients
        changed = [k for k in range(len(after)) if before[k] != after[k]]
        assert changed in ([], [film.frames[i].operand])
        assert after[film.frames[i].operand] == step.after


def test_boxes_stay_where_they_are():
    film = frames(mlp_loss())
    places = set()
    for i in range(0, len(film), 7):
        rects = [r for r in read(film.svg(i)).iter(f"{SVG}rect") if "mg-box" in classes(r)]
        places.add(tuple((r.get("x"), r.get("y"), r.get("width")) for r in rects))
    assert len(places) == 1


def test_twice_the_same_operand_takes_two_ways():
    x = Value(3.0, label="x")
    links = [frame.link for frame in frames(x * x).frames]
    assert links == [None, None, 0, 1]


def test_nobody_is_disturbed():
    root = mlp_loss()
    before = {v: v.grad for v in trace(root)[0]}
    frames(root, seed=3.0).strip()
    assert {v: v.grad for v in trace(root)[0]} == before


class Collector(HTMLParser):
    def __init__(self):
        super().__init__()
        self.attributes = []
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize("page", [frames(neuron()).html, frames(neuron()).strip().html])
def test_the_page_loads_nothing(page):
    found = Collector()
    found.feed(page)
    assert not {"link", "img", "iframe", "object", "embed"} & set(found.tags)
    names = {name for name, _ in found.attributes}
    assert not {"src", "href", "srcset", "data"} & names
    assert "@import" not in page
    assert "url(" not in page
    assert not re.findall(r"https?://(?!www\.w3\.org/)", page)


def test_the_strip_has_no_script():
    strip = frames(neuron()).strip()
    assert "<script" not in strip.html
    assert len(strip.svgs) == len(list(steps(neuron()))) + 1
    assert "w1.grad += 0.5 * 2.0" in strip.html
    for svg in strip.svgs:
        read(svg)


def test_labels_cannot_break_out():
    x = Value(2.0, label='</script><b a="TITLE DATA SVG</div>')
    y = x * x
    y.label = "LAST SCRIPT <!--"
    page = frames(y).html
    found = Collector()
    found.feed(page)
    assert "b" not in found.tags
    film = page.split('id="film">')[1].split("</script>")[0]
    assert x.label in json.loads(film)["texts"][2]


def test_notebook():
    film = frames(neuron())
    cell = film._repr_html_()
    assert html.unescape(cell.split('srcdoc="')[1].split('" title=')[0]) == film.html
    assert "<script" not in film.strip()._repr_html_()


def test_save(tmp_path):
    film = frames(neuron())
    assert film.save(tmp_path / "a.html").read_text(encoding="utf-8") == film.html
    assert film.strip().save(tmp_path / "b.html").exists()
    with pytest.raises(ValueError, match="html"):
        film.save(tmp_path / "a.png")


def test_too_large_is_a_sentence():
    with pytest.raises(ValueError, match=r"too many .* steps\(root\)"):
        frames(mlp_loss((2, 16, 16, 1), 2))
    with pytest.raises(TypeError, match="Value"):
        frames(3.0)


# In the browser -------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_every_step_in_the_browser(browser, tmp_path, style):
    root = neuron()
    browser.open(frames(root, style=style).save(tmp_path / "film.html"))
    assert "forward pass is done" in browser.text("#words")
    for i, step in enumerate(steps(root), 1):
        browser.click("#step")
        assert browser.text("#sum") == step.text
        assert browser.text("#words") == step.words
        assert browser.text("#count") == f"{i} / 10"
        assert grads_in(browser)[box_of(root, step.operand)] == number(step.after)
    assert browser.run("return document.getElementById('step').disabled")
    found = grads_in(browser)
    for v in trace(root)[0]:
        assert found[box_of(root, v)] == number(v.grad)
    formula = browser.run("return document.querySelector('#formula math').textContent")
    assert formula == "\u2202o\u2202w1+=\u2202o\u2202v1\u22c5\u2202v1\u2202w1=0.5\u22c52.0=1.0"


def box_of(root, v):
    return next(i for i, box in enumerate(draw(root).diagram.boxes) if box.node is v)


def grads_in(browser):
    pairs = browser.run(
        "return [...document.querySelectorAll('[data-box]')].flatMap(g => "
        "[...g.querySelectorAll('.mg-grad')].map(t => [+g.dataset.box, t.textContent]))"
    )
    return {i: text.removeprefix("grad ") for i, text in pairs}


def test_keys_slider_and_back(browser, tmp_path):
    root = neuron()
    texts = ["", *[step.text for step in steps(root)]]
    browser.open(frames(root).save(tmp_path / "film.html"))
    for key, place in [
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", 10),
        ("Home", 0),
    ]:
        browser.press(key)
        browser.until("#sum", texts[place])
    browser.run(
        "const s = document.getElementById('slider'); s.value = 7;"
        "s.dispatchEvent(new Event('input'));"
    )
    assert browser.text("#sum") == texts[7]
    browser.click("#back")
    assert browser.text("#sum") == texts[6]
    browser.click("#first")
    assert browser.text("#sum") == ""
    assert set(grads_in(browser).values()) == {"0.0"}


def test_play(browser, tmp_path):
    browser.open(frames(neuron()).save(tmp_path / "film.html"))
    browser.run(
        "const s = document.getElementById('speed'); s.options[2].value = 20; s.value = 20;"
    )
    browser.press(" ")
    browser.until("#count", "10 / 10")
    browser.until("#play", "Play")
    assert browser.text("#sum") == "w1.grad += 0.5 * 2.0"


def test_text_is_never_wider_than_its_measure(browser, tmp_path):
    """Boxes are sized by a table of widths: in a real font no text may be wider."""
    words = [
        "w1",
        "loss",
        "grad",
        "-1234.0e-10",
        "mmmm",
        "WWW",
        "tanh  L",
        "weights",
        "x\u00d73",
        "(%@Q",
        "ReLU",
        "日本",
    ]
    words += [c * 10 for c in map(chr, range(33, 127)) if c not in "<&"]
    page = tmp_path / "page.html"
    styles = {"mg-title": (14, True), "mg-small": (11, False), "": (12, False)}
    texts = "".join(f'<text class="mg-text {c}">{w}</text>' for w in words for c in styles)
    svg = draw(neuron()).svg.replace("</svg>", f"{texts}</svg>")
    page.write_text(f"<meta charset=utf-8>{svg}", encoding="utf-8")
    browser.open(page)
    found = browser.run(
        "return [...document.querySelectorAll('text')].map(t => "
        "[t.textContent, t.getAttribute('class'), t.getComputedTextLength()])"
    )
    from micrograd.graph.picture.measure import text_width

    for text, names, width in found:
        size, bold = next(styles[c] for c in styles if c in names)
        assert width <= text_width(text, size, bold) + 0.5, text
