"""`simplify`: what each small program becomes, the sign of zero included, and what stays."""

from __future__ import annotations

import pytest

import micrograd as mg
from micrograd.compiler.ir.program import Program
from micrograd.compiler.ir.region import PACK, Element
from micrograd.compiler.ir.reverse import Symbol
from micrograd.compiler.ir.simplify import simplify
from micrograd.ops import TABLE


def made(f):
    """The program of f, of three inputs, as it is written down."""
    program = Program()
    ys = f(*[Symbol(program, program.input(name)) for name in "xyz"])
    program.outputs = [y.i for y in (ys if isinstance(ys, list) else [ys])]
    return program


def written(program, i):
    if i in program.data:
        return repr(program.data[i])
    if i in program.names:
        return program.names[i]
    operands = ", ".join([written(program, x) for x in program.operands[i]])
    return f"{program.rules[i].name}({operands})"


def operation(name, *xs):
    symbol = next(x for x in xs if isinstance(x, Symbol))
    return symbol._apply(TABLE[name], xs)


def constants(name, *numbers):
    """An operation on numbers alone, in a program."""
    return lambda x, y, z: x._apply(TABLE[name], numbers)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x, y, z: x + -0.0, "x"),
        (lambda x, y, z: -0.0 + x, "x"),
        (lambda x, y, z: x + 0.0, "add(x, 0.0)"),
        (lambda x, y, z: 0.0 + x, "add(0.0, x)"),
        (lambda x, y, z: x + -y, "sub(x, y)"),
        (lambda x, y, z: -x + y, "sub(y, x)"),
        (lambda x, y, z: -x + -y, "sub(neg(x), y)"),
        (lambda x, y, z: x + y, "add(x, y)"),
        (lambda x, y, z: x + -2.0, "sub(x, 2.0)"),
        (lambda x, y, z: -0.5 + x, "sub(x, 0.5)"),
        (lambda x, y, z: x + 0.5, "add(x, 0.5)"),
        (lambda x, y, z: 2.0 + x, "add(2.0, x)"),
        (lambda x, y, z: x + -1.0, "sub(x, 1.0)"),
        (lambda x, y, z: x + 1.0, "add(x, 1.0)"),
        (lambda x, y, z: x - 0.0, "x"),
        (lambda x, y, z: x - -0.0, "sub(x, -0.0)"),
        (lambda x, y, z: 0.0 - x, "sub(0.0, x)"),
        (lambda x, y, z: x - -y, "add(x, y)"),
        (lambda x, y, z: -x - y, "sub(neg(x), y)"),
        (lambda x, y, z: x - y, "sub(x, y)"),
        (lambda x, y, z: x - -2.0, "add(x, 2.0)"),
        (lambda x, y, z: x - -0.5, "add(x, 0.5)"),
        (lambda x, y, z: x - 0.5, "sub(x, 0.5)"),
        (lambda x, y, z: x - 2.0, "sub(x, 2.0)"),
        (lambda x, y, z: x - 1.0, "sub(x, 1.0)"),
        (lambda x, y, z: x * 1.0, "x"),
        (lambda x, y, z: 1.0 * x, "x"),
        (lambda x, y, z: x * -1.0, "neg(x)"),
        (lambda x, y, z: -1.0 * x, "neg(x)"),
        (lambda x, y, z: x * 2.0, "mul(x, 2.0)"),
        (lambda x, y, z: -2.0 * x, "mul(-2.0, x)"),
        (lambda x, y, z: x * 0.0, "mul(x, 0.0)"),
        (lambda x, y, z: x * -0.0, "mul(x, -0.0)"),
        (lambda x, y, z: x * y, "mul(x, y)"),
        (lambda x, y, z: x / 1.0, "x"),
        (lambda x, y, z: x / -1.0, "neg(x)"),
        (lambda x, y, z: 1.0 / x, "div(1.0, x)"),
        (lambda x, y, z: x / 2.0, "div(x, 2.0)"),
        (lambda x, y, z: x / -2.0, "div(x, -2.0)"),
        (lambda x, y, z: x / 0.0, "div(x, 0.0)"),
        (lambda x, y, z: x / -0.0, "div(x, -0.0)"),
        (lambda x, y, z: -operation("neg", x), "x"),
        (lambda x, y, z: -(x.exp()), "neg(exp(x))"),
        (lambda x, y, z: x**1.0, "x"),
        (lambda x, y, z: x**2.0, "pow(x, 2.0)"),
        (lambda x, y, z: x**0.0, "pow(x, 0.0)"),
        (lambda x, y, z: 1.0**x, "pow(1.0, x)"),
        (lambda x, y, z: x**y, "pow(x, y)"),
        (lambda x, y, z: operation("identity", x), "x"),
        (lambda x, y, z: operation("stop", x), "x"),
        (lambda x, y, z: operation("where", 1.0, x, y), "x"),
        (lambda x, y, z: operation("where", 0.0, x, y), "y"),
        (lambda x, y, z: operation("where", x, y, y), "y"),
        (lambda x, y, z: operation("where", x, y, z), "where(x, y, z)"),
        (lambda x, y, z: operation("where", x, z, y), "where(x, z, y)"),
        (lambda x, y, z: operation("maximum", x, x), "x"),
        (lambda x, y, z: operation("minimum", y), "y"),
        (lambda x, y, z: operation("maximum", x, y, x), "maximum(x, y, x)"),
        (lambda x, y, z: operation("minimum", x, y, z), "minimum(x, y, z)"),
        (constants("mul", 2.0, 3.0), "6.0"),
        (constants("exp", 0.0), "1.0"),
        (constants("sub", 2.0, -0.0), "2.0"),
        (lambda x, y, z: (x + -0.0) * operation("exp", x * 0.0 * 0.0), "mul(x, exp(mul(mul(x, 0.0), 0.0)))"),
    ],
)  # fmt: skip
def test_what_a_program_becomes(f, expected):
    program = simplify(made(f))
    assert written(program, program.outputs[0]) == expected
    operations = [i for i, xs in enumerate(program.operands) if xs]
    used = {x for i in operations for x in program.operands[i]}
    assert set(operations) <= {*used, program.outputs[0]}  # and nothing is left over


@pytest.mark.parametrize(
    ("f", "steps"),
    [
        (lambda x, y, z: (x + y) * (x + y), ["add", "mul"]),
        (lambda x, y, z: [x * y, y * x, x + y, y + x], ["mul", "add"]),
        (lambda x, y, z: [x - y, y - x], ["sub", "sub"]),
        (lambda x, y, z: [y * x, z * x, x * z], ["mul", "mul"]),
        (lambda x, y, z: [x * x, y * y, x * y], ["mul", "mul", "mul"]),
        (lambda x, y, z: [x.exp(), y.exp(), x.exp()], ["exp", "exp"]),
        (lambda x, y, z: [x.exp() + -(y.tanh()), x.exp() - y.tanh()], ["exp", "tanh", "sub"]),
    ],
)
def test_nothing_is_computed_twice(f, steps):
    before = made(f)
    program = simplify(before)
    assert [
        rule.name for rule, xs in zip(program.rules, program.operands, strict=True) if xs
    ] == steps
    numbers = [0.7, 1.9, -2.3]
    assert program.run(numbers, []) == before.run(numbers, [])


def test_a_constant_that_comes_first_is_needed():
    program = Program()
    two = program.constant(2.0)
    program.outputs = [program.step(TABLE["exp"], (two,))]
    program = simplify(program)
    assert program.run([], []) == [TABLE["exp"].forward(2.0)]


def test_inputs_and_parameters_stay_in_their_places():
    program = Program()
    places = [
        program.input("x"),
        program.parameter("p"),
        program.input("y"),
        program.parameter("q"),
    ]
    x, p, y, q = (Symbol(program, i) for i in places)
    program.outputs = [(y * q + p).i, x.i]
    new = simplify(program)
    assert [new.names[i] for i in new.inputs] == ["x", "y"]
    assert [new.names[i] for i in new.parameters] == ["p", "q"]
    assert new.run([1.0, 2.0], [3.0, 4.0]) == [11.0, 1.0]


def test_a_symbol_has_the_operations_of_a_value_as_methods():
    assert {name for name in TABLE if hasattr(Symbol, name)} == {
        name for name, rule in TABLE.items() if not rule.internal
    }
    program = made(lambda x, y, z: x.tanh() + mg.where(x, y, 2.0 - z).sinh())
    assert written(program, program.outputs[0]) == "add(tanh(x), sinh(where(x, y, sub(2.0, z))))"


def test_what_is_packed_into_a_sequence_need_not_be_taken_out_of_it():
    program = Program()
    x, y = (program.input(name) for name in "xy")
    both = program.step(PACK, (x, y))
    program.outputs = [program.step(Element(k, 2), (both,)) for k in (1, 0)]
    program = simplify(program)
    assert [program.names[i] for i in program.outputs] == ["y", "x"]
    assert len(program) == 2
