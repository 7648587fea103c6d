"""steps, explain and latex: the same numbers as backward, and formulas that say the same."""

from __future__ import annotations

import math
import re

import pytest
from graphs import recipes, run
from helpers import product_by_hand
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pictures import mlp_loss, neuron, the_example

import micrograd as mg
from micrograd import Value
from micrograd.core.node import operands_of, partials_of
from micrograd.core.view import View
from micrograd.graph import explain, latex, steps, trace
from micrograd.learn.expression import evaluate
from micrograd.ops import TABLE

OPERATIONS = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "sub": lambda a, b: 2 - b,
    "tanh": lambda a, b: a.tanh(),
    "relu": lambda a, b: b.relu(),
    "max": mg.maximum,
    "sum": lambda a, b: mg.sum(a, b, a),
    "own": lambda a, b: own(a, b),
}
GRAPHS = recipes(st.floats(-2, 2), list(OPERATIONS), max_steps=14)


def own(a, b):
    return product_by_hand(a, b, "own")


def build(recipe):
    leaves = [Value(x) for x in recipe.leaves]
    return leaves, run(recipe, leaves, OPERATIONS)


def gradients(root):
    return {v: v.grad for v in View(root).nodes}


@settings(max_examples=150, deadline=None)
@given(GRAPHS, st.floats(-3, 3))
def test_steps_lead_to_the_gradients_of_backward(recipe, seed):
    _, nodes = build(recipe)
    root = nodes[-1]
    root.backward(0.5)
    before = gradients(root)
    found = list(steps(root, seed))
    assert gradients(root) == before  # nobody's gradient was touched
    last = {step.operand: step.after for step in found}
    for v in before:
        v.grad = 0.0
    root.backward(seed)
    for v, gradient in gradients(root).items():
        assert last.get(v, 0.0) == gradient
    for step in found[1:]:
        if step.local is not None:
            assert step.after == step.before + step.local * step.upstream


@settings(max_examples=100, deadline=None)
@given(GRAPHS)
def test_steps_can_write_what_backward_writes(recipe):
    _, nodes = build(recipe)
    _, others = build(recipe)
    for _ in range(2):
        for step in steps(nodes[-1], write=True):
            assert step.operand is nodes[0] or step.operand.grad == step.operand.grad
        others[-1].backward()
    assert [v.grad for v in nodes] == [v.grad for v in others]


def test_each_step_is_done_when_it_is_given_out():
    loss = the_example()
    for v in trace(loss)[0]:
        v.grad = 0.0
    for step in steps(loss, write=True):
        assert step.operand.grad == step.after


def test_words():
    texts = [step.text for step in steps(neuron())]
    assert texts[0] == "o.grad = 1.0"
    assert "w1.grad += 0.5 * 2.0" in texts
    assert "x1.grad += 0.5 * -3.0" in texts
    last = list(steps(neuron()))[-1]
    assert "w1.grad grows from 0.0 to 1.0" in last.words
    assert r"\frac{\partial v_{1}}{\partial w_{1}} = 0.5 \cdot 2 = 1" in last.latex
    assert str(last) == last.text


def test_names_are_unique():
    a, b = Value(1.0, label="v1"), Value(2.0, label="same")
    c = Value(3.0, label="same")
    names = {step.name: step.operand for step in steps(a * b + c)}
    assert len(names) == len({id(v) for v in names.values()}) == 5


# explain ------------------------------------------------------------------------------------


def every_path(v, x):
    """The products along all paths, by walking each."""
    if v is x:
        return [1.0]
    found = []
    for y, partial in zip(operands_of(v), partials_of(v), strict=True):
        if partial is not None and isinstance(y, Value):
            found += [partial * rest for rest in every_path(y, x)]
    return found


SMOOTH = {k: f for k, f in OPERATIONS.items() if k != "own"}


@settings(max_examples=150, deadline=None)
@given(recipes(st.floats(-2, 2), list(SMOOTH), max_steps=9), st.integers(1, 12))
def test_all_paths_add_up(recipe, most):
    leaves, nodes = build(recipe)
    root, x = nodes[-1], leaves[0]
    root.backward()
    assume(x in trace(root)[0])
    found = explain(root, x, most)
    products = every_path(root, x) if x is not root else [1.0]
    assert found.total == x.grad
    assert found.count == len(products)
    largest = sorted(map(abs, products), reverse=True)[:most]
    assert [abs(p.product) for p in found.paths] == pytest.approx(largest, rel=1e-9, abs=1e-300)
    scale = sum(map(abs, products))
    together = math.fsum(p.product for p in found.paths) + found.rest
    assert together == pytest.approx(x.grad, abs=1e-12 * scale + 1e-300)


def test_diamond():
    x = Value(3.0, label="x")
    y = x * 2 + x * x
    y.backward()
    found = explain(y, x)
    assert found.total == x.grad == 8.0
    assert sorted(p.product for p in found.paths) == [2.0, 3.0, 3.0]


def test_the_function_of_the_course():
    x, y = Value(3.0, label="x"), Value(-4.0, label="y")
    f = (x + y.sigmoid()) / (x.sigmoid() + (x + y) ** 2)
    f.backward()
    for leaf in (x, y):
        found = explain(f, leaf)
        assert found.total == leaf.grad
        assert math.fsum(p.product for p in found.paths) == pytest.approx(leaf.grad, rel=1e-12)
    assert f"{x.grad:.6f} {y.grad:.6f}" == "2.059570 1.592233"


def test_a_network_of_two_layers():
    loss = mlp_loss((2, 3, 1))
    leaves = [v for v in trace(loss)[0] if not v._prev]
    for leaf in leaves:
        found = explain(loss, leaf, most=100)
        assert found.total == leaf.grad
        assert math.fsum(p.product for p in found.paths) == pytest.approx(leaf.grad, abs=1e-15)


def test_paths_are_counted_not_walked():
    x = Value(0.5, label="x")
    y = x
    for _ in range(300):
        y = y + y * x
    y.backward()
    found = explain(y, x)
    assert found.total == x.grad
    count = 1
    for _ in range(300):
        count = 2 * count + 1
    assert found.count == count
    assert len(found.paths) == 10
    assert f"{count - 10:,} more paths" in found.text
    assert found.latex.count("{") == found.latex.count("}")


def test_no_path():
    x = Value(-1.0, label="x")
    found = explain(x.relu() + 1, x)
    assert (found.total, found.count, found.paths) == (0.0, 0, [])
    assert "no path" in found.text


def test_a_step_made_by_hand_has_local_gradients_too():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    y = own(a, b) * own(a, a)
    y.backward()
    found = explain(y, a)
    assert found.total == a.grad
    assert math.fsum(p.product for p in found.paths) == a.grad


def test_explain_text_and_notebook():
    loss = the_example()
    a = next(v for v in trace(loss)[0] if v.label == "a")
    found = explain(loss, a)
    assert found.text.splitlines()[1].strip() == "L <- d <- e <- a: -2.0 * 1.0 * -3.0 = 6.0"
    assert str(found) == found.text
    assert found._repr_latex_().startswith("$")
    assert (
        r"\underbrace{-2 \cdot 1 \cdot (-3)}_{L \leftarrow d \leftarrow e \leftarrow a}"
        in found.latex
    )


def test_explain_refuses_what_is_no_part():
    with pytest.raises(ValueError, match="no part"):
        explain(Value(1.0) * 2, Value(2.0))
    with pytest.raises(TypeError, match="Values"):
        explain(Value(1.0), 2.0)
    with pytest.raises(ValueError, match="most"):
        explain(Value(1.0), Value(1.0), most=0)


# latex --------------------------------------------------------------------------------------

ARITHMETIC = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "sub": lambda a, b: a - b,
    "div": lambda a, b: a / (b * b + 1.5),
    "neg": lambda a, b: -a,
    "square": lambda a, b: b**2,
    "minus": lambda a, b: 1 - a,
    "scale": lambda a, b: -0.5 * a,
    "tanh": lambda a, b: a.tanh(),
    "exp": lambda a, b: (-(a * a)).exp(),
    "sqrt": lambda a, b: (a * a + 1).sqrt(),
    "sigmoid": lambda a, b: a.sigmoid(),
}


def as_python(formula):
    """The formula in Python's notation: what a reader makes of it."""
    text = formula.replace(r"\left(", "(").replace(r"\right)", ")").replace(r"\cdot", "*")
    text = re.sub(r"_\{(\d+)\}", r"\1", text)
    text = text.replace(r"\tanh", "tanh").replace(r"\sigma", "sigmoid")
    while True:
        shorter = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
        shorter = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", shorter)
        shorter = re.sub(r"(?<![a-z])e\^\{([^{}]*)\}", r"exp(\1)", shorter)
        shorter = re.sub(r"\^\{(\d+)\}", r"**(\1)", shorter)
        if shorter == text:
            return text
        text = shorter


@settings(max_examples=300, deadline=None)
@given(recipes(st.floats(-2, 2), list(ARITHMETIC), max_leaves=3, max_steps=7))
def test_the_formula_means_the_value(recipe):
    leaves = [Value(x, label=f"x{i}") for i, x in enumerate(recipe.leaves)]
    root = run(recipe, leaves, ARITHMETIC)[-1]
    text = latex(root)
    assume("aligned" not in text)
    found = evaluate(as_python(text), {v.label: v for v in leaves})
    assert found.data == root.data or (found.data != found.data and root.data != root.data)


CASES = [
    (lambda x, y: (x + y) * (x - 1) ** 2, r"\left(x + y\right) \cdot \left(x - 1\right)^{2}"),
    (lambda x, y: x - (y - 1), r"x - \left(y - 1\right)"),
    (lambda x, y: -(x * y), r"-x \cdot y"),
    (lambda x, y: (-x) * y, r"\left(-x\right) \cdot y"),
    (lambda x, y: (x / y) ** 3, r"\left(\frac{x}{y}\right)^{3}"),
    (lambda x, y: (x**2) ** 3, r"\left(x^{2}\right)^{3}"),
    (lambda x, y: (x + 1).sin() * y, r"\sin \left(x + 1\right) \cdot y"),
    (lambda x, y: (x + 1).exp(), r"e^{x + 1}"),
    (lambda x, y: abs(x + y), r"\left|x + y\right|"),
    (lambda x, y: mg.maximum(x + 1, y), r"\max(x + 1, y)"),
    (lambda x, y: mg.sum(x, -y, x * y), r"x + \left(-y\right) + x \cdot y"),
    (lambda x, y: x * 1e-7, r"x \cdot 10^{-7}"),
    (lambda x, y: (x + y).relu(), r"\operatorname{relu}(x + y)"),
]


@pytest.mark.parametrize(("f", "expected"), CASES)
def test_formulas(f, expected):
    assert latex(f(Value(2.0, label="x"), Value(3.0, label="y"))) == expected


def test_names_in_formulas():
    from micrograd.graph.latex import symbol

    names = ["x", "w1", "w[0,2]", "alpha", "loss", "d_model", "a b_c%", "x_1", "θ"]
    assert [symbol(name) for name in names] == [
        "x", "w_{1}", "w_{0,2}", r"\alpha", r"\mathrm{loss}", r"d_{\mathrm{model}}",
        r"\text{a b\_c\%}", "x_{1}", r"\text{θ}",
    ]  # fmt: skip


def test_a_label_makes_an_equation():
    assert latex(the_example()) == r"L = \left(a \cdot b + c\right) \cdot f"


def test_every_operation_has_a_formula_that_balances():
    for rule in TABLE.values():
        n = rule.arity or 5
        xs = [Value(0.3, label=f"x{i}") for i in range(n)]
        operands = [1.0 if i in rule.settings else x for i, x in enumerate(xs)]
        text = latex(rule.function(*operands))
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right")
        for i in range(n):
            assert (
                i in rule.settings or f"x_{{{i}}}" in text or rule.name in ("guard", "route", "dot")
            )


def test_the_formula_of_a_program():
    pytest.importorskip("micrograd.compiler")
    w = Value(2.0, label="w")
    fast = mg.jit(lambda x, y: (w * x + y).tanh())
    fast(1.0, 2.0)
    assert latex(fast.program) == r"\tanh \left(w \cdot x + y\right)"


def test_formulas_are_no_longer_than_graphs():
    x = Value(0.5, label="x")
    y = x
    for _ in range(60):
        y = y * y + x
    text = latex(y)
    assert text.startswith("\\begin{aligned}")
    assert len(text) < 10_000
    chain = x
    for _ in range(20_000):
        chain = chain * 1.0001 + 0.1
    assert len(latex(chain)) < 20_000


def test_steps_and_formulas_show_themselves_in_a_notebook():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    f = a * b + a
    shown = steps(f)
    table = shown._repr_html_()
    assert table.count("<tr>") == 5
    assert "v1 = a * b has gradient 1.0" in table
    assert [str(step) for step in shown] == [str(step) for step in steps(f)]  # none was taken
    assert mg.latex(f)._repr_latex_() == f"$\\displaystyle {mg.latex(f)}$"
    assert isinstance(mg.latex(f), str)


@given(GRAPHS)
def test_no_two_paths_read_the_same(recipe):
    leaves, nodes = build(recipe)
    root = nodes[-1]
    for x in leaves:
        try:
            lines = [path.text for path in explain(root, x).paths]
        except ValueError:  # it is no part of the graph
            continue
        assert len({*lines}) == len(lines)
