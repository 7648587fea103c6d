"""The source and the print of programs: golden files that read as prose, names, folding, size.

`python tests/test_compiler_source.py` writes the golden files anew; their difference is
to be read line by line.
"""

from __future__ import annotations

import ast
import gc
import linecache
import math
import random
import traceback
from pathlib import Path

import pytest
from corpus import CASES

import micrograd as mg
from micrograd import Value, nn
from micrograd.compiler.backends.emit import emit
from micrograd.compiler.ir.reverse import reverse
from micrograd.compiler.ir.simplify import simplify

GOLDEN = Path(__file__).with_name("golden")


def quotient():
    def f(x, y):
        return (x + mg.sigmoid(y)) / (mg.sigmoid(x) + (x + y) ** 2)

    fast = mg.jit(f)
    fast(3.0, -4.0)
    return fast


def neuron():
    w1, w2, b = Value(-3.0, label="w1"), Value(1.0, label="w2"), Value(6.88, label="b")

    def neuron(x1, x2):
        n = x1 * w1 + x2 * w2 + b
        n.label = "n"
        return mg.tanh(n)

    fast = mg.jit(neuron, parameters=[w1, w2, b])
    fast(2.0, 0.0)
    return fast


def mlp_loss():
    random.seed(1)
    model = nn.MLP(2, [3, 1])

    def loss(x, y):
        return (1 - y * model(x)).relu()

    fast = mg.jit(loss, parameters=model.parameters())
    fast([1.0, 2.0], 1.0)
    return fast


def recurrent():
    case = CASES["recurrent"]()
    for p, name in zip(case.parameters, ["w", "u", "b", "v"], strict=True):
        p.label = name
    fast = mg.jit(case.f)
    fast([0.1, 0.2, 0.3], 0.5)
    return fast


def several():
    p = Value(2.0, label="p")

    def several(x, y):
        return [p * x, mg.where(x > y, x, -y), 0.5]

    fast = mg.jit(several)
    fast(1.0, 2.0)
    return fast


def golden():
    """Each file and what is to be in it."""
    for make in (quotient, neuron, mlp_loss, recurrent, several):
        fast = make()
        yield f"{make.__name__}.py.txt", fast.source
        yield f"{make.__name__}_program.txt", str(fast.program) + "\n"
        yield f"{make.__name__}_program.tex", fast.program.latex() + "\n"
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    e = (2 * (x * w + b)).exp()
    o = (e - 1) / (e + 1)
    e.label, o.label = "e", "o"
    yield "staged.py.txt", mg.staged(o)


@pytest.mark.parametrize(("name", "text"), list(golden()), ids=lambda x: x if len(x) < 40 else "")
def test_golden(name, text):
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


# What the source is ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_source_is_python_without_a_name_used_twice(name):
    if "matmul" in name:
        pytest.importorskip("numpy")
    case = CASES[name]()
    fast = mg.jit(case.f, parameters=case.parameters)
    fast.trace(*case.examples[0])
    (function,) = ast.parse(fast.source).body
    arguments = [a.arg for a in function.args.args]
    assigned = [t.id for s in function.body if isinstance(s, ast.Assign) for t in s.targets]
    assert len(set(arguments + assigned)) == len(arguments) + len(assigned)
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
    assert set(assigned) <= read  # nothing is computed in vain
    assert max(map(len, fast.source.splitlines())) <= 100


def test_numbers_in_source_are_those_of_the_program():
    fast = quotient()
    for i in (2, 4, 6, 7):
        assert f"  v{i} = " in str(fast.program)
        assert f"    v{i} = " in fast.source
    assert "d6 = -v7 / v6" in fast.source


def test_names_that_python_or_the_table_has_are_kept_clear():
    labels = ["exp", "lambda", "v1", "t1", "dx", "x", "f", "inf", "two words", "", "é"]
    ps = [Value(1.0 + i / 8, label=label) for i, label in enumerate(labels)]

    def f(x, exp, v2, d1):
        y = mg.exp(x * v2) + mg.tanh(d1 * exp)
        for p in ps:
            y = y * p + mg.sigmoid(y)
        return y

    fast = mg.jit(f, parameters=ps, backend="python")
    xs = [0.1, -0.2, 0.3, 0.4]
    y = f(*map(Value, xs))
    y.backward()
    value, gradient = fast.value_and_grad(*([x] for x in xs))
    assert fast(*xs) == value == y.data
    assert list(gradient) == [p.grad for p in ps]


def test_names_from_the_model_or_from_labels():
    model = nn.MLP(2, [2, 1])
    model.layers[0].neurons[0].b.label = "bias"
    fast = mg.jit(lambda x: model(x), parameters=model.parameters())
    fast([1.0, 2.0])
    (function,) = ast.parse(fast.source).body
    assert [a.arg for a in function.args.args[2:]] == [
        "w0_0_0", "w0_0_1", "bias", "w0_1_0", "w0_1_1", "b0_1", "w1_0_0", "w1_0_1", "b1_0",
    ]  # fmt: skip
    assert "# layer 0, neuron 1" in fast.source
    p, q = Value(2.0), Value(3.0)
    unnamed = mg.jit(lambda x: p * x + q)
    unnamed(1.0)
    assert "def f(x, p0, p1):" in unnamed.source


def test_source_shows_in_tracebacks():
    p = Value(1.0)
    fast = mg.jit(lambda x: mg.tanh(p * x))
    fast(1.0)
    function = fast.latest.function
    file = function.__code__.co_filename
    assert linecache.getline(file, 2).strip() == "v2 = tanh(p0 * x)"
    with pytest.raises(TypeError) as error:
        function("a", "b")
    assert "v2 = tanh(p0 * x)" in "".join(traceback.format_exception(error.value))
    error = None
    del function, fast
    gc.collect()
    mg.jit(lambda x: x + 1.0, backend="python")(1.0)  # the next one drops it
    assert not linecache.getline(file, 2)


def test_own_operations_compile():
    cube = mg.custom(lambda x: x**3, lambda x, y: 3 * x**2, name="cube")
    root = mg.custom(
        math.sqrt, lambda x, y: mg.where(x > 1.0, 0.5 / y, abs(x) / x * 0.5 / y), name="root"
    )
    p = Value(1.7)

    def f(x):
        return cube(p * x) + root(p + x * x) - cube(x)

    for backend in ("python", "auto"):
        fast = mg.jit(f, parameters=[p], backend=backend)
        y = f(Value(0.3))
        p.grad = 0
        y.backward()
        assert fast(0.3) == y.data
        value, gradient = fast.value_and_grad([0.3])
        assert math.isclose(value, y.data)
        assert math.isclose(gradient[0], p.grad)


def test_two_operations_of_one_name_stay_apart():
    one = mg.custom(lambda x: x + 1.0, lambda x, y: 1.0, name="step")
    two = mg.custom(lambda x: x + 2.0, lambda x, y: 1.0, name="step")
    assert mg.jit(lambda x: one(x) * two(x))(1.0) == 6.0


# Shorter programs -----------------------------------------------------------------------------


def simplified(f, *names):
    inputs = [Value(1.0, label=name) for name in names]
    source = mg.staged(f(*inputs))
    return source.split("# forward\n")[-1].split("# backward")[0].strip()


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x * 1.0 + -0.0, "return x, [1.0]"),
        (lambda x: x + 0.0, "v1 = x + 0"),  # -0 + 0 is 0
        (lambda x: mg.neg(-x) - 0.0, "return x, [1.0]"),
        (lambda x: x * -1.0 + 2.0, "v2 = 2 - x"),
        (lambda x: x / -1.0, "v1 = -x"),
        (lambda x: 2.0 - (-x), "v2 = 2 + x"),
        (lambda x: x + (-3.0), "v1 = x - 3"),
        (lambda x: x**1.0, "return x, [1.0]"),
        (lambda x: mg.maximum(x, x), None),
    ],
)
def test_identities_that_are_exact(f, expected):
    found = simplified(f, "x")
    assert expected is None or expected in found


def test_what_is_computed_twice_is_computed_once():
    def f(x, y):
        return mg.sin(x + y) * mg.cos(y + x) + mg.sin(y + x)

    fast = mg.jit(f)
    fast(1.0, 2.0)
    assert fast.source.count("x + y") + fast.source.count("y + x") == 1
    assert fast.source.count("sin(") == 1


def test_constants_are_folded_with_all_their_bits():
    fast = mg.jit(lambda x: x + Value(0.1) * 3 + mg.exp(Value(1000.0)) * 0.0)
    assert math.isnan(fast(1.0))
    fast = mg.jit(lambda x: [x * 1e-320, x + 1e22, x * Value(-0.0), x + Value(math.inf)])
    assert str(fast(1.0)) == "[1e-320, 1e+22, -0.0, inf]"


# Size -------------------------------------------------------------------------------------------


def grown(kind: str, n: int, w: Value, x: Value) -> Value:
    if kind == "chain":
        y = x
        for _ in range(n // 2):
            y = mg.sin(y * w)
    elif kind == "sum":
        y = x * w
        for i in range(n // 2):
            y = y + w * float(i + 1)
    elif kind == "right":
        y = x * w
        for i in range(n // 2):
            y = float(i) - y * w
    else:
        y = mg.sum([mg.maximum(w * x * float(i), x) for i in range(n // 2)])
    return y


@pytest.mark.parametrize("kind", ["chain", "sum"])
def test_a_program_of_100_000_steps(kind):
    w = Value(0.3)
    program = mg.jit(lambda x: grown(kind, 100_000, w, x)).trace(0.5)
    assert sum(bool(xs) for xs in program.operands) >= 90_000
    full = program.copy()
    reverse(full)
    short = simplify(full)
    source = emit(short, gradient=True)
    assert max(map(len, source.splitlines())) <= 100


@pytest.mark.parametrize("kind", ["chain", "sum", "right", "fan"])
def test_long_programs_run(kind):
    w, x = Value(0.3), 0.5

    def f(x):
        return grown(kind, 6000, w, x)

    fast = mg.jit(f, parameters=[w], backend="python")
    y = f(Value(x))
    y.backward()
    assert fast(x) == y.data
    assert list(fast.value_and_grad([x])[1]) == [w.grad]


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for file, content in golden():
        (GOLDEN / file).write_text(content, encoding="utf-8")


def test_parameters_are_named_by_where_they_stand_when_it_is_traced():
    """Also after a call before, when the model was another one."""
    model = nn.MLP(2, [2, 1])
    model([1.0, 2.0])
    model.layers.insert(0, nn.Layer(2, 2))
    fast = mg.jit(lambda x: model(x), parameters=model.parameters())
    program = fast.trace([1.0, 2.0])
    wanted = [f"{kind}{k}" for k in range(3) for kind in ("w", "b")]
    names = {program.names[p] for p in program.parameters}
    assert {name[:2] for name in names} == set(wanted)
    assert len(names) == len(model.parameters())


def test_names_are_of_what_stood_where_at_the_trace():
    """They are made when somebody prints, and a model may be another by then."""
    model = mg.nn.MLP(2, [3, 1])
    fast = mg.jit(lambda x: model(x))
    fast.trace([1.0, 2.0])
    model.layers[0] = mg.nn.Layer(2, 3)
    printed = str(fast.program)
    assert "v1 = b0_0 + w0_0_0*x0 + w0_0_1*x1" in printed
    assert "layer 1, neuron 0" in fast.program.notes.values()
    assert str(fast.program) == printed
