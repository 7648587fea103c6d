"""Light and dark: pictures and pages have the theme of what is around them, in a real browser."""

from __future__ import annotations

import pytest
from pictures import neuron

import micrograd as mg
from micrograd import losses, nn
from micrograd.graph import draw, frames
from micrograd.graph.picture.theme import COLOURS

pytestmark = pytest.mark.once

LIGHT, DARK = (COLOURS[theme]["paper"] for theme in ("light", "dark"))
FILL = "return getComputedStyle(document.querySelector('.mg-paper')).fill"
OUTSIDE = [
    ("<html><body>", "light", LIGHT),
    (
        "<html><body>",
        "dark",
        LIGHT,
    ),  # a page that knows no dark is white, whatever its reader wants
    ('<html style="color-scheme:light dark"><body>', "dark", DARK),
    ('<html style="color-scheme:light dark"><body>', "light", LIGHT),
    ('<html><body style="color-scheme:dark">', "light", DARK),
    ('<html><body data-jp-theme-light="false">', "light", DARK),
    ('<html><body data-jp-theme-light="true">', "dark", LIGHT),
    ('<html><body class="vscode-dark">', "light", DARK),
]


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


def show(browser, path, text):
    path.write_text(text, encoding="utf-8")
    browser.open(path)


@pytest.mark.parametrize(("start", "reader", "paper"), OUTSIDE)
def test_a_picture_in_a_page_has_its_theme(browser, tmp_path, start, reader, paper):
    browser.emulate(reader)
    show(browser, tmp_path / "page.html", f"<!DOCTYPE html>{start}{draw(neuron()).svg}")
    assert browser.run(FILL) == rgb(paper)


@pytest.mark.parametrize(("reader", "paper"), [("light", LIGHT), ("dark", DARK)])
def test_a_picture_by_itself_and_a_page_have_the_readers_theme(browser, tmp_path, reader, paper):
    browser.emulate(reader)
    for name, text in (("a.svg", draw(neuron()).svg), ("b.svg", frames(neuron()).animation())):
        show(browser, tmp_path / name, text)
        assert browser.run(FILL) == rgb(paper)
    body = "return getComputedStyle(document.body).backgroundColor"
    for text in (frames(neuron()).html, frames(neuron()).strip().html, draw(neuron()).html):
        show(browser, tmp_path / "page.html", text)
        assert browser.run(FILL) == browser.run(body) == rgb(paper)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_that_was_chosen_stays(browser, tmp_path, theme):
    other = "dark" if theme == "light" else "light"
    browser.emulate(other)
    text = f'<html style="color-scheme:{other}">{draw(neuron(), theme=theme).svg}'
    show(browser, tmp_path / "page.html", f"<!DOCTYPE html>{text}")
    assert browser.run(FILL) == rgb(COLOURS[theme]["paper"])
    show(browser, tmp_path / "page.html", frames(neuron(), theme=theme).html)
    assert browser.run(FILL) == rgb(COLOURS[theme]["paper"])


INNER = (
    "const inner = document.querySelector('iframe').contentDocument;"
    "return [inner.querySelector('.mg-paper'), inner.body].map((e, i) => "
    "getComputedStyle(e)[i ? 'backgroundColor' : 'fill'])"
)


@pytest.mark.parametrize("reader", ["light", "dark"])
@pytest.mark.parametrize("what", ["film", "model"])
def test_a_page_in_a_notebook_follows_when_its_theme_is_switched(browser, tmp_path, reader, what):
    browser.emulate(reader)
    graph = draw(nn.MLP(2, [4, 4, 1]))
    cell = (
        frames(neuron())._repr_html_() if what == "film" else graph._repr_mimebundle_()["text/html"]
    )
    show(browser, tmp_path / "page.html", f"<!DOCTYPE html><html><body>{cell}")
    for is_light in (True, False, True):
        browser.run("document.body.dataset.jpThemeLight = arguments[0]", str(is_light).lower())
        browser.run("return new Promise(done => setTimeout(done, 50))")
        assert browser.run(INNER) == [rgb(LIGHT if is_light else DARK)] * 2


def test_what_is_shown_in_a_notebook_leaves_the_page_around_it_alone(browser, tmp_path):
    """The page that a report is by itself stands in a cell as part of another page."""
    model, examples = nn.MLP(2, [3, 1]), ([[1.0, 2.0], [0.0, 1.0]], [1.0, 0.0])
    report = mg.diagnose(model, losses.squared_error, examples)
    found = [mg.compare_backward(neuron()), report]
    cells = "".join(f"<div>{x._repr_mimebundle_()['text/html']}</div>" for x in found)
    look = (
        "const s = getComputedStyle(document.body);"
        "return [s.font, s.colorScheme, s.color, s.backgroundColor, s.margin, s.maxWidth]"
    )
    pages = []
    for inner in ("", cells):
        show(browser, tmp_path / "page.html", '<!DOCTYPE html><html><body><div id="cells"></div>')
        browser.run("document.getElementById('cells').innerHTML = arguments[0]", inner)
        pages.append(browser.run(look))
    assert pages[0] == pages[1]
    browser.emulate("dark")
    for x in found:
        show(browser, tmp_path / "page.html", x.html)
        scheme = "return getComputedStyle(document.documentElement).colorScheme"
        assert browser.run(scheme) == "light dark"
