"""The character GPT of the docs: it learns, its gradient is right, and it makes up words."""

from __future__ import annotations

import importlib.util
import math
import random
import statistics
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

FILE = Path(__file__).parents[1] / "docs" / "microgpt" / "microgpt.py"


@pytest.fixture(scope="module")
def gpt():
    spec = importlib.util.spec_from_file_location("microgpt", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_names_are_words_of_letters_each_once(gpt):
    names = gpt.NAMES.read_text().split()
    assert len(names) == len(set(names)) >= 300
    assert all(name.isascii() and name.isalpha() and name.islower() for name in names)


def test_it_begins_as_wise_as_chance_and_learns_two_words_by_heart(gpt):
    random.seed(0)
    alphabet = ".abelrst"
    words = [[alphabet.index(c) for c in f".{word}."] for word in ("tea", "rebels")]
    model = gpt.GPT(len(alphabet), length=8, width=8, heads=2)
    found = gpt.train(model, words, steps=240, every=0)
    assert found[0] == pytest.approx(math.log(len(alphabet)), rel=0.2)
    assert statistics.fmean(found[-2:]) < 0.25
    made = [gpt.sample(model, alphabet, length=8) for _ in range(20)]
    assert sum(word in ("tea", "rebels") for word in made) >= 15


def test_gradients_by_finite_differences(gpt):
    random.seed(1)
    model = gpt.GPT(4, length=4, width=4, heads=2, depth=2)
    word = [0, 3, 1, 2, 0]
    gpt.loss_of(model, word).backward()
    for p in random.sample(model.parameters(), 40):
        old, h = p.data, 1e-5
        ends = []
        for p.data in (old + h, old - h):
            ends.append(gpt.loss_of(model, word).data)
        p.data = old
        assert p.grad == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-5, abs=1e-8)


def test_a_letter_sees_those_before_it_alone(gpt):
    random.seed(2)
    model = gpt.GPT(5, length=4, width=4, heads=1)

    def logits(word):
        past = model.start()
        return [[v.data for v in model(letter, past)] for letter in word]

    a, b = logits([0, 1, 2]), logits([0, 3, 2])
    assert a[0] == b[0]
    assert a[1] != b[1]
    assert a[2] != b[2]  # the same letter with another past


def test_the_program_runs_from_end_to_end(gpt, tmp_path, capsys):
    path = tmp_path / "words.txt"
    path.write_text("ab\nba\n")
    gpt.main(["--steps", "2", "--names", str(path)])
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("2 names, 3 letters")
    assert len(out) == 11
