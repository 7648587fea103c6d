"""Small changes made to a right class by a machine, and graphs that say whether they matter.

`mutants(text)` gives the changed texts; `differs(cls, plans)` compares a class with our own on
random graphs. The checker has to agree with that: see `test_homework_mutants.py`.
"""

import ast
import copy
import math
import random

import micrograd as mg
from micrograd.learn.checker.limits import within

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
NAMES = ("self", "other", "out")


def changes(node):
    """Functions that change a node of a syntax tree in place."""
    if isinstance(node, ast.BinOp):
        for kind in OPERATORS:
            if not isinstance(node.op, kind):
                yield lambda m, kind=kind: setattr(m, "op", kind())
        yield lambda m: setattr(m, "right", copy.deepcopy(m.left))
    if isinstance(node, ast.AugAssign):
        yield lambda m: setattr(m, "op", ast.Sub())
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield lambda m: setattr(m, "value", m.value + 1)
        yield lambda m: setattr(m, "value", m.value - 1)
    if isinstance(node, ast.Name) and node.id in NAMES:
        for name in NAMES:
            if name != node.id:
                yield lambda m, name=name: setattr(m, "id", name)
    if isinstance(node, ast.Attribute) and node.attr in ("data", "grad"):
        yield lambda m: setattr(m, "attr", "grad" if m.attr == "data" else "data")
    if isinstance(node, ast.Tuple) and len(node.elts) > 1:
        yield lambda m: m.elts.pop(0)
        yield lambda m: m.elts.pop()
        yield lambda m: m.elts.reverse()
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reversed":
        yield lambda m: setattr(m.func, "id", "list")
    if isinstance(node, (ast.FunctionDef, ast.For, ast.If)):
        for k in range(len(node.body)):
            yield lambda m, k=k: m.body.__setitem__(k, ast.Pass())


def mutants(text):
    """The texts that differ from it by one change, each once."""
    tree, found = ast.parse(text), {}
    for i, node in enumerate(ast.walk(tree)):
        for change in changes(node):
            changed = copy.deepcopy(tree)
            change(list(ast.walk(changed))[i])
            found.setdefault(ast.unparse(ast.fix_missing_locations(changed)))
    found.pop(ast.unparse(tree), None)
    return list(found)


BINARY = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "-": lambda a, b: a - b,
    "/": lambda a, b: a / b,
    "3 +": lambda a, b: 3 + a,
    "* 3": lambda a, b: a * 3,
    "2 -": lambda a, b: 2 - a,
    "7 /": lambda a, b: 7 / a,
    "- 1": lambda a, b: a - 1,
    "neg": lambda a, b: -a,
    "cube": lambda a, b: a**3,
    "double": lambda a, b: a + a,
    "square": lambda a, b: a * a,
    "relu": lambda a, b: a.relu(),
    "exp": lambda a, b: a.exp(),
}


def built(plan, leaves):
    made = list(leaves)
    for name, i, j in plan:
        made.append(BINARY[name](made[i], made[j]))
    return made[-1]


def plans(count=80):
    """Random graphs whose numbers stay in bounds, with our own values and gradients."""
    found = []
    for seed in range(3 * count):
        rng = random.Random(seed)
        xs = [rng.choice((-1.3, 0.7, 2.1, 1.0, 2.0)) for _ in range(3)]
        steps = range(3, 3 + rng.randint(1, 9))
        plan = [(rng.choice(list(BINARY)), rng.randrange(max(0, v - 3), v), rng.randrange(v)) for v in steps]  # fmt: skip
        leaves = [mg.Value(x) for x in xs]
        y = built(plan, leaves)
        y.backward()
        numbers = [y.data, *(v.grad for v in leaves)]
        if all(math.isfinite(x) and abs(x) < 1e6 for x in numbers):
            found.append((plan, xs, numbers))
    return found[:count]


def differs(cls, plans):
    """Whether a class gives other numbers on one of the graphs, or an error."""

    def run(plan, xs):
        leaves = [cls(x) for x in xs]
        y = built(plan, leaves)
        y.backward()
        return [float(y.data), *(float(v.grad) for v in leaves)]

    for plan, xs, right in plans:
        try:
            found = within(lambda plan=plan, xs=xs: run(plan, xs), 0.3)
        except (Exception, SystemExit):
            return True
        if not all(math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-7) for a, b in zip(found, right)):
            return True
    return False
