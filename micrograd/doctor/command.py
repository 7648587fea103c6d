"""`python -m micrograd diagnose script.py`: a training script run under watch.

The script runs as it is. Models are found when its first operation is done, or its first step is
taken; the report is printed at its end, at Ctrl-C, or when it fails.
"""

from __future__ import annotations

import argparse
import gc
import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.node import Node
from ..core.observe import Observer
from ..engine import Value
from ..nn.module import Module
from ..optim.looking import LOOKERS, Looker
from .names import named_values, parameters_of
from .report import ENDINGS, Report
from .watch import Watch


class Finder(Observer, Looker):
    """Puts a `Watch` on every model that comes to be used."""

    def __init__(self) -> None:
        self.watches: list[Watch] = []
        self.tried: set[int] = set()
        self.searching = False

    def __enter__(self) -> Finder:
        super().__enter__()
        LOOKERS.insert(0, self)
        return self

    def __exit__(self, *error: object) -> None:
        LOOKERS.remove(self)
        if not self.watches:
            super().__exit__(*error)
        for watch in self.watches:
            watch.close()

    def made(self, node: Node) -> None:
        if not self.searching:
            self.search()

    def stepping(self, optimizer: Any) -> None:
        if id(optimizer) in self.tried or any(w.concerns(optimizer) for w in self.watches):
            return
        self.tried.add(id(optimizer))
        self.search()
        if not any(w.concerns(optimizer) for w in self.watches):
            self.add(Parameters(optimizer.parameters))
            self.watches[-1].stepping(optimizer)

    def search(self) -> None:
        """Watch the models that are there now, but not those that are parts of others."""
        self.searching = True
        models = [x for x in gc.get_objects() if is_model(x)]
        inner = {id(part) for m in models if isinstance(m, Module) for part in m.modules()[1:]}
        seen = {id(p) for w in self.watches for p in w.parameters}
        sized = sorted(models, key=lambda m: -len(named_values(m)))
        for model in sized:
            mine = {id(p) for p in parameters_of(model)[0]}
            if id(model) not in inner and mine and not mine & seen:
                seen |= mine
                self.add(model)
        self.searching = bool(self.watches)

    def add(self, model: Any) -> None:
        if not self.watches:
            super().__exit__()  # found: the watch listens now, and only now and then
        self.watches.append(Watch(model))


class Parameters:
    """Parameters without a model, as an optimizer has them."""

    def __init__(self, parameters: Sequence[Value]) -> None:
        self.p = list(parameters)


def is_model(x: Any) -> bool:
    """Whether an object is a model: a Module, or a class of a user's own that is like one."""
    if isinstance(x, Module):
        return bool(x.parameters())
    kind = type(x)
    if kind.__module__ != "__main__" or not hasattr(kind, "parameters"):
        return False
    return callable(x) and bool(named_values(x))


def diagnose_script(words: Sequence[str]) -> int:
    """The exit code: that of the script, or 0 with a report of what was found."""
    parser = argparse.ArgumentParser(
        prog="micrograd diagnose",
        usage="micrograd diagnose [-h] [-o FILE] script ...",
        description="Run a training script and say what is wrong with its gradients, at its end "
        "or at Ctrl-C.",
    )
    parser.add_argument("script", nargs="?", type=Path, help="a Python file that trains a model")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the report too: .html, .txt"
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="for the script")
    options = parser.parse_args(list(words))
    if options.script is None:
        parser.error("a script is missing: micrograd diagnose train.py")
    if not options.script.is_file():
        print(f"micrograd: error: there is no file {options.script}", file=sys.stderr)
        return 2
    if options.output is not None and options.output.suffix.lower() not in ENDINGS:
        print(
            f"micrograd: error: the report ends in .html or .txt, not as {options.output}",
            file=sys.stderr,
        )
        return 2
    kept, path = sys.argv, list(sys.path)
    sys.argv = [str(options.script), *options.arguments]
    sys.path.insert(0, str(options.script.resolve().parent))
    code = 0
    finder = Finder()
    try:
        with finder:
            runpy.run_path(str(options.script), run_name="__main__")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except Exception:
        traceback.print_exc()
        code = 1
    finally:
        sys.argv, sys.path[:] = kept, path
    reports = [watch.report for watch in finder.watches if watch.history.steps]
    if not reports:
        print("micrograd diagnose: no training step was seen: no backward() of a model's loss.")
    for report in reports:
        print(f"\n{report.title}\n{report.text}")
    if options.output is not None and reports:
        whole = max(reports, key=lambda r: len(r.findings))
        print(f"wrote {Report.save(whole, options.output)}")
    return code
