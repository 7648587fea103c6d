"""Builds the site: `python docs/build.py`, then open `docs/site/index.html`.

Runs the notebooks and makes a page of each, with its slides and solutions beside it; writes the
generated pages anew; then has Sphinx build everything, where a warning is an error. Needs the
extra `dev` (pip install -e '.[dev]'), a few minutes, and no network. `--keep` takes the pages of
notebooks as the run before has left them; `--links` also looks up the links that lead out, which
needs a network; so may `--play`, which puts the page of `python -m micrograd play` beside the site.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "notebooks"
PAGES = HERE / "notebooks"  # made here, not kept in the repository
SITE = HERE / "site"
NEEDED = (
    "sphinx", "myst_parser", "furo", "latex2mathml", "nbclient", "nbconvert", "ipykernel",
    "matplotlib", "sklearn", "anywidget",
)  # fmt: skip


def run(*words: object) -> None:
    done = subprocess.run([sys.executable, *map(str, words)], cwd=HERE.parent)
    if done.returncode:
        raise SystemExit(done.returncode)


def course() -> None:
    """A page for each notebook, run now; and its slides and solutions as files of their own."""
    sys.path.insert(0, str(NOTEBOOKS))
    import pages
    from run import through_a_kernel

    paths = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), *([paths] if paths else [])])
    PAGES.mkdir(exist_ok=True)
    os.chdir(NOTEBOOKS)  # where the kernels run; their sockets have names relative to it
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        print(f"running {path.name}", flush=True)
        notebook = through_a_kernel(path)
        (PAGES / f"{path.stem}.md").write_text(pages.site(notebook, path.stem), encoding="utf-8")
        for kind, make in (("slides", pages.slides), ("solutions", pages.solutions)):
            folder = SITE / kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{path.stem}.html").write_text(make(notebook, path.stem), encoding="utf-8")


def main() -> int:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SystemExit(f"the site needs {', '.join(missing)}: pip install -e '.[dev]'")
    sys.path.insert(0, str(HERE.parent))
    if "--keep" not in sys.argv[1:]:
        course()
    for script in ("mathematics.py", "deviations.py", "picture.py", "gallery.py", "doctor.py"):
        run(HERE / script)
    run("-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", HERE, SITE)
    if "--play" in sys.argv[1:]:
        run("-m", "micrograd", "play", "--out", SITE / "play")
    if "--links" in sys.argv[1:]:
        run("-m", "sphinx", "-q", "-b", "linkcheck", HERE, SITE / ".links")
    print(f"wrote {SITE / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
