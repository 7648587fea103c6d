"""The floats of the table as C, so that each is written once.

They are the functions of `numerics/ieee.py` and `tails.py`, and the values that rows of `ops.py`
state themselves. `python -m micrograd.compiler.native.translate` writes `functions.h`; the build
does so (`setup.py`). They use little of Python: floats and counters, `if`, `for`, conditional
expressions, and `math`. A function that uses more, such as the gamma function with its series,
stays Python, and the machine calls it there: the build says which.

C differs from Python where Python raises: 1/0 is inf by itself, and so what stands in
an `except` is left out. What is refused on purpose (`raise`) becomes a note that the
caller looks at. At the end come the powers of 2 that `exponential.h` needs. (Past 300
lines because a translator is read as a whole.)
"""

from __future__ import annotations

import ast
import math
import struct
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from ... import ops
from ...core.rule import TABLE, Rule
from ...files import write_text
from ...numerics import ieee, tails

HEADER = Path(__file__).with_name("functions.h")
MATH = {
    "exp": "exp", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10",
    "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos",
    "atan": "atan", "atan2": "atan2", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "asinh": "asinh", "acosh": "acosh", "atanh": "atanh", "erf": "erf", "erfc": "erfc",
    "pow": "pow", "fmod": "fmod", "copysign": "copysign", "floor": "floor", "ldexp": "py_ldexp",
    "log1p": "py_log1p", "ceil": "ceil", "remainder": "remainder",
}  # fmt: skip
BY_HAND = {"fma": "fma(x, y, z)"}
PRELUDE = r"""/* Written by translate.py from ieee.py and tails.py; not to be edited. */
#include <math.h>
#include <stdint.h>
static _Thread_local int mg_refused;  /* set where Python would raise ValueError */
static double py_refuse(void) { mg_refused = 1; return NAN; }
static double py_ldexp(double x, double n) { return ldexp(x, (int)n); }
static double py_log1p(double x) { return x == 0.0 ? x : log1p(x); }
static double py_exponent(double x) { int e; frexp(x, &e); return e; }
static double py_mod(double x, double y) {
    double m = fmod(x, y);
    if (m != 0.0) return (y < 0.0) != (m < 0.0) ? m + y : m;
    return copysign(0.0, y);
}
static double py_floordiv(double x, double y) {
    double m = fmod(x, y), d = (x - m) / y;
    if (m != 0.0 && (y < 0.0) != (m < 0.0)) d -= 1.0;
    if (d == 0.0) return copysign(0.0, x / y);
    double f = floor(d);
    return d - f > 0.5 ? f + 1.0 : f;
}
"""


class Untranslatable(Exception):
    """The function uses more of Python than can be written in C one to one."""


class Translator:
    """One function."""

    def __init__(self, tree: ast.FunctionDef, known: dict[str, ast.FunctionDef]) -> None:
        self.tree = tree
        self.known = known
        self.used: list[str] = []
        self.locals: set[str] = set()
        self.loops = 0
        self.arguments, self.star = arguments_of(tree)

    def text(self) -> str:
        body = self.block(self.tree.body, 1)
        variables = sorted(self.locals - set(self.arguments))
        declared = (
            f"    double {', '.join(f'{v} = 0.0' for v in variables)};\n" if variables else ""
        )
        return f"{signature(self.tree.name, self.arguments, self.star)} {{\n{declared}{body}}}\n"

    def block(self, body: list[ast.stmt], depth: int) -> str:
        return "".join(self.statement(s, depth) for s in body)

    def statement(self, s: ast.stmt, depth: int) -> str:
        pad = "    " * depth
        if isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant):
            return ""  # the docstring
        if isinstance(s, ast.Return) and s.value is not None:
            return f"{pad}return {self.value(s.value)};\n"
        if isinstance(s, ast.Raise):
            return f"{pad}return py_refuse();\n"
        if isinstance(s, ast.Try):
            return self.block(s.body, depth)
        if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name):
            name = s.targets[0].id
            self.locals.add(name)
            return f"{pad}{name} = {self.value(s.value)};\n"
        if isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name):
            operator = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(s.op)]
            return f"{pad}{s.target.id} {operator}= {self.value(s.value)};\n"
        if isinstance(s, ast.If):
            text = f"{pad}if ({self.value(s.test)}) {{\n{self.block(s.body, depth + 1)}{pad}}}\n"
            if s.orelse:
                text = text.rstrip() + f" else {{\n{self.block(s.orelse, depth + 1)}{pad}}}\n"
            return text
        if isinstance(s, ast.For) and isinstance(s.target, ast.Name):
            self.loops += 1
            index, name = f"i_{self.loops}", s.target.id
            self.locals.add(name)
            if isinstance(s.iter, ast.Name) and s.iter.id == self.star:
                limits, item = ("0", "n_"), f"{self.star}[{index}]"
            elif isinstance(s.iter, ast.Call) and getattr(s.iter.func, "id", "") == "range":
                given = [self.value(a) for a in s.iter.args]
                limits, item = ("0" if len(given) == 1 else given[0], given[-1]), index
            elif isinstance(s.iter, ast.Tuple):
                values = ", ".join(self.value(e) for e in s.iter.elts)
                count = len(s.iter.elts)
                return (
                    f"{pad}static const double a_{index}[] = {{{values}}};\n"
                    f"{pad}for (int {index} = 0; {index} < {count}; {index}++) {{\n"
                    f"{pad}    {name} = a_{index}[{index}];\n"
                    f"{self.block(s.body, depth + 1)}{pad}}}\n"
                )
            else:
                raise Untranslatable(ast.unparse(s.iter))
            return (
                f"{pad}for (int {index} = (int)({limits[0]}); {index} < (int)({limits[1]}); "
                f"{index}++) {{\n{pad}    {name} = {item};\n"
                f"{self.block(s.body, depth + 1)}{pad}}}\n"
            )
        raise Untranslatable(ast.unparse(s)[:60])

    def value(self, e: ast.expr) -> str:
        if isinstance(e, ast.Constant) and isinstance(e.value, (int, float)):
            return repr(float(e.value)) if not isinstance(e.value, bool) else str(int(e.value))
        if isinstance(e, ast.Name):
            return self.name(e.id)
        if isinstance(e, ast.UnaryOp):
            operator = {ast.USub: "-", ast.Not: "!"}[type(e.op)]
            return f"({operator}{self.value(e.operand)})"
        if isinstance(e, ast.BinOp):
            return self.binary(e)
        if isinstance(e, ast.BoolOp):
            operator = " && " if isinstance(e.op, ast.And) else " || "
            return "(" + operator.join(self.value(v) for v in e.values) + ")"
        if isinstance(e, ast.Compare):
            signs = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==",
                     ast.NotEq: "!="}  # fmt: skip
            sides = [self.value(v) for v in (e.left, *e.comparators)]
            pairs = [f"{a} {signs[type(op)]} {b}" for a, op, b in zip(sides, e.ops, sides[1:])]
            return "(" + " && ".join(pairs) + ")"
        if isinstance(e, ast.IfExp):
            return f"({self.value(e.test)} ? {self.value(e.body)} : {self.value(e.orelse)})"
        if isinstance(e, ast.Subscript):
            if ast.unparse(e).startswith("math.frexp(") and isinstance(e.value, ast.Call):
                return f"py_exponent({self.value(e.value.args[0])})"
            if isinstance(e.value, ast.Name) and e.value.id == self.star:
                return f"{self.star}[(int)({self.value(e.slice)})]"
        if isinstance(e, ast.Call):
            return self.call(e)
        raise Untranslatable(ast.unparse(e)[:60])

    def name(self, name: str) -> str:
        if name in self.arguments or name in self.locals:
            return name
        if name == self.star:
            return "(n_ > 0)"
        constant = {"inf": "INFINITY", "nan": "NAN"}.get(name)
        number = getattr(ieee, name, getattr(tails, name, None))
        if constant is None and isinstance(number, float):
            constant = repr(number)
        if constant is None:
            raise Untranslatable(name)
        return constant

    def binary(self, e: ast.BinOp) -> str:
        a, b = self.value(e.left), self.value(e.right)
        operator = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}.get(type(e.op))
        if operator:
            return f"({a} {operator} {b})"
        if isinstance(e.op, ast.Mod):
            return f"py_mod({a}, {b})"
        if isinstance(e.op, ast.FloorDiv):
            return f"py_floordiv({a}, {b})"
        if isinstance(e.op, ast.Pow):
            self.used.append("power")
            return f"mg_power({a}, {b})"
        raise Untranslatable(ast.unparse(e)[:60])

    def call(self, e: ast.Call) -> str:
        if isinstance(e.func, ast.Attribute) and ast.unparse(e.func.value) in ("ieee", "tails"):
            e = ast.Call(ast.Name(e.func.attr), e.args, e.keywords)
        if isinstance(e.func, ast.Attribute):
            name = MATH.get(e.func.attr)
            if name is None or ast.unparse(e.func.value) != "math":
                raise Untranslatable(ast.unparse(e.func))
            return f"{name}({', '.join(self.value(a) for a in e.args)})"
        name = e.func.id if isinstance(e.func, ast.Name) else ""
        if name == "len":
            return "((double)n_)"
        args = [self.value(a) for a in e.args if not isinstance(a, ast.Starred)]
        if name == "abs":
            return f"fabs({args[0]})"
        if name == "int":
            return f"trunc({args[0]})"
        if name == "float":
            return args[0]
        if name in ("min", "max") and len(args) == 2:
            a, b = args
            return f"({b} {'<' if name == 'min' else '>'} {a} ? {b} : {a})"
        f = self.known.get(name)
        if f is None:
            raise Untranslatable(name)
        self.used.append(name)
        if any(isinstance(a, ast.Starred) for a in e.args):
            return f"mg_{name}({''.join(a + ', ' for a in args)}n_, {self.star})"
        if arguments_of(f)[1]:
            return f"mg_{name}({len(args)}, (const double[]){{{', '.join(args)}}})"
        return f"mg_{name}({', '.join(args)})"


def signature(name: str, arguments: list[str], star: str) -> str:
    parts = [f"double {a}" for a in arguments]
    if star:
        parts += ["int n_", f"const double *{star}"]
    return f"static double mg_{name}({', '.join(parts)})"


def arguments_of(tree: ast.FunctionDef) -> tuple[list[str], str]:
    """The names of the arguments, and of the one that takes any number more, if there is one."""
    args = tree.args
    return [a.arg for a in args.args], args.vararg.arg if args.vararg else ""


def sources() -> dict[str, ast.FunctionDef]:
    """The functions as they are written, also where they run compiled."""
    found = {}
    for name in ("ieee", "tails"):
        text = (Path(__file__).parents[2] / "numerics" / f"{name}.py").read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = node
    return {**found, **values_of_rows()}


def values_of_rows() -> dict[str, ast.FunctionDef]:
    """The values that rows of the table state themselves, as lambdas or functions beside them.

    By the names `value_of_square` and so on.
    """
    tree = ast.parse(Path(ops.__file__).with_suffix(".py").read_text(encoding="utf-8"))
    beside = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = {}
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or getattr(call.func, "id", "") not in ("op", "aux"):
            continue
        name, value = call.args[:2]
        if not isinstance(name, ast.Constant):
            continue
        own = "value_of_" + str(name.value)
        if isinstance(value, ast.Lambda):
            body: list[ast.stmt] = [ast.Return(value.body)]
            found[own] = ast.FunctionDef(own, value.args, body, [], None)
        elif isinstance(value, ast.Name) and value.id in beside:
            f = beside[value.id]
            found[own] = ast.FunctionDef(own, f.args, f.body, [], None)
    return found


def name_of(rule: Rule) -> str:
    """Under which name the value of a row is translated."""
    f = rule.forward.__name__
    known = getattr(ieee, f, getattr(tails, f, None))
    return f if known is rule.forward else f"value_of_{rule.name}"


def untranslated() -> list[str]:
    """The operations whose values have no C: the machine calls Python for each number of them."""
    texts = functions()
    return sorted(name for name, rule in TABLE.items() if name_of(rule) not in texts)


def functions() -> dict[str, str]:
    """The C text of every function that has one, each after those that it calls."""
    candidates = sources()
    found: dict[str, str] = {}
    refused: set[str] = set()

    def visit(name: str) -> bool:
        if name in found or name in refused:
            return name in found
        f = candidates[name]
        if name in BY_HAND:
            found[name] = (
                f"{signature(name, arguments_of(f)[0], '')} {{ return {BY_HAND[name]}; }}\n"
            )
            return True
        refused.add(name)  # until it is done: nothing here calls itself
        translator = Translator(f, candidates)
        try:
            text = translator.text()
        except (Untranslatable, KeyError):
            return False
        if not all(visit(used) for used in translator.used):
            return False
        refused.discard(name)
        found[name] = text
        return True

    for name in candidates:
        visit(name)
    return found


def powers() -> tuple[list[int], list[float]]:
    """2^(k/128) for all k < 128: the bits of the nearest double, and what it lacks of the power.

    The bits of H have k 2^45 taken off, so that adding any whole k times 2^45 gives H with
    its exponent; what it lacks is 2^(k/128) / H - 1.

    >>> bits, lost = powers()
    >>> hex(bits[64]), lost[0]
    ('0x3feea09e667f3bcd', 0.0)
    """
    bits, lost = [], []
    for k in range(128):
        root = 2 ** (k + 128 * 200)  # its 128th root is a square root of a square root ...
        for _ in range(7):
            root = math.isqrt(root)
        exact = Fraction(root, 2**200)
        nearest = float(exact)
        bits.append(struct.unpack("<Q", struct.pack("<d", nearest))[0] - (k << 45))
        lost.append(float(exact / Fraction(nearest) - 1) if k else 0.0)
    return bits, lost


def rows_of(texts: Iterable[str]) -> str:
    """The elements of an array, four in a line."""
    them = [f"{text}," for text in texts]
    return "".join(f"    {' '.join(them[i : i + 4])}\n" for i in range(0, len(them), 4))


def header() -> str:
    """The text of `functions.h`: the functions, a table of them by operation, and one of powers."""
    texts, written = functions(), sources()
    rows = []
    for name, rule in sorted(TABLE.items()):
        f = name_of(rule)
        if f in texts:
            arguments, star = arguments_of(written[f])
            kind = -1 - len(arguments) if star else len(arguments)
            rows.append(f'    {{"{name}", {kind}, (void (*)(void))mg_{f}}},\n')
    table = (
        "/* By operation: how many operands, -1 for any number, -2 for one and then any. */\n"
        "static const struct { const char *name; int arity; void (*call)(void); } mg_table[] = {\n"
        f"{''.join(rows)}}};\n"
        f"#define MG_TABLE {len(rows)}\n"
    )
    bits, lost = powers()
    table += (
        "/* 2^(k/128): the bits of the nearest double, less k 2^45, and what it lacks of it. */\n"
        f"static const uint64_t MG_POWERS[128] = {{\n{rows_of(f'{b:#x}u' for b in bits)}}};\n"
        f"static const double MG_LOST[128] = {{\n{rows_of(map(float.hex, lost))}}};\n"
    )
    return PRELUDE + "\n".join(texts.values()) + "\n" + table


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HEADER
    print(f"wrote {write_text(path, header())}")
    print(f"no C for {', '.join(untranslated())}: jit calls Python for these")
