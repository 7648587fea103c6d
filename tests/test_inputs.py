"""What a compiled function takes for numbers: the same on all backends, or refused in a sentence.

Also how many structures it keeps, and how its errors look.
"""

from __future__ import annotations

import traceback

import pytest

import micrograd as mg
from micrograd import Value, nn, optim
from micrograd.compiler.jit import CACHE
from micrograd.compiler.native import backend as native
from micrograd.core.lines import OURS

np = pytest.importorskip("numpy")

BACKENDS = ["python", "numpy", "auto", *(["native"] if native.available() else [])]
X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
Y = np.array([1.0, 0.0, 1.0])


def fast(backend, p=None):
    p = p or Value(0.5)
    return mg.jit(lambda x, y: p * x[0] + x[1] * y, parameters=[p], backend=backend)


GOOD = {
    "bool": lambda x: x.astype(bool),
    "whole": lambda x: x.astype(int),
    "unsigned": lambda x: x.astype(np.uint8),
    "half": lambda x: x.astype(np.float16),
    "long double": lambda x: x.astype(np.longdouble),
    "objects": lambda x: x.astype(object),
    "bool objects": lambda x: x.astype(bool).astype(object),
    "unmasked": lambda x: np.ma.array(x, mask=False),
    "transposed": lambda x: np.asfortranarray(x),
    "list of arrays": lambda x: list(x),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", GOOD)
def test_arrays_of_all_kinds_of_numbers(name, backend):
    f, xs, ys = fast(backend), GOOD[name](X), GOOD[name](Y)
    value, gradient = f.value_and_grad(xs, ys)
    assert (value, list(gradient)) == (pytest.approx(2 / 3), [pytest.approx(2 / 3)])
    assert list(f.map(xs, ys)) == [0.5, 0.0, 1.5]
    assert f(xs[2], 1.0) == 1.5
    p = Value(0.5)
    fast(backend, p).fit(xs, ys, optim.SGD([p], lr=0.3), steps=1, progress=False)
    assert p.data == pytest.approx(0.3)


BAD = {
    "masked": (lambda x: np.ma.array(x, mask=x == 0), ValueError, "masked"),
    "text": (lambda x: x.astype(str), TypeError, "real numbers is needed"),
    "dates": (lambda x: x.astype("datetime64[s]"), TypeError, "real numbers is needed"),
    "complex": (lambda x: x * 1j, TypeError, "real numbers is needed"),
    "None": (lambda x: np.where(x == 0, None, x), TypeError, "real number is needed"),
    "words": (lambda x: np.where(x == 0, "a", x.astype(object)), TypeError, "real number"),
    "a dict": (lambda x: {"a": 1.0, "b": 2.0, "c": 3.0}, TypeError, "list of dicts"),
    "a string": (lambda x: "abc", TypeError, "one entry for each example"),
    "a set": (lambda x: {1.0, 2.0, 3.0}, TypeError, "one entry for each example"),
    "a generator": (lambda x: (row for row in x), TypeError, "one entry for each example"),
    "no dimension": (lambda x: np.array(3.0), TypeError, "no length"),
    "a Value within": (lambda x: [[1.0, 2.0], [3.0, Value(1.0)], [0.0, 0.0]], TypeError, "data"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", BAD)
def test_what_are_no_numbers_is_refused_alike(name, backend):
    make, kind, said = BAD[name]
    f = fast(backend)
    for call in (f.value_and_grad, f.backward, f.map):
        with pytest.raises(kind, match=said):
            call(make(X), Y)
    with pytest.raises(kind, match=said):
        f.fit(make(X), Y, optim.SGD(f.parameters, lr=0.1), progress=False)
    if name in ("masked", "text", "dates", "complex", "None", "words"):
        with pytest.raises(kind, match=said):
            f(make(X)[0], 1.0)
    assert f.parameters[0].data == 0.5 and f.parameters[0].grad == 0.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_tensors_give_their_numbers(backend):
    torch = pytest.importorskip("torch")
    f = fast(backend)
    xs, ys = torch.tensor(X, requires_grad=True), torch.tensor(Y)
    for tensor in (xs, xs.bfloat16(), xs.detach().bool(), xs.float(), xs.to_sparse()):
        value, _ = f.value_and_grad(tensor, ys)
        assert value == pytest.approx(2 / 3)
        assert list(f.map(tensor, ys.bfloat16())) == [0.5, 0.0, 1.5]
    assert f(xs[0], xs[0, 0]) == 0.5
    with pytest.raises(TypeError, match="real numbers"):
        f.value_and_grad(xs * 1j, ys)


def test_tables_are_taken_by_their_rows():
    class Table:
        shape = X.shape

        def to_numpy(self):
            return X

    for backend in BACKENDS:
        assert fast(backend).value_and_grad(Table(), Y)[0] == pytest.approx(2 / 3)


# How much is kept -------------------------------------------------------------------------


def test_no_more_structures_are_kept_than_it_says():
    traced = []

    def f(x, word):
        traced.append(word)
        return x * len(word)

    g = mg.jit(f, backend="python")
    for i in range(3 * CACHE):
        assert g(2.0, "a" * i) == 2.0 * i
        assert g(2.0, "kept") == 8.0  # used all the time, so it stays
    assert len(g.cache) == CACHE == 128
    assert traced.count("kept") == 1
    assert g(2.0, "a" * 7) == 14.0  # gone, and traced anew
    assert traced.count("a" * 7) == 2
    h = mg.jit(lambda *xs: mg.sum(xs), backend="python")
    for n in range(1, 2 * CACHE):
        assert h(*[1.0] * n) == n
    assert len(h.ready) <= CACHE


# How errors look --------------------------------------------------------------------------


def branching(x):
    if x > 0:
        return x
    return -x


def ours(error):
    """How many of the frames, of the error and of those that led to it, are ours."""
    found = 0
    while error is not None:
        steps = traceback.extract_tb(error.__traceback__)
        found += sum(step.filename.startswith((OURS, "<micrograd", "micrograd/")) for step in steps)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


@pytest.mark.parametrize(
    "call",
    [
        lambda: mg.jit(branching)(1.0),
        lambda: mg.jit(branching).map([1.0]),
        lambda: mg.jit(branching).trace(1.0),
        lambda: mg.jit(branching).value_and_grad([1.0]),
        lambda: mg.jit(lambda x: [1, 2][x] * x)(1.0),
        lambda: mg.jit(lambda x: {}["missing"])(1.0),
        lambda: mg.jit(lambda x: x)(object()),
        lambda: fast("python").value_and_grad([[1.0, 2.0], [2.0, None]], [1.0, 2.0]),
        lambda: fast("python").fit(X, Y, None),
        lambda: mg.jit(lambda x: nn.MLP(2, [1])([x]))(1.0),
    ],
)
def test_errors_end_in_the_users_lines(call):
    with pytest.raises((TypeError, ValueError, KeyError)) as told:
        call()
    assert ours(told.value) <= 2
    last = traceback.extract_tb(told.value.__traceback__)[-1]
    if "branching" in str(call.__code__.co_names):
        assert last.name == "branching" and last.line == "if x > 0:"


def test_all_frames_on_request(monkeypatch):
    monkeypatch.setenv("MICROGRAD_TRACEBACK", "full")
    with pytest.raises(TypeError) as told:
        mg.jit(branching)(1.0)
    assert ours(told.value) > 5


def test_bools_in_a_list_over_a_batch_say_what_to_write():
    for backend in ("python", "numpy"):
        fast = mg.jit(lambda x: x * 2.0, backend=backend)
        with pytest.raises(ValueError, match=r"part of it: write 1.0 and 0.0"):
            fast.map([True, False])
        assert list(fast.map(np.array([True, False]))) == [2.0, 0.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_call_takes_a_tensor_of_any_make(backend):
    torch = pytest.importorskip("torch")
    p = Value(0.5)
    compiled = mg.jit(lambda x: p * x[0] + x[1] * x[1], parameters=[p], backend=backend)
    plain = torch.tensor([1.0, 2.0], dtype=torch.float64)
    made = [plain, plain.float().requires_grad_(), plain.bfloat16(), plain.to_sparse()]
    for x in (*made, *(torch.stack([x, x])[0] for x in made[:3])):
        assert compiled(x) == 4.5
        assert mg.grad(compiled)(x).tolist() == [0.5, 4.0]
        assert compiled.value_and_grad(x[None] if x.layout is torch.strided else [x])[0] == 4.5
    rows = torch.stack([plain, plain]).to_sparse()
    assert list(compiled.map(rows)) == [4.5, 4.5]
    with pytest.raises(TypeError, match="holds no numbers"):
        compiled(torch.zeros(2, device="meta"))
