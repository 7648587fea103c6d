"""check_value_class: passes what is right, and finds each of many faults by its cause.

The faults are seeded into `Student`, a class as one writes it in a course, one in each
subclass. For each the report must contain the words that name the cause, and, where a
single operation is at fault, must not complain of others.
"""

from __future__ import annotations

import math
import struct
import sys

import pytest

import micrograd as mg
from micrograd import check_value_class


class Student:
    """The class of a course, without faults."""

    def __init__(self, data, _children=(), _op=""):
        self.data = data
        self.grad = 0.0
        self._prev = tuple(_children)
        self._op = _op
        self._backward = lambda: None

    def node(self, other):
        return other if isinstance(other, Student) else type(self)(other)

    def __add__(self, other):
        other = self.node(other)
        return self.of_two(other, self.data + other.data, lambda: (1.0, 1.0), "+")

    def __mul__(self, other):
        other = self.node(other)
        return self.of_two(other, self.data * other.data, lambda: (other.data, self.data), "*")

    def of_two(self, other, value, slopes, op):
        """A new node; its slopes by the two are asked for in the backward pass."""
        out = type(self)(value, (self, other), op)

        def _backward():
            by_self, by_other = slopes()
            self.grad += by_self * out.grad
            other.grad += by_other * out.grad

        out._backward = _backward
        return out

    def __pow__(self, n):
        out = type(self)(self.data**n, (self,), "**")

        def _backward():
            self.grad += n * self.data ** (n - 1) * out.grad

        out._backward = _backward
        return out

    def of_one(self, value, slope, op):
        out = type(self)(value, (self,), op)

        def _backward():
            self.grad += slope * out.grad

        out._backward = _backward
        return out

    def relu(self):
        return self.of_one(max(self.data, 0.0), float(self.data > 0), "relu")

    def tanh(self):
        t = math.tanh(self.data)
        return self.of_one(t, 1 - t * t, "tanh")

    def exp(self):
        e = math.exp(self.data)
        return self.of_one(e, e, "exp")

    def sigmoid(self):
        s = 0.5 + 0.5 * math.tanh(0.5 * self.data)
        return self.of_one(s, s * (1 - s), "sigmoid")

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -self.node(other)

    def __truediv__(self, other):
        return self * self.node(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return self.node(other) - self

    def __rtruediv__(self, other):
        return self.node(other) / self

    def order(self, done=None):
        done = set() if done is None else done
        found, stack = [], [(self, False)]
        while stack:
            v, ready = stack.pop()
            if ready:
                found.append(v)
            elif v not in done:
                done.add(v)
                stack.append((v, True))
                stack.extend((p, False) for p in v._prev)
        return found

    def backward(self):
        nodes = self.order()
        for v in nodes:
            if v._prev:
                v.grad = 0.0
        self.grad = 1.0
        for v in reversed(nodes):
            v._backward()


class Micrograd(Student):
    """As in karpathy/micrograd: the sort recurses, and nothing is reset."""

    def order(self):
        topo, visited = [], set()

        def build(v):
            if v not in visited:
                visited.add(v)
                for child in set(v._prev):
                    build(child)
                topo.append(v)

        build(self)
        return topo

    def backward(self):
        nodes = self.order()
        self.grad = 1.0
        for v in reversed(nodes):
            v._backward()


def faults(cls):
    return {fault.name: fault.sentence for fault in check_value_class(cls).faults}


def test_our_own_value_is_right():
    report = check_value_class(mg.Value)
    assert report
    assert not report.faults
    assert repr(report) == f"Value: {len(report.findings)} of {len(report.findings)} checks passed"
    assert len(report.findings) >= 37


def test_a_students_class_without_faults_is_right():
    report = check_value_class(Student)
    assert report, repr(report)


def test_micrograd_is_right_but_for_what_it_leaves_out():
    found = faults(Micrograd)
    assert set(found) == {"backward twice", "two results share a part", "a deep graph"}
    assert "left over from the first pass" in found["backward twice"]
    assert "not set back to 0" in found["two results share a part"]
    assert "RecursionError" in found["a deep graph"]


# One fault each ---------------------------------------------------------------------------------

FAULTS = []


def fault(words, *only, also=()):
    """Note a faulty class: these words are in the report, and only these findings fail."""

    def note(cls):
        FAULTS.append(pytest.param(cls, words, set(only), set(also), id=cls.__name__))
        return cls

    return note


@fault("loses one of the two: keep the parents in a tuple")
class SetOfParents(Student):
    """Local gradients in a dictionary by parent, as a set would have it."""

    def backward(self):
        self.rates = {}
        super().backward()

    def __add__(self, other):
        other = self.node(other)
        out = type(self)(self.data + other.data, {self, other}, "+")
        slopes = {self: 1.0, other: 1.0}
        out._backward = lambda: [p.add(s * out.grad) for p, s in slopes.items()] and None
        return out

    def __mul__(self, other):
        other = self.node(other)
        out = type(self)(self.data * other.data, {self, other}, "*")
        slopes = {self: other.data, other: self.data}
        out._backward = lambda: [p.add(s * out.grad) for p, s in slopes.items()] and None
        return out

    def add(self, g):
        self.grad += g


@fault("`self.grad += ...`, not `=`")
class Assigns(Student):
    def __add__(self, other):
        other = self.node(other)
        out = type(self)(self.data + other.data, (self, other), "+")

        def _backward():
            self.grad = out.grad
            other.grad = out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = self.node(other)
        out = type(self)(self.data * other.data, (self, other), "*")

        def _backward():
            self.grad = other.data * out.grad
            other.grad = self.data * out.grad

        out._backward = _backward
        return out


@fault("`self.grad += ...`, not `=`", "tanh(0.5)")
class AssignsInTanh(Student):
    def tanh(self):
        t = math.tanh(self.data)
        out = type(self)(t, (self,), "tanh")

        def _backward():
            self.grad = (1 - t * t) * out.grad

        out._backward = _backward
        return out


@fault("left over from the first pass", "backward twice", "two results share a part")
class NoReset(Student):
    def backward(self):
        self.grad = 1.0
        for v in reversed(self.order()):
            v._backward()


@fault("Python calls __rsub__ where the left side is a plain number", "number - value")
class NoRsub(Student):
    __rsub__ = None


@fault("number - self, in that order", "number - value")
class TurnedRsub(Student):
    def __rsub__(self, other):
        return self - other


@fault("Python calls __rtruediv__", "number / value")
class NoRtruediv(Student):
    __rtruediv__ = None


@fault("Python calls __radd__", "number + value", "sum of a list")
class NoRadd(Student):
    __radd__ = None


@fault("Python calls __rmul__", "number * value")
class NoRmul(Student):
    __rmul__ = None


@fault("A plain number has to become a node first", "value + number", "number + value",
       "sum of a list", "value - number", "number - value",
       also=["equal numbers", "a deep graph", "number + value", "number - value"])  # fmt: skip
class NoPlainNumbers(Student):
    def __add__(self, other):
        if not isinstance(other, Student):
            return NotImplemented
        return super().__add__(other)

    def __radd__(self, other):
        return NotImplemented

    def __sub__(self, other):
        if not isinstance(other, Student):
            return NotImplemented
        return super().__sub__(other)

    def __rsub__(self, other):
        return NotImplemented


@fault("The sign is wrong. d(a-b) is 1 and -1.", "subtraction", also=["number - value"])
class WrongSign(Student):
    def __sub__(self, other):
        other = self.node(other)
        return self.of_two(other, self.data - other.data, lambda: (1.0, 1.0), "-")


@fault("Keep a list as a stack instead", "a deep graph")
class Recursive(Student):
    order = Micrograd.order


@fault("Keep a list as a stack instead", "a deep graph")
class RecursiveWithAHighLimit(Recursive):
    def __init__(self, *args):
        sys.setrecursionlimit(100_000)
        super().__init__(*args)


@fault("it overflows; use math.tanh", "tanh(400)")
class OverflowingTanh(Student):
    def tanh(self):
        e = math.exp(2 * self.data)
        t = (e - 1) / (e + 1)
        return self.of_one(t, 1 - t * t, "tanh")


@fault("exp(1000) overflows", "sigmoid(-1000)")
class OverflowingSigmoid(Student):
    def sigmoid(self):
        s = 1 / (1 + math.exp(-self.data))
        return self.of_one(s, s * (1 - s), "sigmoid")


@fault("each object needs its own, in self.grad", "data and grad")
class ClassLevelGrad(Student):
    total = 0.0

    @property
    def grad(self):
        return ClassLevelGrad.total

    @grad.setter
    def grad(self, g):
        ClassLevelGrad.total = g


@fault("leave self as it is and make a new node")
class ChangesItself(Student):
    def __add__(self, other):
        other = self.node(other)
        self.data += other.data
        return self


@fault("__iadd__ and the like change a node that others still use", "a += b")
class ChangesInPlace(Student):
    def __iadd__(self, other):
        self.data += self.node(other).data
        return self


@fault("topological order from the end, each once")
class DepthFirst(Student):
    """Each node passes on what it has when it is first met."""

    def backward(self):
        for v in self.order():
            if v._prev:
                v.grad = 0.0
        self.grad = 1.0
        done, stack = set(), [self]
        while stack:
            v = stack.pop()
            if v not in done:
                done.add(v)
                v._backward()
                stack.extend(v._prev)


@fault("Remember the visited ones in a set")
class Exponential(Student):
    """Every path on its own: right, and slow."""

    def backward(self):
        edges = []
        stack = [(self, 1.0)]
        leaves = {}
        while stack:
            v, g = stack.pop()
            if not v._prev:
                leaves[v] = leaves.get(v, 0.0) + g
                continue
            before = [p.grad for p in v._prev]
            for p in v._prev:
                p.grad = 0.0
            v.grad, kept = g, v.grad
            v._backward()
            v.grad = kept
            parts = [p.grad for p in v._prev]
            if len(v._prev) == 2 and v._prev[0] is v._prev[1]:
                parts = [parts[0] / 2, parts[0] / 2]
            for p, old in zip(v._prev, before, strict=True):
                p.grad = old
            stack.extend(zip(v._prev, parts, strict=True))
        for leaf, g in leaves.items():
            leaf.grad += g
        edges.clear()
        if not self._prev:
            self.grad = 1.0


@fault("/ and not //", "division", "value / number", "number / value")
class WholeDivision(Student):
    def __truediv__(self, other):
        other = self.node(other)
        n, d = self, other
        return self.of_two(d, n.data // d.data, lambda: (1 / d.data, -n.data / d.data**2), "/")


@fault("no int()")
class WholeNumbers(Student):
    def __init__(self, data, *rest):
        super().__init__(int(data), *rest)


@fault("n * a**(n-1)", "power", "negative power", "division", "number / value")
class WrongPower(Student):
    def __pow__(self, n):
        return self.of_one(self.data**n, n * self.data**n, "**")

    def __truediv__(self, other):
        return self * self.node(other) ** -1


@fault("n * a**(n-1)", "power", "negative power", "division", "number / value",
       also=["value / number"])  # fmt: skip
class PowerWithoutFactor(Student):
    def __pow__(self, n):
        return self.of_one(self.data**n, self.data ** (n - 1), "**")


@fault("1 where the operand's data is positive", "relu(2)", "relu(-2)", also=["relu(2)"])
class ReluOfGrad(Student):
    """Looks at the wrong number of the wrong node."""

    def relu(self):
        out = type(self)(max(self.data, 0.0), (self,), "relu")

        def _backward():
            self.grad += (out.grad > 0) * out.grad

        out._backward = _backward
        return out


@fault("1 where the operand's data is positive", "relu(-2)")
class ReluWithoutGate(Student):
    def relu(self):
        return self.of_one(max(self.data, 0.0), 1.0, "relu")


@fault("Nothing arrives: the result does not have this operand among its parents",
       "negation", "subtraction", also=["number - value"])  # fmt: skip
class NegationWithoutGradient(Student):
    def __neg__(self):
        return type(self)(-self.data)


@fault("each backward() overwrites the gradients of the leaves",
       "backward twice", "two results share a part", "gradients accumulate on leaves")  # fmt: skip
class ForgetsLeaves(Student):
    def backward(self):
        for v in self.order():
            v.grad = 0.0
        super().backward()


@fault("what it has visited is remembered from the first", "backward twice",
       also=["two results share a part"])  # fmt: skip
class RemembersVisited(Student):
    def order(self, done=set()):  # noqa: B006
        return super().order(done)


@fault("keep Python's floats, not float32")
class SinglePrecision(Student):
    def __init__(self, data, *rest):
        super().__init__(struct.unpack("f", struct.pack("f", data))[0], *rest)


@fault("multiplied with the gradient of the result", "tanh(0.5)")
class TanhWithoutUpstream(Student):
    def tanh(self):
        t = math.tanh(self.data)
        out = type(self)(t, (self,), "tanh")

        def _backward():
            self.grad += 1 - t * t

        out._backward = _backward
        return out


@fault("1 - tanh(x)**2", "tanh(0.5)", also=["tanh(400)", "tanh(-400)"])
class WrongTanh(Student):
    def tanh(self):
        t = math.tanh(self.data)
        return self.of_one(t, 1 - t, "tanh")


@fault("Those of the two operands are swapped")
class SwappedFactors(Student):
    def __mul__(self, other):
        other = self.node(other)
        return self.of_two(other, self.data * other.data, lambda: (self.data, other.data), "*")


@fault("nodes that hold equal numbers are taken for one")
class EqualByData(Student):
    def __eq__(self, other):
        return isinstance(other, Student) and self.data == other.data

    def __hash__(self):
        return hash(self.data)


@fault("loses __hash__")
class Unhashable(Student):
    def __eq__(self, other):
        return isinstance(other, Student) and self.data == other.data


@fault("backward() has to start with self.grad = 1")
class NoSeed(Student):
    def backward(self):
        nodes = self.order()
        for v in reversed(nodes):
            v._backward()


@fault("it should start at 0", "data and grad")
class StartsAtNone(Student):
    def __init__(self, *args):
        super().__init__(*args)
        self._grad = None

    @property
    def grad(self):
        return self._grad

    @grad.setter
    def grad(self, g):
        self._grad = g

    def backward(self):
        for v in self.order():
            if v._grad is None:
                v._grad = 0.0
        super().backward()


@pytest.mark.parametrize(("cls", "words", "only", "also"), FAULTS)
def test_it_finds_the_fault_and_names_the_cause(cls, words, only, also):
    limit = sys.getrecursionlimit()
    try:
        report = check_value_class(cls)
    finally:
        sys.setrecursionlimit(limit)
    assert not report
    sentences = [f.sentence for f in report.faults]
    assert any(words in s for s in sentences), repr(report)
    names = {f.name for f in report.faults}
    if only:
        assert only - also <= names <= only | also, repr(report)


def test_there_are_more_than_a_dozen():
    assert len(FAULTS) > 24


def test_the_report_reads_as_sentences():
    text = repr(check_value_class(NoRsub))
    head, line = text.splitlines()
    passed, tried = (int(word) for word in head.split() if word.isdigit())
    assert head.startswith("NoRsub: ")
    assert tried - passed == 1
    assert line.startswith("  number - value: it raises TypeError")
    assert line.endswith(".")


def test_a_class_that_cannot_even_start():
    class Nothing:
        def __init__(self, data):
            raise ValueError("not yet written")

    report = check_value_class(Nothing)
    assert [f.sentence for f in report.faults] == ["it raises ValueError: not yet written"]


def test_it_leaves_the_recursion_limit_and_the_tracer_alone():
    before = sys.getrecursionlimit(), sys.gettrace()
    check_value_class(Student)
    assert (sys.getrecursionlimit(), sys.gettrace()) == before
