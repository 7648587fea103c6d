"""Broken training loops that a watch names, and sound ones that it leaves alone."""

from __future__ import annotations

import random

import pytest
from kinds import run
from trainings import BROKEN, SOUND

from micrograd import diagnose, train, watch
from micrograd.core.watch import WATCH
from micrograd.optim.looking import LOOKERS

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _seed():
    random.seed(5)
    yield
    assert not LOOKERS
    assert not WATCH.active
    assert not WATCH.told


@pytest.mark.parametrize("name", BROKEN)
def test_broken_loops_are_named_and_located(name):
    make, codes, where = BROKEN[name]
    report = make()
    assert {*report.codes[:2]} & {*codes}, report
    assert any(where in f.where for f in report.findings if f.code in codes), report


@pytest.mark.parametrize("name", SOUND)
def test_sound_loops_have_no_finding(name):
    assert SOUND[name]() == []


@pytest.mark.parametrize("name", ["mean and variance", "softmax by hand", "a rare class", "rnn"])
def test_healthy_runs_of_other_kinds_have_no_finding(name):
    case, _ = run(name)
    assert diagnose(**case).codes == []
    with watch(case["model"]) as seen:
        train.fit(*case.values(), epochs=4, progress=False)
    assert seen.codes == []
