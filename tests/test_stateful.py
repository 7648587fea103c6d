"""Anything anyone may do with a graph, in any order, against a model of plain numbers.

The model keeps for each node its number, its operands and its local gradients as they
were when the node was made, and does the chain rule from the definition: the gradient
of a root by a node is the sum over all users of it. Integers keep everything exact.
"""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import micrograd as mg
from micrograd import Value

OPERATIONS = {
    "add": (lambda a, b: a + b, lambda a, b: (1, 1)),
    "sub": (lambda a, b: a - b, lambda a, b: (1, -1)),
    "mul": (lambda a, b: a * b, lambda a, b: (b, a)),
    "neg": (lambda a, b: -a, lambda a, b: (-1,)),
    "max": (lambda a, b: mg.maximum(a, b) if isinstance(a, Value) else max(a, b),
            lambda a, b: (0.5, 0.5) if a == b else (float(a > b), float(b > a))),
    "plus three": (lambda a, b: 3 + a, lambda a, b: (1,)),
    "from one": (lambda a, b: 1 - a, lambda a, b: (-1,)),
}  # fmt: skip
LIMIT = 2.0**20


class Record:
    """What the model knows of one node."""

    def __init__(self, data, operands=(), slopes=(), quiet=False):
        self.data, self.operands, self.slopes = data, operands, slopes
        self.quiet = quiet  # computed under no_grad
        self.grad = 0.0


class Graphs(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.nodes: list[Value] = []
        self.model: list[Record] = []

    def add(self, value, record):
        self.nodes.append(value)
        self.model.append(record)

    def pick(self, data):
        return data.draw(st.integers(0, len(self.nodes) - 1))

    @rule(x=st.integers(-4, 4))
    def leaf(self, x):
        self.add(Value(x), Record(float(x)))

    @precondition(lambda self: self.nodes)
    @rule(name=st.sampled_from(list(OPERATIONS)), data=st.data(), quiet=st.booleans())
    def operate(self, name, data, quiet):
        i, j = self.pick(data), self.pick(data)
        f, slopes = OPERATIONS[name]
        a, b = self.model[i].data, self.model[j].data
        if abs(f(a, b)) > LIMIT:
            return
        if quiet:
            with mg.no_grad():
                self.add(f(self.nodes[i], self.nodes[j]), Record(float(f(a, b)), quiet=True))
        else:
            local = slopes(a, b)
            record = Record(float(f(a, b)), (i, j)[: len(local)], local)
            self.add(f(self.nodes[i], self.nodes[j]), record)

    @precondition(lambda self: self.nodes)
    @rule(data=st.data(), x=st.integers(-4, 4))
    def mutate(self, data, x):
        i = self.pick(data)
        self.nodes[i].data = x
        self.model[i].data = float(x)

    @precondition(lambda self: self.nodes)
    @rule(data=st.data())
    def zero(self, data):
        i = self.pick(data)
        self.nodes[i].grad = 0
        self.model[i].grad = 0.0

    @precondition(lambda self: self.nodes)
    @rule(data=st.data(), seed=st.integers(-2, 2))
    def backward(self, data, seed):
        root = self.pick(data)
        if self.model[root].quiet:
            with pytest.raises(ValueError, match="no_grad"):
                self.nodes[root].backward(seed)
            return
        adjoint = {root: float(seed)}
        for i in range(root, -1, -1):
            if i in adjoint and abs(adjoint[i]) > LIMIT:
                return
            for j, slope in zip(self.model[i].operands, self.model[i].slopes, strict=True):
                if i in adjoint and slope:
                    adjoint[j] = adjoint.get(j, 0.0) + slope * adjoint[i]
        under = {root}
        for i in range(root, -1, -1):
            if i in under:
                under.update(self.model[i].operands)
        for i in under:
            record = self.model[i]
            gradient = adjoint.get(i, 0.0)
            record.grad = gradient if record.operands else record.grad + gradient
        self.nodes[root].backward(seed)

    @precondition(lambda self: self.nodes)
    @rule(data=st.data())
    def detach(self, data):
        i = self.pick(data)
        self.add(self.nodes[i].detach(), Record(self.model[i].data))

    @rule(how=st.sampled_from(["copy", "pickle"]))
    def clone_everything(self, how):
        clone = copy.deepcopy if how == "copy" else (lambda x: pickle.loads(pickle.dumps(x)))
        self.nodes = clone(self.nodes)

    @precondition(lambda self: self.nodes)
    @rule(data=st.data())
    def look(self, data):
        """Looking at the parents makes leaves of the numbers in expressions, and no more."""
        i = self.pick(data)
        parents = self.nodes[i]._prev
        known = [self.nodes[j] for j in self.model[i].operands]
        assert all(p in known or p._prev == () for p in parents)

    @invariant()
    def same(self):
        for value, record in zip(self.nodes, self.model, strict=True):
            assert (value.data, value.grad) == (record.data, record.grad)


Graphs.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestGraphs = Graphs.TestCase
