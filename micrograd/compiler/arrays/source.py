"""`emit`: an array program as NumPy source that reads as if written by hand, and as formulas.

The source names nothing but `np` and what it defines itself, and uses only words that NumPy,
`jax.numpy` and PyTorch share: it runs under each. What is used once is written where it is used,
as long as the line stays readable. Constants and tables of positions stand above the function.
How operands are written is in `views.py`; `runtime.py` runs what is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from ...core.rule import TABLE, Rule
from ..ir.names import RESERVED, adjoint_name, free, shown

from .program import Along, Apply, ArrayProgram, Leaf, Place, Read, Shape, Step, Sum, Term
from .spaces import is_own
from .views import BATCH, View, Viewer, indices

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how tightly an expression binds
LONGEST, DEEPEST, WIDTH = 60, 4, 92
OPERATORS = {"add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT)}
# Functions that the three libraries have by the same name, and do the same.
DIRECT = {
    "abs": "abs", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2",
    "log10": "log10", "log1p": "log1p", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "ceil": "ceil", "floor": "floor", "trunc": "trunc", "rint": "round", "sign": "sign",
    "fmod": "fmod", "hypot": "hypot",
}  # fmt: skip
# What is done along the last dimension: the value, and the slopes.
VALUES = {"maximum": "largest", "minimum": "smallest", "prod": "product", "hypot": "norm",
          "logsumexp": "logsumexp", "nll": "nll", "fsum": "exactly"}  # fmt: skip
SLOPES = {"prod": "dproduct", "hypot": "dnorm", "logsumexp": "softmax", "nll": "dnll"}
STOP = TABLE["stop"]
LETTERS = "ijklmopqrstuvw"


class Text(NamedTuple):
    """An expression: how tightly it binds, how deep it is."""

    text: str
    binding: int
    depth: int


class Source(NamedTuple):
    """What was written: the function, the tables above it, and the functions it calls."""

    text: str
    constants: dict[str, tuple[Shape, tuple[float, ...]]]
    tables: dict[str, tuple[Shape, tuple[int, ...]]]
    calls: dict[str, Rule | None]


class Writer:
    """Writes the lines of one program, for one example or for a batch."""

    def __init__(self, program: ArrayProgram, batched: bool, stops: bool = False) -> None:
        self.program, self.batched, self.stops = program, batched, stops
        self.views = Viewer(batched, self.table)
        self.constants: dict[str, tuple[Shape, tuple[float, ...]]] = {}
        self.tables: dict[str, tuple[Shape, tuple[int, ...]]] = {}
        self._tables: dict[Any, str] = {}
        self.calls: dict[str, Rule | None] = {}
        self.taken = {*RESERVED, "np", "n", "f", *VALUES.values(), *SLOPES.values()}
        self.text: dict[int, Text] = {}
        self.uses = self.counted()
        self.names = self.named()

    def counted(self) -> list[int]:
        program = self.program
        uses = [0] * len(program)
        results = [y.array for y in program.outputs] + [
            r.array for r in program.gradients.values()
        ]
        needed = [False] * len(program)
        for i in results:
            uses[i] += 2  # a result has a line of its own
            needed[i] = True
        for i in range(len(program) - 1, -1, -1):
            if needed[i]:
                for read in program.steps[i].reads():
                    uses[read.array] += 1
                    needed[read.array] = True
        return uses

    def named(self) -> list[str]:
        """What each step is called; steps without a name of their own are v1, v2, ... and t1, ..."""
        program = self.program
        names = [""] * len(program)
        taken = self.taken
        for i in [*program.inputs, *program.parameters]:
            step = program.steps[i]
            assert isinstance(step, Leaf)
            names[i] = free(step.name, taken)
        for i, name in program.names.items():
            if not names[i] and self.uses[i]:
                names[i] = free(name, taken)
        values = temporaries = arrays = 0
        for i, step in enumerate(program.steps):
            if names[i] or not self.uses[i]:
                continue
            if isinstance(step, Leaf):
                if step.kind == "constant":
                    if step.size == 1:
                        names[i] = shown(step.data[0])
                    else:
                        arrays += 1
                        names[i] = free(f"C{arrays}", taken)
                        self.constants[names[i]] = step.shape, step.data
                elif step.kind == "count":
                    names[i] = "n"
                elif step.kind == "share":
                    names[i] = "1 / n"
                else:
                    names[i] = free(step.name, taken)
            elif i < program.forward_steps:
                values += 1
                names[i] = free(f"v{values}", taken)
        for i in range(len(program)):
            if self.uses[i] and not names[i]:
                of = program.adjoint_of.get(i)
                if of is not None and names[of]:
                    names[i] = free(adjoint_name(names[of]), taken)
                else:
                    temporaries += 1
                    names[i] = f"t{temporaries}"
        return names

    def table(self, positions: Sequence[int], shape: Shape) -> str:
        """The name of a table of positions."""
        key = (tuple(positions), shape)
        name = self._tables.get(key)
        if name is None:
            name = self._tables[key] = free(f"at{len(self._tables) + 1}", self.taken)
            self.tables[name] = shape, tuple(positions)
        return name

    # Operands -----------------------------------------------------------------------------------

    def is_batched(self, step: Step) -> bool:
        return step.varying and self.batched

    def view(self, read: Read, dims: Shape) -> View:
        step = self.program.steps[read.array]
        if self.program.number(read.array) is not None:
            return View(self.names[read.array], (), True)
        if self.names[read.array] == "1 / n":
            self.text[read.array] = Text("1 / n", PRODUCT, 0)
        found = self.text.get(read.array)
        name = self.names[read.array]
        if found is not None:
            whole = self.views.view("_", step.shape, step.varying, read, dims)
            name = found.text if whole.text == "_" else f"({found.text})"
            if whole.text != "_" and found.binding == ATOM:
                name = found.text
        return self.views.view(name, step.shape, step.varying, read, dims)

    def part(self, read: Read, view: View, text: str, binding: int) -> str:
        """An operand within something that binds as tightly as this."""
        found = self.text.get(read.array)
        if found is not None and text == found.text:
            return text if found.binding >= binding else f"({text})"
        if text.startswith("-") and binding > SUM:
            return f"({text})"
        return text

    def operand(self, read: Read, dims: Shape, varying: bool, binding: int = SUM) -> str:
        """An operand of an operation element by element."""
        view = self.view(read, dims)
        found = self.text.get(read.array)
        if found is not None and view.text == found.text and found.binding < ATOM:
            text = self.views.broadcast(view, len(dims), varying)
            if text == found.text:
                return text if found.binding >= binding else f"({text})"
            bare = View(f"({found.text})", view.axes)
            return self.views.broadcast(bare, len(dims), varying)
        text = self.views.broadcast(view, len(dims), varying)
        return f"({text})" if text.startswith("-") and binding > SUM else text

    def floated(self, text: str, read: Read) -> str:
        """A number that stays a float where no arithmetic makes it one."""
        number = self.program.number(read.array)
        return text if number is None else repr(number) if number == number else "nan"

    def depth(self, reads: Sequence[Read]) -> int:
        return max([self.text[r.array].depth for r in reads if r.array in self.text], default=0)

    def covered(self, reads: Sequence[Read], dims: Shape) -> bool:
        """Whether along each dimension some operand differs or is there."""
        for k, n in enumerate(dims):
            if n == 1:
                return False
            if not any(r.table is not None or r.strides[k] for r in reads):
                return False
        return True

    def spread(self, found: Text, reads: Sequence[Read], step: Step) -> Text:
        """The expression with all dimensions of the step, where the operands lack some."""
        if self.covered(reads, step.shape):
            return found
        lead = ["n"] if self.is_batched(step) else []
        shape = ", ".join([*lead, *map(str, step.shape)])
        if len(step.shape) + len(lead) == 1:
            shape += ","
        if self.all_numbers(reads):
            return Text(f"np.full(({shape}), {found.text})", ATOM, found.depth + 1)
        return Text(f"np.broadcast_to({found.text}, ({shape}))", ATOM, found.depth + 1)

    def all_numbers(self, reads: Sequence[Read]) -> bool:
        return all([self.program.number(r.array) is not None for r in reads])

    # Expressions --------------------------------------------------------------------------------

    def expression(self, i: int) -> Text:
        step = self.program.steps[i]
        if self.stops and (i in self.program.bare or getattr(step, "rule", None) is STOP):
            self.stops = False
            found = self.expression(i)
            self.stops = True
            return self.call("stop", [found.text], None, found.depth)
        if isinstance(step, Apply):
            return self.spread(self.apply(step), step.operands, step)
        if isinstance(step, Sum):
            return self.sum(step)
        if isinstance(step, Along):
            return self.along(step)
        assert isinstance(step, Place)
        return self.place(step)

    def call(self, name: str, operands: Sequence[str], rule: Rule | None, depth: int) -> Text:
        if name in DIRECT and rule is not None:
            return Text(f"np.{DIRECT[name]}({', '.join(operands)})", ATOM, depth + 1)
        self.calls.setdefault(name, rule)
        return Text(f"{name}({', '.join(operands)})", ATOM, depth + 1)

    def apply(self, step: Apply) -> Text:
        rule, reads, varying = step.rule, step.operands, step.varying
        name, depth = rule.name, self.depth(reads)
        if name in ("identity", "stop"):
            text = self.operand(reads[0], step.shape, varying, ATOM)
            return Text(text, ATOM, depth)
        if name in OPERATORS:
            sign, binding = OPERATORS[name]
            a, b = reads
            if name == "mul" and self.program.number(b.array) is not None:
                a, b = b, a
            left = self.operand(a, step.shape, varying, binding if binding == PRODUCT else SUM)
            if name == "mul" and self.program.number(a.array) is not None:
                left = self.names[a.array]
            right = self.operand(b, step.shape, varying, binding + 1)
            return Text(f"{left} {sign} {right}", binding, depth)
        if name == "neg":
            return Text(f"-{self.operand(reads[0], step.shape, varying, SIGN)}", SIGN, depth)
        if name == "pow" and self.program.number(reads[1].array) is None:
            name = "power"
        elif name == "pow":
            base = self.operand(reads[0], step.shape, varying, ATOM)
            exponent = self.operand(reads[1], step.shape, varying, ATOM)
            return Text(f"{base} ** {exponent}", POWER, depth)
        given = [self.floated(self.operand(r, step.shape, varying), r) for r in reads]
        if name not in ("reached", "power") and is_own(rule):
            name = self.own_name(rule)
        return self.call(name, given, rule, depth)

    def own_name(self, rule: Rule) -> str:
        """What an operation of the user's own is called, no two the same."""
        for name, other in self.calls.items():
            if other is rule:
                return name
        return free(rule.symbol if rule.symbol.isidentifier() else "operation", self.taken)

    def sum(self, step: Sum) -> Text:
        texts: list[Text] = []
        full = False
        # Matrix products first, as one writes them.
        for term in sorted(step.terms, key=lambda t: not t.inner):
            found, covers = self.term(term, step)
            texts.append(found)
            full = full or covers
        parts = [texts[0].text]
        parts += [t.text if t.binding >= PRODUCT else f"({t.text})" for t in texts[1:]]
        depth = max(t.depth for t in texts)
        text = parts[0]
        for part in parts[1:]:
            text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
        whole = Text(text, SUM if len(parts) > 1 else texts[0].binding, depth)
        if full or not step.shape:
            return whole
        reads = [Read(r.array, 0, r.strides[: len(step.shape)], r.table) for r in step.reads()]
        return self.spread(whole, reads, step)

    def term(self, term: Term, step: Sum) -> tuple[Text, bool]:
        """A product, added up over its inner dimensions; and whether it has all the outer ones."""
        inner, factors = term
        rank = len(step.shape)
        dims = step.shape + inner
        total = step.total and self.batched
        depth = self.depth(factors)
        if not inner and not total:
            outer = self.outer(term, step)
            if outer is not None:
                return outer, True
            texts = [
                self.operand(r, dims, step.varying, PRODUCT + (k and 1) if len(factors) > 1 else SUM)
                for k, r in enumerate(factors)
            ]
            if len(factors) == 2 and self.program.number(factors[1].array) is not None:
                texts.reverse()
            if len(factors) == 2:
                for r in factors:
                    if self.program.number(r.array) is not None:
                        texts[0] = self.names[r.array]
            binding = PRODUCT if len(factors) == 2 else self.binding(factors[0], texts[0])
            return Text(" * ".join(texts), binding, depth), self.covered(factors, step.shape)
        inside = list(range(rank, len(dims))) + ([BATCH] if total else [])
        lead = [BATCH] if self.is_batched(step) else []
        outside = lead + list(range(rank))
        views = [self.wrapped(r, self.view(r, dims)) for r in factors]
        have: set[int] = set().union(*(v.axes for v in views))
        present = [k for k in outside if k in have]
        times = prod([dims[k] for k in inside if k != BATCH and k not in have])
        found = self.contraction(views, present, [k for k in inside if k in have], depth)
        covers = all(k in have for k in range(rank) if dims[k] > 1) and 1 not in step.shape
        if len(present) < len(outside):
            text = self.views.broadcast(
                View(found.text if found.binding == ATOM else f"({found.text})", tuple(present)),
                rank,
                step.varying,
            )
            if text != found.text and text != f"({found.text})":
                found = Text(text, ATOM, found.depth)
        if times > 1:
            found = Text(f"{times} * {found.text}", PRODUCT, found.depth)
        return found, covers

    def outer(self, term: Term, step: Sum) -> Text | None:
        """The product of each element of one vector with each of another."""
        if len(term.factors) != 2 or len(step.shape) != 2 or self.is_batched(step):
            return None
        views = {}
        for read in term.factors:
            view = self.view(read, step.shape)
            if len(view.axes) != 1:
                return None
            views[view.axes[0]] = view.text
        if len(views) != 2:
            return None
        return Text(f"np.outer({views[0]}, {views[1]})", ATOM, self.depth(term.factors) + 1)

    def binding(self, read: Read, text: str) -> int:
        found = self.text.get(read.array)
        return found.binding if found is not None and found.text == text else ATOM

    def wrapped(self, read: Read, view: View) -> View:
        """The view in parentheses if it is an expression of others."""
        found = self.text.get(read.array)
        if found is not None and view.text == found.text and found.binding < ATOM:
            return View(f"({view.text})", view.axes)
        return view

    def contraction(
        self, views: list[View], outside: list[int], inside: list[int], depth: int
    ) -> Text:
        """The sum over the dimensions inside of a product of one or two."""
        if len(views) == 1 or not all(v.axes for v in views):
            scalar = [v for v in views if not v.axes]
            (view,) = [v for v in views if v.axes] or views[:1]
            if not view.axes:
                return Text(" * ".join(v.text for v in views), PRODUCT, depth)
            found = self.summed(view, outside, inside, depth)
            if scalar and len(views) > 1:
                return Text(f"{scalar[0].text} * {found.text}", PRODUCT, depth)
            return found
        a, b = views
        both = [k for k in outside if k in a.axes and k in b.axes]
        left = [k for k in outside if k in a.axes and k not in both]
        right = [k for k in outside if k in b.axes and k not in both]
        shared = [k for k in inside if k in a.axes and k in b.axes]
        arranged = self.views.arranged
        if len(shared) == len(inside) == 1 and (not both or (left and right)):
            # A matrix product: of a matrix or vector on the right, and anything on the left.
            products = []
            for x, y, mine, yours in ((a, b, left, right), (b, a, right, left)):
                if len(yours) > 1 or outside != both + mine + yours or (both and len(mine) != 1):
                    continue
                first = arranged(x, both + mine + shared)
                second = arranged(y, both + shared + yours)
                products.append(f"{first} @ {second}")
            if products:  # the one with fewer transpositions
                best = min(products, key=lambda text: text.count(".T") + text.count("swapaxes"))
                return Text(best, PRODUCT, depth)
        if not inside:
            order = sorted(outside)
            place = {k: n for n, k in enumerate(order)}
            texts = []
            for v in views:
                moved = View(v.text, tuple(place[k] for k in v.axes))
                one = Viewer(False, self.table)
                texts.append(one.broadcast(moved, len(order), False))
            return Text(" * ".join(texts), PRODUCT, depth)
        if not left and not right and len(shared) == len(inside):
            order = outside + inside
            if a.axes == b.axes and set(a.axes) == set(order):
                product = View(f"({a.text} * {b.text})", a.axes)
            else:
                product = View(f"({arranged(a, order)} * {arranged(b, order)})", tuple(order))
            return self.summed(product, outside, inside, depth)
        letters = {k: LETTERS[n] for n, k in enumerate(sorted({*a.axes, *b.axes} - {BATCH}))}
        letters[BATCH] = "n"
        spelled = [f"{''.join(letters[k] for k in v.axes)}" for v in views]
        target = "".join(letters[k] for k in outside)
        return Text(
            f'np.einsum("{",".join(spelled)}->{target}", {a.text}, {b.text})', ATOM, depth + 1
        )

    def summed(self, view: View, outside: list[int], inside: list[int], depth: int) -> Text:
        axes = [n for n, k in enumerate(view.axes) if k in inside]
        if not axes:
            return Text(self.views.arranged(view, outside), ATOM, depth)
        rest = tuple(k for k in view.axes if k not in inside)
        if not rest:
            text = f"{view.text}.sum()"
        else:
            at = [n if n < len(view.axes) - 1 else -1 for n in axes]
            text = f"{view.text}.sum({at[0] if len(at) == 1 else tuple(at)})"
        return Text(self.views.arranged(View(text, rest), outside), ATOM, depth)

    def along(self, step: Along) -> Text:
        rule = step.rule
        outer = step.shape[: len(step.shape) - len(step.inner)] if step.keeps else step.shape
        dims = outer + step.inner
        last = step.operands[-1]
        view = self.view(last, dims)
        text = self.operand(last, dims, step.varying)
        absent = [k for k, n in enumerate(dims) if k not in view.axes]
        lead = ["n"] if self.is_batched(step) else []
        if absent:
            text = f"np.broadcast_to({text}, ({', '.join([*lead, *map(str, dims)])},))"
        if len(step.inner) != 1:
            flat = [*lead, *map(str, outer), str(prod(step.inner))]
            text = f"({text}).reshape({', '.join(flat)})"
        given = []
        for read in step.operands[:-1]:
            wide = Read(read.array, read.base, (*read.strides, 0))
            given.append(self.operand(wide, (*outer, prod(step.inner)), step.varying))
        names = SLOPES if step.keeps else VALUES
        found = self.call(names[rule.name], [*given, text], None, self.depth(step.operands))
        if step.keeps and len(step.inner) != 1:
            shape = [*lead, *map(str, step.shape)]
            return Text(f"{found.text}.reshape({', '.join(shape)})", ATOM, found.depth)
        return found

    def place(self, step: Place) -> Text:
        """Arrays side by side: along one dimension where that is how they lie, else by a table."""
        joined = self.joined(step)
        if joined is not None:
            return joined
        lead = self.is_batched(step)
        pieces, sources = [], [[] for _ in range(step.size)]  # type: ignore[var-annotated]
        at = 1
        for dims, value, target in step.parts:
            pieces.append(self.flat(value, dims, lead))
            for p in target.positions(dims):
                sources[p].append(at)
                at += 1
        width = max(map(len, sources))
        table = [p for found in sources for p in found + [0] * (width - len(found))]
        zero = f"np.zeros_like({pieces[0]}[..., :1])"
        shape = step.shape if width == 1 else (*step.shape, width)
        name = self.table(table, shape)
        text = f"np.concatenate([{', '.join([zero, *pieces])}], -1)[..., {name}]"
        return Text(text if width == 1 else f"{text}.sum(-1)", ATOM, DEEPEST)

    def flat(self, value: Read, dims: Shape, lead: bool) -> str:
        """A part as one row, for each example if they differ."""
        text = self.full(value, dims, lead)
        if len(dims) == 1:
            return text
        size = prod(dims)
        if not dims:
            return f"{text}[..., None]"
        return f"{text}.reshape({'n, ' if lead else ''}{size})"

    def full(self, value: Read, dims: Shape, lead: bool) -> str:
        """A part with all its dimensions."""
        step = self.program.steps[value.array]
        number = self.program.number(value.array)
        sizes = [*(["n"] if lead else []), *map(str, dims)]
        shape = f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
        if number is not None:
            return f"np.full({shape}, {number!r})"
        text = self.operand(value, dims, lead, ATOM)
        if not self.covered([value], dims) or (lead and not step.varying):
            return f"np.broadcast_to({text}, {shape})"
        return text

    def joined(self, step: Place) -> Text | None:
        """The parts along one dimension; None where they do not lie so."""
        lead = self.is_batched(step)
        shape = step.shape
        if not shape:
            return None
        ends = []
        axis = None
        for dims, _, target in step.parts:
            if target.table is not None or any(s < 0 for s in target.strides):
                return None
            kept = [k for k, n in enumerate(dims) if n > 1]
            order = sorted(kept, key=lambda k: -target.strides[k])
            if order != kept:
                return None
            sizes = tuple(dims[k] for k in kept)
            index = indices(shape, target.base, sizes, tuple(target.strides[k] for k in kept))
            if index is None or any(part.count(":") > 1 for part in index):
                return None
            cut = [k for k, part in enumerate(index) if part != ":"]
            if len(shape) == 1 and not cut:
                cut = [0]
            if len(cut) != 1 or (axis is not None and cut[0] != axis):
                return None
            axis = cut[0]
            first, _, last = index[axis].partition(":")
            start = int(first or 0)
            stop = start + 1 if ":" not in index[axis] else int(last or shape[axis])
            ends.append((start, stop))
        assert axis is not None
        order = sorted(range(len(ends)), key=lambda k: ends[k])
        pieces = []
        at = 0
        for k in order:
            start, stop = ends[k]
            if start < at:
                return None
            if start > at:
                pieces.append(self.zeros(step, axis, start - at))
            dims, value, _ = step.parts[k]
            text = self.full(value, dims, lead)
            if stop - start == 1 and len(dims) < len(shape):
                colons = [":"] * (len(shape) - 1)
                colons.insert(axis, "None")
                index = [*([":"] if lead else []), *colons]
                while index and index[-1] == ":":
                    index.pop()
                text = f"{text}[{', '.join(index)}]"
            pieces.append(text)
            at = stop
        if at < shape[axis]:
            pieces.append(self.zeros(step, axis, shape[axis] - at))
        if len(pieces) == len(ends) == shape[0] and len(shape) == 1:
            scalars = [self.full(step.parts[k].value, (), lead) for k in order]
            return Text(f"np.stack([{', '.join(scalars)}], -1)", ATOM, DEEPEST)
        where = axis + (1 if lead else 0)
        if where == len(shape) - 1 + lead:
            where = -1
        return Text(f"np.concatenate([{', '.join(pieces)}], {where})", ATOM, DEEPEST)

    def zeros(self, step: Place, axis: int, n: int) -> str:
        sizes = [str(n) if k == axis else str(m) for k, m in enumerate(step.shape)]
        if self.is_batched(step):
            sizes.insert(0, "n")
        return f"np.zeros(({', '.join(sizes)}{',' if len(sizes) == 1 else ''}))"

    # Lines --------------------------------------------------------------------------------------

    def melts(self, i: int, found: Text) -> bool:
        """Whether a step has no line of its own, but stands within the one that uses it."""
        return (
            self.uses[i] == 1
            and i not in self.program.names
            and i not in self.program.adjoint_of
            and not (i < self.program.forward_steps <= self.user[i])
            and found.depth < DEEPEST
            and len(found.text) <= LONGEST
        )

    def lines(self, start: int, end: int) -> list[tuple[int, str]]:
        """The steps that have a line of their own, each with what is on its right side."""
        self.user = {r.array: i for i, s in enumerate(self.program.steps) for r in s.reads()
                     if self.uses[i]}  # fmt: skip
        found = []
        for i in range(start, end):
            if self.uses[i] and not isinstance(self.program.steps[i], Leaf):
                expression = self.expression(i)
                if self.melts(i, expression):
                    self.text[i] = expression
                else:
                    found.append((i, expression.text))
        return found

    # Results ------------------------------------------------------------------------------------

    def results(self) -> list[str]:
        """The outputs: an array for all of them where they are one, else number by number."""
        program = self.program
        outputs = program.outputs
        first = outputs[0].array
        if len(outputs) > 1 and [(y.array, y.position) for y in outputs] == [
            (first, k) for k in range(program.steps[first].size)
        ]:
            return [self.names[first]]
        texts = []
        for array, position in outputs:
            step = program.steps[array]
            read = Read(array, position, ())
            number = program.number(array)
            if number is not None:
                texts.append(repr(number))
            else:
                texts.append(
                    self.views.view(self.names[array], step.shape, step.varying, read, ()).text
                )
        return texts

    def gradient(self, i: int) -> str:
        read = self.program.gradients[i]
        step = self.program.steps[i]
        lead = step.varying and self.batched
        number = self.program.number(read.array)
        if number is not None:
            return f"np.full_like({self.names[i]}, {number!r})"
        if self.covered([read], step.shape) and (
            not lead or self.program.steps[read.array].varying
        ):
            return self.operand(read, step.shape, lead)
        return f"np.broadcast_to({self.operand(read, step.shape, lead)}, {self.names[i]}.shape)"


def emit(
    program: ArrayProgram,
    name: str = "f",
    batched: bool = False,
    mean: bool = False,
    stops: bool = False,
) -> Source:
    """The source of a function of the inputs, the parameters, and seeds if there are any.

    It returns the results, and after `reverse` the gradients. Over a batch each input has the
    examples as its first dimension; `mean` returns the mean of the first result over them.
    With `stops` it says `stop(x)` where no gradient passes, for who differentiates the source.
    """
    writer = Writer(program, batched, stops)
    forward = writer.lines(0, program.forward_steps)
    backward = writer.lines(program.forward_steps, len(program))
    names = writer.names
    seeds = [i for i, s in enumerate(program.steps) if isinstance(s, Leaf) and s.kind == "seed"]
    for k, i in enumerate(seeds):
        names[i] = names[i] or f"seed{k}"
    given = [names[i] or free(leaf_name(program, i), writer.taken)
             for i in [*program.inputs, *program.parameters, *seeds]]  # fmt: skip
    body = [f"{names[i]} = {right}" for i, right in forward]
    if program.differentiated:
        if body:
            body.insert(0, "# forward")
        body.append("# backward")
        body += [f"{names[i]} = {right}" for i, right in backward]
    results = writer.results()
    back = results[0] if len(results) == 1 else f"[{', '.join(results)}]"
    if mean and program.steps[program.outputs[0].array].varying:
        back = f"{back}.mean()"
    if program.differentiated:
        slopes = [writer.gradient(i) for i in program.gradients]
        back = f"{back}, [{', '.join(slopes)}]"
    body.append(f"return {back}")
    if batched and any("n" in words(line) for line in body):
        first = names[program.inputs[0]] if program.inputs else ""
        body.insert(0, f"n = {first}.shape[0]")
    lines = []
    for line in body:
        lines += folded(line)
    head = folded(f"def {name}({', '.join(given)}):")
    text = "\n".join([*head, *["    " + line for line in lines]]) + "\n"
    return Source(text, writer.constants, writer.tables, writer.calls)


def leaf_name(program: ArrayProgram, i: int) -> str:
    step = program.steps[i]
    assert isinstance(step, Leaf)
    return step.name


def words(line: str) -> list[str]:
    found = "".join(c if c.isalnum() or c in "_." else " " for c in line)
    return found.split()


def folded(line: str) -> list[str]:
    """The line, or several where it is too long and has brackets to break it in."""
    if len(line) <= WIDTH:
        return [line]
    indent = "    "
    left, sep, right = line.partition(" = ")
    if line.startswith("return "):
        left, sep, right = "return", " ", line[7:]
    elif line.startswith("def "):
        left, sep, right = line[: line.index("(") + 1], "", line[line.index("(") + 1 : -2]
        return [left, *wrapped(right, indent * 2), "):"]
    elif not sep:
        return [line]
    return [f"{left}{sep}(", *wrapped(right, indent), ")"]


def wrapped(text: str, indent: str) -> list[str]:
    lines, line = [], indent
    for word in text.split(" "):
        if len(line) + len(word) > WIDTH - 4 and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return [*lines, line.rstrip()]


