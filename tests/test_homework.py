"""check_value_class: passes what is right, and says of what is wrong the one cause.

The classes are texts in `homework/`: 21 right ones and 71 wrong ones, and a further 10 and 37
that were held out: written after the checker, and run once before it was changed again. That
first run passed 9 of the 10 right ones (abs as `return self` was an alarm) and none that is
wrong; it named the cause first for 32 of the other 37, and alone for 29. `styles.py` has 14 and 27 more.
"""

from __future__ import annotations

import sys
import threading
import time

import pytest
from homework import held_out, right, styles, wrong
from homework.right import made

import micrograd as mg
from micrograd import check_value_class

pytestmark = pytest.mark.once

RIGHT = {**right.CLASSES, **held_out.RIGHT, **styles.RIGHT}
WRONG = [*wrong.WRONG, *held_out.WRONG, *styles.WRONG]


def names(findings):
    return [finding.name for finding in findings]


def test_our_own_value_is_right_and_has_no_limits():
    report = check_value_class(mg.Value)
    assert report
    assert not report.findings
    assert repr(report) == f"Value: right, {report.tried} checks"
    assert report.tried > 80


@pytest.mark.parametrize("name", RIGHT)
def test_right_classes_pass(name):
    if "import numpy" in RIGHT[name]:
        pytest.importorskip("numpy")
    report = check_value_class(made(RIGHT[name]))
    assert report, report


@pytest.mark.parametrize(("text", "cause"), [pytest.param(*r[1:], id=r[0]) for r in WRONG])
def test_wrong_classes_fail_by_their_cause_alone(text, cause):
    report = check_value_class(made(text))
    assert not report
    assert names(report.faults) in [[c] for c in ([cause] if isinstance(cause, str) else cause)]


def test_the_corpus_is_large():
    assert len(RIGHT) > 30
    assert len(WRONG) > 100


def test_what_the_lecture_leaves_out_is_beyond_and_no_fault():
    report = check_value_class(made(right.LECTURE))
    assert {"a second pass", "deep graphs", "not there yet"} <= set(names(report.beyond))
    assert "no exp, no tanh" in repr(report)
    assert "large arguments" in names(check_value_class(made(right.VIDEO)).beyond)
    assert "many paths" in names(check_value_class(made(right.PATHS)).beyond)


@pytest.mark.parametrize("name", ["LECTURE", "VIDEO", "MICROGPT"])
def test_the_class_as_the_video_has_it_is_right_without_the_reflected_minus_and_quotient(name):
    text = (
        getattr(right, name).replace("def __rsub__", "def a").replace("def __rtruediv__", "def b")
    )
    report = check_value_class(made(text))
    assert report, report
    (missing,) = [f for f in report.beyond if f.name == "not there yet"]
    assert "2 - a" in missing.sentence and "7 / a" in missing.sentence


def test_relu_of_all_numbers_is_not_said_to_have_few_digits():
    (fault,) = check_value_class(made(right.LECTURE.replace("(out.data > 0)", "True"))).faults
    assert "digits" not in fault.sentence


def test_a_class_that_waits_does_not_spoil_the_check_of_the_next(monkeypatch):
    monkeypatch.setattr("micrograd.learn.checker.limits.SLOWEST", 0.3)
    waits = "        import time\n        time.sleep(8)\n        topo = []\n"
    report = check_value_class(made(right.LECTURE.replace("        topo = []\n", waits)))
    assert names(report.faults) == ["endless loop"]
    monkeypatch.undo()
    assert check_value_class(made(right.LECTURE))  # while the thread still sleeps


def test_the_cause_comes_first_and_then_where_it_shows():
    (fault,) = check_value_class(made(right.VIDEO.replace("grad += ", "grad = "))).faults
    assert fault.name == "= for +="
    assert fault.sentence.startswith("A gradient is overwritten where it should be added to")
    assert " It shows in " in fault.sentence
    assert {"a + b", "a * b", "a.tanh()", "a - b", "7 / a"} <= set(fault.shows)


def test_an_operation_made_of_a_wrong_one_is_told_with_it():
    turned = right.LECTURE.replace("return self * -1", "return self")
    (fault,) = check_value_class(made(turned)).faults
    assert fault.name == "value of -a"
    assert {"a - b", "2 - a"} <= set(fault.shows)


def test_a_class_that_cannot_even_start():
    class Nothing:
        def __init__(self, data):
            raise ValueError("not yet written")

    report = check_value_class(Nothing)
    assert "ValueError: not yet written" in report.faults[0].sentence
    assert not check_value_class(int)
    assert not check_value_class(None)


ENDLESS = next(text for name, text, _ in wrong.WRONG if name == "never pops")


def test_it_ends_in_any_thread_and_leaves_the_interpreter_as_it_was():
    before = (
        sys.getrecursionlimit(),
        sys.setrecursionlimit,
        sys.getprofile(),
        threading.stack_size(),
    )
    reports, threads = [], threading.active_count()
    start = time.monotonic()
    thread = threading.Thread(target=lambda: reports.append(check_value_class(made(ENDLESS))))
    thread.start()
    thread.join()
    assert names(reports[0].faults) == ["endless loop"]
    assert time.monotonic() - start < 20
    deep = right.LECTURE.replace("topo = []", "import sys; sys.setrecursionlimit(10**6)")
    check_value_class(made(deep))
    assert before == (
        sys.getrecursionlimit(), sys.setrecursionlimit, sys.getprofile(), threading.stack_size()
    )  # fmt: skip
    assert threading.active_count() == threads


def test_recursion_that_lifts_its_own_limit_is_stopped():
    text = right.LECTURE.replace(
        "        self.grad = 1\n",
        "        import sys; sys.setrecursionlimit(10**7); self.backward()\n",
    )
    assert names(check_value_class(made(text)).faults) == ["endless recursion"]


def test_an_interrupt_gets_through():
    class Interrupted(made(right.LECTURE)):
        def __add__(self, other):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_value_class(Interrupted)


def test_warnings_of_the_class_are_its_own():
    text = right.LECTURE.replace("        self.grad = 1\n", "        self.grad = 1\n        import warnings; warnings.warn('slow', stacklevel=1)\n")  # fmt: skip
    assert check_value_class(made(text))


def test_a_class_may_come_from_exec_without_a_module():
    bare: dict = {}
    exec(right.LECTURE, bare)
    assert bare["Value"].__module__ == "builtins"
    assert check_value_class(bare["Value"])


def test_what_float_hands_down_is_not_there():
    class Odd(float):
        def __new__(cls, data, *more):
            return super().__new__(cls, data)

        def __init__(self, data, *more):
            self.grad = 0.0

        data = property(float)

        def backward(self):
            self.grad = 1.0

    report = check_value_class(Odd)
    assert names(report.faults) == ["no __add__"]
