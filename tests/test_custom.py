"""Operations of a user's own: in every mode, order and form; and closures made by hand."""

from __future__ import annotations

import copy
import math
import pickle

import pytest

import micrograd as mg
from micrograd import Value, check_grad, custom
from micrograd.autodiff.check import WrongGradient

square = custom(lambda x: x * x, lambda x, y: 2 * x, name="square")
softsign = custom(
    lambda x: x / (1 + abs(x)),
    lambda x, y: 1 / (1 + abs(x)) ** 2,
    name="softsign",
)


@custom(partials=[lambda a, b, y: b * mg.cos(a * b), lambda a, b, y: a * mg.cos(a * b)])
def sine_of_product(a, b):
    """sin(a b)."""
    return math.sin(a * b)


def test_numbers_give_numbers_and_values_give_values():
    assert square(3.0) == 9.0
    assert type(square(3)) is float
    assert square(Value(3.0)).data == 9.0
    assert sine_of_product(0.5, Value(2.0)).data == math.sin(1.0)


def test_reverse():
    x = Value(3.0)
    y = square(x) * 2 + x
    y.backward()
    assert x.grad == 13.0
    assert y._prev[0]._prev[0]._op == "square"


def test_every_mode_and_order():
    assert mg.grad(square)(3.0) == 6.0
    assert mg.jvp(square, 3.0, 10.0) == (9.0, 60.0)
    assert mg.vjp(square, 3.0)[1](10.0) == (60.0,)
    assert mg.hessian(square)(3.0) == 2.0
    assert mg.derivative(lambda x: square(square(x)), 4)(2.0) == 24.0
    assert mg.hvp(square, 3.0, 5.0) == 10.0
    assert mg.jacobian(lambda x: [square(x), x])(3.0) == (6.0, 1.0)


def test_create_graph():
    x = Value(3.0)
    square(square(x)).backward(create_graph=True)
    g, x.grad = x.grad, 0
    g.backward()
    assert (g.data, x.grad) == (108.0, 108.0)


def test_two_operands_with_numbers_on_either_side():
    a, b = 0.7, 1.3
    exact = mg.hessian(lambda u, v: mg.sin(u * v), (0, 1))(a, b)
    found = mg.hessian(sine_of_product, (0, 1))(a, b)
    for row, right in zip(found, exact, strict=True):
        assert row == pytest.approx(right, rel=1e-14)
    assert mg.grad(lambda u: sine_of_product(u, b))(a) == pytest.approx(b * math.cos(a * b))
    assert mg.grad(lambda v: sine_of_product(a, v))(b) == pytest.approx(a * math.cos(a * b))


def test_check_grad_judges_it():
    assert check_grad(softsign, 0.7, order=2)
    assert check_grad(sine_of_product, 0.7, 1.3, order=2)
    wrong = custom(lambda x: x * x, lambda x, y: 2 * x * (1 + 1e-6), name="wrong_square")
    with pytest.raises(WrongGradient, match="wrong_square"):
        check_grad(wrong, 3.0)
    wrong_again = custom(
        lambda x: x * x, lambda x, y: wrong_slope(x), name="square_with_wrong_second"
    )
    assert check_grad(wrong_again, 3.0)
    with pytest.raises(WrongGradient, match="second derivative"):
        check_grad(wrong_again, 3.0, order=2)


wrong_slope = custom(lambda x: 2 * x, lambda x, y: 2.001, name="wrong_slope")


def test_copies_and_pickles_keep_their_rule():
    x = Value(3.0)
    for again in (copy.deepcopy(square(x)), pickle.loads(pickle.dumps(square(x)))):
        assert again._op == "square"
        again.backward(create_graph=True)
        leaf = again._prev[0]
        g, leaf.grad = leaf.grad, 0
        g.backward()
        assert (g.data, leaf.grad) == (6.0, 2.0)
        leaf.data = 5.0
        assert again.forward() == 25.0


def test_a_pickle_never_takes_one_operation_for_another():
    first = custom(lambda x: x * x, lambda x, y: 2 * x, name="twice_defined")
    y = first(Value(3.0))
    custom(lambda x: x**3, lambda x, y: 3 * x * x, name="twice_defined")
    with pytest.raises(TypeError, match="another one of that name"):
        pickle.dumps(y)
    y.backward()
    assert y._prev[0].grad == 6.0


def test_a_pickle_without_its_operation_has_first_derivatives_and_no_more():
    from micrograd.core.rule import CUSTOM

    ours = custom(lambda x: x * x, lambda x, y: 2 * x, name="left_behind")
    pickled = pickle.dumps(ours(Value(3.0)))
    del CUSTOM["left_behind"]
    y = pickle.loads(pickled)
    y.backward()
    assert y._prev[0].grad == 6.0
    with pytest.raises(TypeError, match=r"left_behind.*micrograd\.custom"):
        y.backward(create_graph=True)
    with pytest.raises(TypeError, match="left_behind"):
        y.forward()


def test_a_name_of_the_table_is_no_trouble():
    mine = custom(math.sin, lambda x, y: mg.cos(x))
    sum_of_two = custom(lambda a, b: a * b, [lambda a, b, y: b, lambda a, b, y: a], name="add")
    assert mg.derivative(mine, 2)(0.5) == pytest.approx(-math.sin(0.5))
    assert mg.hessian(sum_of_two, (0, 1))(2.0, 3.0) == ((0.0, 1.0), (1.0, 0.0))
    y = pickle.loads(pickle.dumps(sum_of_two(Value(2.0), Value(3.0))))
    assert (y._op, y.forward()) == ("add", 6.0)
    assert mg.add(2.0, 3.0) == 5.0


def test_it_is_drawn():
    assert "softsign" in mg.draw(softsign(Value(0.5))).svg


def test_whatever_number_comes_back_becomes_a_float():
    three = custom(lambda x: 3, lambda x, y: 0, name="three")
    assert type(three(Value(1.0)).data) is float
    assert mg.grad(three)(1.0) == 0.0
    assert mg.hessian(three)(1.0) == 0.0


def test_edges_follow_ieee():
    inverse = custom(lambda x: 1.0, lambda x, y: math.cos(x) / x, name="over_zero")
    assert mg.grad(inverse)(0.0) == math.inf


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: custom(3, lambda x, y: x), TypeError, "f is a function of floats, not 3"),
        (lambda: custom(lambda x: x), TypeError, "partials is a function"),
        (lambda: custom(lambda x: x, 3), TypeError, "partials is a function"),
        (lambda: custom(lambda x: x, [3]), TypeError, "partials is a function"),
        (
            lambda: custom(lambda x: x, lambda x: 1.0, name="short"),
            TypeError,
            r"partial 0 of short is called with 1 operands and the result; its arguments are \(x\)",
        ),
        (
            lambda: custom(lambda a, b: a, lambda a, b, y: b, name="few"),
            TypeError,
            r"few has 1 partials, so f is called with 1 numbers; its arguments are \(a, b\)",
        ),
        (lambda: square(Value(1.0), 2.0), TypeError, "takes 1 positional"),
        (lambda: square("a"), TypeError, "square: a real number is needed, not str"),
        (
            lambda: custom(lambda x: None, lambda x, y: 1, name="empty")(Value(1.0)),
            TypeError,
            "empty: a real number is needed, not NoneType None: a function without return",
        ),
        (
            lambda: custom(lambda x: x, lambda x, y: None, name="empty")(Value(1.0)),
            TypeError,
            "partial 0 of empty: a real number is needed",
        ),
        (
            lambda: mg.hessian(custom(lambda x: x, lambda x, y: math.cos(x), name="bare"))(1.0),
            TypeError,
            "micrograd.exp",
        ),
    ],
)
def test_mistakes_are_told_in_sentences(make, error, words):
    with pytest.raises(error, match=words):
        make()


# The closures of a course, assigned to `_backward` ----------------------------------------------


def by_hand(x):
    t = math.tanh(x.data)
    out = Value(t, (x,), "tanh")

    def _backward():
        x.grad += (1 - t * t) * out.grad

    out._backward = _backward
    return out


def test_an_assigned_closure_works_in_first_order_reverse_mode():
    x = Value(0.5)
    slope = 1 - math.tanh(0.5) ** 2
    (by_hand(x) * 3).backward()
    assert x.grad == 3 * slope
    assert mg.grad(by_hand)(0.5) == slope
    assert mg.vjp(by_hand, 0.5)[1](2.0) == (2 * slope,)
    assert mg.jacobian(lambda v: [by_hand(v)])(0.5) == (slope,)


@pytest.mark.parametrize(
    "use",
    [
        lambda: mg.jvp(by_hand, 0.5, 1.0),
        lambda: mg.hessian(by_hand)(0.5),
        lambda: mg.hvp(by_hand, 0.5, 1.0),
        lambda: mg.grad(mg.grad(by_hand))(0.5),
        lambda: by_hand(Value(0.5)).backward(create_graph=True),
        lambda: mg.jvp(mg.grad(by_hand), 0.5, 1.0),
    ],
)
def test_elsewhere_it_says_why_not(use):
    with pytest.raises(
        TypeError, match=r"'tanh' was made by hand.*reverse mode.*micrograd\.custom"
    ):
        use()


def test_a_node_without_a_step_says_so():
    def bare(x):
        return Value(x.data, (x,), "mystery")

    assert mg.grad(bare)(2.0) == 0.0  # as in a backward() that was never told
    with pytest.raises(TypeError, match=r"'mystery' was made by hand, and has no _backward"):
        mg.jvp(bare, 2.0, 1.0)
    with pytest.raises(TypeError, match="'mystery'"):
        mg.grad(mg.grad(bare))(2.0)


def test_as_a_constant_it_is_in_nobodys_way():
    h = by_hand(Value(0.5))
    assert mg.jvp(lambda v: v * h, 2.0, 1.0)[1] == h.data
    assert mg.hessian(lambda v: v * v * h)(2.0) == 2 * h.data
    assert mg.grad(mg.grad(lambda v: v * v * h))(2.0) == 2 * h.data


def test_where_no_gradient_comes_nobody_asks_for_a_second_derivative():
    x = Value(0.5)
    mg.where(False, by_hand(x), x * x).backward(create_graph=True)
    assert x.grad.data == 1.0


def test_a_step_that_knows_why_not_says_so():
    from micrograd.core.node import by_hand as made_by_hand

    class Step:
        sentence = "a draw has no slope"

        def __call__(self, node):
            pass

    x = Value(0.5)
    with pytest.raises(ValueError, match="a draw has no slope"):
        made_by_hand(x._blank(), (x,), 1.0, "draw", Step()).backward(create_graph=True)


def test_transforms_give_back_the_gradients_they_borrowed():
    x = Value(0.5)
    y = by_hand(x)
    y.backward()
    before = x.grad, y.grad
    mg.grad(lambda v: v * y)(2.0)
    from micrograd.autodiff.transforms import gradient_and_hessian

    assert gradient_and_hessian(x * x, [x]) == ([1.0], [[2.0]])
    assert (x.grad, y.grad) == before


def test_a_closure_finds_numbers_after_a_pass_of_values():
    x = Value(3.0)
    (x * x).backward(create_graph=True)
    by_hand(x).backward()
    assert x.grad == 6.0 + (1 - math.tanh(3.0) ** 2)


def test_an_error_in_a_closure_leaves_gradients_that_are_values():
    x = Value(3.0)
    (x * x).backward(create_graph=True)
    kept = x.grad
    out = Value(1.0, (x,), "broken")
    out._backward = lambda: 1 // 0
    with pytest.raises(ZeroDivisionError):
        out.backward()
    assert x.grad is kept
