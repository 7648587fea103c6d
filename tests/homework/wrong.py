"""Wrong classes: a right one, what is changed in it, and the cause that has to be named.

`WRONG` has rows of name, text of the right class, pairs of old and new text, and the name of the
only finding. They are made from several styles, so that a cause is not known by its spelling.
"""

from .right import (
    BY_ID,
    FUNCTION_OBJECTS,
    HEAD,
    ITERATIVE,
    LECTURE,
    MICROGPT,
    SUBCLASSES,
    TAPE,
    VIDEO,
    VISITED_LIST,
)  # fmt: skip


def row(name, text, cause, *changes):
    """A row; each old text has to be there."""
    for old, new in zip(changes[::2], changes[1::2]):
        assert old in text, (name, old)
        text = text.replace(old, new)
    return name, text, cause


ADD = "self.grad += out.grad\n            other.grad += out.grad"
MUL = "self.grad += other.data * out.grad\n            other.grad += self.data * out.grad"
SEED = "self.grad = 1\n        for v in reversed(topo):\n            v._backward()"
TOPO = LECTURE[LECTURE.index("        topo = []") : LECTURE.index("    def __neg__")]
GPT = "for v in reversed(topo):\n            for child, local_grad in zip(v._children, v._local_grads):\n                child.grad += local_grad * v.grad"

WRONG = [
    row("assigns in +", LECTURE, "= for +=", ADD, ADD.replace("+=", "=")),
    row("assigns in *", LECTURE, "= for +=", MUL, MUL.replace("+=", "=")),
    row("assigns everywhere", VIDEO, "= for +=", "grad += ", "grad = "),
    row("assigns in tanh", VIDEO, "= for +=", "self.grad += (1 - t**2)", "self.grad = (1 - t**2)"),
    row("assigns in the loop", MICROGPT, "= for +=", "child.grad += local", "child.grad = local"),
    row("assigns to the second of +", LECTURE, "= for +=", "other.grad += out.grad", "other.grad = out.grad"),
    row("relu forgets its parents", LECTURE, "forgets its parents", "(self,), 'ReLU'", "(), 'ReLU'"),
    row("pow forgets its parents", LECTURE, "forgets its parents", "(self,), f'**{other}'", "(), f'**{other}'"),
    row("* forgets the second", LECTURE, "forgets its parents", "(self, other), '*'", "(self,), '*'"),
    row("* forgets the first", LECTURE, "forgets its parents", "(self, other), '*'", "(other,), '*'"),
    row("+ forgets both", LECTURE, "forgets its parents", "(self, other), '+'", "(), '+'"),
    row("exp forgets its parents", VIDEO, "forgets its parents", "(self, ), 'exp'", "(), 'exp'"),
    row("nobody keeps parents", LECTURE, "forgets its parents", "set(_children)", "set()"),
    row("log forgets its parents", MICROGPT, "forgets its parents", "Value(math.log(self.data), (self,), (1/self.data,))", "Value(math.log(self.data))"),
    row("no reversed", LECTURE, "not reversed", "reversed(topo)", "topo"),
    row("no reversed, iterative", ITERATIVE, "not reversed", "for v in reversed(found)", "for v in found"),
    row("no reversed, microgpt", MICROGPT, "not reversed", "reversed(topo)", "topo"),
    row("no seed", LECTURE, "start of backward", "self.grad = 1\n", "pass\n"),
    row("seed 0", MICROGPT, "start of backward", "self.grad = 1\n", "self.grad = 0\n"),
    row("seed is data", VIDEO, "start of backward", "self.grad = 1\n", "self.grad = self.data\n"),
    row("brackets in *", LECTURE, "called, not kept", MUL + "\n        out._backward = _backward", MUL + "\n        out._backward = _backward()"),
    row("brackets everywhere", VIDEO, "called, not kept", "out._backward = _backward", "out._backward = _backward()"),
    row("no return in +", LECTURE, "no return", ADD + "\n        out._backward = _backward\n\n        return out", ADD + "\n        out._backward = _backward"),
    row("no return in tanh", VIDEO, "no return", "self.grad += (1 - t**2) * out.grad\n        out._backward = _backward\n\n        return out", "self.grad += (1 - t**2) * out.grad\n        out._backward = _backward"),
    row("grad read early in *", LECTURE, "read too early", "def _backward():\n            " + MUL, "g = out.grad\n        def _backward():\n            self.grad += other.data * g\n            other.grad += self.data * g"),
    row("grad read early for one operand", LECTURE, "read too early", "def _backward():\n            " + MUL, "g = out.grad\n        def _backward():\n            self.grad += other.data * g\n            other.grad += self.data * out.grad"),
    row("leaves the program", LECTURE, "backward raises", "        topo = []\n", "        raise SystemExit\n"),
    row("relu at 0 and below", LECTURE, "gradient of a.relu()", "(out.data > 0)", "(out.data >= 0)"),
    row("grad read early in tanh", VIDEO, "read too early", "def _backward():\n            self.grad += (1 - t**2) * out.grad", "slope = (1 - t**2) * out.grad\n        def _backward():\n            self.grad += slope"),
    row("no upstream in tanh", VIDEO, "no upstream", "(1 - t**2) * out.grad", "(1 - t**2)"),
    row("no upstream in *", LECTURE, "no upstream", MUL, MUL.replace(" * out.grad", "")),
    row("no upstream, microgpt", MICROGPT, "no upstream", "local_grad * v.grad", "local_grad"),
    row("no __radd__", LECTURE, "no __radd__", "def __radd__", "def radd"),
    row("no __rmul__", LECTURE, "no __rmul__", "def __rmul__", "def rmul"),
    row("turned __rsub__", LECTURE, "value of 2 - a", "return other + (-self)", "return self + (-other)"),
    row("turned __rtruediv__", LECTURE, "value of 7 / a", "return other * self**-1", "return self * other**-1"),
    row("no plain numbers in +", LECTURE, "plain number", "other = other if isinstance(other, Value) else Value(other)\n        out = Value(self.data + ", "out = Value(self.data + "),
    row("no plain numbers", MICROGPT, "plain number", "        other = other if isinstance(other, Value) else Value(other)\n", ""),
    row("swapped factors", LECTURE, "gradient of a * b", MUL, "self.grad += self.data * out.grad\n            other.grad += other.data * out.grad"),
    row("minus is plus", LECTURE, "value of a - b", "return self + (-other)", "return self + other"),
    row("pow without its factor", LECTURE, "gradient of a**3", "(other * self.data**(other-1))", "self.data**(other-1)"),
    row("pow with its power", MICROGPT, "gradient of a**3", "other * self.data**(other-1)", "other * self.data**other"),
    row("tanh' is 1 - t", VIDEO, "gradient of a.tanh()", "1 - t**2", "1 - t"),
    row("relu asks the gradient", LECTURE, "gradient of a.relu()", "(out.data > 0) * out.grad", "(out.grad > 0) * out.grad"),
    row("relu without a gate", MICROGPT, "gradient of a.relu()", "float(self.data > 0)", "1.0"),
    row("whole division", HEAD + ITERATIVE[len(HEAD):], "value of a / b", "return self * node(other) ** -1", "return Value(self.data // node(other).data, (self,), (1 / node(other).data,))"),
    row("depth first", LECTURE, "depth first", TOPO, """        done = set()
        def go(v):
            if v not in done:
                done.add(v)
                v._backward()
                for child in v._prev:
                    go(child)
        self.grad = 1
        go(self)

"""),
    row("breadth first", ITERATIVE, "breadth first", ITERATIVE[ITERATIVE.index("        found, done"):], """        self.grad = 1.0
        queue, seen = [self], {self}
        while queue:
            v = queue.pop(0)
            v.send()
            for p in v.parents:
                if p not in seen:
                    seen.add(p)
                    queue.append(p)
"""),
    row("no visited", MICROGPT, "called again and again", "if v not in visited:", "if True:"),
    row("recursion without a sort", ITERATIVE, "called again and again", ITERATIVE[ITERATIVE.index("        found, done"):], """        self.grad = 1.0
        def go(v):
            v.send()
            for p in v.parents:
                go(p)
        go(self)
"""),
    row("calls backward of the operands", BY_ID, "starts again", BY_ID[BY_ID.index("        order = list("):], """        self.grad = 1.0
        self.send()
        for p in self.parents:
            p.backward()
"""),
    row("one step only", LECTURE, "one step only", TOPO, "        self.grad = 1\n        self._backward()\n\n"),
    row("never pops", ITERATIVE, "endless loop", ITERATIVE[ITERATIVE.index("        found, done"):], """        self.grad = 1.0
        queue = [self]
        while queue:
            v = queue[0]
            v.send()
"""),
    row("never pops, and catches", ITERATIVE, "endless loop", "        while stack:\n            v, ready = stack.pop()", """        while stack:
            try:
                v, ready = stack[-1]
            except:
                pass
            continue"""),
    row("recursion without end", LECTURE, "endless recursion", "        self.grad = 1\n", "        self.backward()\n"),
    row("equal by data", LECTURE, "equal numbers", "    def __neg__", """    def __eq__(self, other):
        return self.data == other.data
    def __hash__(self):
        return hash(self.data)
    def __neg__"""),
    row("unhashable", LECTURE, "no __hash__", "    def __neg__", """    def __eq__(self, other):
        return self.data == other.data
    def __neg__"""),
    row("equal in a list", VISITED_LIST, "equal numbers", "    def __neg__", """    def __eq__(self, other):
        return self.data == other.data
    def __neg__"""),
    row("a set of parents and slopes", MICROGPT, "same node twice", "self._children = children\n", "self._children = dict(zip(children, local_grads))\n", "v._children, v._local_grads", "v._children, v._children.values()"),
    row("visited for ever", ITERATIVE, "visited for ever", "def backward(self)", "def backward(self, done=set())", "found, done, stack = [], set(), ", "found, stack = [], "),
    row("leaves overwritten", ITERATIVE, "leaves overwritten", "            if v.parents:\n                v.grad = 0.0", "            v.grad = 0.0"),
    row("tape without reset", TAPE, "graphs mixed", "        for v, _ in TAPE:\n            v.grad = 0.0\n", ""),
    row("grad on the class", LECTURE, "grad is shared", "        self.grad = 0\n", "", "    def __init__", """    shared = [0]
    grad = property(lambda self: Value.shared[0], lambda self, g: Value.shared.__setitem__(0, g))
    def __init__"""),
    row("changes itself", LECTURE, "changes operands", "out = Value(self.data + other.data, (self, other), '+')", "self.data += other.data; out = self"),
    row("plain results", SUBCLASSES, "not a node", "return Product(self, as_node(other))", "return self.data * as_node(other).data"),
    row("in place", LECTURE, "in place", "    def __neg__", """    def __iadd__(self, other):
        self.data += other.data
        return self
    def __neg__"""),
    row("whole numbers", LECTURE, "data", "self.data = data", "self.data = int(data)"),
    row("grad starts at 1", LECTURE, "grad", "self.grad = 0\n", "self.grad = 1\n"),
    row("data moves", LECTURE, "data moves", "        self.grad = 1\n", "        self.grad = 1; self.data = 0.0\n"),
    row("division's second", FUNCTION_OBJECTS, "gradient of a / b", "-g * a / b ** 2", "g * a / b ** 2"),
    row("sine for cosine", FUNCTION_OBJECTS, "gradient of a.sin()", "math.cos(self.saved)", "math.sin(self.saved)"),
]  # fmt: skip
