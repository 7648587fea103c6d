"""`take`: an element by an index that may be a Value, under every transform and backend."""

from __future__ import annotations

import math

import pytest

import micrograd as mg
from micrograd import Value, nn
from micrograd.compiler.native.backend import available

BACKENDS = ["python", "numpy", *(["native", "c"] if available() else [])]
TABLE = [[Value(10.0 * i + j, label=f"e{i}{j}") for j in range(3)] for i in range(4)]
P = [p for row in TABLE for p in row]


def test_bare_indices_give_the_elements_themselves():
    assert mg.take(P, 3) is P[3]
    assert mg.take(P, True) is P[1]
    assert mg.take(TABLE, [2, 0]) == [TABLE[2], TABLE[0]]
    assert mg.take((1.0, 2.0), [[0], [1]]) == [[1.0], [2.0]]
    np = pytest.importorskip("numpy")
    assert mg.take(P, np.int64(4)) is P[4]
    assert mg.take(P, np.array(4.0)) is P[4]
    assert mg.take(P, np.array([1, 2])) == P[1:3]
    assert mg.take(np.eye(2), 1).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("index", [-1, 3, 0.5, math.nan, math.inf])
def test_an_index_that_is_none(index):
    with pytest.raises(ValueError, match=r"take: index .* of 3 elements, counted from 0"):
        mg.take([1.0, 2.0, 3.0], index)
    with pytest.raises(ValueError, match=r"take: index .* of 3 elements, counted from 0"):
        mg.take([1.0, 2.0, 3.0], Value(index))


def test_bad_operands():
    with pytest.raises(TypeError, match="take: a list of numbers or of rows"):
        mg.take(3.0, 0)
    with pytest.raises(TypeError, match="take: a list of numbers or of rows"):
        mg.take("abc", 0)
    with pytest.raises(TypeError, match="take: the index"):
        mg.take([1.0], "0")
    with pytest.raises(ValueError, match="rows have 1 and 2 elements"):
        mg.take([[1.0], [1.0, 2.0]], Value(0.0))
    with pytest.raises(ValueError, match="no elements"):
        mg.take([], Value(0.0))
    with pytest.raises(ValueError, match="index 0 of 0"):
        mg.take([], 0)


def test_an_index_that_is_a_value():
    xs, index = [Value(2.0), Value(math.inf), 5.0], Value(0.0)
    y = mg.take(xs, index) ** 3
    y.backward()
    assert (y.data, xs[0].grad, xs[1].grad, index.grad) == (8.0, 12.0, 0.0, 0.0)
    assert mg.take(xs, Value(2.0)).data == 5.0


# Of an index, and of a number: an embedding, and a choice among things that are computed.
FUNCTIONS = {
    "embedding": lambda i, x: mg.tanh(0.1 * mg.dot(mg.take(TABLE, i), [x, 1.0, x * x])),
    "branches": lambda i, x: mg.take([x * x, mg.log(x), 1 / x, mg.sin(x)], i) * x * P[3],
    "twice": lambda i, x: mg.take(P, i) * mg.take(P, 3.0 - i) + mg.take(P, i) * x,
    "computed index": lambda i, x: mg.take([x, 2 * x, P[5] * x], mg.floor(i / 2.0)) ** 2,
    "in a where": lambda i, x: mg.where(i > 1, mg.take([1.0, 2.0, x, P[4]], i), x * P[4]),
}
POINTS = [(0.0, 0.5), (1.0, 2.0), (2.0, -1.5), (3.0, 0.25), (1.0, 0.0), (2.0, 0.0)]


def gradient_of(f, examples):
    for p in P:
        p.grad = 0.0
    y = mg.mean([f(Value(i), Value(x)) for i, x in examples])
    y.backward()
    return y.data, [p.grad for p in P]


def alike(found, expected):
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-300, nan_ok=True)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name, backend):
    f = FUNCTIONS[name]
    fast = mg.jit(f, parameters=P, backend=backend)
    for examples in (*[[point] for point in POINTS], POINTS[:4], POINTS[:4] * 50):
        columns = [list(c) for c in zip(*examples)]
        alike([*fast.map(*columns)], [f(Value(i), Value(x)).data for i, x in examples])
        value, gradient = fast.value_and_grad(*columns)
        expected = gradient_of(f, examples)
        alike(value, expected[0])
        alike([*gradient], expected[1])
    for i, x in POINTS:
        alike(fast(i, x), f(Value(i), Value(x)).data)


TRANSFORMS = {
    "grad": lambda f: mg.grad(f, 1),
    "second": lambda f: mg.grad(mg.grad(f, 1), 1),
    "hessian": lambda f: lambda i, x: mg.hessian(lambda x: f(i, x))(x),
    "jvp": lambda f: lambda i, x: mg.jvp(lambda x: f(i, x), (x,), (1.5,))[1],
}


def number(x):
    while isinstance(x, (list, tuple)):
        (x,) = x
    return float(x.data if isinstance(x, Value) else x)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_transforms(name, transform):
    f, of = FUNCTIONS[name], TRANSFORMS[transform]
    for point in POINTS:
        expected = number(of(f)(*point))
        alike(number(mg.jit(of(f), backend="python")(*point)), expected)
        alike(number(of(mg.jit(f, backend="python"))(*point)), expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("index", [-1.0, 4.0, 1.5, math.nan])
def test_a_wrong_index_in_a_compiled_function(backend, index):
    fast = mg.jit(FUNCTIONS["embedding"], parameters=P, backend=backend)
    for call in (
        lambda: fast(index, 1.0),
        lambda: fast.map([0.0, index], [1.0, 1.0]),
        lambda: fast.value_and_grad([0.0, index], [1.0, 1.0]),
    ):
        with pytest.raises(ValueError, match=r"take: index .* of 4 elements, counted from 0"):
            call()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_embedding_learns(backend):
    """The same steps as with eager code, and in the end a table of squares."""

    def squares():
        table = nn.Embedding(4, 1)
        for k, (p,) in enumerate(table.weight):
            p.data = 0.1 * k
        return table

    compiled, eager = squares(), squares()
    numbers = [0, 1, 2, 3] * 2
    ys = [float(k * k) for k in numbers]
    fast = mg.jit(lambda i, y: (compiled(i)[0] - y) ** 2, backend=backend)
    optimizer = mg.optim.SGD(compiled.parameters(), lr=1.5)
    fitted = fast.fit(numbers, ys, optimizer, steps=30, progress=False)
    optimizer = mg.optim.SGD(eager.parameters(), lr=1.5)
    for step in range(30):
        loss = mg.mean([(eager(i)[0] - y) ** 2 for i, y in zip(numbers, ys)])
        alike(fitted.loss[step], loss.data)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    alike([p.data for p in compiled.parameters()], [p.data for p in eager.parameters()])
    assert [p.data for p in compiled.parameters()] == pytest.approx([0.0, 1.0, 4.0, 9.0], abs=1e-4)


def test_the_array_program_and_its_source():
    np = pytest.importorskip("numpy")
    fast = mg.jit(lambda i, x: mg.dot(mg.take(TABLE, i), [x, x, x]), parameters=P)
    fast(1, 2.0)
    program = fast.array_program
    assert [s.rule.name for s in program.steps if hasattr(s, "inner")] == ["take"]
    space = {}
    exec(program.source, space)
    functions = [f for k, f in space.items() if k.startswith("f")]
    assert functions
    assert np.isfinite(fast.map([0, 1, 3], [1.0, 2.0, 3.0])).all()


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_exported(library):
    module = pytest.importorskip(library)
    fast = mg.jit(FUNCTIONS["embedding"], parameters=P)
    fast(1, 2.0)
    numbers = [p.data for p in P]
    expected = gradient_of(FUNCTIONS["embedding"], [(2.0, 0.5)])
    if library == "jax":
        module.config.update("jax_enable_x64", True)
        g = fast.to_jax()
        value, slopes = module.value_and_grad(g)(module.numpy.array(numbers), 2.0, 0.5)
        assert math.isnan(g(module.numpy.array(numbers), 9.0, 0.5))
    else:
        ps = module.tensor(numbers, dtype=module.float64, requires_grad=True)
        value = fast.to_torch()(ps, 2.0, 0.5)
        value.backward()
        slopes = ps.grad
        assert math.isnan(fast.to_torch()(ps.detach(), 9.0, 0.5))
    alike(float(value.detach() if library == "torch" else value), expected[0])
    alike(slopes.tolist(), expected[1])


def test_drawn_and_saved(tmp_path):
    y = mg.take(P[:3], Value(1.0, label="i"))
    assert "take" in mg.draw(y).svg
    fast = mg.jit(FUNCTIONS["twice"], parameters=P)
    expected = fast(2.0, 0.5)
    fast.save(tmp_path / "f.json")
    assert mg.compiler.load(tmp_path / "f.json")(2.0, 0.5) == expected
