"""The ladder: its files, a learner's path through all twelve stages, and the command line."""

from __future__ import annotations

import csv
import re
import sys

import pytest
from homework.ladder_files import RIGHT, WRONG
from homework.right import LECTURE, MICROGPT, VIDEO, made

import micrograd as mg
from micrograd.__main__ import main
from micrograd.learn.checker.operations import FUNCTIONS, OPERATORS
from micrograd.learn.homework import check_class
from micrograd.learn.ladder import Climb, StageError, climb, examine, stages
from micrograd.learn.sandbox import judged, names_of

pytestmark = pytest.mark.once

LADDER = stages()
RULES = [op.rule for op in (*OPERATORS, *FUNCTIONS) if "gradient" in op.rule]


def climbed(text):
    """How far a file gets, in this process."""
    return climb(names_of(text, "mine.py"), LADDER, check_class)


@pytest.fixture(autouse=True)
def _forget_the_module():
    yield
    sys.modules.pop("mine", None)


def test_there_are_twelve_stages_each_with_text_and_hints():
    assert len(LADDER) == len(RIGHT) == 12
    for stage in LADDER:
        assert len(stage.text) > 200
        assert len(stage.hints) >= 2 or stage.number == 2
        assert stage.passed
        assert stage.tests or stage.checks


@pytest.mark.parametrize("k", range(1, 13))
def test_a_learner_walks_all_stages(k):
    found = climbed(RIGHT[k - 1])
    if k == 3:  # who adds at forks from the start has stage 4 as well
        assert found.passed == 4
    elif k == 12:
        assert found == Climb(12, None, False, None)
    else:
        assert found.passed == k, found.report
        assert found.ahead == LADDER[k]
        assert not found.begun or k == 4


@pytest.mark.parametrize("row", WRONG, ids=lambda row: f"{row[0]} {row[3][:30]}")
def test_what_is_wrong_is_said_in_one_finding_of_its_stage(row, tmp_path):
    k, old, new, words, *earlier = row
    assert old in RIGHT[k - 1]
    text = RIGHT[k - 1].replace(old, new)
    if "SyntaxError" in words:
        (tmp_path / "mine.py").write_text(text)
        assert words in judged(tmp_path / "mine.py").finding
        return
    found = climbed(text)
    assert found.passed == (earlier or [k])[0] - 1, found
    assert found.begun
    (finding,) = found.report.faults
    assert words in finding.sentence
    assert not any(rule in finding.sentence for rule in RULES)  # they are the solution


def test_the_classes_of_the_lectures_pass_the_stages_they_reach():
    reached = {"lecture": 5, "video": 6, "microgpt": 5}
    for name, text in {"lecture": LECTURE, "video": VIDEO, "microgpt": MICROGPT}.items():
        found = climbed(text)
        assert found.passed == reached[name], found.report
        for k in range(1, reached[name] + 1):
            assert mg.check_value_class(made(text), stage=k)


def test_our_own_value_passes_the_stages_of_a_value():
    for k in range(1, 7):
        assert mg.check_value_class(mg.Value, stage=k)
    assert "There is no Neuron yet" in repr(mg.check_value_class(mg.Value, stage=7))


def test_a_class_is_checked_at_a_stage_with_what_its_file_has_beside_it():
    for k in range(1, 13):
        assert mg.check_value_class(made(RIGHT[11]), stage=k)
    report = mg.check_value_class(made(RIGHT[1]), stage=3)
    assert not report
    assert "There is no Value.__mul__ yet" in report.faults[0].sentence
    with pytest.raises(ValueError, match="stages 1 to 12"):
        mg.check_value_class(mg.Value, stage=13)


def test_a_stage_is_tested_alone():
    only = made(RIGHT[11].replace("other.data, (", "other.data + 1, ("))
    assert not mg.check_value_class(only, stage=3)
    assert mg.check_value_class(only, stage=1)


def test_a_gpt_whose_last_matrices_start_at_0_is_right():
    zero = "[[Value(0.0) for _ in range(width)] for _ in range(width)]"
    down = "[[Value(0.0) for _ in range(2 * width)] for _ in range(width)]"
    text = RIGHT[11].replace(
        "self.scores = ", f"self.value, self.down = {zero}, {down}\n        self.scores = "
    )
    report = mg.check_value_class(made(text), stage=12)
    assert report, report


def test_no_text_before_a_stage_has_passed_shows_its_solution():
    names = r"def __add__|def __mul__|def backward|def tanh|def jacobian|def source|class \w+:"
    for stage in LADDER:
        for text in (stage.text, *stage.hints):
            assert not re.search(names, text)


# A teacher's own ------------------------------------------------------------------------------

SINE = """# A sine

Needs: Value.sin

Text.

## Test: it waves

```python
x = Value(0.5)
y = x.sin()
y.backward()
expect(x.grad, math.cos(0.5), "the gradient of sin at 0.5")
```

## Hint

Cosine.

## Passed

Good.
"""


def test_a_teacher_adds_a_stage_by_adding_a_file(tmp_path):
    (tmp_path / "01_sine.md").write_text(SINE)
    (ladder,) = [stages(tmp_path)]
    assert examine(ladder[0], {"Value": mg.Value}, check_class)
    wrong = made(VIDEO + "\n    def sin(self):\n        return self\n")
    report = examine(ladder[0], {"Value": wrong}, check_class)
    assert "It waves: the gradient of sin at 0.5 is 1 and should be 0.877582562." in repr(report)
    assert main(["learn", "--stages", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [(("# A", "A"), "first line"), (("## Hint", "## Hnt"), "no '## Hnt'"), (("```python", "```"), "block of Python")],
)  # fmt: skip
def test_a_bad_stage_file_is_refused_with_its_name(tmp_path, change, words):
    (tmp_path / "01_sine.md").write_text(SINE.replace(*change))
    with pytest.raises(StageError, match=words):
        stages(tmp_path)


def test_an_empty_folder_has_no_stages(tmp_path, capsys):
    assert main(["learn", "--stages", str(tmp_path)]) == 2
    assert "there are no stages" in capsys.readouterr().err


# The command line -----------------------------------------------------------------------------


def test_learn_lists_and_prints(capsys):
    assert main(["learn"]) == 0
    out = capsys.readouterr().out
    assert "1  A number that remembers" in out
    assert "12  A tiny GPT" in out
    assert main(["learn", "3"]) == 0
    assert "Stage 3 of 12" in capsys.readouterr().out
    assert main(["learn", "0"]) == 2


def test_check_answers_with_a_finding_hints_on_request_and_the_next_text(tmp_path, capsys):
    mine = tmp_path / "mine.py"
    mine.write_text(RIGHT[2].replace("parent.grad += slope", "parent.grad = slope"))
    assert main(["check", str(mine)]) == 1
    out = capsys.readouterr().out
    assert "3 of 12 stages pass" in out
    assert "Stage 4, Forks: A gradient is overwritten" in out
    assert "Hint 1" not in out
    assert "A number may be used twice" in out
    assert main(["check", str(mine), "--hint", "2"]) == 1
    out = capsys.readouterr().out
    assert "Hint 1: Look at every place" in out
    assert "Hint 2" in out
    mine.write_text(RIGHT[1])
    assert main(["check", str(mine)]) == 0
    out = capsys.readouterr().out
    assert "2 of 12 stages pass" in out
    assert "Stage 3 of 12" in out


@pytest.mark.parametrize(
    "words", [[], ["no.py"], ["--class", "nowhere"], ["x.py", "--csv", "y"], ["x.py", "--seconds", "0"]]
)  # fmt: skip
def test_check_refuses_bad_arguments(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["check", *words]) == 2
    assert capsys.readouterr().err.startswith("micrograd: error: ")


NAUGHTY = {
    "sleeps": ("import time; time.sleep(100)", "stopped after"),
    "loops": ("while True: pass", "stopped after"),
    "eats": ("x = [0] * 10**10", "MemoryError"),
    "leaves": ("import os; os._exit(0)", "ended the process"),
    "exits": ("raise SystemExit", "SystemExit"),
    "calls": ("import socket; socket.create_connection(('127.0.0.1', 9))", "may not use socket."),
    "starts": ("import os; os.system('true')", "may not use os.system"),
    "forks": ("import os; os.fork()", "may not use os.fork"),
    "writes": ("open('made.txt', 'w')", "may not write"),
    "removes": ("import os; os.remove('sleeps.py')", "may not use os.remove"),
    "fails": ("\n1 / 0", "ZeroDivisionError: division by zero, in line 2"),
    "prints": ('print(\'[12, 0, false, "", ""]\')', "There is no Value yet"),
}


def test_what_a_file_has_passed_counts_where_it_ends_the_process_later(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(RIGHT[8].replace("    return losses", "    import os; os._exit(3)"))
    found = judged(mine)
    assert (found.passed, found.stage, found.cause) == (8, 9, "no answer")
    assert found.finding == "The file ended the process, with exit code 3."
    mine.write_text(RIGHT[8].replace("    return losses", "    sum(range(10**14))"))
    found = judged(mine, seconds=4)
    assert (found.passed, found.stage, found.cause) == (8, 9, "too slow")


def test_a_file_may_use_numpy(tmp_path):
    pytest.importorskip("numpy")
    mine = tmp_path / "mine.py"
    of_numpy = RIGHT[9].replace("import math, random", "import math, random\nimport numpy as np")
    of_numpy = of_numpy.replace(
        "self.parents, self.op = data, 0.0", "self.parents, self.op = np.float64(data), 0.0"
    )
    of_numpy = of_numpy.replace("    return rows", "    return np.array(rows)")
    of_numpy = of_numpy.replace("    return losses", "    return np.array(losses)")
    for text in (of_numpy, of_numpy.replace("np.float64(data)", "np.array(data, dtype=float)")):
        mine.write_text(text)
        found = judged(mine)
        assert (found.passed, found.begun) == (10, False), found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("class Value: pass".encode("utf-16"), "It does not run: SyntaxError"),
        (b"x = input()", "it asks for input, and nobody is there to answer, in line 1"),
        (b"raise ValueError", "It does not run: ValueError, in line 1."),
    ],
)
def test_what_is_no_file_of_python_is_said_to_be_none(content, words, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_bytes(content)
    assert words in judged(mine).finding


def test_a_link_in_a_class_is_called_as_it_is_called(tmp_path, capsys):
    (tmp_path / "class").mkdir()
    for name in ("alice", "bob"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text("class Value: pass")
        (tmp_path / "class" / f"{name}.py").symlink_to(tmp_path / name / "mine.py")
    (tmp_path / "class" / "nowhere.py").symlink_to(tmp_path / "gone.py")
    (tmp_path / "class" / "folder.py").mkdir()
    assert main(["check", "--class", str(tmp_path / "class")]) == 0
    assert [
        line.split(":")[0] for line in capsys.readouterr().out.splitlines() if ".py:" in line
    ] == ["alice.py", "bob.py"]


def test_a_class_of_files_is_graded_and_none_does_harm(tmp_path, capsys):
    folder = tmp_path / "class"
    folder.mkdir()
    for name, (text, _) in NAUGHTY.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "good.py").write_text(RIGHT[5])
    (folder / "wrong.py").write_text(RIGHT[4].replace("reversed(self.order())", "self.order()"))
    table = tmp_path / "grades.csv"
    assert main(["check", "--class", str(folder), "--csv", str(table), "--seconds", "4"]) == 0
    out = capsys.readouterr().out
    with table.open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(NAUGHTY) + 2
    for name, (_, words) in NAUGHTY.items():
        row = rows[f"{name}.py"]
        assert row["passed"] == "0"
        assert words in row["finding"] or name == "prints", row
        assert float(row["seconds"]) < 8
    assert rows["good.py"]["passed"] == "6"
    assert rows["good.py"]["finding"] == ""
    assert rows["wrong.py"]["passed"] == "1"
    assert rows["wrong.py"]["cause"] == "not reversed"
    assert "good.py: 6 of 12." in out
    assert sorted(path.name for path in folder.iterdir()) == sorted(rows)
