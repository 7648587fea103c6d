"""Types as users meet them: right uses pass, and every wrong one is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd

pytestmark = pytest.mark.once

FILES = Path(__file__).parent / "types"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The package in a folder of its own, as it lies among installed ones."""
    folder = tmp_path_factory.mktemp("site")
    here = Path(micrograd.__file__).parent
    shutil.copytree(
        here, folder / "micrograd", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    return folder


def lines_with_errors(output: str, file: str) -> set[int]:
    """The numbers of the lines of a file that a checker complains of."""
    found = set()
    for line in output.splitlines():
        where, _, rest = line.strip().partition(file + ":")
        if rest and "error" in rest and "/micrograd/" not in where:
            found.add(int(rest.split(":")[0]))
    return found


def wrong_lines() -> set[int]:
    text = (FILES / "wrong.py").read_text()
    return {i for i, line in enumerate(text.splitlines(), 1) if line.endswith("# wrong")}


def mypy(site: Path, file: str) -> str:
    pytest.importorskip("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", site / "cache", file],
        cwd=FILES, env={**os.environ, "MYPYPATH": str(site)}, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def pyright(site: Path, file: str) -> str:
    pytest.importorskip("pyright")
    folder = site.parent / f"pyright-{file}"
    folder.mkdir(exist_ok=True)
    shutil.copy(FILES / file, folder)
    (folder / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{site}"]}}')
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", folder], capture_output=True, text=True
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_right_uses_pass(checker, site):
    output = checker(site, "right.py")
    assert "error" in output or "0 errors" in output or "Success" in output  # it ran
    assert lines_with_errors(output, "right.py") == set(), output


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_each_wrong_use_is_an_error(checker, site):
    output = checker(site, "wrong.py")
    assert lines_with_errors(output, "wrong.py") == wrong_lines(), output


@pytest.mark.parametrize("name", ["engine", "ops"])
def test_what_type_checkers_are_told_follows_from_the_table(name):
    script = Path(__file__).parents[1] / "docs" / "stubs.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_type_checkers_see_of_the_package_is_what_there_is():
    import ast

    tree = ast.parse(Path(micrograd.__file__).read_text())
    told = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for line in node.body:
                told |= {alias.name for alias in line.names}
    assert told == {*micrograd._MODULES, *micrograd._LATER}
