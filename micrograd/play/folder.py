"""The page as a folder of files that any server can carry: ours, Pyodide's, and this package.

Pyodide is the npm package of that name, fetched once by `npm pack` and kept in the user's cache.
The first picture is drawn here, so that it is there before Python is. Read on in `command.py`.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

from ..doctor.orders import ORDERS
from ..graph.picture.page import PAINT
from ..graph.picture.theme import COLOURS, FONT
from ..version import __version__
from .engine import Page
from .memory import memory

VERSION = "314.0.7"  # of Pyodide: Python 3.14
FILES = (
    "pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json",
)  # fmt: skip
PATIENCE = 120.0  # seconds for npm
PACKAGE = Path(__file__).resolve().parent.parent
PAGE = Path(__file__).resolve().parent / "page"
WHEEL = f"micrograd-{__version__}-py3-none-any.zip"
EXAMPLES = {
    "A neuron": "x1 = 2.0\nx2 = -1.0\nw1 = 0.5\nw2 = 1.5\nb = 1.0\ntanh(w1*x1 + w2*x2 + b)",
    "Used twice": "a = 3.0\nb = a * a\nc = b + a\nc * b",
    "A switch": "a = 2.0\nb = -3.0\nc = 10.0\nrelu(a*b + c)",
    "A loop": "x = 1.1\ny = x\nfor i in range(4):\n    y = sin(y) + x\ny",
    "A saturated neuron": "x = 5.0\nw = 4.0\nsigmoid(w * x)",
    "A small network": "import random\nrandom.seed(1)\nx = 0.5\nmodel = nn.MLP(1, [3, 1])\n"
    "losses.mse(model([x]), 1.0)",
}


class NoPyodide(OSError):
    """Pyodide is not here, and cannot be fetched."""


def cache() -> Path:
    """The folder of the user's cache that is ours."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "micrograd"


def pyodide(given: Path | None = None) -> Path:
    """The folder with Pyodide's files: the one given, or that of the cache, filled by npm."""
    if given is not None:
        missing = [name for name in FILES if not (given / name).is_file()]
        if missing:
            raise NoPyodide(2, f"{missing[0]} of Pyodide is missing", str(given))
        return given
    kept = cache() / f"pyodide-{VERSION}"
    if all((kept / name).is_file() for name in FILES):
        return kept
    npm = shutil.which("npm")
    if npm is None:
        raise NoPyodide(
            2, "Pyodide is fetched with npm, which is not installed; give its folder by --pyodide",
            str(kept),
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", f"pyodide@{VERSION}"]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=PATIENCE)
        archives = list(Path(folder).glob("*.tgz"))
        if not archives:
            raise NoPyodide(2, "npm could not fetch Pyodide; is there a network?", str(kept))
        kept.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archives[0]) as archive:
            for name in FILES:
                found = archive.extractfile(f"package/{name}")
                assert found is not None
                (kept / name).write_bytes(found.read())
    return kept


def package() -> bytes:
    """This package as Python alone, in a zip; the same files give the same bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(PACKAGE.rglob("*")):
            if path.suffix not in (".py", ".csv", ".md") or "__pycache__" in path.parts:
                continue
            name = "micrograd/" + path.relative_to(PACKAGE).as_posix()
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())
    return written.getvalue()


def build(out: Path, given: Path | None = None) -> Path:
    """The folder, after everything was written into it."""
    source = pyodide(given)
    (out / "pyodide").mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(source / name, out / "pyodide" / name)
    archive = package()
    (out / WHEEL).write_bytes(archive)
    kept = memory(source, archive, cache())
    if kept is not None:
        name, remembered = kept
        (out / name).write_bytes(remembered)
    text = next(iter(EXAMPLES.values()))
    first = {
        "examples": EXAMPLES,
        "orders": list(ORDERS),
        "drawn": {theme: Page().draw(text, "node", theme) for theme in ("light", "dark")},
    }
    shown = json.dumps(first).replace("</", "<\\/")
    themes = "\n".join(
        f":root{selector}{{color-scheme:{theme};"
        + ";".join(f"--{name}:{hue}" for name, hue in COLOURS[theme].items())
        + "}"
        for theme, selector in (("light", ""), ("dark", '[data-theme="dark"]'))
    )
    replaced = {
        "index.html": {"FIRST": shown},
        "page.css": {"THEMES": themes, "FONT": FONT},
        "page.js": {"PAINT;": PAINT},
        "worker.js": {"WHEEL": WHEEL, "MEMORY": kept[0] if kept is not None else ""},
    }
    for name, places in replaced.items():
        written = (PAGE / name).read_text(encoding="utf-8")
        for place, words in places.items():
            written = written.replace(place, words)
        (out / name).write_text(written, encoding="utf-8")
    return out
