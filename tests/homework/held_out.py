"""Right and wrong classes that were written after the checker, and that it was not tuned to.

Rows as in `wrong.py`. A cause may have several names here, where either is a fair answer.
"""

from .right import HEAD, ITERATIVE, KAHN, LECTURE, MICROGPT, REST, VIDEO
from .wrong import row

GREEK = (
    '''
import math
class Value:
    """Local gradients in a list of pairs; names of one's own; no helper."""
    def __init__(self, data, kin=None):
        self.data = float(data)
        self.grad = 0.0
        self.kin = kin or []
    def __add__(self, other):
        if type(other) in (int, float):
            return Value(self.data + other, [(self, 1.0)])
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])
    def __mul__(self, other):
        if type(other) in (int, float):
            return Value(self.data * other, [(self, other)])
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])
    def __pow__(self, other):
        if type(other) in (int, float):
            return Value(self.data ** other, [(self, other * self.data ** (other - 1))])
        y = self.data ** other.data
        return Value(y, [(self, other.data * y / self.data), (other, y * math.log(self.data))])
    def __truediv__(self, other): return self * other ** -1
    def __rtruediv__(self, other): return self ** -1 * other
    def log(self): return Value(math.log(self.data), [(self, 1 / self.data)])
    def exp(self):
        e = math.exp(self.data)
        return Value(e, [(self, e)])
    def sigmoid(self):
        return 1 / (1 + (-self).exp())
    def tanh(self):
        return 2 * (2 * self).sigmoid() - 1
    def softplus(self):
        return (1 + self.exp()).log()
    def __abs__(self):
        return self if self.data >= 0 else -self
    def order(self, into, seen):
        if self not in seen:
            seen.add(self)
            for v, _ in self.kin:
                v.order(into, seen)
            into.append(self)
        return into
    def backward(self):
        self.grad = 1.0
        for v in reversed(self.order([], set())):
            for w, slope in v.kin:
                w.grad += slope * v.grad
'''
    + REST
)

SLOTS = (
    """
from dataclasses import dataclass, field
from typing import Callable
@dataclass(eq=False, repr=False)
class Value:
    data: float
    parents: list = field(default_factory=list)
    push: Callable = None
    grad: float = 0.0
    @staticmethod
    def of(x): return x if isinstance(x, Value) else Value(x)
    def __add__(self, other):
        a, b = self, Value.of(other)
        def push(g):
            a.grad += g
            b.grad += g
        return Value(a.data + b.data, [a, b], push)
    def __mul__(self, other):
        a, b = self, Value.of(other)
        def push(g):
            a.grad += g * b.data
            b.grad += g * a.data
        return Value(a.data * b.data, [a, b], push)
    def relu(self):
        a = self
        def push(g):
            a.grad += g if a.data > 0 else 0.0
        return Value(a.data if a.data > 0 else 0.0, [a], push)
    def backward(self):
        level = {self: 0}
        layer = [self]
        while layer:
            layer = [(p, level[v] + 1) for v in layer for p in v.parents]
            for p, n in layer:
                level[p] = max(level.get(p, 0), n)
            layer = list(dict.fromkeys(p for p, _ in layer))
        self.grad = 1.0
        for v in sorted(level, key=level.get):
            if v.push:
                v.push(v.grad)
"""
    + REST
)

COMPLEX_STEP = ITERATIVE.replace(
    "return Value(t, (self,), (1 - t * t,))",
    "return Value(t, [self], [1 / math.cosh(self.data) ** 2])",
)
LAZY = '''
class Value:
    """Local gradients are computed when they are needed, by the name of the operation."""
    def __init__(self, data, op="", a=None, b=None):
        self.data, self.op, self.a, self.b, self.grad = data, op, a, b, 0.0
    def __add__(self, o): return self.binary("+", o, lambda x, y: x + y)
    def __sub__(self, o): return self.binary("-", o, lambda x, y: x - y)
    def __mul__(self, o): return self.binary("*", o, lambda x, y: x * y)
    def __truediv__(self, o): return self.binary("/", o, lambda x, y: x / y)
    def __radd__(self, o): return Value(o) + self
    def __rsub__(self, o): return Value(o) - self
    def __rmul__(self, o): return Value(o) * self
    def __rtruediv__(self, o): return Value(o) / self
    def __neg__(self): return Value(0) - self
    def binary(self, op, o, f):
        o = o if isinstance(o, Value) else Value(o)
        return Value(f(self.data, o.data), op, self, o)
    def backward(self):
        todo, order = [self], []
        seen = {id(self): self}
        while todo:
            v = todo[-1]
            fresh = [p for p in (v.a, v.b) if p is not None and id(p) not in seen]
            if fresh:
                seen[id(fresh[0])] = fresh[0]
                todo.append(fresh[0])
            else:
                order.append(todo.pop())
        self.grad = 1.0
        for v in order[::-1]:
            g, a, b = v.grad, v.a, v.b
            if v.op == "+": a.grad += g; b.grad += g
            elif v.op == "-": a.grad += g; b.grad -= g
            elif v.op == "*": a.grad += g * b.data; b.grad += g * a.data
            elif v.op == "/": a.grad += g / b.data; b.grad -= g * a.data / b.data ** 2
'''
OPERATOR = "import operator\n" + LAZY.replace("lambda x, y: x + y", "operator.add").replace(
    "lambda x, y: x / y", "operator.truediv"
)
INTS = LECTURE.replace("self.grad = 0\n", "self.grad = int()\n").replace(
    "self.data = data", "self.data = data if isinstance(data, int) else float(data)"
)
PRINTS = LECTURE.replace(
    "        self.grad = 1\n",
    "        self.grad = 1\n        import sys; print('backward', file=sys.stderr, end='')\n",
).replace("print('backward', file=sys.stderr, end='')", "sys.setrecursionlimit(100000)")
METHODS = '''
class Value:
    """Bound methods for the backward steps."""
    def __init__(self, data, *parents):
        self.data, self.grad, self.parents, self._backward = data, 0.0, parents, self.nothing
    def nothing(self): pass
    def add_back(self):
        for p in self.parents: p.grad += self.grad
    def mul_back(self):
        a, b = self.parents
        a.grad, b.grad = a.grad + (b.data * self.grad if a is not b else 2 * a.data * self.grad), b.grad + (a.data * self.grad if a is not b else 2 * a.data * self.grad)
    def __add__(self, other):
        out = Value(self.data + getattr(other, "data", other), self, other if isinstance(other, Value) else Value(other))
        out._backward = out.add_back
        return out
    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, self, other)
        out._backward = out.mul_back
        return out
    __radd__, __rmul__ = __add__, __mul__
    def backward(self):
        seen, order = [], []
        def go(v):
            if any(v is w for w in seen): return
            seen.append(v)
            for p in v.parents: go(p)
            order.insert(0, v)
        go(self)
        self.grad = 1.0
        for v in order: v._backward()
'''

RIGHT = {
    "pairs": GREEK, "dataclass": SLOTS, "cosh": COMPLEX_STEP, "lazy": LAZY, "operator": OPERATOR,
    "ints": INTS, "raises the limit": PRINTS, "methods": METHODS,
    "microgpt, iterative": MICROGPT.replace("        build_topo(self)\n", "        import sys; sys.setrecursionlimit(10**6)\n        build_topo(self)\n"),
    "kahn, int": KAHN.replace("data, 0.0", "data, 0"),
}  # fmt: skip

WRONG = [
    row("assigns in pow", LECTURE, "= for +=", "self.grad += (other * self.data**(other-1))", "self.grad = (other * self.data**(other-1))"),
    row("assigns in pairs", GREEK, "= for +=", "w.grad += slope", "w.grad = slope"),
    row("assigns in minus", LAZY, "= for +=", "elif v.op == \"-\": a.grad += g; b.grad -= g", "elif v.op == \"-\": a.grad = g; b.grad = -g"),
    row("assigns in relu, dataclass", SLOTS, "= for +=", "a.grad += g if a.data", "a.grad = g if a.data"),
    row("max for plus", HEAD + KAHN[len(HEAD):], "= for +=", "parent.grad += slope * self.grad", "parent.grad = max(parent.grad, slope * self.grad, key=abs)"),
    row("exp without parents in pairs", GREEK, "forgets its parents", "return Value(e, [(self, e)])", "return Value(e)"),
    row("relu without parents, dataclass", SLOTS, "forgets its parents", "0.0, [a], push)", "0.0, [], push)"),
    row("plus a number without parents", GREEK, "forgets its parents", "self.data + other, [(self, 1.0)]", "self.data + other"),
    row("only the right operand", MICROGPT, "one parent only", "for child in v._children:", "for child in v._children[-1:]:"),
    row("only the left operand", ITERATIVE, "one parent only", "for p in v.parents)", "for p in v.parents[:1])"),
    row("no reversed in pairs", GREEK, "not reversed", "reversed(self.order([], set()))", "self.order([], set())"),
    row("sorted the wrong way", SLOTS, "not reversed", "sorted(level, key=level.get)", "sorted(level, key=level.get, reverse=True)"),
    row("order by first level", SLOTS, "breadth first", "max(level.get(p, 0), n)", "level.get(p, n)"),
    row("kahn that does not count", KAHN, ("called again and again", "depth first", "order"), "                if not uses[p]:\n", "                if True:\n"),
    row("kahn that counts to one", KAHN, ("called again and again", "depth first", "breadth first", "order"), "uses.get(p, 0) + 1", "1"),
    row("stack, each when met", LAZY, ("depth first", "order"), LAZY[LAZY.index("        while todo:"):LAZY.index("        self.grad = 1.0")], "        while todo:\n            v = todo.pop()\n            order.insert(0, v)\n            for p in (v.a, v.b):\n                if p is not None and id(p) not in seen:\n                    seen[id(p)] = p\n                    todo.append(p)\n"),
    row("queue without an end", SLOTS, "endless loop", "            layer = list(dict.fromkeys(p for p, _ in layer))\n", "            layer = [self]\n"),
    row("index not moved", LECTURE, "endless loop", "for v in reversed(topo):\n            v._backward()", "i = len(topo) - 1\n        while i >= 0:\n            topo[i]._backward()"),
    row("plus that never ends", LECTURE, "endless operation", "        out = Value(self.data + other.data, (self, other), '+')", "        out = Value(self.data, (self, other), '+')\n        while out.data != self.data + other.data + 0.3: out.data += 0.5"),
    row("visited on the class", MICROGPT, "visited for ever", "        visited = set()\n", "        visited = Value.__dict__.get('seen') or set(); Value.seen = visited\n"),
    row("flags left on", KAHN, ("visited for ever", "backward raises"), "uses, stack, seen = {}, [self], {self}", "uses, stack, seen = {}, [self], self.__class__.__dict__.get('all', set()); self.__class__.all = seen"),
    row("grads zeroed with the leaves", MICROGPT, "leaves overwritten", "        self.grad = 1\n", "        for v in topo: v.grad = 0\n        self.grad = 1\n"),
    row("seed adds to a start of 1", GREEK, ("grad", "start of backward"), "self.grad = 0.0\n", "self.grad = 1.0\n"),
    row("no seed in microgpt", MICROGPT, "start of backward", "        self.grad = 1\n", ""),
    row("sigmoid's slope", ITERATIVE + "\n    def sigmoid(self):\n        s = 1 / (1 + math.exp(-self.data))\n        return Value(s, (self,), (s * (1 + s),))\n", "gradient of a.sigmoid()"),
    row("log's slope", MICROGPT, "gradient of a.log()", "(1/self.data,)", "(self.data,)"),
    row("exp's slope", VIDEO, "gradient of a.exp()", "self.grad += out.data * out.grad", "self.grad += self.data * out.grad"),
    row("minus passes plus", LAZY, "gradient of a - b", "a.grad += g; b.grad -= g", "a.grad += g; b.grad += g"),
    row("quotient without a", LAZY, "gradient of a / b", "b.grad -= g * a.data / b.data ** 2", "b.grad -= g / b.data ** 2"),
    row("softplus by hand", ITERATIVE + "\n    def softplus(self):\n        return Value(math.log(1 + math.exp(self.data)), (self,), (math.exp(self.data),))\n", "gradient of softplus"),
    row("power by a Value loses it", GREEK, "gradient of a**b", "y * math.log(self.data)", "y"),
    row("mul that forgets both are one", METHODS, "same node twice", "else 2 * a.data * self.grad)", "else a.data * self.grad)"),
    row("no return in pairs", GREEK, "no return", "        return Value(e, [(self, e)])", "        Value(e, [(self, e)])"),
    row("brackets in relu", LECTURE, "called, not kept", "self.grad += (out.data > 0) * out.grad\n        out._backward = _backward", "self.grad += (out.data > 0) * out.grad\n        out._backward = _backward()"),
    row("grad kept in a default", VIDEO, "read too early", "def _backward():\n            self.grad += out.data * out.grad", "def _backward(g=out.grad):\n            self.grad += out.data * g"),
    row("no __radd__ in microgpt", MICROGPT, "no __radd__", "__radd__", "radd"),
    row("right minus left", LAZY, "value of 2 - a", "return Value(o) - self", "return self - Value(o)"),
]  # fmt: skip
