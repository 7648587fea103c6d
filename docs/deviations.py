"""Writes `deviations.md`: where this engine answers differently from PyTorch, and why.

    python docs/deviations.py             # writes the page
    python docs/deviations.py --check     # exit code 1 if the page is not what it would write

The cases are the rows of `tests/edge_cases.csv`, which are tests, where what is promised and
what PyTorch gives are not the same. Every such row has to have a reason here.
"""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path

from written import main

HERE = Path(__file__).parent
PAGE = HERE / "deviations.md"
ROWS = HERE.parent / "tests" / "edge_cases.csv"
HEAD = """# Deliberate deviations from PyTorch

This page is written by `python docs/deviations.py` from `tests/edge_cases.csv`, whose rows are
tests. Where it is not listed here, an edge case is answered as PyTorch answers it: IEEE values,
the same subgradients at kinks. "Here" and "PyTorch" show the value, then the gradients.
"""

# A heading, the reason, and the operations whose rows belong there.
REASONS = [
    (
        "Gradients keep their digits in the tails",
        "Written out, `1 - tanh(x)**2` or `s * (1 - s)` is 0, or has lost half of its digits, long "
        "before the true derivative is. Here such a derivative is an operation of its own, right "
        "to 4 units in the last place.",
        ("expm1", "sigmoid", "tanh", "sinc", "digamma(zero)", "D4 softplus", "D2 sinc", "D4 sinc"),
    ),
    (
        "A value of nan has gradients of nan",
        "A finite gradient next to a value of nan hides the fault; and outside of where a function "
        "exists there is nothing to differentiate.",
        ("abs", "relu", "max(x,y)", "clip(x,-1,1)", "floor", "log", "log10", "x%y"),
    ),
    (
        "At the end of the domain, the one-sided limit",
        "The root and the logarithm exist on one side of 0 only, and both zeros are that end.",
        ("sqrt", "log", "xlogy(x,y)"),
    ),
    (
        "What was not chosen gets no gradient",
        "Behind `where` PyTorch multiplies the gradient of the branch that was not taken with 0, "
        "and 0 times inf is nan. Here no gradient goes there at all.",
        ("where(x>0,log x,0)", "where(x>0,sqrt x,0)", "where(x>0,sin(x)/x,1)"),
    ),
    (
        "Limits, where there is one; nan, where there is none",
        "Equal operands share equally, at -inf as well; the length of a vector has at 0 the "
        "subgradient of least norm, which is 0; the angle of the origin has no derivative, and "
        "neither has a root of 0 that was multiplied with 0.",
        ("hypot(x,y)", "logaddexp(x,y)", "logsumexp(x,y)", "silu", "atan2(y,x)", "std(x,y)"),
    ),
    (
        "No overflow on the way",
        "Where the answer is an ordinary number, squares of the operands must not overflow or "
        "vanish.",
        ("atan2(y,x)",),
    ),
    (
        "Second derivatives of a power",
        "The mixed derivative of `x**y` at `y = 0` is `1/x`.",
        ("d2 pow(x,y)/dxdy",),
    ),
    (
        "Bounds the wrong way round are an error",
        "`clip` with a lower bound above the upper one is a mistake of the caller.",
        ("clip(x,1,-1)",),
    ),
]
# Of an operation that is named under several headings: the one for these inputs.
PLACE = {
    ("log", "-0.0"): "At the end of the domain, the one-sided limit",
    ("atan2(y,x)", "1e+200; 1e+200"): "No overflow on the way",
    ("atan2(y,x)", "1e-200; 1e-200"): "No overflow on the way",
}
TAIL = """## Where the promise of 4 units in the last place ends

Values, first and second derivatives of every operation are right to 4 units in the last place of
a normal float, at the zeros of each and in the tails too; `python tests/ulp_search.py` looks for
the worst, and with `--climb 20` walks from bad points to worse ones. These are not:

- **Sums of terms with both signs** (`sum`, `mean`, `dot`, and a neuron's weighted sum) are added
  from left to right, as NumPy and PyTorch users expect; `fsum` is rounded once.
- **Second derivatives of `hypot` of three and more operands** are taken as 1 - s*s, with an error
  next to 1/hypot: where one operand outweighs all others their digits are lost.
- **What is made of several operations**, such as `softmax`, has the accuracy of its parts: the
  derivative of a probability near 1 by its own logit is p - p*p. `cross_entropy` and `logsumexp`
  are operations, and keep their digits.
- **`logaddexp` and `logsumexp` on a zero**: 4 units, or 2**-104 of the largest term.
- **Second derivatives of `erf` and `erfc`** past 26.5 in size, where they are below 1e-304.
- **Third and higher derivatives** are the rows' formulas evaluated in floats.
- **`gammainc`, `gammaincc`, `betainc`** are nan where a parameter, or x, is past 1e8 and the result
  is no limit; their derivatives by a parameter go to the order 8.
- **NumPy, JAX and PyTorch** have functions of their own: to 4 units on NumPy, to theirs elsewhere.
  The gradient of `relu` at nan, nan here, is in PyTorch what arrives, where PyTorch differentiates.

## Infinite factors behind a choice

What was not chosen contributes nothing, also where it would be multiplied with inf or nan. The
engine has no edge there, and `value_and_grad` and `backward` of a compiled function do over with
the engine what has become nan. Code of a gradient that is written down before the numbers are known
(`.source`, `staged`, `jit` of a gradient, array source, `to_torch`, `to_jax`) multiplies, and masks
products of what may be inf or nan:

- **Below `where`** all of them. Matrix products of array source and of `to_torch` read a factor as
  0 where all gradients that it meets are 0, so an example, a time step or a unit that is guarded as
  a whole contributes nothing; a factor that meets gradients of which some are 0 gives nan to those,
  and a gradient that is there and is 0 counts as missing. `to_jax` has JAX differentiate its matrix
  products, and masks none.
- **Behind `relu`, `maximum`, `clip` alone** local gradients that are infinite at finite operands,
  as that of `log`. An input or a parameter that is itself infinite gives nan to the weights of the
  units that are off: write `where` to guard against such.

## Second derivatives through the kink of a norm

`abs(x)**2` and `hypot(x, y)**2` are smooth at 0, and their second derivative there is 2; here it
is 0 for `abs` and nan for `hypot`, as in PyTorch and JAX. The chain rule multiplies what it knows
at that point: twice the length, which is 0, times the derivative of the length, for which the
subgradient 0 is chosen, or the second derivative of the length, which does not exist.
The product of the two has lost that the one is the other's multiple, and no value that a program
could put in its place is right for `abs(x)`, whose second derivative does not exist, and for
`abs(x)**2` alike. First derivatives are right, second ones everywhere but at exactly 0. Write
`x*x + y*y` for the square of a length.

## What is not about numbers

- **`backward()` may be called again.** The graph is kept; leaves add up over calls, and interior
  gradients are those of the latest call. PyTorch frees the graph, and asks for `retain_graph`.
- **Every node has its gradient in `.grad`**, not the leaves alone.
- **A leaf may be changed after the forward pass.** The gradient belongs to the numbers that were
  used; `root.forward()` computes again. In PyTorch that is an error, or with `.data` a wrong
  number.
- **`backward()` on a constant does nothing** but to set its own gradient.
- **All or nothing.** An error or Ctrl-C during `backward()` leaves the gradients of all leaves as
  they were.
- **Graphs can be copied and pickled**, at any depth, interior nodes included.
- **`detect_anomaly()` also looks at values**: `log(-1)` raises in the forward pass, with the
  operation, its inputs and the line; on request infinities do, too.
- **A Value has no weak references.** A place for them takes 8 bytes of a node that has 96, whether
  anybody uses it or not, and graphs have millions of nodes. An instance of a subclass has one:
  `class Watched(Value): ...`.
- **A Value is one real number.** Arrays of several and complex numbers are a `TypeError` that says
  what to write instead.
"""


def numbers(cell: str) -> list[float] | None:
    try:
        return [float(part) for part in cell.split(";")]
    except ValueError:
        return None


def same(a: str, b: str) -> bool:
    """Whether two cells say the same, but for the last digits."""
    xs, ys = numbers(a), numbers(b)
    if xs is None or ys is None or len(xs) != len(ys):
        return a == b
    return all(
        x == y or (x != x and y != y) or math.isclose(x, y, rel_tol=1e-9, abs_tol=0.0)
        for x, y in zip(xs, ys, strict=True)
    )


def different(row: dict[str, str]) -> bool:
    """Whether PyTorch has the operation and answers differently."""
    if row["op"].startswith(("program:", "construct", "compare")) or row["torch_value"] == "n/a":
        return False
    if row["promised_value"] == "ValueError":
        return True
    pairs = (("promised_value", "torch_value"), ("promised_grads", "torch_grads"))
    return not all(same(row[a], row[b]) for a, b in pairs)


def heading(row: dict[str, str]) -> str:
    """Where a row belongs; an error if nobody has said why it deviates."""
    named = [title for title, _, operations in REASONS if row["op"] in operations]
    if not named:
        raise ValueError(f"{row['op']} at {row['inputs']} deviates from PyTorch without a reason")
    return PLACE.get((row["op"], row["inputs"]), named[0])


def shown(value: str, gradients: str) -> str:
    return f"`{value}`" + (f", `{gradients}`" if gradients else "")


def page() -> str:
    with ROWS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if different(row)]
    lines = [HEAD]
    for title, reason, _ in REASONS:
        lines += [f"## {title}\n", f"{reason}\n"]
        lines += ["| operation | at | here | PyTorch |", "|---|---|---|---|"]
        for row in rows:
            if heading(row) == title:
                here = shown(row["promised_value"], row["promised_grads"])
                there = shown(row["torch_value"], row["torch_grads"])
                lines.append(f"| `{row['op']}` | `{row['inputs']}` | {here} | {there} |")
        lines.append("")
    lines += [
        "`D2`, `D4` stand for the second and fourth derivative: the value shown is the derivative",
        "of one order less.\n",
        TAIL,
    ]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main(PAGE, page()))
