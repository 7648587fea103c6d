"""Copies and pickles: whole graphs, what is shared stays shared, no recursion."""

from __future__ import annotations

import copy
import pickle

import pytest

import micrograd as mg
from micrograd import Value
from micrograd.core.sort import toposort

pytestmark = pytest.mark.core


def model():
    x, y = Value(2.0, label="x"), Value(-3.0)
    h = x * y + 1
    z = mg.maximum(h, x, 0.5) ** 2 + (2 - h).relu() + mg.where(True, h, y) + mg.clip(x, -1, y * y)
    return x, y, h, z


def describe(root):
    leaves, inner = toposort(root)
    return [(v._op, v.data, v.grad, v.label) for v in leaves + inner]


COPIERS = [copy.deepcopy, *[lambda v, p=p: pickle.loads(pickle.dumps(v, p)) for p in range(2, 6)]]


@pytest.mark.parametrize("clone", COPIERS)
def test_a_copy_is_the_same_graph_apart(clone):
    *_, z = model()
    z.backward()
    z2 = clone(z)
    assert describe(z2) == describe(z)
    assert not set(toposort(z)[0] + toposort(z)[1]) & set(toposort(z2)[0] + toposort(z2)[1])
    z2.backward()
    z.backward()
    assert describe(z2) == describe(z)


@pytest.mark.parametrize("clone", COPIERS)
def test_what_is_shared_stays_shared(clone):
    x, _, h, z = model()
    x2, h2, z2, twice = clone([x, h, z, h + h])
    z2.backward()
    z.backward()
    assert (x2.grad, h2.grad) == (x.grad, h.grad)
    assert twice._prev == (h2, h2)
    assert h2._prev[0]._prev[0] is x2
    assert x2.label == "x"


@pytest.mark.parametrize("clone", COPIERS)
def test_attributes_come_along(clone):
    x = Value(1.0)
    x.m, x.friend = [1, 2], Value(5.0)
    x2 = clone(x)
    assert (x2.m, x2.friend.data) == ([1, 2], 5.0)
    assert x2.m is not x.m


@pytest.mark.parametrize("clone", COPIERS)
def test_a_gradient_that_is_a_value_leads_back_to_its_leaf(clone):
    x = Value(3.0)
    (x * x).backward(create_graph=True)
    x2 = clone(x)
    assert x2.grad.data == 6.0
    assert x2 in toposort(x2.grad)[0]


def test_a_shallow_copy_shares_the_operands():
    x = Value(2.0)
    y = x * x
    y.tag = "t"
    z = copy.copy(y)
    assert z is not y
    assert (z._prev, z.data, z.tag) == ((x, x), 4.0, "t")
    leaf = copy.copy(x)
    assert leaf is not x
    assert leaf.data == 2.0


def test_a_step_made_by_hand_cannot_be_copied_and_says_so():
    x = Value(2.0)
    y = Value(4.0, (x,), "square")
    y._backward = lambda: None
    for clone in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"'square'.*micrograd\.custom"):
            clone(y)
    with pytest.raises(TypeError, match="square"):
        copy.deepcopy(y * 1)
    named = Value(4.0, (x,), "square")
    assert pickle.loads(pickle.dumps(named))._op == "square"


def test_a_failed_pickle_does_no_harm_to_the_next():
    x = Value(2.0)
    y = ((x * x) * x) * x
    y._prev[0].bad = lambda: None
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        pickle.dumps(y)
    del y._prev[0].bad
    assert pickle.loads(pickle.dumps(y)).data == 16.0


# Compiled functions ---------------------------------------------------------------------------

shared = Value(2.0)


@mg.jit
def doubled(x):
    return shared * x


def tripled(x):
    return 1.5 * shared * x


class Model(mg.nn.Module):
    """One that compiles a method of its own, and a function that is nobody's."""

    def __init__(self):
        self.w = Value(3.0)
        self.fast = mg.jit(self.loss, parameters=[self.w])
        self.other = mg.jit(lambda x: shared * x, parameters=[shared])

    def loss(self, x):
        return self.w * x


@pytest.mark.parametrize("backend", ["auto", "python", "numpy"])
@pytest.mark.parametrize("called", [False, True])
def test_a_compiled_function_is_copied_and_pickled_as_a_function_is(backend, called):
    fast = mg.jit(tripled, backend=backend)
    if called:
        assert fast(2.0) == 6.0
    for clone in (copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))):
        assert clone(fast)(2.0) == 6.0
        assert clone(fast).value_and_grad([2.0])[0] == 6.0
        assert clone(fast).backend == backend
        assert clone(doubled) is doubled
    slope = mg.grad(fast)
    assert copy.deepcopy(slope)(2.0) == copy.copy(slope)(2.0) == slope(2.0) == 3.0


@pytest.mark.parametrize("clone", [copy.deepcopy, "pickle"])
def test_a_compiled_method_belongs_to_the_copy(clone):
    model = Model()
    assert model.fast(2.0) == 6.0
    if clone == "pickle":
        del model.other  # a lambda has no name to be pickled by
        twin = pickle.loads(pickle.dumps(model))
    else:
        twin = clone(model)
        assert twin.other(2.0) == 4.0
    twin.w.data = 5.0
    assert (model.fast(2.0), twin.fast(2.0)) == (6.0, 10.0)
    assert twin.fast.parameters == [twin.w]
    twin.fast.backward([2.0])
    assert (model.w.grad, twin.w.grad) == (0.0, 2.0)


def test_a_function_with_parameters_of_its_own_module_says_why_it_is_not_pickled():
    fast = mg.jit(tripled, parameters=[shared])
    with pytest.raises(TypeError, match=r"tripled is pickled by its name .* save\(path\)"):
        pickle.dumps(fast)
    assert copy.copy(fast)(2.0) == copy.deepcopy(fast)(2.0) == 6.0


class Decorated(mg.nn.Module):
    """One whose methods are compiled where they are defined."""

    def __init__(self, w):
        self.w = Value(w)

    @mg.jit
    def scaled(self, x):
        return self.w * x

    @mg.jit
    def __call__(self, x):
        return self.scaled(x) + 1.0

    @staticmethod
    @mg.jit
    def halved(x):
        return x / 2.0


class WithoutDict:
    __slots__ = ("w",)

    @mg.jit
    def scaled(self, x):
        return self.w * x


def test_a_decorated_method_is_compiled_for_each_instance():
    two, three = Decorated(2.0), Decorated(3.0)
    assert (two.scaled(5.0), three.scaled(5.0)) == (10.0, 15.0)
    assert two.scaled is two.scaled
    assert (two(5.0), three(5.0)) == (11.0, 16.0)
    assert two.scaled.parameters == two.parameters() == [two.w]
    value, slope = three.scaled.value_and_grad([1.0, 3.0])
    assert (value, list(slope)) == (6.0, [2.0])
    assert mg.grad(two.scaled)(7.0) == 2.0
    assert Decorated.halved(3.0) == two.halved(3.0) == 1.5
    assert repr(Decorated.scaled) == "<jit of scaled>"
    bare = WithoutDict()
    bare.w = 4.0
    assert bare.scaled(2.0) == 8.0


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("called", [False, True])
def test_a_copied_instance_has_decorated_methods_of_its_own(clone, called):
    model = Decorated(2.0)
    if called:
        assert (model.scaled(5.0), model(5.0)) == (10.0, 11.0)
    twin = clone(model)
    twin.w.data = 4.0
    assert (model.scaled(5.0), twin.scaled(5.0), twin(5.0)) == (10.0, 20.0, 21.0)
    assert twin.parameters() == [twin.w] == twin.scaled.parameters
    alone = clone(twin.scaled)
    assert alone(5.0) == 20.0
    assert alone.parameters[0] is not twin.w


class Shifted(Decorated):
    """Its own method calls that of the base, which is compiled too."""

    @mg.jit
    def scaled(self, x):
        return super().scaled(x) + 10.0


class Plainly(Decorated):
    def scaled(self, x):
        return super().scaled(x) + 1.0


@pytest.mark.parametrize(("cls", "more"), [(Shifted, 10.0), (Plainly, 1.0)])
def test_a_subclass_has_its_own_decorated_method(cls, more):
    model = cls(2.0)
    for one in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert [one.scaled(5.0) for _ in range(3)] == [10.0 + more] * 3
    twin = pickle.loads(pickle.dumps(model))
    twin.w.data = 3.0
    assert (twin.scaled(5.0), model.scaled(5.0)) == (15.0 + more, 10.0 + more)
    assert Decorated(2.0).scaled(5.0) == 10.0
