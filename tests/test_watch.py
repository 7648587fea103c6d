"""Who looks on: observers see the nodes of their own thread, in order, until they leave."""

from __future__ import annotations

import threading

import pytest

import micrograd as mg
from micrograd import Value
from micrograd.core.chain import adjoints
from micrograd.core.observe import Observer
from micrograd.core.watch import WATCH

pytestmark = pytest.mark.core


class Notes(Observer):
    """Writes down what it is told."""

    def __init__(self):
        self.seen = []

    def made(self, node):
        self.seen.append(("made", node._op))

    def read(self, node, what):
        self.seen.append(("read", what))

    def stepped(self, node):
        self.seen.append(("stepped", node._op))


@pytest.fixture(autouse=True)
def nobody_is_left_behind():
    assert WATCH.active == 0
    yield
    assert WATCH.active == 0
    assert WATCH.observers() == ()


def test_every_kind_of_node_is_seen():
    x, y = Value(0.5), Value(2.0)
    with Notes() as notes:
        z = (x + y) * x - 1.0
        z = z / y + 1.0 / x + y**2 + 2**x
        z = -z + x.relu() + x.exp() + mg.tanh(x) + mg.maximum(x, y) + mg.sum([x, y])
        mg.nn.Neuron(2)([x, y])
    made = [op for kind, op in notes.seen if kind == "made"]
    for op in ("+", "*", "-", "/", "**2", "**", "ReLU", "exp", "tanh", "sum"):
        assert op in made, op
    assert made.count("ReLU") == 2
    made.clear()
    x * y
    assert not made


def test_the_backward_pass_is_seen_node_by_node():
    x = Value(2.0)
    y = (x * x + 1).tanh()
    with Notes() as notes:
        y.backward()
    assert notes.seen == [("stepped", "tanh"), ("stepped", "+"), ("stepped", "*")]
    assert x.grad == pytest.approx(4 * (1 - mg.tanh(5.0) ** 2))


def test_leaves_that_are_made_are_seen_and_steps_by_hand_are_not():
    class Births(Notes):
        def born(self, node):
            self.seen.append(("born", node.label))

    with Births() as notes:
        x = Value(2.0, label="x")
        (x * x)._backward()
    assert notes.seen == [("born", "x"), ("made", "*")]


def test_births_are_noted_where_nobody_observes():
    outer = WATCH.note_births()
    x = Value(1.0)
    assert WATCH.births(outer) == {x}
    assert WATCH.noting == 0


def test_whoever_asks_is_told_of_the_root_of_each_pass():
    x = Value(2.0)
    y = x * x
    roots = []
    tell = roots.append
    WATCH.told.append(tell)
    try:
        y.backward()
        y.backward(create_graph=True)
    finally:
        WATCH.told.remove(tell)
    y.backward()
    assert roots == [y, y]


def test_a_pass_of_values_tells_whose_step_it_makes():
    class Steps(Notes):
        def stepping(self, node):
            self.seen.append(("stepping", node and node._op))

    x = Value(2.0)
    y = (x * x).exp()
    with Steps() as notes:
        y.backward(create_graph=True)
    steps = [what for kind, what in notes.seen if kind == "stepping"]
    assert steps == ["exp", "*", None]
    with Steps() as notes:
        adjoints(y, Value(1.0), [y._prev[0]])  # as far as that, and no further
    assert [what for kind, what in notes.seen if kind == "stepping"] == ["exp", None]


def test_what_a_choice_passes_on_is_no_operation():
    x = Value(2.0)
    y = x.relu() * 3
    with Notes() as notes:
        y.backward(create_graph=True)
    assert notes.seen == [("made", "*")]  # 3 * 1, and no question which side of the kink this is


def test_bare_numbers_that_leave_the_graph_are_seen():
    x = Value(2.0)
    with Notes() as notes:
        x.data
        bool(x)
        f"{x:.3f}"
    assert notes.seen == [("read", ".data"), ("read", "bool()"), ("read", "format()")]


def test_observers_nest_and_leave_in_any_order():
    outer, inner = Notes(), Notes()
    x = Value(1.0)
    outer.__enter__()
    x + 1
    inner.__enter__()
    x * 2
    outer.__exit__()
    x - 3
    inner.__exit__()
    assert [op for _, op in outer.seen] == ["+", "*"]
    assert [op for _, op in inner.seen] == ["*", "-"]


def test_an_error_in_the_block_ends_the_looking():
    with pytest.raises(ZeroDivisionError), Notes():
        1 / 0
    assert WATCH.active == 0


def test_an_error_of_an_observer_reaches_the_user():
    class Strict(Observer):
        def made(self, node):
            raise ValueError("not here")

    x = Value(1.0)
    with Strict(), pytest.raises(ValueError, match="not here"):
        x * x
    assert (x * x).data == 1.0


def test_wherever_an_error_comes_gradients_that_are_values_stay_as_they_were():
    class Strict(Observer):
        def __init__(self, n):
            self.left = n

        def made(self, node):
            self.left -= 1
            if self.left < 0:
                raise ValueError("not here")

    a, b = Value(2.0), Value(3.0)
    h = a * b
    y = h * a
    y.backward(create_graph=True)
    kept = [v.grad for v in (a, b, h, y)]
    raised = 0
    while True:
        try:
            with Strict(raised):
                y.backward(2.0, create_graph=True)
            break
        except ValueError:
            raised += 1
            assert all(v.grad is g for v, g in zip((a, b, h, y), kept, strict=True))
    assert raised > 4
    assert (a.grad.data, b.grad.data, h.grad.data, y.grad.data) == (36.0, 12.0, 4.0, 2.0)


def test_hidden_observers_see_nothing_until_shown():
    x = Value(1.0)
    with Notes() as notes:
        hidden = WATCH.hide()
        x * x
        WATCH.show(hidden)
        x + x
    assert notes.seen == [("made", "+")]


def test_as_a_decorator():
    notes = Notes()

    @notes
    def square(x):
        return x * x

    assert square(Value(3.0)).data == 9.0
    assert notes.seen == [("made", "*")]


def test_an_observer_sees_its_own_thread_alone():
    x = Value(1.0)
    notes, inside, done = {}, threading.Barrier(2), threading.Barrier(2)

    def work(name, op):
        with Notes() as mine:
            inside.wait()
            op(x, x)
            done.wait()
        notes[name] = mine.seen

    threads = [
        threading.Thread(target=work, args=("first", lambda a, b: a * b)),
        threading.Thread(target=work, args=("second", lambda a, b: a + b)),
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert notes == {"first": [("made", "*")], "second": [("made", "+")]}


def test_no_grad_makes_leaves():
    x = Value(3.0)
    with mg.no_grad():
        y = x * x
    assert y._prev == ()
    assert y._op == ""
    with pytest.raises(ValueError, match=r"no_grad\(\), which recorded no graph"):
        y.backward()
    assert x.grad == 0.0
    assert (x * x)._prev == (x, x)
