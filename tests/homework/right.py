"""Right classes, as text: one for each way that people write a Value.

`CLASSES` has them by name. `LECTURE` is the class of the lecture (karpathy/micrograd), `VIDEO`
that of its first video with the reflected operators, `MICROGPT` that of microgpt.
"""

LECTURE = '''
class Value:
    """ stores a single scalar value and its gradient """

    def __init__(self, data, _children=(), _op=''):
        self.data = data
        self.grad = 0
        # internal variables used for autograd graph construction
        self._backward = lambda: None
        self._prev = set(_children)
        self._op = _op # the op that produced this node, for graphviz / debugging / etc

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other), '+')

        def _backward():
            self.grad += out.grad
            other.grad += out.grad
        out._backward = _backward

        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other), '*')

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out._backward = _backward

        return out

    def __pow__(self, other):
        assert isinstance(other, (int, float)), "only supporting int/float powers for now"
        out = Value(self.data**other, (self,), f'**{other}')

        def _backward():
            self.grad += (other * self.data**(other-1)) * out.grad
        out._backward = _backward

        return out

    def relu(self):
        out = Value(0 if self.data < 0 else self.data, (self,), 'ReLU')

        def _backward():
            self.grad += (out.data > 0) * out.grad
        out._backward = _backward

        return out

    def backward(self):

        # topological order all of the children in the graph
        topo = []
        visited = set()
        def build_topo(v):
            if v not in visited:
                visited.add(v)
                for child in v._prev:
                    build_topo(child)
                topo.append(v)
        build_topo(self)

        # go one variable at a time and apply the chain rule to get its gradient
        self.grad = 1
        for v in reversed(topo):
            v._backward()

    def __neg__(self): # -self
        return self * -1

    def __radd__(self, other): # other + self
        return self + other

    def __sub__(self, other): # self - other
        return self + (-other)

    def __rsub__(self, other): # other - self
        return other + (-self)

    def __rmul__(self, other): # other * self
        return self * other

    def __truediv__(self, other): # self / other
        return self * other**-1

    def __rtruediv__(self, other): # other / self
        return other * self**-1

    def __repr__(self):
        return f"Value(data={self.data}, grad={self.grad})"
'''

FUNCTIONS = """
    def tanh(self):
        x = self.data
        t = (math.exp(2*x) - 1)/(math.exp(2*x) + 1)
        out = Value(t, (self, ), 'tanh')

        def _backward():
            self.grad += (1 - t**2) * out.grad
        out._backward = _backward

        return out

    def exp(self):
        x = self.data
        out = Value(math.exp(x), (self, ), 'exp')

        def _backward():
            self.grad += out.data * out.grad
        out._backward = _backward

        return out
"""
VIDEO = "import math\n" + LECTURE + FUNCTIONS

MICROGPT = '''
import math

class Value:
    """Stores a single scalar value and its gradient, as a node in a computation graph."""
    __slots__ = ('data', 'grad', '_children', '_local_grads')

    def __init__(self, data, children=(), local_grads=()):
        self.data = data
        self.grad = 0
        self._children = children
        self._local_grads = local_grads

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, other): return Value(self.data**other, (self,), (other * self.data**(other-1),))
    def log(self): return Value(math.log(self.data), (self,), (1/self.data,))
    def exp(self): return Value(math.exp(self.data), (self,), (math.exp(self.data),))
    def relu(self): return Value(max(0, self.data), (self,), (float(self.data > 0),))
    def __neg__(self): return self * -1
    def __radd__(self, other): return self + other
    def __sub__(self, other): return self + (-other)
    def __rsub__(self, other): return other + (-self)
    def __rmul__(self, other): return self * other
    def __truediv__(self, other): return self * other**-1
    def __rtruediv__(self, other): return other * self**-1

    def backward(self):
        topo = []
        visited = set()
        def build_topo(v):
            if v not in visited:
                visited.add(v)
                for child in v._children:
                    build_topo(child)
                topo.append(v)
        build_topo(self)
        self.grad = 1
        for v in reversed(topo):
            for child, local_grad in zip(v._children, v._local_grads):
                child.grad += local_grad * v.grad
'''

# The operators that follow from others, for the classes below.
REST = """
    def __neg__(self):
        return self * -1.0
    def __radd__(self, other):
        return self + other
    def __rmul__(self, other):
        return self * other
    def __sub__(self, other):
        return self + other * -1.0
    def __rsub__(self, other):
        return self * -1.0 + other
"""

HEAD = (
    """
import heapq, math, itertools
def node(x):
    return x if isinstance(x, Value) else Value(x)
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = data, 0.0
        self.parents, self.slopes = tuple(parents), tuple(slopes)
    def __add__(self, other):
        other = node(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))
    def __mul__(self, other):
        other = node(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))
    def __pow__(self, n):
        return Value(self.data**n, (self,), (n * self.data ** (n - 1),))
    def __truediv__(self, other):
        return self * node(other) ** -1
    def __rtruediv__(self, other):
        return node(other) / self
    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t * t,))
    def send(self):
        for parent, slope in zip(self.parents, self.slopes):
            parent.grad += slope * self.grad
"""
    + REST
)

ITERATIVE = (
    HEAD
    + """
    def backward(self):
        found, done, stack = [], set(), [(self, False)]
        while stack:
            v, ready = stack.pop()
            if ready:
                found.append(v)
            elif v not in done:
                done.add(v)
                stack.append((v, True))
                stack.extend((p, False) for p in v.parents)
        for v in found:
            if v.parents:
                v.grad = 0.0
        self.grad = 1.0
        for v in reversed(found):
            v.send()
"""
)

KAHN = (
    HEAD
    + """
    def backward(self):
        uses, stack, seen = {}, [self], {self}
        while stack:
            for p in stack.pop().parents:
                uses[p] = uses.get(p, 0) + 1
                if p not in seen:
                    seen.add(p)
                    stack.append(p)
        self.grad = 1.0
        ready = [self]
        while ready:
            v = ready.pop()
            v.send()
            for p in v.parents:
                uses[p] -= 1
                if not uses[p]:
                    ready.append(p)
"""
)

HEAP = (
    HEAD.replace(
        "self.data, self.grad = data, 0.0",
        "self.data, self.grad, self.born = data, 0.0, next(Value.clock)",
    ).replace("class Value:", "class Value:\n    clock = itertools.count()")
    + """
    def backward(self):
        self.grad = 1.0
        heap, seen = [(-self.born, self)], {self}
        while heap:
            v = heapq.heappop(heap)[1]
            v.send()
            for p in v.parents:
                if p not in seen:
                    seen.add(p)
                    heapq.heappush(heap, (-p.born, p))
"""
)

PATHS = (
    HEAD
    + '''
    def backward(self, g=1.0):
        """Each path by itself: right, and slow."""
        self.grad += g
        for p, s in zip(self.parents, self.slopes):
            p.backward(g * s)
'''
)

VISITED_LIST = (
    HEAD
    + """
    def backward(self):
        order = []
        def visit(v):
            if v in order:
                return
            for p in v.parents:
                visit(p)
            order.append(v)
        visit(self)
        self.grad = 1.0
        for v in order[::-1]:
            v.send()
"""
)

BY_ID = (
    HEAD
    + """
    def walk(self, seen):
        if id(self) not in seen:
            seen.add(id(self))
            for p in self.parents:
                yield from p.walk(seen)
            yield self
    def backward(self):
        order = list(self.walk(set()))
        self.grad = 1.0
        while order:
            order.pop().send()
"""
)

DICTIONARY = (
    HEAD
    + """
    def backward(self):
        order, seen = [], set()
        def visit(v):
            if id(v) not in seen:
                seen.add(id(v))
                [visit(p) for p in v.parents]
                order.append(v)
        visit(self)
        grads = {id(v): 0.0 for v in order}
        grads[id(self)] = 1.0
        for v in reversed(order):
            for p, s in zip(v.parents, v.slopes):
                grads[id(p)] += s * grads[id(v)]
        for v in order:
            if v.parents:
                v.grad = grads[id(v)]
            else:
                v.grad += grads[id(v)]
"""
)

FLAGS = (
    HEAD.replace(
        "self.data, self.grad = data, 0.0", "self.data, self.grad, self.mark = data, 0.0, False"
    )
    + """
    def backward(self):
        order, stack = [], [iter([self])]
        path = []
        while stack:
            for v in stack[-1]:
                if not v.mark:
                    v.mark = True
                    path.append(v)
                    stack.append(iter(v.parents))
                    break
            else:
                stack.pop()
                if path:
                    order.append(path.pop())
        for v in order:
            v.mark = False
        self.grad = 1.0
        for v in reversed(order):
            v.send()
"""
)

NUMPY = "import numpy as np\n" + ITERATIVE.replace(
    "= data, 0.0", "= np.float64(data), np.float64(0)"
)
FLOAT32 = "import numpy as np\n" + ITERATIVE.replace(
    "= data, 0.0", "= np.float32(data), np.float32(0)"
)
ARRAY = "import numpy as np\n" + ITERATIVE.replace(
    "= data, 0.0", "= np.array(data, dtype=float), np.zeros(())"
).replace("parent.grad += slope * self.grad", "parent.grad = parent.grad + slope * self.grad")
NONE = ITERATIVE.replace("= data, 0.0", "= data, None").replace(
    "parent.grad += slope * self.grad", "parent.grad = (parent.grad or 0.0) + slope * self.grad"
)
FRACTIONS = "from fractions import Fraction\n" + ITERATIVE.replace(
    "= data, 0.0", "= Fraction(data), Fraction(0)"
).replace("(1.0, 1.0)", "(1, 1)").replace("-1.0", "-1")
PROPERTIES = (
    ITERATIVE.replace(
        "self.data, self.grad = data, 0.0", "self._number, self._slope = float(data), 0.0"
    )
    + """
    @property
    def data(self):
        return self._number
    @property
    def grad(self):
        return self._slope
    @grad.setter
    def grad(self, g):
        self._slope = float(g)
"""
)
COMPARED = (
    KAHN
    + """
    def __eq__(self, other):
        return self.data == node(other).data
    def __lt__(self, other):
        return self.data < node(other).data
    def __hash__(self):
        return id(self)
"""
)

TAPE = (
    '''
import math
TAPE = []
def node(x):
    return x if isinstance(x, Value) else Value(x)
class Value:
    """Every operation is written on one tape; backward() plays it from its end."""
    def __init__(self, data):
        self.data, self.grad = float(data), 0.0
    def record(self, *entries):
        TAPE.append((self, entries))
        return self
    def __add__(self, other):
        other = node(other)
        return Value(self.data + other.data).record((self, 1.0), (other, 1.0))
    def __mul__(self, other):
        other = node(other)
        return Value(self.data * other.data).record((self, other.data), (other, self.data))
    def __pow__(self, n):
        return Value(self.data ** n).record((self, n * self.data ** (n - 1)))
    def exp(self):
        e = math.exp(self.data)
        return Value(e).record((self, e))
    def backward(self):
        for v, _ in TAPE:
            v.grad = 0.0
        self.grad = 1.0
        for v, entries in reversed(TAPE):
            for parent, slope in entries:
                parent.grad += slope * v.grad
'''
    + REST
)

FUNCTION_OBJECTS = """
import math
class Function:
    def __init__(self, *inputs):
        self.inputs = inputs
    @classmethod
    def apply(cls, *inputs):
        f = cls(*[x if isinstance(x, Value) else Value(x) for x in inputs])
        out = Value(f.forward(*[x.data for x in f.inputs]))
        out.creator = f
        return out
class Add(Function):
    def forward(self, a, b): return a + b
    def backward(self, g): return g, g
class Mul(Function):
    def forward(self, a, b):
        self.saved = a, b
        return a * b
    def backward(self, g): return g * self.saved[1], g * self.saved[0]
class Div(Function):
    def forward(self, a, b):
        self.saved = a, b
        return a / b
    def backward(self, g):
        a, b = self.saved
        return g / b, -g * a / b ** 2
class Pow(Function):
    def forward(self, a, b):
        self.saved = a, b, a ** b
        return a ** b
    def backward(self, g):
        a, b, y = self.saved
        return g * b * a ** (b - 1), g * y * math.log(a) if a > 0 else 0.0
class Sin(Function):
    def forward(self, a):
        self.saved = a
        return math.sin(a)
    def backward(self, g): return (g * math.cos(self.saved),)
class Value:
    creator = None
    def __init__(self, data):
        self.data, self.grad = data, 0.0
    __add__ = lambda self, other: Add.apply(self, other)
    __radd__ = lambda self, other: Add.apply(other, self)
    __mul__ = lambda self, other: Mul.apply(self, other)
    __rmul__ = lambda self, other: Mul.apply(other, self)
    __truediv__ = lambda self, other: Div.apply(self, other)
    __rtruediv__ = lambda self, other: Div.apply(other, self)
    __pow__ = lambda self, other: Pow.apply(self, other)
    __rpow__ = lambda self, other: Pow.apply(other, self)
    __neg__ = lambda self: Mul.apply(self, -1.0)
    __sub__ = lambda self, other: self + Mul.apply(other, -1.0)
    __rsub__ = lambda self, other: other + -self
    sin = lambda self: Sin.apply(self)
    def backward(self):
        order, seen = [], set()
        def visit(v):
            if v not in seen:
                seen.add(v)
                if v.creator:
                    for p in v.creator.inputs:
                        visit(p)
                order.append(v)
        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            if v.creator:
                for p, g in zip(v.creator.inputs, v.creator.backward(v.grad)):
                    p.grad += g
"""

SUBCLASSES = """
class Value:
    def __init__(self, data):
        self.data, self.grad = data, 0.0
    operands = ()
    def __add__(self, other): return Sum(self, as_node(other))
    def __radd__(self, other): return Sum(as_node(other), self)
    def __mul__(self, other): return Product(self, as_node(other))
    def __rmul__(self, other): return Product(as_node(other), self)
    def local(self): return ()
    def backward(self):
        order, seen = [], set()
        def visit(v):
            if v not in seen:
                seen.add(v)
                for p in v.operands: visit(p)
                order.append(v)
        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            for p, d in zip(v.operands, v.local()): p.grad += d * v.grad
def as_node(x): return x if isinstance(x, Value) else Value(x)
class Sum(Value):
    def __init__(self, a, b):
        super().__init__(a.data + b.data)
        self.operands = (a, b)
    def local(self): return 1.0, 1.0
class Product(Value):
    def __init__(self, a, b):
        super().__init__(a.data * b.data)
        self.operands = (a, b)
    def local(self): return self.operands[1].data, self.operands[0].data
"""

CLASSES = {
    "lecture": LECTURE, "video": VIDEO, "microgpt": MICROGPT, "iterative": ITERATIVE,
    "kahn": KAHN, "heap": HEAP, "paths": PATHS, "visited_list": VISITED_LIST, "by_id": BY_ID,
    "dictionary": DICTIONARY, "flags": FLAGS, "numpy": NUMPY, "float32": FLOAT32, "array": ARRAY,
    "none": NONE, "fractions": FRACTIONS, "properties": PROPERTIES, "compared": COMPARED,
    "tape": TAPE, "function_objects": FUNCTION_OBJECTS, "subclasses": SUBCLASSES,
}  # fmt: skip


def made(text, name="Value"):
    """The class of a text."""
    names = {"__name__": "homework"}
    exec(text, names)
    return names[name]
