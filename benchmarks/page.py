"""From opening the page of `python -m micrograd play` to its first answer, in headless Chromium.

python benchmarks/page.py          # three openings with Python's memory, three without, in turns

Then how long a number moved a little, as by a slider, takes to be answered with its picture, for
chains of 100 and 500 boxes.

"ready" is when Python has started and imported the package, "answered" when the value of lines that
were typed then stands there; both in seconds, from a browser that has nothing in its cache.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from chromium import Chromium

from micrograd.play import command, folder

ROUNDS = 3


def opened(address):
    """Seconds until the page is ready, and until it has answered."""
    browser = Chromium()
    try:
        browser.size(1200, 900)
        begun = time.perf_counter()
        browser.visit(address)
        while not browser.run("return document.body.dataset.ready === 'yes'"):
            time.sleep(0.02)
        ready = time.perf_counter() - begun
        browser.run("const box = document.querySelector('#lines'); box.focus(); box.select()")
        browser.type("a = 3\na * a")
        while browser.text("#value") != "result = 9":
            time.sleep(0.02)
        return ready, time.perf_counter() - begun
    finally:
        browser.close()


def changed(address, boxes):
    """Seconds from a change of a number until its value and the picture stand there; the median."""
    browser = Chromium()
    try:
        browser.size(1200, 900)
        browser.visit(address)
        while not browser.run("return document.body.dataset.ready === 'yes'"):
            time.sleep(0.02)
        found = []
        for k in range(16):
            before = browser.text("#value")
            turn = f"for i in range({boxes // 2}):\n    y = tanh(y) * a\ny"
            text = f"a = {1.5 + k / 1000}\ny = a\n{turn}"
            begun = time.perf_counter()
            browser.run(
                "const box = document.querySelector('#lines'); box.value = arguments[0];"
                "box.dispatchEvent(new Event('input', {bubbles: true}))",
                text,
            )
            while browser.text("#value") == before:
                time.sleep(0.005)
            found.append(time.perf_counter() - begun)
        return statistics.median(found[1:])
    finally:
        browser.close()


def main():
    with tempfile.TemporaryDirectory() as place:
        site = folder.build(Path(place))
        worker = (site / "worker.js").read_text(encoding="utf-8")
        [memory] = [path.name for path in site.glob("memory-*.bin")]
        ways = {"with its memory": worker, "without": worker.replace(f'"{memory}"', '""')}
        found = {name: [] for name in ways}
        with command.server(site) as serving:
            threading.Thread(target=serving.serve_forever, daemon=True).start()
            for _ in range(ROUNDS):
                for name, text in ways.items():
                    (site / "worker.js").write_text(text, encoding="utf-8")
                    found[name].append(opened(f"http://127.0.0.1:{serving.server_address[1]}/"))
            for boxes in (100, 500):
                seconds = changed(f"http://127.0.0.1:{serving.server_address[1]}/", boxes)
                print(f"a change among {boxes} boxes: {1000 * seconds:.0f} ms")
            serving.shutdown()
    for name, times in found.items():
        ready, answered = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:16} ready {ready:5.1f}  answered {answered:5.1f}")


if __name__ == "__main__":
    main()
