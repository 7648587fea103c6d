"""Films that move by themselves: the SVG in a real browser, the GIF picture by picture."""

from __future__ import annotations

import importlib.util
import re
import sys
import time
from io import BytesIO

import pytest
from pictures import SVG, classes, mlp_loss, neuron, read, the_example

from micrograd import Value
from micrograd.graph import frames
from micrograd.graph.picture import raster
from micrograd.graph.picture.film import wrapped
from micrograd.graph.picture.measure import text_width

pytestmark = pytest.mark.once

HAS_GIF = all(map(importlib.util.find_spec, ("PIL", "resvg_py")))
needs_gif = pytest.mark.skipif(not HAS_GIF, reason="needs Pillow and resvg_py")
NASTY = '<b>&amp;"]]>'


def looks(svg, i):
    """What is seen in the i-th picture of an animated SVG, read from its spans."""
    found = []
    for group in read(svg).iter(f"{SVG}g"):
        if "mg-still" in classes(group):
            start, end = map(int, re.search(r"mg-(\d+)-(\d+)", group.get("class")).groups())
            if not start <= i < end:
                continue
            found += ["".join(text.itertext()) for text in group.iter(f"{SVG}text")]
    return found


@pytest.mark.parametrize("style", ["node", "record", "circuit"])
def test_each_picture_of_the_animation_is_that_of_the_film(style):
    film = frames(neuron(), style=style)
    svg = film.animation()
    still = [e for e in read(svg).iter(f"{SVG}g") if "mg-still" in classes(e)]
    fixed = "".join(
        "".join(e.itertext())
        for e in read(svg)
        if e.tag in (f"{SVG}g", f"{SVG}text") and e not in still
    )
    for i, frame in enumerate(film.frames):
        seen = looks(svg, i)
        every = [
            "".join(text.itertext())
            for text in read(film.svg(i)).iter(f"{SVG}text")
        ]  # fmt: skip
        assert all(text in seen or text in fixed for text in every)
        assert f"{i} / {len(film) - 1}" in seen
        if frame.step:
            assert frame.text in seen
        assert frame.words.split()[0] in " ".join(seen)


def test_it_is_one_file_without_a_script_and_two_of_them_do_not_meet():
    svg, other = frames(neuron()).animation(), frames(the_example()).animation()
    assert "<script" not in svg and "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    names = [set(re.findall(r"@keyframes ([\w-]+)", text)) for text in (svg, other)]
    assert names[0] and names[1] and not names[0] & names[1]
    assert "id=" not in svg
    assert frames(neuron()).animation() == svg, "the same every time"
    used = re.findall(r'class="mg-still mg-(\d+-\d+)', svg)
    assert set(used) == {re.search(r"\d+-\d+$", name)[0] for name in names[0]}


def test_labels_are_text_and_nothing_else():
    x = Value(2.0, label=NASTY)
    root = read(frames(x * x).animation())
    assert any(NASTY in "".join(text.itertext()) for text in root.iter(f"{SVG}text"))


def test_captions_are_as_wide_as_the_picture_at_most():
    film = frames(mlp_loss((3, 2, 1)))
    left, top, width, height = map(float, read(film.animation()).get("viewBox").split())
    assert width >= film.picture.paper(film.diagram).width
    assert height > film.picture.paper(film.diagram).height
    for frame in film.frames:
        lines = wrapped(frame.words, width - 20, 12)
        assert all(text_width(line, 12) <= width - 20 for line in lines)
        assert " ".join(lines) == frame.words
    assert left + width > 0 and top < 0


def test_it_moves_in_a_browser_and_stands_still_where_that_is_asked_for(browser, tmp_path):
    film = frames(the_example())
    path = film.save(tmp_path / "film.svg", seconds=0.5)
    browser.call("Emulation.setEmulatedMedia", features=[])
    browser.visit(path.resolve().as_uri())
    count = (
        "return [...document.querySelectorAll('.mg-still text')].filter(t => "
        "getComputedStyle(t).visibility === 'visible' && / \\/ /.test(t.textContent))"
        ".map(t => +t.textContent.split(' / ')[0])"
    )
    seen = []
    end = time.monotonic() + 10
    while time.monotonic() < end and len(set(seen)) < 3:
        [now] = browser.run(count)
        seen.append(now)
        shown = browser.run(
            "return [...document.querySelectorAll('.mg-still text')].filter(t => "
            "getComputedStyle(t).visibility === 'visible').map(t => t.textContent)"
        )
        if browser.run(count) == [now] and now:
            assert film.frames[now].text in shown
        time.sleep(0.1)
    assert len(set(seen)) >= 3, "it moves"
    reduced = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    browser.call("Emulation.setEmulatedMedia", features=reduced)
    assert browser.run(count) == [len(film) - 1]
    browser.call("Emulation.setEmulatedMedia", features=[])


@pytest.mark.parametrize("ending", [".svg", ".html"])
def test_the_ending_chooses_the_format(tmp_path, ending):
    film = frames(the_example())
    text = film.save(tmp_path / f"film{ending.upper()}").read_text(encoding="utf-8")
    assert text == (film.html if ending == ".html" else film.animation())


def test_wrong_words():
    film = frames(the_example())
    with pytest.raises(ValueError, match=r"ends in .html, .svg or .gif, not as film.mp4"):
        film.save("film.mp4")
    for seconds in (0.0, -1, float("inf")):
        with pytest.raises(ValueError, match="seconds is a number above 0"):
            film.animation(seconds)
    with pytest.raises(TypeError, match="seconds"):
        film.animation("fast")


# GIF ----------------------------------------------------------------------------------------


@needs_gif
@pytest.mark.parametrize("theme", ["auto", "dark"])
def test_the_gif_has_each_picture_for_its_time(theme, tmp_path):
    image = importlib.import_module("PIL.Image")
    film = frames(the_example(), theme=theme)
    path = film.save(tmp_path / "film.gif", seconds=0.5)
    found = image.open(BytesIO(path.read_bytes()))
    paper = film.reel.paper
    assert found.n_frames == len(film)
    assert found.size == (round(2 * paper.width), round(2 * paper.height))
    assert found.info["loop"] == 0
    times, shots = [], []
    for i in range(found.n_frames):
        found.seek(i)
        times.append(found.info["duration"])
        shots.append(found.convert("RGB"))
    assert times == [*[500] * (len(film) - 1), 1500]
    assert len({shot.tobytes() for shot in shots}) == len(film)
    corner = shots[0].getpixel((1, 1))
    assert sum(corner) < 100 if theme == "dark" else sum(corner) > 750
    assert all(shot.getpixel((1, 1)) == corner for shot in shots)


def test_without_the_packages_a_sentence_says_what_to_install(monkeypatch):
    for missing in ("resvg_py", "PIL.Image"):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, missing, None)
            with pytest.raises(ImportError, match=r'pip install "micrograd\[gif\]"; save as .svg'):
                frames(the_example()).gif()


@needs_gif
def test_a_large_film_is_not_drawn_larger(monkeypatch):
    image = importlib.import_module("PIL.Image")
    film = frames(mlp_loss((3, 4, 1)))
    film.frames[3:] = []
    found = image.open(BytesIO(film.gif()))
    paper = film.reel.paper
    assert found.size[0] < 2 * paper.width
    assert 1.9e6 < found.size[0] * found.size[1] < 2.01e6
    assert image.open(BytesIO(film.gif(scale=0.25))).size[0] == round(paper.width / 4)
    with pytest.raises(ValueError, match="scale is a number above 0"):
        film.gif(scale=0)


@needs_gif
def test_without_a_font_there_are_no_pictures_without_words(monkeypatch):
    resvg = importlib.import_module("resvg_py")
    drawn = resvg.svg_to_bytes
    monkeypatch.setattr(
        raster, "import_module",
        lambda name: importlib.import_module(name) if name != "resvg_py" else Fontless(drawn),
    )  # fmt: skip
    with pytest.raises(OSError, match="needs a font"):
        frames(the_example()).gif()


class Fontless:
    """resvg on a machine that has no font."""

    def __init__(self, drawn):
        self.drawn = drawn

    def svg_to_bytes(self, **arguments):
        return self.drawn(**arguments, skip_system_fonts=True)
