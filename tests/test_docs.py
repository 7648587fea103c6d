"""README and docs: every block of code runs and prints what it says, every link leads somewhere.

Python blocks are doctests, a page in one namespace and a directory of its own. Lines of shell
blocks are run where they call micrograd; the others are those that the gate runs.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(p for p in DOCS.rglob("*.md") if not {"site", "microgpt", "notebooks"} & {*p.parts}),
]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FLAGS = doctest.ELLIPSIS
# Lines of shell that install or build, and the file whose business they are.
ELSEWHERE = ("python3 -m venv", "pip install", ".ci/run", "notebooks/run.py", "-m pytest", "docs/build.py", "-m benchmarks")  # fmt: skip

if not (DOCS / "tutorial.md").exists():
    pytest.skip("the tests run without the documentation", allow_module_level=True)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> list[tuple[int, str]]:
    """Blocks of code in these languages, with the number of their first line."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```", text, re.M | re.S):
        if match[1] in languages:
            found.append((text.count("\n", 0, match.start(2)), match[2]))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_blocks(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    parser = doctest.DocTestParser()
    report: list[str] = []
    for line, source in blocks(page, "python"):
        if ">>>" not in source:
            code = compile("\n" * line + source, str(page), "exec")
            if page.name != "CONTRIBUTING.md":  # whose row would stay in the table
                exec(code, namespace)
            continue
        test = parser.get_doctest(source, namespace, page.name, str(page), line)
        runner.run(test, out=report.append, clear_globs=False)
        namespace = test.globs
    assert not runner.summarize(verbose=False).failed, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_shell_blocks(page, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ""}
    for _, source in blocks(page, "sh", "bash", "shell"):
        for line in source.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            words = shlex.split(line, comments=True)
            if words[:3] == ["python", "-m", "micrograd"]:
                words[0] = sys.executable
                if words[3:4] in (["learn"], ["check"]):
                    (tmp_path / "submissions").mkdir(exist_ok=True)
                    for file in ("mine.py", "submissions/one.py"):
                        (tmp_path / file).write_text("")
                elif "draw" not in words and "--version" not in words:
                    words += ["--epochs", "1", "--quiet"]
            elif words[0] == "python" and words[1].startswith("docs/m"):
                words = [sys.executable, str(ROOT / words[1]), "--help"]
                if "microgpt" not in words[1]:
                    words[-1] = "--check"
            else:
                assert any(part in line for part in ELSEWHERE), f"{page.name}: who runs {line!r}?"
                continue
            done = subprocess.run(
                words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", t.lower()).strip().replace(" ", "-") for t in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{name(page)} links to {target}, which is not there"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{name(page)}: no heading for {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_that_pages_name_are_there(page):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:micrograd|docs|tests|notebooks|benchmarks)/[\w./-]*)`", text):
        assert (ROOT / path).exists() or path.startswith(("notebooks/html", "docs/site")), path


@pytest.mark.parametrize("script", ["mathematics.py", "deviations.py", "doctor.py"])
def test_generated_pages_are_up_to_date(script):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(DOCS / script), "--check"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_picture_of_the_readme_is_what_the_code_draws(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import picture

    for name, text in picture.pictures().items():
        stored = (picture.IMAGES / name).read_text(encoding="utf-8")
        assert stored == text, "run python docs/picture.py, and look at them"


def test_the_readme_shows_thirty_lines():
    [(_, source)] = blocks(ROOT / "README.md", "python")
    assert 25 <= len([line for line in source.splitlines() if line.strip()]) <= 40


# Notebooks --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebook_is_stored_without_outputs(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = notebook["cells"]
    assert (notebook["nbformat"], notebook["nbformat_minor"]) >= (4, 5)
    ids = [cell["id"] for cell in cells]
    assert len(set(ids)) == len(ids)
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebook_computes_its_facts_and_has_exercises(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert sum("assert " in source for source in code) >= 8
    solved = {cell["id"].split("-solution-")[1] for cell in cells if "-solution-" in cell["id"]}
    asked = {cell["id"].split("-exercise-")[1] for cell in cells if "-exercise-" in cell["id"]}
    assert asked == solved
    assert asked
