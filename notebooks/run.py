"""Runs all notebooks: `python notebooks/run.py`, the gate; `--html`, `--kit` keep what they show.

Twice: in this process, cell by cell, where an error points at its line; and through
nbclient, in a kernel, as Jupyter does it. A cell that takes longer than 30 seconds is an
error. `--html` builds executed copies with all pictures in `notebooks/html/`, and `--kit` what a
teacher needs beside them, in `notebooks/html/slides/` and `notebooks/html/solutions/`; how pages
are made is in `pages.py`.

    python notebooks/run.py                     # all, both ways
    python notebooks/run.py --fast              # in this process alone
    python notebooks/run.py --html descent      # a page of one notebook
    python notebooks/run.py --kit               # slides and solutions of all

Needs the extra `notebooks`: pip install -e '.[notebooks]'.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import io
import json
import linecache
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIMIT = 30.0  # seconds of computing that a cell may take
PATIENCE = 300  # seconds after which a kernel is given up


def code_cells(path: Path) -> Iterator[tuple[str, str]]:
    """The name and the source of each code cell."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield f"{path.name}[{cell['id']}]", "".join(cell["source"])


def show(value: Any) -> None:
    """What Jupyter does with the last expression of a cell: ask it for its picture or text."""
    for name in ("_repr_mimebundle_", "_repr_html_", "_repr_latex_"):
        method = getattr(value, name, None)
        if method is not None and method():
            return
    repr(value)


def run_cell(name: str, source: str, namespace: dict[str, Any]) -> None:
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    tree = ast.parse(source, name)
    last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if last is None:
        exec(compile(tree, name, "exec"), namespace)
        return
    exec(compile(ast.Module(tree.body[:-1], []), name, "exec"), namespace)
    value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
    if value is not None:
        show(value)


def in_process(path: Path) -> float:
    """The longest time of a cell; runs them in a namespace of their own."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    namespace: dict[str, Any] = {"__name__": "__main__"}
    longest = 0.0
    for name, source in code_cells(path):
        start, computed = time.perf_counter(), time.process_time()
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                run_cell(name, source, namespace)
        except BaseException:
            print(printed.getvalue(), end="")
            raise
        # On a busy machine the clock runs on while others compute: the smaller of the two.
        spent = min(time.perf_counter() - start, time.process_time() - computed)
        longest = max(longest, spent)
        if spent > LIMIT:
            raise TimeoutError(f"{name} took {spent:.0f} s; a cell may take {LIMIT:.0f}")
        pyplot.close("all")
    return longest


def through_a_kernel(path: Path) -> Any:
    """The executed notebook, with what it shows."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    client = NotebookClient(
        notebook,
        timeout=PATIENCE,
        startup_timeout=PATIENCE,
        kernel_name="python3",
        resources={"metadata": {"path": HERE}},
        coalesce_streams=True,  # what a cell prints stays together, however it arrives
    )
    if os.name != "nt":  # sockets in the file system, where nobody else listens
        client.create_kernel_manager().transport = "ipc"
    client.execute()
    return notebook


def chosen(names: list[str]) -> list[Path]:
    paths = sorted(HERE.glob("*.ipynb"))
    if not names:
        return paths
    wanted = [p for p in paths if any(name.removesuffix(".ipynb") in p.stem for name in names)]
    if not wanted:
        raise SystemExit(f"there is no notebook called {' or '.join(names)} in {HERE}")
    return wanted


def write(notebook: Any, name: str, options: argparse.Namespace) -> Iterator[Path]:
    """The pages that were asked for, written one by one."""
    import pages

    wanted = []
    if options.html:
        wanted.append((options.out, pages.page))
    if options.kit:
        wanted.append((options.out / "slides", pages.slides))
        wanted.append((options.out / "solutions", pages.solutions))
    for folder, make in wanted:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{name}.html"
        target.write_text(make(notebook, name), encoding="utf-8")
        yield target


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the notebooks, all or those named.")
    parser.add_argument("names", nargs="*", help="parts of names")
    parser.add_argument("--fast", action="store_true", help="in this process alone")
    parser.add_argument("--html", action="store_true", help="build pages from an executed copy")
    parser.add_argument("--kit", action="store_true", help="build slides and solutions")
    parser.add_argument("--out", type=Path, default=HERE / "html", help="where the pages go")
    options = parser.parse_args()
    options.out = options.out.resolve()
    os.chdir(HERE)
    # What runs is what lies beside this folder, in the kernel too.
    sys.path.insert(0, str(HERE.parent))
    needed = [
        "matplotlib",
        "sklearn",
        *([] if options.fast else ["nbclient", "ipykernel", "latex2mathml"]),
    ]
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise SystemExit(f"notebooks need {', '.join(missing)}: pip install -e '.[notebooks]'")
    paths = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), *([paths] if paths else [])])
    failed = 0
    for path in chosen(options.names):
        try:
            if not (options.html or options.kit):
                start = time.perf_counter()
                longest = in_process(path)
                spent = time.perf_counter() - start
                print(f"{path.name}: {spent:.1f} s, the longest cell {longest:.1f} s", flush=True)
            if not options.fast:
                start = time.perf_counter()
                notebook = through_a_kernel(path)
                spent = time.perf_counter() - start
                print(f"{path.name}: {spent:.1f} s in a kernel", flush=True)
                for target in write(notebook, path.stem, options):
                    print(f"wrote {target}", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
            print(f"{path.name}: FAILED", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
