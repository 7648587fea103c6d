"""Numbers on their way into the machine: what `door.h` reads is what `structure.py` would.

On random structures and arrays of all kinds; and what it leaves to Python.
"""

import gc
import sys
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd as mg
from micrograd import Value
from micrograd.compiler.backends.base import Rows
from micrograd.compiler.native import backend
from micrograd.compiler.structure import key_of, packed
from micrograd.core.foreign import batch_of

pytestmark = pytest.mark.skipif(not backend.available(), reason="there is no machine")

NUMBER = st.floats(width=32) | st.integers(-(2**53), 2**53)
DTYPES = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?")


@st.composite
def arrays(draw):
    """Arrays of all types and sizes, contiguous or not, forwards or backwards."""
    shape = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    steps = draw(st.lists(st.sampled_from((1, 2, -2)), min_size=len(shape), max_size=len(shape)))
    whole = [abs(step) * n for step, n in zip(steps, shape)]
    numbers = np.arange(int(np.prod(whole))).astype(draw(st.sampled_from(DTYPES)))
    found = numbers.reshape(whole)[tuple(slice(None, None, step) for step in steps)]
    return found.T if draw(st.booleans()) else found


STRUCTURE = st.recursive(
    NUMBER | arrays(),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


def read(*args):
    return backend._machine.example(args)


def same(a, b):
    return np.array_equal(np.array(a, float), np.array(b, float), equal_nan=True)


@given(st.lists(STRUCTURE, max_size=3))
def test_an_example_is_read_as_python_reads_it(args):
    found, numbers = read(*args), array("d")
    assert all(packed(x, numbers, "f") for x in args)
    assert same(found.rows()[0], numbers)
    assert memoryview(found).nbytes == 8 * len(numbers)


@given(st.lists(STRUCTURE, max_size=3), st.lists(STRUCTURE, max_size=3))
def test_equal_keys_are_equal_structures(a, b):
    if read(*a).key == read(*b).key:
        assert key_of(tuple(a)) == key_of(tuple(b))


@given(st.data())
def test_a_batch_is_read_as_python_reads_it(data):
    n = data.draw(st.integers(1, 20))
    like = data.draw(st.lists(STRUCTURE, min_size=1, max_size=3))
    columns = [[renumbered(x, i) for i in range(n)] for x in like]
    columns = [
        np.array(c) if isinstance(x, np.ndarray) and data.draw(st.booleans()) else c
        for x, c in zip(like, columns)
    ]
    found = backend._machine.columns(tuple(columns))
    rows = Rows(tuple([batch_of(c, "f") for c in columns]), "f").rows
    assert (found.n, found.stride % 8) == (n, 0)
    assert same(found.rows(), rows)
    # Each column is filled up with its last number.
    padded = np.frombuffer(found).reshape(-1, found.stride)
    assert same(padded[:, n:], np.repeat(padded[:, n - 1 : n], found.stride - n, 1))
    assert found.key == read(*[c[0] for c in columns]).key


def renumbered(x, i):
    """The same structure with other numbers."""
    if isinstance(x, (list, tuple)):
        return type(x)(renumbered(y, i) for y in x)
    return np.roll(x, i) if isinstance(x, np.ndarray) else float(x) + i


class Meters(float):
    pass


def test_other_floats_are_floats():
    assert read(Meters(2.5), np.float64(3.0)).rows() == [[2.5, 3.0]]
    assert read(np.float64(3.0)).key == read(1).key == read(0.5).key


@pytest.mark.parametrize(
    "x",
    [
        True,
        None,
        "1",
        Value(1.0),
        10**400,
        np.float32(1.0),
        np.array(1.0),
        np.array([1.0], dtype=">f8"),
        np.array([1.0], dtype="f2"),
        np.array([Value(1.0)], dtype=object),
        np.array(["a"]),
        np.array([1j]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.ma.array([1.0, 2.0], mask=[False, True]),
        array("d", [1.0]),
        {"x": 1.0},
        [1.0, [2.0, None]],
        b"12345678",
        range(3),
    ],
    ids=repr,
)
def test_what_is_not_plain_is_left_to_python(x):
    assert read(x) is None
    assert read(1.0, [x]) is None
    assert backend._machine.columns(([x, x],)) is None


@pytest.mark.parametrize(
    "columns",
    [
        ([],),
        (np.empty((0, 2)),),
        ([1.0], [1.0, 2.0]),
        ([[1.0], [1.0, 2.0]],),
        ([[1.0], (1.0,)],),
        ([1.0, [1.0]],),
        ([np.ones(2), np.ones((2, 1))],),
        ([1.0, None],),
        (1.0,),
        ("ab",),
    ],
    ids=repr,
)
def test_no_batch(columns):
    assert backend._machine.columns(columns) is None


def test_a_function_without_arguments_has_one_example():
    assert backend._machine.columns(()).rows() == [[]]
    p = Value(3.0)
    fast = mg.jit(lambda: p * p)
    for x in (3.0, 4.0):
        p.data = x
        value, (slope,) = fast.value_and_grad()
        assert (value, slope, fast(), list(fast.map())) == (x * x, 2.0 * x, x * x, [x * x])


def test_a_list_within_itself():
    xs = [1.0]
    xs.append(xs)
    with pytest.raises(RecursionError):
        read(xs)


def test_nothing_is_kept():
    xs, ys = [1.0, 2.0], np.arange(6.0).reshape(3, 2)
    before = sys.getrefcount(xs), sys.getrefcount(ys)
    for _ in range(100):
        read(xs, ys)
        read(xs, None)
        backend._machine.columns((ys, [xs] * 3))
        backend._machine.columns((ys, [xs] * 2))
        backend._machine.columns(([xs, [1.0]],))
    gc.collect()
    assert (sys.getrefcount(xs), sys.getrefcount(ys)) == before


def test_the_layout_of_values_is_found():
    assert backend.LAYOUT_KNOWN


@pytest.mark.parametrize("build", backend.BUILDS)
def test_values_are_read_where_they_are(build):
    """In each build of the machine; so are those of classes derived from Value."""

    class Named(Value):
        pass

    p, q = Value(3.0), Named(4.0)
    dtype = "float32" if build == "float32" else "float64"
    fast = mg.jit(lambda x: p * x + q, dtype=dtype, fastmath=build == "fastmath")
    assert fast([5.0][0]) == 19.0
    p.data, q.data = 0.5, -1.0
    assert fast(5.0) == 1.5
    assert fast.value_and_grad([1.0, 3.0])[0] == 0.0
    assert list(fast.value_and_grad([1.0, 3.0])[1]) == [2.0, 1.0]
    assert fast.backward([1.0, 3.0]) == 0.0
    assert fast.backward(np.array([1, 3])) == 0.0
    assert (p.grad, q.grad) == (4.0, 2.0)


def test_known_structures_and_those_that_change():
    """A structure met before goes the short way: with the numbers of now, or not at all."""
    f = mg.jit(lambda xs, k: mg.sum(xs) * k)
    assert f([1.0, 2.0], 3.0) == f([1.0, 2.0], 3.0) == f((1.0, 2.0), 3) == 9.0
    assert f([1, 2], 3.0) == f(np.array([1, 2]), 3.0) == 9.0
    assert f([1.0, 2.0, 3.0], 1.0) == 6.0
    assert f([1.0, 2.0], 4.0) == 12.0
    assert len(f.program.inputs) == 3  # the latest
    assert list(f.map([[1.0, 2.0]] * 2, [1.0, 2.0])) == [3.0, 6.0]
    assert list(f.map(np.ones((2, 4)), [1, 2])) == [4.0, 8.0]
    assert len(f.program.inputs) == 5
    assert isinstance(f([Value(1.0), 2.0], 3.0), Value)
    assert list(f.map([[1.0, 2.0], [1.0]], [1.0, 2.0])) == [3.0, 2.0]  # a program for each
    with pytest.raises(ValueError, match="another structure"):
        f.map([[1.0, 2.0], [1.0, "a"]], [1.0, 2.0])
    with pytest.raises(ValueError, match="hold 1 and 2 examples"):
        f.map([[1.0, 2.0]], [1.0, 2.0])


def test_a_gradient_has_no_negative_zero():
    p = Value(0.0)
    fast = mg.jit(lambda x: p * x)
    for xs in ([-0.0, -0.0], [-0.0]):
        assert str(fast.value_and_grad(xs)[1][0]) == "0.0"
    assert str(mg.jit(lambda x, y: x * y + 0.0 * p)(2.0, -0.0)) == "0.0"
    assert str(mg.jit(lambda xs: xs[0] * xs[1])([2.0, -0.0])) == "-0.0"
