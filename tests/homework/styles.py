"""Classes in further styles, and further mistakes: what upstream gradients, zeros, long chains and
second passes show.

`RIGHT` has texts by name, `WRONG` rows as in `wrong.py`.
"""

from .right import LECTURE, MICROGPT, VIDEO
from .wrong import MUL, row

RIGHT = {}

RIGHT["partial closures"] = """
import functools, math


class Value:
    def __init__(self, data, prev=()):
        self.data = float(data)
        self.grad = 0.0
        self.prev = tuple(prev)
        self.step = None

    @staticmethod
    def _spread(weights, node):
        for p, w in weights:
            p.grad += w * node.grad

    def _make(self, data, weights):
        out = Value(data, [p for p, _ in weights])
        out.step = functools.partial(Value._spread, weights)
        return out

    @classmethod
    def of(cls, x):
        return x if isinstance(x, cls) else cls(x)

    def __add__(self, o):
        o = Value.of(o)
        return self._make(self.data + o.data, [(self, 1.0), (o, 1.0)])

    def __mul__(self, o):
        o = Value.of(o)
        return self._make(self.data * o.data, [(self, o.data), (o, self.data)])

    def __pow__(self, n):
        return self._make(self.data**n, [(self, n * self.data ** (n - 1))])

    def tanh(self):
        t = math.tanh(self.data)
        return self._make(t, [(self, 1 - t * t)])

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, o):
        return self + (-Value.of(o))

    def __rsub__(self, o):
        return Value.of(o) + (-self)

    def __truediv__(self, o):
        return self * Value.of(o) ** -1

    def __rtruediv__(self, o):
        return Value.of(o) * self**-1

    def backward(self):
        order, seen = [], set()

        def visit(v):
            if id(v) in seen:
                return
            seen.add(id(v))
            for p in v.prev:
                visit(p)
            order.append(v)

        visit(self)
        self.grad = 1.0
        while order:
            v = order.pop()
            if v.step:
                v.step(v)
"""

RIGHT["setattr operators"] = """
import math, operator


class Value:
    def __init__(self, data, edges=()):
        self.data = data
        self.grad = 0
        self.edges = edges

    def backward(self):
        seen, topo = {}, []

        def go(v):
            if v in seen:
                return
            seen[v] = True
            for p, _ in v.edges:
                go(p)
            topo.insert(0, v)

        go(self)
        self.grad = 1
        for v in topo:
            for p, d in v.edges:
                p.grad += d() * v.grad


def lift(x):
    return x if isinstance(x, Value) else Value(x)


def binary(f, da, db):
    def op(a, b):
        b = lift(b)
        return Value(
            f(a.data, b.data),
            ((a, lambda: da(a.data, b.data)), (b, lambda: db(a.data, b.data))),
        )

    def rop(b, a):
        return op(lift(a), b)

    return op, rop


for name, f, da, db in (
    ("add", operator.add, lambda x, y: 1, lambda x, y: 1),
    ("sub", operator.sub, lambda x, y: 1, lambda x, y: -1),
    ("mul", operator.mul, lambda x, y: y, lambda x, y: x),
    ("truediv", operator.truediv, lambda x, y: 1 / y, lambda x, y: -x / y**2),
    (
        "pow",
        operator.pow,
        lambda x, y: y * x ** (y - 1),
        lambda x, y: x**y * math.log(x) if x > 0 else 0.0,
    ),
):
    op, rop = binary(f, da, db)
    setattr(Value, f"__{name}__", op)
    setattr(Value, f"__r{name}__", rop)
for name, f, d in (
    ("exp", math.exp, math.exp),
    ("tanh", math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    ("log", math.log, lambda x: 1 / x),
    ("relu", lambda x: max(x, 0), lambda x: x > 0),
):
    setattr(
        Value, name, (lambda f, d: lambda a: Value(f(a.data), ((a, lambda: d(a.data)),)))(f, d)
    )
Value.__neg__ = lambda a: Value(-a.data, ((a, lambda: -1),))
"""

RIGHT["forward mode dict"] = '''
class Value:
    """each node knows its derivative by each leaf"""

    def __init__(self, data, ders=None):
        self.data = data
        self.grad = 0.0
        self.ders = {self: 1.0} if ders is None else ders

    def _mix(self, data, pairs):
        d = {}
        for v, w in pairs:
            for leaf, s in v.ders.items():
                d[leaf] = d.get(leaf, 0.0) + w * s
        return Value(data, d)

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self._mix(self.data + o.data, [(self, 1), (o, 1)])

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self._mix(self.data * o.data, [(self, o.data), (o, self.data)])

    def __pow__(self, n):
        return self._mix(self.data**n, [(self, n * self.data ** (n - 1))])

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, o):
        return self + (-1) * (o if isinstance(o, Value) else Value(o))

    def __truediv__(self, o):
        return self * (o if isinstance(o, Value) else Value(o)) ** -1

    def backward(self):
        for leaf, s in self.ders.items():
            leaf.grad += s
'''

RIGHT["counted contributions"] = '''
import math


class Value:
    """a node passes on once all users of it (within this graph) have given"""

    def __init__(self, data, parents=(), locals_=()):
        self.data = data
        self.grad = 0.0
        self._p = list(parents)
        self._l = list(locals_)

    def __add__(self, o):
        o = Value.lift(o)
        return Value(self.data + o.data, [self, o], [1.0, 1.0])

    def __mul__(self, o):
        o = Value.lift(o)
        return Value(self.data * o.data, [self, o], [o.data, self.data])

    @staticmethod
    def lift(o):
        return o if isinstance(o, Value) else Value(o)

    def __radd__(self, o):
        return Value.lift(o) + self

    def __rmul__(self, o):
        return Value.lift(o) * self

    def __sub__(self, o):
        o = Value.lift(o)
        return Value(self.data - o.data, [self, o], [1.0, -1.0])

    def __rsub__(self, o):
        return Value.lift(o) - self

    def __neg__(self):
        return 0 - self

    def __truediv__(self, o):
        o = Value.lift(o)
        return Value(self.data / o.data, [self, o], [1 / o.data, -self.data / o.data**2])

    def __rtruediv__(self, o):
        return Value.lift(o) / self

    def __pow__(self, n):
        return Value(self.data**n, [self], [n * self.data ** (n - 1)])

    def sigmoid(self):
        s = 1 / (1 + math.exp(-self.data))
        return Value(s, [self], [s * (1 - s)])

    def _count(self, c):
        for p in self._p:
            c[id(p)] = c.get(id(p), 0) + 1
            if c[id(p)] == 1:
                p._count(c)

    def _send(self, g, c, acc):
        acc[id(self)] = acc.get(id(self), 0.0) + g
        c[id(self)] = c.get(id(self), 1) - 1
        if c[id(self)] == 0:
            self.grad += acc[id(self)]
            for p, l in zip(self._p, self._l):
                p._send(l * acc[id(self)], c, acc)

    def backward(self):
        c = {}
        self._count(c)
        self._send(1.0, c, {})
'''

RIGHT["strong tape by index"] = """
import math


class Tape:
    def __init__(self):
        self.rows = []

    def add(self, row):
        self.rows.append(row)
        return len(self.rows) - 1


class Value:
    tape = Tape()

    def __init__(self, data, row=None):
        self.data = data
        self.grad = 0.0
        self.i = Value.tape.add((self, row or ()))

    def _op(self, data, *row):
        return Value(data, row)

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self._op(self.data + o.data, (self.i, 1.0), (o.i, 1.0))

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self._op(self.data * o.data, (self.i, o.data), (o.i, self.data))

    __radd__ = __add__
    __rmul__ = __mul__

    def __pow__(self, k):
        return self._op(self.data**k, (self.i, k * self.data ** (k - 1)))

    def __neg__(self):
        return self._op(-self.data, (self.i, -1.0))

    def __sub__(self, o):
        return self + (-(o if isinstance(o, Value) else Value(o)))

    def __truediv__(self, o):
        return self * (o if isinstance(o, Value) else Value(o)) ** -1

    def tanh(self):
        t = math.tanh(self.data)
        return self._op(t, (self.i, 1 - t * t))

    def backward(self):
        adj = [0.0] * (self.i + 1)
        adj[self.i] = 1.0
        for i in range(self.i, -1, -1):
            node, row = self.tape.rows[i]
            for j, d in row:
                adj[j] += d * adj[i]
            node.grad += adj[i]
"""

RIGHT["generator tape"] = """
import math


class Value:
    def __init__(self, data, gen=None, prev=()):
        self.data = data
        self.grad = 0.0
        self.gen = gen
        self.prev = prev

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)

        def g():
            d = yield
            self.grad += d
            o.grad += d
            yield

        return Value(self.data + o.data, g, (self, o))

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)

        def g():
            d = yield
            self.grad += d * o.data
            o.grad += d * self.data
            yield

        return Value(self.data * o.data, g, (self, o))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, o):
        return self + (-1) * o if isinstance(o, Value) else self + (-o)

    def __pow__(self, n):
        def g():
            d = yield
            self.grad += d * n * self.data ** (n - 1)
            yield

        return Value(self.data**n, g, (self,))

    def __truediv__(self, o):
        return self * (o**-1 if isinstance(o, Value) else 1 / o)

    def backward(self):
        topo = []
        seen = set()

        def b(v):
            if v in seen:
                return
            seen.add(v)
            [b(p) for p in v.prev]
            topo.append(v)

        b(self)
        self.grad = 1.0
        for v in reversed(topo):
            if v.gen:
                k = v.gen()
                next(k)
                k.send(v.grad)
"""

RIGHT["decimal"] = """
from decimal import Decimal, getcontext

getcontext().prec = 40


class Value:
    def __init__(self, data, kids=()):
        self.data = data if isinstance(data, Decimal) else Decimal(str(data))
        self.grad = Decimal(0)
        self.kids = kids

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return Value(self.data + o.data, ((self, Decimal(1)), (o, Decimal(1))))

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return Value(self.data * o.data, ((self, o.data), (o, self.data)))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, o):
        return self + (-(o if isinstance(o, Value) else Value(o)))

    def __pow__(self, n):
        n = Decimal(str(n))
        return Value(self.data**n, ((self, n * self.data ** (n - 1)),))

    def __truediv__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self * o**-1

    def exp(self):
        e = self.data.exp()
        return Value(e, ((self, e),))

    def backward(self):
        topo, seen = [], set()

        def go(v):
            if v in seen:
                return
            seen.add(v)
            for k, _ in v.kids:
                go(k)
            topo.append(v)

        go(self)
        self.grad = Decimal(1)
        for v in reversed(topo):
            for k, d in v.kids:
                k.grad += Decimal(d) * v.grad
"""

RIGHT["metaclass"] = """
import math


class Ops(type):
    def __new__(m, name, bases, ns):
        for op, (f, d) in ns.pop("UNARY").items():
            ns[op] = (
                lambda f, d: lambda self: self._node(f(self.data), [(self, d(self.data))])
            )(f, d)
        return super().__new__(m, name, bases, ns)


class Value(metaclass=Ops):
    __slots__ = ("data", "grad", "_edges", "label")
    UNARY = {
        "__neg__": (lambda x: -x, lambda x: -1.0),
        "exp": (math.exp, math.exp),
        "tanh": (math.tanh, lambda x: 1 / math.cosh(x) ** 2),
        "sqrt": (math.sqrt, lambda x: 0.5 / math.sqrt(x)),
        "__abs__": (abs, lambda x: math.copysign(1, x)),
    }

    def __init__(self, data, label=""):
        self.data = data
        self.grad = 0.0
        self._edges = []
        self.label = label

    def _node(self, x, edges):
        v = Value(x)
        v._edges = edges
        return v

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self._node(self.data + o.data, [(self, 1.0), (o, 1.0)])

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self._node(self.data * o.data, [(self, o.data), (o, self.data)])

    def __radd__(self, o):
        return self + o

    def __rmul__(self, o):
        return self * o

    def __sub__(self, o):
        return self + -o

    def __rsub__(self, o):
        return -self + o

    def __pow__(self, n):
        if isinstance(n, Value):
            raise TypeError("plain exponents")
        return self._node(self.data**n, [(self, n * self.data ** (n - 1))])

    def __truediv__(self, o):
        return self * (o**-1)

    def __rtruediv__(self, o):
        return self**-1 * o

    def backward(self):
        level = {self: 0}
        todo = [self]
        while todo:
            v = todo.pop()
            for p, _ in v._edges:
                if level.get(p, -1) < level[v] + 1:
                    level[p] = level[v] + 1
                    todo.append(p)
        self.grad = 1.0
        for v in sorted(level, key=level.__getitem__):
            for p, d in v._edges:
                p.grad += d * v.grad
"""

RIGHT["merged weights"] = '''
class Value:
    """x + x keeps x once, with weight 2"""

    def __init__(self, data, w=None):
        self.data = data
        self.grad = 0.0
        self.w = w or {}

    @staticmethod
    def mk(x, *pairs):
        w = {}
        for p, d in pairs:
            w[p] = w.get(p, 0.0) + d
        return Value(x, w)

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self.mk(self.data + o.data, (self, 1.0), (o, 1.0))

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self.mk(self.data * o.data, (self, o.data), (o, self.data))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self.mk(-self.data, (self, -1.0))

    def __sub__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self.mk(self.data - o.data, (self, 1.0), (o, -1.0))

    def __pow__(self, n):
        return self.mk(self.data**n, (self, n * self.data ** (n - 1)))

    def __truediv__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return self.mk(self.data / o.data, (self, 1 / o.data), (o, -self.data / o.data**2))

    def backward(self):
        topo = []
        seen = set()

        def go(v):
            if v not in seen:
                seen.add(v)
                for p in v.w:
                    go(p)
                topo.append(v)

        go(self)
        self.grad = 1.0
        for v in topo[::-1]:
            for p, d in v.w.items():
                p.grad += d * v.grad
'''

RIGHT["weakref parents no cycles"] = """
import weakref, math


class Value:
    count = 0

    def __init__(self, data, parents=(), fn=None):
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self.fn = fn
        Value.count += 1
        self.order = Value.count

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return Value(self.data + o.data, (self, o), lambda g: (g, g))

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return Value(
            self.data * o.data, (self, o), lambda g, a=self.data, b=o.data: (g * b, g * a)
        )

    def __radd__(self, o):
        return self + o

    def __rmul__(self, o):
        return self * o

    def __neg__(self):
        return Value(-self.data, (self,), lambda g: (-g,))

    def __sub__(self, o):
        return self + (-o)

    def __pow__(self, n):
        return Value(self.data**n, (self,), lambda g, a=self.data: (g * n * a ** (n - 1),))

    def __truediv__(self, o):
        return self * (o**-1)

    def backward(self):
        nodes = weakref.WeakSet()
        todo = [self]
        while todo:
            v = todo.pop()
            if v in nodes:
                continue
            nodes.add(v)
            todo.extend(v.parents)
        self.grad = 1.0
        for v in sorted(nodes, key=lambda v: -v.order):
            if v.fn:
                for p, g in zip(v.parents, v.fn(v.grad)):
                    p.grad += g
"""

RIGHT["getattr for functions"] = """
import math


class Value:
    FUN = {
        "exp": (math.exp, lambda x, y: y),
        "log": (math.log, lambda x, y: 1 / x),
        "tanh": (math.tanh, lambda x, y: 1 - y * y),
        "sin": (math.sin, lambda x, y: math.cos(x)),
    }

    def __init__(self, data, ch=()):
        self.data = data
        self.grad = 0.0
        self.ch = ch

    def __getattr__(self, name):
        try:
            f, d = self.FUN[name]
        except KeyError:
            raise AttributeError(name) from None

        def call():
            y = f(self.data)
            return Value(y, [(self, d(self.data, y))])

        return call

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return Value(self.data + o.data, [(self, 1), (o, 1)])

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return Value(self.data * o.data, [(self, o.data), (o, self.data)])

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self):
        t = []
        s = set()

        def go(v):
            if v in s:
                return
            s.add(v)
            for c, _ in v.ch:
                go(c)
            t.append(v)

        go(self)
        self.grad = 1.0
        for v in t[::-1]:
            for c, d in v.ch:
                c.grad += d * v.grad
"""

RIGHT["frees its graph and keeps leaves"] = '''
class Value:
    """as PyTorch: after backward the graph is gone, and a second one is an error"""

    def __init__(self, data, prev=()):
        self.data = data
        self.grad = 0.0
        self.prev = prev
        self.freed = False

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return Value(self.data + o.data, ((self, 1.0), (o, 1.0)))

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        return Value(self.data * o.data, ((self, o.data), (o, self.data)))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def backward(self):
        t = []
        s = set()

        def go(v):
            if v in s:
                return
            if v.freed:
                raise RuntimeError("Trying to backward through the graph a second time")
            s.add(v)
            for c, _ in v.prev:
                go(c)
            t.append(v)

        go(self)
        self.grad = 1.0
        for v in t[::-1]:
            for c, d in v.prev:
                c.grad += d * v.grad
            if v.prev:
                v.prev = ()
                v.freed = True
'''

RIGHT["numpy 0-d with array_ufunc"] = """
import numpy as np


class Value:
    __array_ufunc__ = None

    def __init__(self, data, _children=()):
        self.data = np.asarray(data, dtype=np.float64)
        self.grad = np.zeros_like(self.data)
        self._prev = set(_children)
        self._backward = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def _backward():
            self.grad = self.grad + out.grad
            other.grad = other.grad + out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def _backward():
            self.grad = self.grad + other.data * out.grad
            other.grad = other.grad + self.data * out.grad

        out._backward = _backward
        return out

    def __pow__(self, k):
        out = Value(self.data ** float(k), (self,))

        def _backward():
            self.grad = self.grad + k * self.data ** float(k - 1) * out.grad

        out._backward = _backward
        return out

    def tanh(self):
        out = Value(np.tanh(self.data), (self,))

        def _backward():
            self.grad = self.grad + (1 - out.data**2) * out.grad

        out._backward = _backward
        return out

    def __neg__(self):
        return self * -1

    def __sub__(self, o):
        return self + (-o)

    def __truediv__(self, o):
        return self * o**-1

    def __radd__(self, o):
        return self + o

    def __rmul__(self, o):
        return self * o

    def __rsub__(self, o):
        return (-self) + o

    def __rtruediv__(self, o):
        return self**-1 * o

    def backward(self):
        topo = []
        visited = set()

        def build(v):
            if v not in visited:
                visited.add(v)
                for c in v._prev:
                    build(c)
                topo.append(v)

        build(self)
        self.grad = np.ones_like(self.data)
        for v in reversed(topo):
            v._backward()
"""

RIGHT["enum and single dispatch"] = """
import enum, functools, math


class Op(enum.Enum):
    LEAF = 0
    ADD = 1
    MUL = 2
    POW = 3
    EXP = 4


class Value:
    def __init__(self, data, op=Op.LEAF, args=()):
        self.data = float(data)
        self.grad = 0.0
        self.op = op
        self.args = args

    @functools.singledispatchmethod
    def _lift(self, o):
        raise TypeError(f"no number: {o!r}")

    @_lift.register
    def _(self, o: int):
        return Value(o)

    @_lift.register
    def _(self, o: float):
        return Value(o)

    def __add__(self, o):
        o = o if isinstance(o, Value) else self._lift(o)
        return Value(self.data + o.data, Op.ADD, (self, o))

    def __mul__(self, o):
        o = o if isinstance(o, Value) else self._lift(o)
        return Value(self.data * o.data, Op.MUL, (self, o))

    def __pow__(self, n):
        assert isinstance(n, (int, float))
        return Value(self.data**n, Op.POW, (self, n))

    def exp(self):
        return Value(math.exp(self.data), Op.EXP, (self,))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, o):
        return self + (-o)

    def __rsub__(self, o):
        return o + (-self)

    def __truediv__(self, o):
        return self * o**-1

    def __rtruediv__(self, o):
        return o * self**-1

    LOCAL = {
        Op.ADD: lambda o, a, b: ((a, 1.0), (b, 1.0)),
        Op.MUL: lambda o, a, b: ((a, b.data), (b, a.data)),
        Op.POW: lambda o, a, n: ((a, n * a.data ** (n - 1)),),
        Op.EXP: lambda o, a: ((a, o.data),),
        Op.LEAF: lambda o: (),
    }

    def backward(self):
        topo = []
        seen = set()

        def dfs(v):
            if v in seen:
                return
            seen.add(v)
            for a in v.args:
                if isinstance(a, Value):
                    dfs(a)
            topo.append(v)

        dfs(self)
        self.grad = 1.0
        for v in reversed(topo):
            for p, d in Value.LOCAL[v.op](v, *v.args):
                p.grad += d * v.grad
"""

OUT = "out = Value(self.data {0} other.data, (self, other), '{0}')"
GATE = "self.grad += (out.data > 0) * out.grad"
GO = "            v._backward()"
LIFT = "other = other if isinstance(other, Value) else Value(other)"
VISIT = ("def build_topo(v):\n            if v not in visited:", "build_topo(child)")


def no_deeper(n):
    first = VISIT[0].replace("(v)", "(v, depth=0)")[:-1] + f" and depth < {n}:"
    return VISIT[0], first, VISIT[1], "build_topo(child, depth + 1)"


WRONG = [
    row("relu gates by upstream", LECTURE, "upstream changed", GATE, GATE + " * (out.grad > 0)"),
    row("small upstream dropped", LECTURE, "upstream changed", GATE, GATE + " * (abs(out.grad) > 1e-3)"),
    row("* without the sign of upstream", LECTURE, "upstream changed", "other.data * out.grad", "other.data * abs(out.grad)"),
    row("bounded in +", LECTURE, "upstream changed", "self.grad += out.grad", "self.grad += min(out.grad, 5.0)"),
    row("upstream squared", MICROGPT, "upstream changed", "local_grad * v.grad", "local_grad * v.grad ** 2"),
    row("* by out / self", LECTURE, "backward raises", MUL, "self.grad += out.data / self.data * out.grad\n            other.grad += out.data / other.data * out.grad"),
    row("** by out / self", LECTURE, "backward raises", "(other * self.data**(other-1))", "(other * out.data / self.data)"),
    row("* short at 0", LECTURE, "forgets its parents", OUT.format("*"), "if self.data == 0: return Value(0.0)\n        " + OUT.format("*")),
    row("+ short at 0", LECTURE, "forgets its parents", OUT.format("+"), "if other.data == 0: return Value(self.data)\n        " + OUT.format("+")),
    row("bool and or", LECTURE, "forgets its parents", "    def __neg__", "    def __bool__(self): return self.data != 0\n    def __neg__", LIFT, "other = (isinstance(other, Value) and other) or Value(getattr(other, 'data', other))"),
    row("ten deep", LECTURE, "cut short", *no_deeper(10)),
    row("200 deep", LECTURE, "cut short", *no_deeper(200)),
    row("100 nodes", LECTURE, "cut short", "for v in reversed(topo):", "for v in list(reversed(topo))[:100]:"),
    row("hushed", LECTURE, "cut short", "        build_topo(self)\n", "        try: build_topo(self)\n        except RecursionError: pass\n"),
    row("seed by count", LECTURE, "start of backward", "self.grad = 1\n", "self.grad = 1 / len(topo)\n"),
    row("equal numbers in + alone", LECTURE, "equal numbers", "            other.grad += out.grad", "            if other.data != self.data: other.grad += out.grad"),
    row("kept results", LECTURE, "one result for two", "class Value:", "KEPT = {}\nclass Value:", OUT.format("+"), "key = (self.data, other.data)\n        if key in KEPT: return KEPT[key]\n        out = KEPT[key] = Value(self.data + other.data, (self, other), '+')"),
    row("parents cleared", LECTURE, "taken apart", GO, GO + "; v._prev = set()"),
    row("a global out", LECTURE, "another node's gradient", OUT.format("*"), "global out\n        " + OUT.format("*")),
    row("global everywhere", VIDEO, "another node's gradient", "        out = Value", "        global out\n        out = Value"),
    row("rounded data", LECTURE, "data", "self.data = data", "self.data = round(data, 3)"),
    row("data without sign", LECTURE, "data", "self.data = data", "self.data = abs(data)"),
    row("data is text", LECTURE, "data", "self.data = data", "self.data = str(data)"),
    row("grad is text", LECTURE, "grad", "self.grad = 0\n", "self.grad = '0'\n"),
    row("grad is a list", LECTURE, "grad", "self.grad = 0\n", "self.grad = [0]\n"),
    row("only whole numbers are lifted", LECTURE, "plain number", LIFT, "other = Value(other) if isinstance(other, int) else other"),
    row("only fractions are lifted", LECTURE, "plain number", LIFT, "other = Value(other) if isinstance(other, float) else other"),
]  # fmt: skip
