"""CONTRIBUTING's example, word for word: one row adds an operation."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd

ROOT = Path(__file__).parents[1]

USE = """
import pickle
import numpy as np
import micrograd as mg
from micrograd import Value
from micrograd.compiler.native.translate import header
from micrograd.core.selection import Selection

x = Value(3.0, label="x")
assert mg.square(3.0) == 9.0 == mg.square(x).data == x.square().data == np.square(x).data
assert "square" in mg.__all__ and "square" in dir(mg)
assert mg.grad(mg.square)(3.0) == 6.0
assert mg.hessian(mg.square)(3.0) == 2.0
assert mg.latex(mg.square(x)) == "x^2", mg.latex(mg.square(x))
for backend in ("python", "numpy"):
    fast = mg.jit(lambda a: mg.square(a) * x, backend=backend)
    assert list(fast.map([1.0, 2.0])) == [3.0, 12.0]
    assert fast.value_and_grad([1.0, 2.0])[0] == 7.5
assert "mg_value_of_square" in header()
assert pickle.loads(pickle.dumps(mg.square(x))).data == 9.0
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The tree as Python alone, with the row behind the others."""
    folder = tmp_path_factory.mktemp("tree")
    kept = shutil.ignore_patterns("*.so", "__pycache__", ".hypothesis")
    for name in ("micrograd", "tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=kept)
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, folder)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    row = re.search(r"```python\n(.*?)```", text, re.S)[1]
    table = folder / "micrograd" / "ops.py"
    before, after = table.read_text(encoding="utf-8").split("# fmt: on", 1)
    table.write_text(f"{before}{row}# fmt: on{after}", encoding="utf-8")
    return folder


def run(copy, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_row_is_all_that_is_needed(copy):
    run(copy, "-c", USE)


def test_the_tests_of_the_table_take_the_row_up(copy):
    chosen = "square or every_row or latex or formula"
    output = run(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_ops.py", "-k", chosen
    )
    assert re.search(r"\.{3,}", output), output


def test_type_checkers_are_told_of_the_row(copy):
    run(copy, "docs/stubs.py")
    assert "def square(self) -> Value" in (copy / "micrograd" / "engine.pyi").read_text()


def test_the_row_becomes_machine_code(copy):
    """Compiled by hand: the machine alone, with the header as the build writes it."""
    if not micrograd.compiled:
        pytest.skip("this is the build without a C compiler")
    run(copy, "-m", "micrograd.compiler.native.translate")
    header = (copy / "micrograd/compiler/native/functions.h").read_text(encoding="utf-8")
    assert '{"square", 1, (void (*)(void))mg_value_of_square}' in header
