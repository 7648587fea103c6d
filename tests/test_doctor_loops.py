"""Broken training loops that a watch names, and sound ones that it leaves alone."""

from __future__ import annotations

import random

import pytest
from trainings import BROKEN, SOUND

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
