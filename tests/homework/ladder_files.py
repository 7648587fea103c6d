"""A learner's own files for the twelve stages: right ones, and wrong ones with what is said.

`RIGHT[k]` is the file that passes stages 1 to k + 1. `WRONG` has rows of the stage, a change in
its right file, words that the finding has to contain, and the stage where it shows if earlier.
"""

START = """
import math, random

class Value:
    def __init__(self, data, parents=(), op=""):
        self.data, self.grad, self.parents, self.op = data, 0.0, parents, op

    def backward(self):
        self.grad = 1.0
        self.hand(1.0)

    def hand(self, g):
        for parent, slope in self.parents:
            parent.grad += slope * g
            parent.hand(slope * g)
"""
PLUS = """
    def __add__(self, other):
        other = node(other)
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)), "+")

    __radd__ = __add__
"""
TIMES = """
    def __mul__(self, other):
        other = node(other)
        return Value(self.data * other.data, ((self, other.data), (other, self.data)), "*")

    __rmul__ = __mul__
"""
SORT = """
    def backward(self):
        self.grad = 1.0
        for v in reversed(self.order()):
            for parent, slope in v.parents:
                parent.grad += slope * v.grad

    def order(self):
        found, seen = [], set()
        def visit(v):
            if v not in seen:
                seen.add(v)
                for parent, _ in v.parents:
                    visit(parent)
                found.append(v)
        visit(self)
        return found
"""
POWERS = """
    def __pow__(self, n):
        return Value(self.data**n, ((self, n * self.data ** (n - 1)),), f"**{n}")

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, ((self, 1 - t * t),), "tanh")

    def exp(self):
        e = math.exp(self.data)
        return Value(e, ((self, e),), "exp")

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + node(other) * -1

    def __truediv__(self, other):
        return self * node(other) ** -1
"""
LOG = """
    def log(self):
        return Value(math.log(self.data), ((self, 1 / self.data),), "log")
"""
NODE = """
def node(x):
    return x if isinstance(x, Value) else Value(x)
"""
NEURON = """
class Neuron:
    def __init__(self, nin):
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0.0)

    def __call__(self, x):
        return sum((w * v for w, v in zip(self.w, x)), self.b).tanh()

    def parameters(self):
        return [*self.w, self.b]
"""
NETWORK = """
class Layer:
    def __init__(self, nin, nout):
        self.neurons = [Neuron(nin) for _ in range(nout)]

    def __call__(self, x):
        out = [n(x) for n in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self):
        return [p for n in self.neurons for p in n.parameters()]

class MLP:
    def __init__(self, nin, nouts):
        sizes = [nin, *nouts]
        self.layers = [Layer(a, b) for a, b in zip(sizes, sizes[1:])]

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]
"""
TRAINING = """
def fit(model, xs, ys, steps, rate):
    losses = []
    for _ in range(steps):
        loss = sum((model(x) - y) ** 2 for x, y in zip(xs, ys))
        for p in model.parameters():
            p.grad = 0.0
        loss.backward()
        for p in model.parameters():
            p.data -= rate * p.grad
        losses.append(loss.data)
    return losses
"""
JACOBIAN = """
def jacobian(f, xs):
    rows = []
    for k in range(len(f([Value(x) for x in xs]))):
        v = [Value(x) for x in xs]
        f(v)[k].backward()
        rows.append([x.grad for x in v])
    return rows
"""
PROGRAM = """
def source(f, n):
    leaves = [Value(0.5) for _ in range(n)]
    y = f(*leaves)
    order = y.order()
    names = {v: f"x{k}" for k, v in enumerate(leaves)}
    forward, back = [], []
    for k, v in enumerate(order):
        if v in names:
            continue
        if not v.parents:
            names[v] = repr(v.data)
            continue
        names[v] = f"v{k}"
        a = [names[p] for p, _ in v.parents]
        if v.op in "+*":
            forward.append(f"v{k} = {a[0]} {v.op} {a[1]}")
            slopes = ["1", "1"] if v.op == "+" else [a[1], a[0]]
        elif v.op == "tanh":
            forward.append(f"v{k} = math.tanh({a[0]})")
            slopes = [f"(1 - v{k} * v{k})"]
        else:
            m = int(v.op[2:])
            forward.append(f"v{k} = {a[0]} ** {m}")
            slopes = [f"{m} * {a[0]} ** {m - 1}"]
        back.insert(0, [f"d{order.index(p)} += d{k} * {s}" for (p, _), s in zip(v.parents, slopes) if p in leaves or p.parents])
    slots = [f"d{k}" for k in range(len(order))]
    grads = [f"d{order.index(v)}" if v in order else "0.0" for v in leaves]
    lines = [f"{' = '.join(slots)} = 0.0", f"d{len(order) - 1} = 1.0", *(line for group in back for line in group)]
    head = f"import math\\ndef run({', '.join(f'x{k}' for k in range(n))}):\\n"
    body = [*forward, *lines, f"return {names[y]}, ({', '.join(grads)},)"]
    return head + "".join(f"    {line}\\n" for line in body)
"""
GPT = """
class GPT:
    def __init__(self, letters, context, width=8):
        def matrix(rows, columns):
            return [[Value(random.gauss(0, 0.3)) for _ in range(columns)] for _ in range(rows)]
        self.letter, self.place = matrix(letters, width), matrix(context, width)
        self.query, self.key, self.value = (matrix(width, width) for _ in range(3))
        self.up, self.down = matrix(2 * width, width), matrix(width, 2 * width)
        self.scores = matrix(letters, width)

    def parameters(self):
        matrices = [self.letter, self.place, self.query, self.key, self.value, self.up, self.down, self.scores]
        return [p for m in matrices for row in m for p in row]

    def __call__(self, tokens):
        past, out = [], []
        for at, token in enumerate(tokens):
            x = [a + b for a, b in zip(self.letter[token], self.place[at])]
            past.append((linear(self.key, x), linear(self.value, x)))
            query = linear(self.query, x)
            match = [dot(query, k).exp() for k, _ in past]
            total = sum(match)
            seen = [sum(m * v[i] for m, (_, v) in zip(match, past)) / total for i in range(len(x))]
            x = [a + b for a, b in zip(x, seen)]
            thought = linear(self.down, [h.tanh() for h in linear(self.up, x)])
            out.append(linear(self.scores, [a + b for a, b in zip(x, thought)]))
        return out

def dot(a, b):
    return sum(x * y for x, y in zip(a, b))

def linear(w, x):
    return [dot(row, x) for row in w]
"""
SIMPLE = START[: START.index("    def backward")]
METHODS = [
    START, START + PLUS, START + PLUS + TIMES, START + PLUS + TIMES, SIMPLE + PLUS + TIMES + SORT,
    SIMPLE + PLUS + TIMES + SORT + POWERS,
]  # fmt: skip
BEYOND = [NEURON, NETWORK, TRAINING, JACOBIAN, PROGRAM, GPT]
RIGHT = [body + NODE for body in METHODS]
for part in BEYOND:
    body = METHODS[-1] + LOG if part is GPT else METHODS[-1]
    RIGHT.append(body + NODE + "".join(BEYOND[: BEYOND.index(part) + 1]))

WRONG = [
    (1, "self.data, self.grad, self.parents, self.op = data, 0.0", "self.data, self.grad, self.parents, self.op = data, 1.0", "A gradient starts at 0"),
    (1, "self.grad = 1.0", "self.grad = self.data", "has to start with self.grad = 1"),
    (1, "class Value", "class Value(", "It does not run: SyntaxError"),
    (1, "self.data, self.grad, self.parents, self.op = data, 0.0", "Value.data = data; self.grad, self.parents, self.op = 0.0", "All objects have one number"),
    (1, "self.data, self.grad", "data, self.grad", "A new Value has no .data"),
    (1, "def __init__", "def _init_", "cannot be made of a number alone"),
    (1, "parents=(), op=", "parents, op=", "cannot be made of a number alone"),
    (2, "__radd__", "radd", "There is no __radd__"),
    (2, "(other, 1.0)", "(other, -1.0)", "The sign is wrong"),
    (2, "        self.hand(1.0)\n", "        for parent, slope in self.parents:\n            parent.grad += slope\n", "backward() does not go on"),
    (3, "(self, other.data), (other, self.data)", "(self, self.data), (other, other.data)", "swapped"),
    (3, "parent.hand(slope * g)", "parent.hand(slope)", "not multiplied with the gradient of the result"),
    (3, "data * other.data, (", "data + other.data, (", "The value of a * b is wrong"),
    (4, "parent.grad += slope * g", "parent.grad = slope * g", "`self.grad += ...`, not `=`"),
    (4, "self.parents, self.op = data, 0.0, parents", "self.parents, self.op = data, 0.0, tuple(dict(parents).items())", "counts once only"),
    (5, "reversed(self.order())", "self.order()", "`reversed(...)`", 2),
    (5, "parent.grad += slope * v.grad", "parent.grad = round(parent.grad + slope * v.grad, 2)", "right in their first digits alone", 3),
    (5, "if v not in seen", "if True", "once for each path"),
    (5, SORT, START[START.index("\n    def backward"):], "every doubling of the paths doubles the work"),
    (5, "            if v not in seen:\n                seen.add(v)", "            if v.data not in seen:\n                seen.add(v.data)", "the node and not its number", 2),
    (5, "reversed(self.order())", "sorted(self.order(), key=lambda v: -v.data)", "before all that use it have given theirs", 2),
    (6, "    def __truediv__", "    def __rsub__(self, other):\n        return self - other\n\n    def __truediv__", "The value of 2 - a is wrong. The sign is wrong"),
    (6, "math.tanh(self.data)", "math.tanh(self)", "the data of a node, and not the node. It shows in a.tanh(): it raises TypeError: must be real number, not Value, in line"),
    (6, "self * node(other) ** -1", "self * (1 // node(other))", "Between nodes there is no //"),
    (6, "self * node(other) ** -1", "Value(self.data / node(other).data, ((self, 1 / node(other).data), (node(other), self.data)))", "The local gradient of a / b is wrong. It shows in"),
    (6, "1 - t * t", "1 - t", "The local gradient of a.tanh() is wrong"),
    (6, "return self + node(other) * -1", "return node(other) + self * -1", "The value of a - b is wrong"),
    (6, "    def exp", "    def expo", "There is no Value.exp yet"),
    (7, "self.b).tanh()", "self.b)", "the output for w = (0.5, -1), b = 0.25"),
    (7, "return [*self.w, self.b]", "return self.w", "the number of parameters of Neuron(3) is 3"),
    (7, "random.uniform(-1, 1)", "0.5", "whether weights are drawn at random"),
    (6, "Value(self.data**n,", "Value(self.data**int(n),", "The value of a**0.5 is wrong"),
    (7, "    def __init__(self, nin):\n        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]", "    def __init__(self, nin, w=[]):\n        self.w = w\n        w.extend(Value(random.uniform(-1, 1)) for _ in range(nin))", "a Neuron(2) made after it is 5"),
    (7, "random.uniform(-1, 1)", "random.random()", "whether some weights lie below -0.5: the answer is no and should be yes."),
    (7, "random.uniform(-1, 1)", "random.gauss(0, 1)", "whether all weights lie between -1 and 1"),
    (7, "[Value(random.uniform(-1, 1))", "[random.uniform(-1, 1)", "whether they are all Values"),
    (7, "        return sum((w * v for w, v in zip(self.w, x)), self.b).tanh()", "        self.b = sum((w * v for w, v in zip(self.w, x)), self.b)\n        return self.b.tanh()", "asked for once more"),
    (7, "return sum(", "print(sum(", "It does not run: SyntaxError"),
    (7, "        return sum(", "        a = sum(", "something gives None where a result is looked for: is a return missing?"),
    (7, "(w * v for", "(w * x for", "can't multiply sequence by non-int of type 'float', in line"),
    (7, "(w * v for", "(w.data * v for", "the gradients of its weights and bias"),
    (8, "[Neuron(nin) for _ in range(nout)]", "[Neuron(nin)] * nout", "the number of different ones"),
    (8, "out[0] if len(out) == 1 else out", "out", "whether a layer of one neuron"),
    (8, "x = layer(x)", "x = [v.data if hasattr(v, 'data') else v for v in x]; x = layer(x)", "the number of parameters without a gradient"),
    (9, "            p.grad = 0.0\n", "            pass\n", "are gradients set to 0 before each?"),
    (9, "p.data -= rate", "p.data += rate", "the loss after one step"),
    (9, "losses.append(loss.data)", "pass", "the number of losses after 3 steps is 0"),
    (9, "    return losses", "    return losses[-1]", "whether fit gives a list of losses"),
    (9, "    return losses", "    raise SystemExit", "Each step goes down the slope: it raises SystemExit, in line"),
    (9, "p.data -= rate * p.grad", "p = p - rate * p.grad", "whether a step changes the loss: the answer is no"),
    (10, "        f(v)[k].backward()\n        rows.append([x.grad for x in v])", "        base = f(v)[k].data\n        moved = [[Value(x + 1e-7 * (i == j)) for j, x in enumerate(xs)] for i in range(len(xs))]\n        rows.append([(f(w)[k].data - base) / 1e-7 for w in moved])", "(It has a few digits only"),
    (10, "rows.append([x.grad for x in v])", "rows.append(v)", "at (2, 5) is [[<"),
    (10, "        rows.append([x.grad for x in v])\n    return rows", "        rows.append([x.grad for x in v])\n    return [list(c) for c in zip(*rows)]", "the Jacobian of (ab, a + 3b, b)"),
    (10, "        v = [Value(x) for x in xs]\n        f(v)[k]", "        v = v if k else [Value(x) for x in xs]\n        f(v)[k]", "the Jacobian of (ab, a + 3b, b)"),
    (11, "names[v] = f\"v{k}\"", "names[v] = repr(v.data) if v.op == '*' else f\"v{k}\"", "at (0.1, 0.2)"),
    (11, " += d{k}", " = d{k}", "the gradients at (0.1, 0.2)"),
    (11, 'if v in order else "0.0"', "", "ValueError"),
    (11, "def run(", "def program(", "whether it is the text of a function called run"),
    (11, '    return head + "".join(f"    {line}\\n" for line in body)', '    global made\n    made = f\n    return f"import mine\\ndef run(*xs):\\n    xs = [mine.Value(x) for x in xs[:{n}]]\\n    y = mine.made(*xs)\\n    y.backward()\\n    return y.data, [x.grad for x in xs]"', "the number of Values that run makes"),
    (12, "match = [dot(query, k).exp() for k, _ in past]", "match = [Value(1.0) for k, _ in past]", "those of queries, keys and values, too: the answer is no"),
    (12, "[self.letter, self.place, self.query, self.key, self.value, ", "[self.letter, self.place, ", "missing in parameters()"),
    (12, "past.append((linear(self.key, x), linear(self.value, x)))", "past.append((linear(self.key, x), [Value(v.data) for v in linear(self.value, x)]))", "those of queries, keys and values, too: the answer is no"),
    (12, "((self, 1 / self.data),)", "((self, self.data),)", "the slope with all parameters moved"),
    (12, "out.append(linear(self.scores, [a + b for a, b in zip(x, thought)]))", "powers = [s.exp() for s in linear(self.scores, [a + b for a, b in zip(x, thought)])]; out.append([p / sum(powers) for p in powers])", "with a softmax too many"),
    (12, "past.append((", "past[:] = [(self.key[0], self.value[0])] * 0; past.append((", "when the first one is another"),
    (12, "zip(self.letter[token], self.place[at])", "zip(self.letter[token], self.letter[token])", "when two earlier ones are exchanged"),
    (12, "for at, token in enumerate(tokens):\n", "for at, token in enumerate(tokens):\n            token = tokens[min(at + 1, len(tokens) - 1)]\n", "when only later tokens differ"),
    (12, "return [p for m in matrices for row in m for p in row]", "return [Value(p.data) for m in matrices for row in m for p in row]", "missing in parameters()"),
]  # fmt: skip
