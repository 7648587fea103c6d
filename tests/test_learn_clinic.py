"""The clinic: charts that can be read and give nothing away, grades, the doctor after the learner."""

from __future__ import annotations

import random

import pytest

import micrograd as mg
from micrograd.__main__ import main
from micrograd.learn.clinic import CODES, Visit, score
from micrograd.learn.patients import PATIENTS

pytestmark = pytest.mark.once

ALL = range(1, len(PATIENTS) + 1)


def test_there_are_fifteen_and_their_codes_are_known():
    assert len(PATIENTS) == 15
    assert {code for patient in PATIENTS for code in patient.codes} == set(CODES)


@pytest.mark.parametrize("k", ALL)
def test_a_chart_is_the_same_each_time_and_gives_nothing_away(k):
    state = random.getstate()
    chart = Visit(k).chart()
    assert random.getstate() == state
    assert chart == Visit(k).chart()
    assert "loss over 12 steps" in chart
    assert not any(code.replace("_", " ") in chart or code in chart for code in CODES)


# What a learner reads off the charts: one sign of each illness, and no other model has it.
SIGNS = {
    1: lambda m: m["grads"][0] < 1e-5 < m["grads"][-1],
    2: lambda m: any(z == 1.0 for z in m["zeros"]),
    4: lambda m: m["inputs"] > 100,
    5: lambda m: m["units"][0] == "1",
    6: lambda m: m["weights"] > 5 and "Tanh" in m["text"],
    9: lambda m: m["rate"] < 1e-6 and m["grads"][0] < 10,
    11: lambda m: m["grads"][0] > 1e5,
    13: lambda m: "one more parameter: 1, gradient 0" in m["text"],
    14: lambda m: "inf" in m["text"].splitlines()[-1],
}


def measured(k):
    text = Visit(k).chart()
    lines = text.splitlines()
    rows = [line.split() for line in lines if line[:5].strip().isdigit()]
    return {
        "text": text,
        "weights": float(rows[0][1]),
        "units": [row[2] for row in rows],
        "zeros": [float(row[5].rstrip("%")) / 100 for row in rows[:-1]],
        "grads": [float(row[-1]) for row in rows],
        "inputs": abs(float(lines[0].split("inputs from ")[1].split(" to ")[0])),
        "rate": float(lines[5].split("rate ")[1]),
    }


def test_each_chart_shows_its_sign_and_the_others_do_not():
    charts = {k: measured(k) for k in ALL}
    for k, sign in SIGNS.items():
        assert [j for j in ALL if sign(charts[j])] == [k]


@pytest.mark.parametrize("k", ALL)
def test_a_diagnosis_is_graded(k):
    visit = Visit(k)
    with pytest.raises(ValueError, match="give your own diagnosis first"):
        visit.doctor()
    for code in CODES:
        grade = visit.diagnose(code)
        assert grade.right == (code in PATIENTS[k - 1].codes)
        assert grade.sentence.startswith("Right. " if grade.right else f"It is not {code}")
        if not grade.right:
            assert PATIENTS[k - 1].why not in grade.sentence
    with pytest.raises(ValueError, match="is none of saturated"):
        visit.diagnose("cold")


def test_patients_are_numbered():
    with pytest.raises(ValueError, match="patients 1 to 15"):
        Visit(16)


@pytest.mark.skipif(not hasattr(mg, "diagnose"), reason="the doctor is not in")
def test_the_doctor_finds_each_among_the_first_two():
    visits = [Visit(k) for k in ALL]
    for visit in visits:
        visit.diagnose("dead")
        assert set(visit.doctor()[:2]) & set(visit.patient.codes), (visit.number, visit.doctor())
    assert score(visits) == "of 15: you 1, the doctor 15"


def test_the_command_line(capsys):
    assert main(["learn", "clinic"]) == 0
    assert "15 patients" in capsys.readouterr().out
    assert main(["learn", "clinic", "2"]) == 0
    assert "outputs at 0" in capsys.readouterr().out
    assert main(["learn", "clinic", "2", "vanishing"]) == 1
    assert "It is not vanishing" in capsys.readouterr().out
    assert main(["learn", "clinic", "2", "dead"]) == 0
    assert "The doctor" in capsys.readouterr().out
    assert main(["learn", "clinic", "16"]) == 2
    assert main(["learn", "clinic", "2", "cold"]) == 2
