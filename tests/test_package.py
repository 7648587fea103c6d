"""The package as a whole: its public names, their documentation, its imports, its version."""

from __future__ import annotations

import ast
import configparser
import doctest
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd as mg
from micrograd.core.rule import TABLE

PACKAGE = Path(mg.__file__).parent
ROOT = PACKAGE.parent


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HEAVY = ("numpy", "graphviz", "tqdm", "matplotlib", "scipy", "sklearn", "torch", "jax", "IPython")


def heavy_after(statement: str) -> str:
    return in_a_fresh_process(
        f"import sys\n{statement}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    )


def test_importing_loads_nothing_heavy():
    assert heavy_after("import micrograd") == ""


def test_neither_does_a_first_use():
    """Expressions, networks, training steps and pictures as SVG are plain Python."""
    statement = (
        "import micrograd as mg; model = mg.nn.MLP(2, [3, 1]); y = model([1.0, mg.Value(2.0)]).tanh();"
        "y.backward(); mg.optim.Adam(model.parameters()).step(); mg.draw(y).svg; mg.grad(mg.sin)(1.0)"
    )
    assert heavy_after(statement) == ""


def test_importing_loads_only_what_the_engine_needs():
    late = (
        "nn",
        "optim",
        "losses",
        "graph",
        "transforms",
        "compiler",
        "check",
        "train",
        "__main__",
    )
    found = in_a_fresh_process(
        f"import sys, micrograd\nprint(*[n for n in {late!r} if 'micrograd.' + n in sys.modules])"
    )
    assert found == ""


def test_all_is_complete():
    """Every operation of the table and every public function that is imported when asked for."""
    assert len(mg.__all__) == len(set(mg.__all__))
    for name in mg.__all__:
        assert getattr(mg, name) is not None, name
    for name, rule in TABLE.items():
        if not rule.internal:
            assert name in mg.__all__, name
    promised = {
        "Value", "nn", "losses", "optim", "data", "train", "graph", "grad", "value_and_grad",
        "jacobian", "hessian", "jvp", "vjp", "hvp", "check_grad", "check_value_class", "no_grad",
        "detect_anomaly", "custom", "draw", "jit", "compiled",
    }  # fmt: skip
    assert promised <= set(mg.__all__)


def test_dir_lists_what_all_does():
    assert set(mg.__all__) <= set(dir(mg))


def test_star_import():
    found = in_a_fresh_process(
        "from micrograd import *\nx = Value(2.0)\ny = tanh(x) + max(x, 1.0)\ny.backward()\nprint(y.data)"
    )
    assert float(found) == mg.tanh(2.0) + 2.0


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'tahn'"):
        mg.tahn


def test_every_public_name_says_what_it_is():
    for name in mg.__all__:
        thing = getattr(mg, name)
        if inspect.ismodule(thing) or callable(thing):
            said = inspect.getdoc(thing) or ""
            assert len(said) > 10, name
            first = said.splitlines()[0]
            assert len(first) > 10, name


def test_every_module_opens_with_what_it_holds():
    """In the source: the compiler drops docstrings."""
    for path in PACKAGE.rglob("*.py"):
        if path.name != "__init__.py" or path.parent == PACKAGE:
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


@pytest.mark.parametrize("name", ["nn", "optim", "losses", "graph"])
def test_what_a_public_module_defines_is_documented(name):
    module = getattr(mg, name)
    for key, thing in vars(module).items():
        here = getattr(thing, "__module__", "") == module.__name__
        if (
            here
            and not key.startswith("_")
            and (inspect.isclass(thing) or inspect.isroutine(thing))
        ):
            assert inspect.getdoc(thing), f"{name}.{key}"


def test_the_examples_of_public_names_run():
    """Those of the engine's own file cannot be found where it is compiled, but its text can."""
    finder, runner = doctest.DocTestFinder(recurse=True), doctest.DocTestRunner(verbose=False)
    tried = 0
    for name in sorted(mg.__all__):
        thing = getattr(mg, name)
        if inspect.ismodule(thing) or not callable(thing):
            continue
        for example in finder.find(thing, name, module=False, globs={**vars(mg), "mg": mg}):
            if example.examples:
                tried += 1
                module = inspect.getmodule(thing)
                example.globs.update(vars(module) if module else {})
                runner.run(example, clear_globs=False)
    assert tried > 8
    assert runner.summarize(verbose=False).failed == 0


def test_the_version_is_in_one_place():
    assert (
        in_a_fresh_process("import micrograd.version as v; print(v.__version__)") == mg.__version__
    )
    if (ROOT / "setup.cfg").exists():
        settings = configparser.ConfigParser()
        settings.read(ROOT / "setup.cfg", encoding="utf-8")
        assert settings["metadata"]["version"] == "attr: micrograd.version.__version__"
        said = [
            path.name
            for path in [*PACKAGE.rglob("*.py"), ROOT / "setup.cfg", ROOT / "pyproject.toml"]
            if f'"{mg.__version__}"' in path.read_text(encoding="utf-8")
        ]
        assert said == ["version.py"]


def test_the_version_follows_that_of_the_other_package():
    """0.1.0 in the package index is another micrograd."""
    assert tuple(map(int, mg.__version__.split(".")[:2])) >= (0, 2)


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()


def test_compiled_says_whether_the_engine_is_machine_code():
    assert mg.compiled == (not mg.engine.__file__.endswith(".py"))
