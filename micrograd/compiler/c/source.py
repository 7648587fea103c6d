"""`c_source`: a compiled function as C99 that depends on nothing but the C library.

The results have the bits of `jit` in Python, given the same C library and no contraction of
a*b + c (`-std=c99` has none in GCC and Clang). The array program whose sums keep their order
becomes calls of kernels, in `arrays.py`; a program with loops becomes loops, in `loops.py`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...files import check_place, name_of, write_text
from ..arrays.inputs import input_arrays
from ..arrays.roll import roll
from ..ir.program import Program
from .arrays import GIVEN, ArrayWriter, Kernels
from .functions import LIBRARY
from .loops import GROWING, LoopWriter

if TYPE_CHECKING:
    from ..compiled import Compiled

INTERRUPTED = """static int (*mg_ask)(void);
static long mg_turns;
void mg_link(int (*ask)(void)) { mg_ask = ask; }
static int mg_stopped(void) { return !(++mg_turns & 0xffff) && mg_ask && mg_ask(); }"""
# What no function in C can be called: keywords, and what math.h has.
KEYWORDS = (
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long main register restrict return short signed sizeof static struct switch "
    "typedef union unsigned void volatile while"
)
TAKEN = {*f"{KEYWORDS} {LIBRARY} sqrt fabs floor ceil round trunc fmod fmax fmin gamma".split()}
TAKEN |= {"j0", "j1", "y0", "y1", "abs", "exit", "free", "malloc", "printf", "realloc"}
VALUE = "const double *x, const double *p, double *y, double *w"


class CSource(NamedTuple):
    """The text of a C file without its header, and how many numbers it needs to compute in."""

    text: str
    work: int
    what: str  # what its arguments are, in words


def c_source(
    made: Compiled, name: str, who: str, value: bool, gradient: bool, interrupted: bool = False
) -> CSource:
    """The functions `name` and `name_gradient`, or one of them; TypeError for what has no C.

    Loops of one that may be `interrupted`, because it runs in Python, ask now and then whether to
    end: a function that `mg_link` is given says so by anything but 0, and they return 2. Python
    also looks for nan in its gradients.
    """
    kernels = Kernels(who)
    inputs = input_arrays(made.structure)
    programs: list[tuple[Program, str, str, list[tuple[int, int, str]]]] = []
    n, m = made.program.values, len(made.parameters)
    if value:
        programs.append((made.values, name, VALUE, [(0, n, "y")]))
    if gradient:
        slopes = made.gradient_if_finite if interrupted else made.gradient
        programs.append((slopes, f"{name}_gradient", GIVEN, [(0, 1, "y"), (1, m + 1, "g")]))
    texts: list[str] = []
    work, grows = 1, False
    for program, title, given, results in programs:
        if made.program.has_regions:
            loops = LoopWriter(kernels, interrupted)
            body = loops.body(program, [f"{t}[{k}]" for a, b, t in results for k in range(b - a)])
            work, grows = max(work, loops.work), grows or loops.grows
        else:
            rolled = roll(program, inputs, ordered=True)
            writer = ArrayWriter(rolled, kernels, [("x", 0, len(program.inputs))])
            writer.write([(rolled.outputs[a:b], t) for a, b, t in results])
            parts, body = writer.functions(title)
            if parts and given is VALUE:
                body = ["double *g = 0;", *body]
            texts += parts
            work = max(work, writer.work)
        unused = "".join(f"(void){x.strip()[-1]}, " for x in given.split(","))[:-2]
        lines = [f"{unused};", "mg_refused = 0;", *body, "return mg_refused;"]
        text = "\n".join(f"    {line}" for line in lines)
        texts.append(f"int {title}({given}) {{\n{text}\n}}")
    arrays, functions = kernels.texts()
    parts = [
        "#include <math.h>",
        GROWING if grows else "",
        INTERRUPTED if interrupted and made.program.has_regions else "",
        *kernels.functions.texts(),
        *arrays,
        *functions,
        *texts,
    ]
    what = [f"{label}[{', '.join(map(str, shape))}]" if shape else label for label, shape in inputs]
    return CSource("\n\n".join(filter(None, parts)) + "\n", work, ", ".join(what) or "nothing")


def write_c(made: Compiled, path: str | Path, who: str) -> tuple[Path, Path]:
    """The paths of the C file and of the header that were written."""
    source = Path(name_of(path))
    if source.suffix not in ("", ".c"):
        raise ValueError(f"{who}: the name of the file ends in .c, not as {source}")
    if source.suffix == "" and source.exists() and not source.is_file():
        raise ValueError(f"{who}: {source} is there, and no file that C can go to")
    source = source.with_suffix(".c")
    header = source.with_suffix(".h")
    name = re.sub(r"\W", "_", source.stem)
    if not name or name[0].isdigit() or name in TAKEN or name.startswith("mg_"):
        name = f"f_{name}"
    gradient = made.result.is_scalar
    text, work, what = c_source(made, name, who, True, gradient)
    constants = {
        "INPUTS": len(made.program.inputs), "PARAMETERS": len(made.parameters),
        "RESULTS": made.program.values, "WORK": work,
    }  # fmt: skip
    upper = name.upper()
    lines = [
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        f"/* Takes x[{upper}_INPUTS], which is {what}, and",
        f"   p[{upper}_PARAMETERS], the parameters in their order. Puts the results into",
        f"   y[{upper}_RESULTS], the gradient by the parameters into g[{upper}_PARAMETERS].",
        f"   w[{upper}_WORK] is room to compute in. Returns 0, or 1 if an operand was refused.",
        "   For the last bit compile with -std=c99, or with -ffp-contract=off, and -fno-builtin,",
        "   without which compilers know functions of constants better than the library. */",
        *[f"#define {upper}_{key} {n}" for key, n in constants.items()],
        f"int {name}({VALUE});",
        *([f"int {name}_gradient({GIVEN});"] if gradient else []),
        "",
        "#endif",
    ]
    for file in (header, source):
        check_place(file)
    write_text(header, "\n".join(lines) + "\n")
    write_text(source, f'#include "{header.name}"\n{text}')
    return source, header
