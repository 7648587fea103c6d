"""Small data sets and what is done to them before training, without NumPy.

A data set is a pair (X, y): a list of examples, each a list of numbers, and a list of
targets. Everything random takes a seed and leaves the global `random` alone. Arrays, such
as scikit-learn's, are taken wherever lists are. Read on in `train/loop.py`.
"""

from __future__ import annotations

import csv
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core.foreign import array_of, is_array
from .core.similar import no_attribute

Examples = list[list[float]]
SPECIES = ("setosa", "versicolor", "virginica")


def as_lists(data: Any) -> list[Any]:
    """Nested lists of plain numbers, from lists, arrays, tensors or tables of pandas.

    TypeError for a dict and for text, whose parts are no examples; ValueError for an array some of
    whose numbers are masked.
    """
    if hasattr(data, "to_numpy"):
        data = data.to_numpy()
    if is_array(data):
        return list(lists(data))
    if isinstance(data, (Mapping, str, bytes)) or not hasattr(data, "__iter__"):
        raise TypeError(f"data: a list of examples or an array is needed, not {data!r:.60}")
    return [lists(row) if is_array(row) else row for row in data]


def lists(x: Any) -> Any:
    """The elements of an array in lists: numbers, or the names of classes."""
    names = getattr(getattr(x, "dtype", None), "kind", "") in ("U", "S")
    return (x if names else array_of(x, "data")).tolist()


# Made-up points in the plane --------------------------------------------------------------


def moons(n: int = 100, noise: float = 0.1, seed: int = 0) -> tuple[Examples, list[int]]:
    """Two interleaved half circles: (X, y) with y 0 for the upper one, 1 for the lower.

    >>> X, y = moons(4, noise=0.0)
    >>> [[round(v, 3) + 0.0 for v in x] for x in X], y
    ([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [2.0, 0.5]], [0, 0, 1, 1])
    """
    n = how_many(n, "moons")
    upper = [(math.cos(t), math.sin(t)) for t in spread(math.pi, n - n // 2)]
    lower = [(1 - math.cos(t), 0.5 - math.sin(t)) for t in spread(math.pi, n // 2)]
    return shaken(upper + lower, [0] * len(upper) + [1] * len(lower), noise, seed)


def circles(
    n: int = 100, noise: float = 0.05, factor: float = 0.5, seed: int = 0
) -> tuple[Examples, list[int]]:
    """A circle within a circle `factor` times as large: y is 0 outside, 1 inside."""
    n = how_many(n, "circles")
    outer = [on_circle(2 * math.pi * i / (n - n // 2)) for i in range(n - n // 2)]
    inner = [on_circle(2 * math.pi * i / (n // 2)) for i in range(n // 2)]
    points = outer + [(factor * a, factor * b) for a, b in inner]
    return shaken(points, [0] * len(outer) + [1] * len(inner), noise, seed)


def spiral(
    n: int = 300, classes: int = 3, noise: float = 0.05, turns: float = 0.7, seed: int = 0
) -> tuple[Examples, list[int]]:
    """As many intertwined arms as classes, from the centre outwards; n points in all."""
    n, classes = how_many(n, "spiral"), how_many(classes, "spiral")
    points, labels = [], []
    for k in range(classes):
        size = n // classes + (k < n % classes)
        for i in range(size):
            r = i / max(1, size - 1)
            a, b = on_circle(2 * math.pi * (k / classes + turns * r))
            points.append((r * a, r * b))
            labels.append(k)
    return shaken(points, labels, noise, seed)


def linear(
    n: int = 50,
    weights: Sequence[float] = (2.0, -1.0),
    bias: float = 0.5,
    noise: float = 0.1,
    seed: int = 0,
) -> tuple[Examples, list[float]]:
    """Points between -1 and 1, and y = w.x + b with noise: what least squares should find."""
    rng = random.Random(seed)
    xs = [[rng.uniform(-1, 1) for _ in weights] for _ in range(how_many(n, "linear"))]
    ys = [bias + sum(w * v for w, v in zip(weights, x, strict=True)) for x in xs]
    return xs, [y + rng.gauss(0, noise) for y in ys]


def how_many(n: Any, who: str) -> int:
    """n as a whole number from 0 on; TypeError or ValueError in a sentence."""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"{who}: how many is a whole number, not {n!r:.60}")
    if n.__index__() < 0:
        raise ValueError(f"{who}: how many is at least 0, not {n!r}")
    return int(n)


def spread(end: float, n: int) -> list[float]:
    return [end * i / (n - 1) if n > 1 else 0.0 for i in range(n)]


def on_circle(angle: float) -> tuple[float, float]:
    return math.cos(angle), math.sin(angle)


def shaken(
    points: Sequence[tuple[float, float]], labels: list[int], noise: float, seed: int
) -> tuple[Examples, list[int]]:
    rng = random.Random(seed)
    return [[v + (rng.gauss(0, noise) if noise else 0.0) for v in p] for p in points], labels


# Real data --------------------------------------------------------------------------------


def iris() -> tuple[Examples, list[int]]:
    """150 irises: length and width of sepal and petal in cm; y counts `SPECIES`.

    R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of
    Eugenics 7 (1936), 179-188: the figures of the paper, which the copy in the UCI
    repository has wrong in two rows.

    >>> X, y = iris()
    >>> X[0], SPECIES[y[0]], len(X)
    ([5.1, 3.5, 1.4, 0.2], 'setosa', 150)
    """
    text = Path(__file__).with_name("iris.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    return [[float(v) for v in row[:4]] for row in rows], [SPECIES.index(row[4]) for row in rows]


# Before training --------------------------------------------------------------------------


def split(X: Any, y: Any, test: float = 0.25, seed: int = 0) -> tuple[Any, Any, Any, Any]:  # noqa: N803
    """X to train on, X to test on, y to train on, y to test on: shuffled, then cut.

    `test` is the share of examples held out. It is held out of every class, or of every
    range of a regression's targets: of each few neighbours in the order of y, one.

    >>> X, y = iris()
    >>> X_train, X_test, y_train, y_test = split(X, y, test=0.2)
    >>> len(X_train), len(X_test), y_test.count(1)
    (120, 30, 10)
    """
    xs, ys = as_lists(X), as_lists(y)
    if len(xs) != len(ys) or len(xs) < 2:
        raise ValueError(f"split: {len(xs)} examples and {len(ys)} targets")
    if not 0 < test < 1:
        raise ValueError(f"split: the share to test on lies between 0 and 1, not {test!r}")
    rng = random.Random(seed)
    order = list(range(len(ys)))
    rng.shuffle(order)
    order.sort(key=lambda i: ys[i])  # equal targets stay shuffled
    count = min(max(round(len(ys) * test), 1), len(ys) - 1)
    cuts = [len(ys) * k // count for k in range(count + 1)]
    held = [rng.choice(order[a:b]) for a, b in itertools.pairwise(cuts)]
    kept = list(set(order) - set(held))
    rng.shuffle(held)
    rng.shuffle(kept)
    return (
        [xs[i] for i in kept],
        [xs[i] for i in held],
        [ys[i] for i in kept],
        [ys[i] for i in held],
    )


def batches(X: Any, y: Any, size: int, rng: random.Random | None = None) -> Iterator[Any]:  # noqa: N803
    """Pairs (X, y) of up to `size` examples each, all examples once; shuffled by an rng.

    >>> [xs for xs, ys in batches([1, 2, 3], [4, 5, 6], 2)]
    [[1, 2], [3]]
    """
    xs, ys = as_lists(X), as_lists(y)
    if len(xs) != len(ys):
        raise ValueError(f"batches: {len(xs)} examples and {len(ys)} targets")
    if size < 1:
        raise ValueError(f"batches: the size is at least 1, not {size!r}")
    order = list(range(len(xs)))
    if rng is not None:
        rng.shuffle(order)
    for i in range(0, len(order), size):
        chosen = order[i : i + size]
        yield [xs[k] for k in chosen], [ys[k] for k in chosen]


def standardize(X: Any, *others: Any) -> Any:  # noqa: N803
    """X with mean 0 and variance 1 in each column; the others by the same numbers.

    >>> standardize([[1.0], [3.0]], [[5.0]])
    ([[-1.0], [1.0]], [[3.0]])
    >>> standardize([[1.0], [3.0]])
    [[-1.0], [1.0]]
    """
    xs = as_lists(X)
    if not all([isinstance(x, (list, tuple)) for x in xs]):
        raise TypeError(f"standardize: X is a list of examples, each a list, not {X!r:.60}")
    columns = list(zip(*xs, strict=True))
    means = [math.fsum(c) / len(c) for c in columns]
    scales = []
    for column, mean in zip(columns, means, strict=True):
        variance = math.fsum((v - mean) ** 2 for v in column) / len(column)
        scales.append(math.sqrt(variance) or 1.0)  # a constant column becomes 0

    def scaled(rows: Any) -> Examples:
        return [
            [(v - m) / s for v, m, s in zip(x, means, scales, strict=True)] for x in as_lists(rows)
        ]

    return tuple(scaled(rows) for rows in (xs, *others)) if others else scaled(xs)


if not TYPE_CHECKING:  # for the type checker a wrong name is an error

    def __getattr__(name: str) -> Any:
        raise no_attribute(__name__, name, [word for word in globals() if word[0] != "_"])
