"""The page: what it answers, and how it behaves in a browser, where there are one and Pyodide."""

from __future__ import annotations

import gzip
import json
import threading
import time
from pathlib import Path

import pytest
from chromium import Chromium

from micrograd.play import command, folder, lines, memory
from micrograd.play.engine import Page, answer

pytestmark = pytest.mark.once


def asked(page=None, **question):
    return json.loads(answer(json.dumps(question), page or Page()))


# Lines ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", folder.EXAMPLES)
def test_examples_run_and_have_a_picture(name):
    found = asked(ask="draw", text=folder.EXAMPLES[name])
    assert found["svg"].startswith("<svg")
    assert found["tree"]


def test_leaves_stand_where_their_numbers_are():
    text = "ä = -2.5  # 😀\na = 3; b = +4\na * b + ä"
    ran = lines.run(text)
    for leaf in ran.leaves:
        line = text.splitlines()[leaf.line - 1].encode("utf-16-le")
        assert float(line[2 * leaf.start : 2 * leaf.end].decode("utf-16-le")) == leaf.value.data
    assert [leaf.name for leaf in ran.leaves] == ["ä", "a", "b"]
    assert ran.root.data == 9.5


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("", "type an expression", 0),
        ("a = 2\na *", "no Python", 2),
        ("a = 2\nb", "'b' is not defined", 2),
        ("import os", "os is not on this page", 1),
        ("import os.path as p", "os is not on this page", 1),
        ("open('x')", "'open' is not defined", 1),
        ("exit()", "'exit' is not defined", 1),
        ("[1, 2]", "gives list", 1),
        ("x = 1\ndef f(y):\n    return f(y)\nf(x)", "calls itself too often", 3),
        ("x = 1.0\ny = x\nfor i in range(10**6):\n    y = y * x\ny", "more than 20,000", 4),
        ("(" * 300 + "1" + ")" * 300, "nested", 1),
        ("raise SystemExit('over')", "over", 1),
        ("x = 1e999\nmg.Value('2')", "Value", 2),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, said, line):
    found = asked(ask="draw", text=text)
    assert said in found["error"]
    assert found["line"] == line


@pytest.mark.parametrize(
    "text",
    [
        "while True: pass",
        "def f():\n    while True:\n        try:\n            g = 1\n        except Exception: pass\nf()",
        "x = 1\nsum(i for i in iter(int, 1))",
    ],
)
def test_lines_without_end_are_stopped(text):
    start = time.monotonic()
    with pytest.raises(lines.LinesError, match="were stopped"):
        lines.run(text, seconds=0.2)
    assert time.monotonic() - start < 5


def test_a_box_is_explained_and_orders_are_compared():
    page = Page()
    drawn = asked(page, ask="draw", text=folder.EXAMPLES["Used twice"])
    a = next(i for i, box in enumerate(drawn["boxes"]) if box["name"] == "a")
    assert "the sum over 5 paths" in "\n".join(asked(page, ask="explain", box=a)["lines"])
    assert asked(page, ask="explain", box=999)["lines"]
    right = asked(page, ask="order")["right"]
    assert right[-1]["grad"] == drawn["leaves"][0]["grad"] == "135.0"
    for name in ("recursion", "= for +=", "no reset"):
        assert "Wrong at" in asked(page, ask="order", name=name)["verdict"], name


def test_the_notebook_runs():
    found = asked(ask="notebook", text=folder.EXAMPLES["A neuron"])["notebook"]
    room = {}
    for cell in found["cells"]:
        exec(cell["source"], room)
    assert room["x1"].label == "x1"
    assert room["result"].data == pytest.approx(0.46211715726000973)
    assert room["w1"].grad == pytest.approx(2.0 * (1 - 0.46211715726000973**2))


@pytest.mark.parametrize("style", ["node", "record", "circuit"])
def test_boxes_stay_while_their_numbers_fit_and_are_placed_anew_when_they_do_not(style):
    page = Page()

    def drawn(a):
        svg = asked(page, ask="draw", text=f"a = {a}\nb = 2.5\na * b + 1", style=style)["svg"]
        return svg, page.placed[1]

    _, first = drawn(1.5)
    svg, second = drawn(1.7)
    assert second is first
    assert "1.7" in svg and "5.25" in svg
    wide, third = drawn(123456.789)
    assert third is not first
    assert "123457" in wide or "1.235e+05" in wide or "123456.8" in wide
    assert drawn(1.5)[1] is drawn(1234567.8)[1] is third  # boxes that grew stay large
    assert asked(page, ask="draw", text="a = 1.5\nb = 2.5\na - b", style=style)["value"] == "-1"


# Training ---------------------------------------------------------------------------------


def test_training_learns_and_goes_back_exactly():
    page = Page()
    asked(page, ask="train", data="moons", layers=[4], rate=0.1)
    before = asked(page, ask="step", count=30)
    after = asked(page, ask="step", count=1)
    assert after["step"] == 31 and after["loss"][-1] < after["loss"][0] / 2
    assert after["accuracy"] > 0.8
    again = asked(page, ask="back")
    assert again["plane"] == before["plane"] and again["loss"] == before["loss"]
    assert asked(page, ask="step", count=1)["plane"] == after["plane"]
    for _ in range(31):
        asked(page, ask="back")
    assert "as far back" in asked(page, ask="back")["error"]


@pytest.mark.parametrize(
    "wrong", [{"data": "x"}, {"layers": [99]}, {"layers": ["a"]}, {"rate": -1}, {"activation": "?"}]
)
def test_settings_that_cannot_be(wrong):
    assert asked(ask="train", **wrong)["error"]


READY = "return document.body.dataset.ready === 'yes'"

# In a browser -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    try:
        return folder.build(tmp_path_factory.mktemp("page"))
    except folder.NoPyodide as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def address(site):
    with command.server(site) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}/"
        serving.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(address):
    """A browser with the page open and Python ready: the tests go on from one another."""
    browser = Chromium()
    try:
        browser.size(1200, 900)
        browser.visit(address)
        assert browser.run("return !!document.querySelector('#picture svg')"), "drawn ahead"
        eventually(browser, READY, seconds=240)  # a few, where nothing else runs
        yield browser
    finally:
        browser.close()


def answer_of(browser, address, text):
    """What a page that is opened anew says to these lines, and whether it started quickly."""
    browser.visit(address)
    eventually(browser, READY, seconds=240)
    typed(browser, text)
    eventually(browser, "return /^result = 2/.test(document.querySelector('#value').textContent)")
    return browser.text("#value"), browser.run("return document.body.dataset.quick")


@pytest.fixture(scope="module")
def quick(address, site):
    if not list(site.glob("memory-*.bin")):
        pytest.skip("needs node")
    return address


RANDOM = "import random\nx = 0.5\nx * 0 + 2 + random.random()"


def test_the_page_goes_on_from_a_memory_and_draws_anew_each_time(browser, quick):
    one, other = (answer_of(browser, quick, RANDOM) for _ in range(2))
    assert one[1] == other[1] == "yes"
    assert one[0] != other[0], "random numbers are not remembered"


@pytest.mark.parametrize("broken", ["missing", "cut", "of another Pyodide"])
def test_without_that_memory_it_starts_as_usual(browser, quick, site, broken):
    [file] = site.glob("memory-*.bin")
    kept = file.read_bytes()
    if broken == "missing":
        file.unlink()
    elif broken == "cut":
        file.write_bytes(kept[: len(kept) // 2])
    else:
        raw = bytearray(gzip.decompress(kept))
        raw[16:48] = bytes(32)  # the sign of its build
        file.write_bytes(gzip.compress(bytes(raw), 1))
    try:
        assert answer_of(browser, quick, RANDOM)[1] == "no"
    finally:
        file.write_bytes(kept)


def test_the_memory_tells_nothing_of_the_machine_that_made_it(quick, site):
    [file] = site.glob("memory-*.bin")
    raw = gzip.decompress(file.read_bytes())
    here = (memory.SCRIPT.parent, Path.home() / ".cache", site, folder.pyodide())
    assert not [path for path in map(str, here) if path.encode() in raw]


def test_the_memory_is_made_once_and_only_where_there_is_node(quick, tmp_path, monkeypatch, capsys):
    source = folder.pyodide()
    calls = []
    monkeypatch.setattr(memory.subprocess, "run", lambda *a, **k: calls.append(a))
    first = memory.memory(source, folder.package(), folder.cache())
    assert first is not None and not calls
    assert memory.memory(source, b"another package", tmp_path) is None
    assert len(calls) == 1 and "starts as usual" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert memory.memory(source, folder.package(), tmp_path) is None


def eventually(browser, script, seconds=40):
    """What the script returns, once that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = browser.run(script)
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"never: {script}; {browser.text('#status')} {browser.text('#error')}")


def typed(browser, text):
    """Type over what stands in the editor."""
    browser.run("document.querySelector('#to-lines').click()")
    browser.run("const box = document.querySelector('#lines'); box.focus(); box.select()")
    browser.type(text)


def value(browser, text):
    eventually(browser, f"return document.querySelector('#value').textContent === {text!r}")


def chosen(browser, css, option):
    browser.run(
        "const box = document.querySelector(arguments[0]); box.value = arguments[1];"
        "box.dispatchEvent(new Event('change'))", css, option,
    )  # fmt: skip


def test_the_page_in_a_browser(browser, address):
    # It types, drags a slider, chooses a box by keyboard.
    typed(browser, "a = 2\nb = a * a\nb + a")
    value(browser, "result = 6")
    browser.run(
        "const s = document.querySelector('#leaves input'); s.value = 3;"
        "s.dispatchEvent(new Event('input'))"
    )
    value(browser, "result = 12")
    assert browser.run("return document.querySelector('#lines').value") == "a = 3\nb = a * a\nb + a"
    browser.run(
        "const box = [...document.querySelectorAll('#picture g[data-box]')]"
        ".find(g => g.textContent.startsWith('a')); box.focus()"
    )
    browser.press("Enter")
    eventually(browser, "return document.querySelector('#paths').textContent.includes('3 paths')")
    # It steps, beside a wrong order, to the end.
    chosen(browser, "#order", "= for +=")
    eventually(
        browser, "return document.querySelector('#step-text').textContent.startsWith('1 of')"
    )
    for _ in range(6):
        browser.click("#step-on")
    assert "Wrong at 1 of" in browser.text("#verdict")
    assert browser.run("return document.querySelectorAll('#picture .mg-to').length") == 1
    # Mistakes are said, and the page goes on.
    typed(browser, "a = 2\na *")
    eventually(browser, "return document.querySelector('#error').textContent.includes('line 2')")
    typed(browser, "while True: pass")
    eventually(browser, "return document.querySelector('#error').textContent.includes('stopped')")
    typed(browser, "x = 1.0\ny = x\nfor i in range(10000): y = y * 1.0001\ny")
    eventually(browser, "return document.querySelector('#value').textContent.startsWith('y = 2.7')")


def test_nothing_blocks_typing(browser):
    """While Python runs lines without end, for three seconds, the page itself goes on."""
    browser.run(
        "let last = performance.now(); window.gap = 0; window.watch = setInterval(() => {"
        "const now = performance.now(); window.gap = Math.max(window.gap, now - last);"
        "last = now }, 10)"
    )
    typed(browser, "while True: pass  # " + "x" * 20)
    eventually(browser, "return document.querySelector('#error').textContent.includes('stopped')")
    gap = browser.run("clearInterval(window.watch); return window.gap")
    assert gap < 2900, gap  # of the three seconds, on a machine that is busy
    body = "\n".join(f"v{i} = tanh(v{i - 1} * a + {i})" for i in range(1, 60))
    typed(browser, f"a = 0.5\nv0 = a * 2\n{body}")
    value(browser, "v59 = 1")


def test_training_in_a_browser(browser, address):
    browser.click("#to-train")
    eventually(
        browser, "return document.querySelector('#train-said').textContent.startsWith('Step 0')"
    )
    browser.click("#train")
    eventually(
        browser, "return +document.querySelector('#train-said').textContent.split(/[ ,]/)[1] > 30"
    )
    browser.click("#train")
    time.sleep(1)
    step = int(browser.text("#train-said").split(",")[0].split()[1])
    browser.click("#train-back")
    eventually(
        browser,
        f"return document.querySelector('#train-said').textContent.startsWith('Step {step - 1},')",
    )
    assert browser.run("return document.querySelectorAll('#gradients .bar').length") == 3
    assert browser.text("#doctor").strip()


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_page(browser, address, width):
    browser.size(width, 800)
    for view in ("#to-train", "#to-lines"):
        browser.click(view)
        time.sleep(0.3)
        assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.size(1200, 900)


def test_the_theme_follows_the_system_and_can_be_chosen(browser, address):
    browser.emulate("light")
    eventually(browser, "return !!document.querySelector('#picture svg.mg-light')")
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = browser.run(paper)
    browser.emulate("dark")
    eventually(browser, "return !!document.querySelector('#picture svg.mg-dark')")
    assert browser.run(paper) != light
    chosen(browser, "#theme", "light")
    eventually(browser, "return !!document.querySelector('#picture svg.mg-light')")
    assert browser.run(paper) == light
    browser.emulate("light")


def test_a_link_brings_the_lines_back_and_a_broken_one_says_so(browser, address):
    typed(browser, "ä = 2\nä**3")
    value(browser, "result = 8")
    link = browser.run("return location.href")
    browser.visit(link)
    eventually(browser, READY, seconds=240)  # a few, where nothing else runs
    value(browser, "result = 8")
    assert browser.run("return document.querySelector('#style').value") == "node"
    chosen(browser, "#style", "circuit")
    chosen(browser, "#data", "circles")
    browser.click("#to-train")
    link = browser.run("return location.href")
    browser.visit(link)
    assert browser.run("return [...document.querySelectorAll('#style, #data')].map(e => e.value)") == [
        "circuit", "circles",
    ]  # fmt: skip
    assert browser.run("return document.querySelector('#lines-view').hidden")
    browser.visit(address + "#%%%")
    assert "damaged" in browser.text("#error")
