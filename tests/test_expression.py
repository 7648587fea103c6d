"""Expressions as text: what they compute, what is refused, and where the caret points."""

from __future__ import annotations

import ast
import builtins
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd as mg
from micrograd import Value
from micrograd.core.rule import TABLE
from micrograd.learn.expression import ExpressionError, evaluate, functions

pytestmark = pytest.mark.once


def named(**numbers):
    return {name: Value(x, label=name) for name, x in numbers.items()}


def refusal(text, **numbers):
    """The sentence of the error and the column, counted in characters, under its caret."""
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, named(**numbers))
    sentence, shown, caret = str(caught.value).split("\n")
    assert caret.strip() == "^"
    assert caught.value.sentence == sentence
    assert shown[caret.index("^") :][:1] == " ".join(text.split())[caught.value.column :][:1]
    return sentence, caught.value.column


def test_value_and_gradient():
    names = named(a=2.0, b=-3.0, c=10.0)
    result = evaluate("relu(a*b + c)", names)
    result.backward()
    assert result.data == 4.0
    assert [x.grad for x in names.values()] == [-3.0, 2.0, 1.0]


@pytest.mark.parametrize(
    "text",
    [
        "a + b - a*b/a", "-a**2", "+a", "a // b", "a % b", "2**a", "a**-0.5", "1 + 2*3 - 4/5",
        "(a + b)*(a - b)", "0x10 + 1_000", "- - -a",
    ],
)  # fmt: skip
def test_it_means_what_python_means(text):
    a, b = 2.5, -3.0
    assert evaluate(text, named(a=a, b=b)).data == eval(text, {"a": a, "b": b})


def test_functions_methods_constants_and_lists():
    names = named(a=0.5, b=2.0)
    assert evaluate("tanh(a) - a.tanh()", names).data == 0.0
    assert evaluate("sin(pi/2) + log(e) + tau/pi", names).data == 4.0
    assert evaluate("max(a, b) + min([a, b]) + sum([a, b, 1])", names).data == 6.0
    assert evaluate("where(a < b, a, b)", names).data == 0.5
    assert evaluate("dot([a, b], [b, a])", names).data == 2.0
    assert evaluate("-inf", names).data == -math.inf
    assert math.isnan(evaluate("nan", {}).data)


def test_a_name_of_ones_own_comes_before_a_constant():
    assert evaluate("e + pi", named(e=1.0, pi=2.0)).data == 3.0


def test_every_function_of_the_table_may_be_called_and_no_helper():
    callable_here = functions()
    for name, rule in TABLE.items():
        assert (name in callable_here) == (not rule.internal), name
        if not rule.internal:
            assert callable_here[name] is getattr(mg, name)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1/0", math.inf), ("-1/0", -math.inf), ("0/0", math.nan), ("a/0", math.inf),
        ("(-8)**(1/3)", math.nan), ("log(0)", -math.inf), ("10**400", math.inf),
        ("9**9**9**9", math.inf), ("1e400", math.inf), ("1/(a < 0)", math.inf), ("5 % 0", math.nan),
    ],
)  # fmt: skip
def test_numbers_are_those_of_ieee(text, number):
    found = evaluate(text, named(a=1.0)).data
    assert found == number or (math.isnan(found) and math.isnan(number))


@pytest.mark.parametrize(
    "text",
    [
        "a.data", "a.__class__", "().__class__.__bases__", "a.tanh.__globals__", "[x for x in a]",
        "{x for x in a}", "{x: a for x in a}", "(x for x in a)", "lambda: a", "f'{a}'", "'text'",
        "b'text'", "__import__('os')", "eval('1')", "open('x')", "getattr(a, 'data')", "a if a else a",
        "a and a", "not a", "a == a", "a is a", "a in a", "a[0]", "a[0:1]", "a @ a", "~a", "a | a",
        "a << 2", "(a := 3)", "a; a", "a = 3", "import os", "await a", "yield", "*a", "{a}", "{1: a}",
        "tanh(x=a)", "tanh(*[a])", "tanh(**a)", "a(1)", "a.tanh()()", "True", "None", "...", "1j",
        "no_grad()", "checkpoint(a)", "custom(a)", "gate(a, a)", "a.backward()", "a.detach()",
        "a._apply(a)", "a.__add__(1)", "Value(1)", "__builtins__", "a\0b", "#", "", " ", "a +", ")",
        "(a", "0b", "1__0", "a b", "$", "[a]*3", "[a] + [a]", "-[a]", "[a] < a", "a < a < a", "[a, a]",
        "a < 1", "9"*400, "9"*5000,
    ],
)  # fmt: skip
def test_all_else_is_refused_in_a_sentence(text, monkeypatch):
    """And it is never run, nor does reading it touch the world."""

    def never(*args, **kwargs):
        raise AssertionError("an expression was run")

    for name in ("eval", "exec"):
        monkeypatch.setattr(builtins, name, never)
    monkeypatch.setattr(os, "system", never)
    sentence, _ = refusal(text, a=2.0)
    assert len(sentence) > 10
    assert "Traceback" not in sentence


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a + y", 4), ("a *\n  y", 4), ("tanh(a) + tahn(a)", 10), ("a + 2 ^ a", 0), ("a + a.data", 6),
        ("é + y", 4), ("é*é + y", 6), ("é + é.size", 6), ("a + (", 4), ("a + tanh", 4),
        ("1 + dot([a], [a, a])", 4), ("a + [a, a]*2", 4), ("(a + 1j)", 5), ("a + sum", 4),
    ],
)  # fmt: skip
def test_the_caret_points_at_the_part(text, column):
    assert refusal(text, a=1.0, é=2.0)[1] == column


def test_the_caret_of_a_long_line_is_in_a_window_of_it():
    text = "a + " * 100 + "y" + " + a" * 100
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, named(a=1.0))
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^")] == "y"
    assert len(shown) < 80


@pytest.mark.parametrize("text", ["y", "tahn(a)", "tanh", "a ^ 2"])
def test_the_sentence_says_what_to_write(text):
    sentence, _ = refusal(text, a=1.0)
    wanted = {"y": "y=1.5", "tahn(a)": "did you mean tanh?", "tanh": "tanh(...)", "a ^ 2": "**"}
    assert wanted[text] in sentence


@pytest.mark.parametrize(
    "text",
    ["("*300 + "a" + ")"*300, "-"*100_000 + "a", "+".join("a"*100_000), "tanh("*5000 + "a" + ")"*5000],
)  # fmt: skip
def test_what_is_nested_too_deeply_is_refused(text):
    refusal(text, a=1.0)


def test_deep_but_not_too_deep():
    assert evaluate("-" * 60 + "a", named(a=1.0)).data == 1.0
    assert evaluate("+".join("a" * 150), named(a=1.0)).data == 150.0


@given(st.text(st.sampled_from("ab01.+-*/%()[],<=é \n'_:x"), max_size=30))
def test_any_text_gives_a_value_or_a_sentence(text):
    try:
        found = evaluate(text, named(a=2.0, b=-1.0))
    except ExpressionError:
        refusal(text, a=2.0, b=-1.0)
    else:
        assert isinstance(found, Value)


LEAVES = st.one_of(st.sampled_from("ab"), st.floats(-1e3, 1e3).map(lambda x: f"({x!r})"))
TREES = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from([" + ", "*", " - "]), part).map(
            lambda t: f"({''.join(t)})"
        ),
        part.map(lambda t: f"-{t}"),
        part.map(lambda t: f"sin({t})"),
    ),
    max_leaves=12,
)


@given(TREES, st.floats(-10, 10), st.floats(-10, 10))
def test_random_expressions_agree_with_python(text, a, b):
    expected = eval(
        compile(ast.parse(text, mode="eval"), "", "eval"), {"a": a, "b": b, "sin": mg.sin}
    )
    assert evaluate(text, named(a=a, b=b)).data == expected
