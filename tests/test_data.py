"""Data sets: shapes, seeds, geometry; splitting, batching, standardizing; arrays as input."""

from __future__ import annotations

import collections
import math
import random
import statistics
import subprocess
import sys

import pytest

from micrograd import data

pytestmark = pytest.mark.once

MADE_UP = [data.moons, data.circles, data.spiral, data.linear]


@pytest.mark.parametrize("make", MADE_UP)
def test_seeds_fix_the_points_and_leave_the_global_random_alone(make):
    random.seed(1)
    expected = random.random()
    random.seed(1)
    first, again, other = make(20, seed=3), make(20, seed=3), make(20, seed=4)
    assert random.random() == expected
    assert first == again
    assert first != other
    xs, ys = first
    assert len(xs) == len(ys) == 20
    assert all(len(x) == 2 and all(type(v) is float for v in x) for x in xs)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 101])
@pytest.mark.parametrize("make", MADE_UP)
def test_any_number_of_points(make, n):
    xs, ys = make(n)
    assert len(xs) == len(ys) == n
    if make in (data.moons, data.circles):
        assert 0 <= ys.count(0) - ys.count(1) <= 1


def test_moons_and_circles_are_those_of_scikit_learn_without_noise():
    datasets = pytest.importorskip("sklearn.datasets")
    xs, ys = datasets.make_moons(n_samples=10, shuffle=False)
    mine = data.moons(10, noise=0.0)
    assert [v for x in mine[0] for v in x] == pytest.approx(xs.ravel().tolist(), abs=1e-12)
    assert mine[1] == ys.tolist()
    xs, ys = datasets.make_circles(n_samples=12, shuffle=False, factor=0.5)
    mine = data.circles(12, noise=0.0, factor=0.5)
    assert [v for x in mine[0] for v in x] == pytest.approx(xs.ravel().tolist(), abs=1e-12)
    assert mine[1] == ys.tolist()


def test_spiral_arms_go_outwards_and_share_the_points():
    xs, ys = data.spiral(100, classes=3, noise=0.0)
    assert sorted(collections.Counter(ys).values()) == [33, 33, 34]
    for k in range(3):
        radii = [math.hypot(*x) for x, y in zip(xs, ys) if y == k]
        assert radii == sorted(radii)
        assert radii[-1] == pytest.approx(1.0)


def test_noise_has_the_spread_it_is_given():
    clean, _ = data.moons(2000, noise=0.0)
    noisy, _ = data.moons(2000, noise=0.3)
    shifts = [a - b for x, z in zip(noisy, clean) for a, b in zip(x, z)]
    assert statistics.pstdev(shifts) == pytest.approx(0.3, rel=0.07)


def test_linear_without_noise_is_the_line():
    xs, ys = data.linear(10, weights=[1.0, -3.0, 0.5], bias=2.0, noise=0.0)
    assert [2 + x[0] - 3 * x[1] + 0.5 * x[2] for x in xs] == pytest.approx(ys)


def test_iris_is_that_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    reference = datasets.load_iris()
    xs, ys = data.iris()
    assert xs == reference.data.tolist()
    assert ys == reference.target.tolist()
    assert list(data.SPECIES) == list(reference.target_names)


# Splitting --------------------------------------------------------------------------------


@pytest.mark.parametrize("test", [0.01, 0.1, 0.25, 0.5, 0.8, 0.99])
def test_split_gives_each_example_once_with_its_target(test):
    xs = [[float(i)] for i in range(41)]
    ys = [i % 3 for i in range(41)]
    a, b, y_a, y_b = data.split(xs, ys, test=test, seed=5)
    assert sorted(a + b) == xs
    assert len(b) == min(40, max(1, round(41 * test)))
    assert all(y == x[0] % 3 for x, y in zip(a + b, y_a + y_b))
    assert data.split(xs, ys, test=test, seed=5) == (a, b, y_a, y_b)
    assert data.split(xs, ys, test=test, seed=6) != (a, b, y_a, y_b)


def test_split_takes_its_share_of_every_class_and_of_every_range():
    xs, ys = data.iris()
    for share in (0.2, 0.3, 0.5):
        _, _, _, held = data.split(xs, ys, test=share)
        assert all(abs(held.count(k) - 50 * share) <= 1 for k in range(3))
    targets = [float(i * i) for i in range(100)]  # a regression, whole numbers by chance
    _, _, _, held = data.split(targets, targets, test=0.25)
    assert len(held) == 25
    assert sum(y < 50 * 50 for y in held) in (12, 13)


def test_every_example_can_be_held_out():
    seen = set()
    for seed in range(60):
        seen |= set(data.split(list(range(12)), [0.5 * i for i in range(12)], seed=seed)[1])
    assert seen == set(range(12))


def test_split_takes_labels_of_any_kind_that_can_be_ordered():
    names = ["a", "b", "c", "d"] * 5
    assert sorted(data.split(names, names)[3]) == sorted(data.split(names, names)[1])


def test_split_and_batches_say_what_is_wrong():
    with pytest.raises(ValueError, match="2 examples and 3 targets"):
        data.split([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="1 examples"):
        data.split([1], [1])
    for share in (0, 1, -0.5, math.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            data.split([1, 2], [1, 2], test=share)
    with pytest.raises(ValueError, match="2 examples and 3 targets"):
        list(data.batches([1, 2], [1, 2, 3], 2))
    with pytest.raises(ValueError, match="at least 1, not 0"):
        list(data.batches([1, 2], [1, 2], 0))


def test_batches_hold_every_pair_once_in_an_order_that_the_seed_fixes():
    xs, ys = list(range(10)), [10 * i for i in range(10)]
    plain = list(data.batches(xs, ys, 4))
    assert [len(a) for a, _ in plain] == [4, 4, 2]
    assert [x for a, _ in plain for x in a] == xs
    shuffled = list(data.batches(xs, ys, 4, random.Random(2)))
    assert shuffled == list(data.batches(xs, ys, 4, random.Random(2)))
    assert shuffled != plain
    assert sorted(x for a, _ in shuffled for x in a) == xs
    assert all(y == 10 * x for a, b in shuffled for x, y in zip(a, b))


def test_standardized_columns_have_mean_0_and_variance_1():
    xs, _ = data.iris()
    scaled, others = data.standardize(xs, xs[:7])
    for column in zip(*scaled):
        assert statistics.fmean(column) == pytest.approx(0, abs=1e-12)
        assert statistics.pvariance(column) == pytest.approx(1, rel=1e-12)
    assert others == scaled[:7]
    assert data.standardize([[2.0, 1.0], [2.0, 3.0]]) == [[0.0, -1.0], [0.0, 1.0]]


# Arrays -----------------------------------------------------------------------------------


def test_arrays_of_numpy_are_taken_and_give_plain_numbers():
    np = pytest.importorskip("numpy")
    xs, ys = data.iris()
    arrays = np.array(xs), np.array(ys)
    assert data.split(*arrays) == data.split(xs, ys)
    assert data.standardize(arrays[0]) == data.standardize(xs)
    assert list(data.batches(*arrays, 32)) == list(data.batches(xs, ys, 32))
    rows = data.as_lists([np.array([1.0, 2.0]), [3.0, 4.0]])
    assert rows == [[1.0, 2.0], [3.0, 4.0]]
    assert type(data.as_lists(np.arange(3))[0]) is int


def test_tables_with_to_numpy_are_taken():
    np = pytest.importorskip("numpy")

    class Table:
        def to_numpy(self):
            return np.array([[1.0, 2.0]])

    assert data.as_lists(Table()) == [[1.0, 2.0]]


def test_data_and_training_import_no_numpy():
    code = "import sys, micrograd.train, micrograd.data; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("make", [data.moons, data.circles, data.spiral], ids=lambda f: f.__name__)
def test_how_many_points_is_a_whole_number(make):
    with pytest.raises(TypeError, match="whole number, not 'a'"):
        make("a")
    with pytest.raises(ValueError, match="at least 0, not -1"):
        make(-1)
