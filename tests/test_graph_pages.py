"""The page of a picture in a browser: folding, search, lit paths and keys, in both themes and ways."""

from __future__ import annotations

import random

import pytest
from chromium import Chromium

import micrograd as mg
from micrograd import Value, nn
from micrograd.graph import draw

pytestmark = pytest.mark.once
WAYS = [("node", "LR"), ("node", "TB"), ("record", "LR"), ("record", "TB"), ("circuit", "LR")]


@pytest.fixture(scope="module")
def browser():
    found = Chromium()
    yield found
    found.close()


class Gated(nn.Module):
    """A layer and what came into it, weighed by a gate."""

    def __init__(self):
        self.layer, self.gate = nn.Linear(2, 2), nn.Linear(2, 2)

    def __call__(self, x):
        gates = [mg.sigmoid(g) for g in self.gate(x)]
        return [g * h + (1 - g) * v for g, h, v in zip(gates, self.layer(x), x, strict=True)]


def loss():
    random.seed(1)
    out = Gated()([Value(0.5, label="x0"), Value(-1.0, label="x1")])
    total = mg.sum([(1 - y) ** 2 / 2 for y in out])
    total.backward()
    return total


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("style", "rankdir"), WAYS)
def test_a_page_with_written_numbers(browser, tmp_path, style, rankdir, scheme):
    graph = draw(loss(), style=style, rankdir=rankdir, depth=2)
    shown = graph.diagram
    browser.emulate(scheme)
    browser.size(1400, 900)
    browser.open(graph.save(tmp_path / "page.html"))

    def count(css):
        return browser.run("return document.querySelectorAll(arguments[0]).length", css)

    # The colours follow the system, and the key stands on the page.
    paper = browser.run("return getComputedStyle(document.querySelector('.mg-paper')).fill")
    ink = browser.run("return getComputedStyle(document.querySelector('.mg-text')).fill")
    bright = [sum(map(int, c[4:-1].split(","))) for c in (paper, ink)]
    assert (bright[0] > bright[1]) == (scheme == "light")
    texts = browser.run("return [...document.querySelectorAll('svg text')].map(t => t.textContent)")
    assert "what comes in" in texts

    # Folding by the mouse and by keys.
    assert count(".mg-cover.shut") == 0
    browser.run("document.querySelector('#fold').focus()")
    browser.press("Enter")
    assert count(".mg-cover.shut") == len(shown.frames) > 0
    browser.press("Tab")
    browser.press("Enter")
    assert count(".mg-cover.shut") == 0
    browser.run(
        "document.querySelector('[data-frame=\"0\"]')"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert count(".mg-cover.shut") == 1
    browser.run(
        "document.querySelector('.mg-cover.shut rect')"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert count(".mg-cover.shut") == 0

    # Search for an operation as it is written, and the way out of it.
    browser.run("document.querySelector('#search').focus()")
    browser.type("1 - \u00b7")
    named = [i for i, box in enumerate(shown.boxes) if "1 - \u00b7" in box.title]
    lit = browser.run("return [...document.querySelectorAll('.lit')].map(g => +g.dataset.box)")
    assert sorted(set(lit)) == named
    assert len(named) == 4
    browser.press("Escape")
    assert count(".lit") == 0

    # A lit path is all that the box depends on and all that depends on it.
    i = named[-1]
    browser.run(
        'document.querySelector(`[data-box="${arguments[0]}"]`)'
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))",
        i,
    )
    lit = browser.run(
        "return [...document.querySelectorAll('[data-box].lit, [data-box].here')]"
        ".map(g => +g.dataset.box)"
    )
    assert set(lit) == reached(shown, i, "source", "target") | reached(shown, i, "target", "source")


def reached(shown, start, this, other):
    """What can be reached from a box along links one way."""
    found, stack = {start}, [start]
    while stack:
        i = stack.pop()
        for link in shown.links:
            if getattr(link, this) == i and getattr(link, other) not in found:
                found.add(getattr(link, other))
                stack.append(getattr(link, other))
    return found
