"""The lab of wrong orders, and how one gradient is split."""

from __future__ import annotations

import pytest

import micrograd as mg
from micrograd import Value, nn
from micrograd.doctor import compare_backward, shares

pytestmark = pytest.mark.once


def fork():
    """y = b*b + b with b = 2a: one node that is used three times, over one that is used once."""
    a = Value(3.0, label="a")
    b = a * 2.0
    b.label = "b"
    y = b * b + b
    y.label = "y"
    return a, b, y


def uneven():
    """A node that a short way reaches before the long one has brought its share."""
    a = Value(2.0, label="a")
    h = a.sin()
    h.label = "h"
    u = h.exp()
    v = u * u
    y = h * 3.0 + v
    return a, h, y


def test_which_orders_go_wrong_where():
    a, b, y = fork()
    found = compare_backward(y)
    assert {name for name, o in found.outcomes.items() if o.right} == {
        "breadth first",
        "reverse of making",
    }
    assert found.first_wrong is b
    assert found.first_wrong_of("= for +=") is b
    assert found.first_wrong_of("recursion") is a  # b has all its shares, but passed some on twice
    assert found.first_wrong_of("reverse of making") is None


def test_breadth_first_passes_on_what_is_not_complete():
    a, h, y = uneven()
    found = compare_backward(y)
    assert found.first_wrong_of("breadth first") is not None
    assert not found.outcomes["breadth first"].right
    assert found.first_wrong_of("breadth first") is a or found.first_wrong_of("breadth first") is h


def test_the_right_column_is_what_backward_gives_and_nothing_changes():
    a, b, y = fork()
    found = compare_backward(y)
    assert [v.grad for v in (a, b, y)] == [0.0, 0.0, 0.0]
    y.backward()
    given = dict(zip(map(id, found.nodes), found.right))
    assert [given[id(v)] for v in (a, b, y)] == [a.grad, b.grad, y.grad]


def test_each_order_gives_what_its_few_lines_give():
    """The orders written as students write them, on a Value class of their own."""

    class V:
        def __init__(self, data, prev=(), local=()):
            self.data, self.grad, self.prev, self.local = data, 0.0, prev, local

        def step(self, assign=False):
            for p, d in zip(self.prev, self.local):
                p.grad = d * self.grad if assign else p.grad + d * self.grad

        def recurse(self):
            self.step()
            for p in dict.fromkeys(self.prev):
                p.recurse()

    a = V(3.0)
    b = V(6.0, (a,), (2.0,))
    c = V(36.0, (b, b), (6.0, 6.0))
    y = V(42.0, (c, b), (1.0, 1.0))
    y.grad = 1.0
    y.recurse()
    _, _, root = fork()
    found = compare_backward(root)
    mine = {v.label: g for v, g in zip(found.nodes, found.outcomes["recursion"].gradients)}
    assert (mine["a"], mine["b"]) == (a.grad, b.grad)
    a.grad = b.grad = c.grad = 0.0
    for v in (y, c, b):
        v.step(assign=True)
    mine = {v.label: g for v, g in zip(found.nodes, found.outcomes["= for +="].gradients)}
    assert (mine["a"], mine["b"]) == (a.grad, b.grad)


def test_a_chain_is_right_in_every_order_but_two():
    found = compare_backward((Value(0.5) * 2.0).tanh())
    assert {name for name, o in found.outcomes.items() if not o.right} == {
        "no reset",
        "not reversed",
    }


def test_recursion_on_many_forks_is_cut_short():
    y = Value(1.0)
    for _ in range(40):
        y = y + y
    found = compare_backward(y * 1e-12)
    assert not found.outcomes["not reversed"].right
    assert found.outcomes["= for +="].finished


def test_pictures_mark_the_first_wrong_node(tmp_path):
    _, _, y = fork()
    found = compare_backward(y)
    picture = found.svg()
    assert picture.startswith("<svg")
    assert picture.count("mg-now") > found.svg("reverse of making").count("mg-now")
    pairs = list(found.frames("= for +="))
    assert len(pairs) > 2 and all(a.startswith("<svg") and b.startswith("<svg") for a, b in pairs)
    page = found.save(tmp_path / "orders.html").read_text(encoding="utf-8")
    assert "= for +=" in page and "step by step" in page
    assert found.save(tmp_path / "orders.svg").read_text(encoding="utf-8") == picture
    with pytest.raises(ValueError, match="the orders are"):
        found.svg("upside down")


def test_the_table_names_every_order():
    text = str(compare_backward(fork()[2]))
    for name in (
        "recursion",
        "breadth first",
        "= for +=",
        "no reset",
        "reverse of making",
        "not reversed",
    ):
        assert name in text
    assert "13.0" in text and "6.0*" in text


def test_a_whole_network_has_a_first_wrong_node():
    net = nn.MLP(2, [3, 1], activation="tanh")
    found = compare_backward((net([0.5, -1.0]) - 1.0) ** 2)
    assert found.outcomes["reverse of making"].right
    assert mg.compare_backward is compare_backward


# Shares --------------------------------------------------------------------------------------


def test_add_distributes_max_routes_multiply_swaps():
    x, y, z, w = (Value(v, label=n) for v, n in ((3.0, "x"), (-4.0, "y"), (2.0, "z"), (-1.0, "w")))
    product, top = x * y, mg.maximum(z, w)
    total = product + top
    out = total * 2
    out.backward()
    assert [p.gradient for p in shares(total).parts] == [2.0, 2.0]
    assert [p.gradient for p in shares(product).parts] == [-8.0, 6.0]
    assert [(p.gradient, p.local) for p in shares(top).parts] == [(2.0, 1.0), (0.0, None)]
    assert "distributes" in str(shares(total)) and "swaps" in str(shares(product))
    assert "w gets nothing" in str(shares(top)) and "routes" in str(shares(top))


def test_shares_of_a_leaf_and_before_backward():
    x = Value(3.0, label="x")
    assert "is a leaf" in str(shares(x))
    assert "1 is taken" in str(shares(x * x))
    with pytest.raises(TypeError, match="takes a Value"):
        shares(3.0)
