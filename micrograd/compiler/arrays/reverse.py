"""The chain rule on arrays: the steps of the backward pass, added to an array program.

The derivatives are those of the table in `ops.py`, evaluated on symbols that stand for whole
arrays. A sum of products has the rule of a matrix product: the adjoint of one factor is the
adjoint of the sum times the other factor, added up over the dimensions that the factor does not
have. Over a batch the gradient of what all examples share is added up over them, too. Read
`source.py` next. (Past 300 lines because each kind of step has its rule here, and no other file
knows one.)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ...core.rule import CHOICE, FLAT, TABLE, Rule
from ...core.selection import Selection
from .layout import row_major
from .parts import as_whole, in_order
from .program import Along, Apply, ArrayProgram, Leaf, Part, Place, Read, Shape, Step, Sum, Term
from .symbols import REACHED, Symbol, shorter

ADD, SUB, MUL, DIV, NEG, POW = (TABLE[n] for n in ("add", "sub", "mul", "div", "neg", "pow"))
IDENTITY, WHERE, EQUAL = TABLE["identity"], TABLE["where"], TABLE["equal"]
NOT_EQUAL = TABLE["not_equal"]
ROUTE = TABLE["route"]
CHOSEN, GUARDED = 1, 2  # what is above a step: some choice, or `where`


def reverse(
    program: ArrayProgram, by: Sequence[int], seeds: str = "one", guarded: bool = True
) -> ArrayProgram:
    """The program that also has the gradients by the leaves `by`, in its `gradients`.

    `seeds` says of what: "one", of the sum of the outputs; "mean", of the mean over a batch of
    the first output; "given", of the outputs times seeds, which are further leaves.
    """
    new = program.copy()
    new.forward_steps, new.differentiated = len(new), True
    Backward(new, list(by), seeds, guarded).run()
    return new


def careful_steps(program: ArrayProgram) -> set[int]:
    """The steps below a choice, whose slope may be inf or nan where nothing flows to them."""
    new = program.copy()
    backward = Backward(new, [*new.parameters, *new.inputs], "one", True)
    backward.run()
    return backward.careful_steps


class Backward:
    """One backward pass."""

    def __init__(self, program: ArrayProgram, by: list[int], seeds: str, guarded: bool) -> None:
        self.program, self.by, self.seeds, self.guarded = program, by, seeds, guarded
        self.parts: dict[int, list[Part]] = {}
        self.shape: Shape = ()
        self.below = 0  # what choices are above the step at hand
        self.careful = False  # whether its products are 0 where nothing flows to it
        self.reach: dict[int, list[tuple[int, bool]]] = {}
        self.careful_steps: set[int] = set()
        self.selection = Selection()
        for i, step in enumerate(program.steps):
            self.announce(i, step)
        n = len(program)
        self.active = [False] * n
        for i in by:
            self.active[i] = True
        for i, step in enumerate(program.steps):
            rule = getattr(step, "rule", None)
            passes = i not in program.bare and (rule is None or rule.kind != FLAT)
            if passes and any([self.active[read.array] for read in step.reads()]):
                self.active[i] = True

    def announce(self, i: int, step: Step) -> None:
        """Tell the selection what step i does."""
        program = self.program
        if isinstance(step, Leaf):
            return
        rule = getattr(step, "rule", IDENTITY)
        if isinstance(step, Sum):
            rule = MUL if any([len(term.factors) > 1 for term in step.terms]) else ADD
        given = [(read.array, program.number(read.array)) for read in step.reads()]
        if rule in (DIV, POW) and given[0][1] is not None:
            rule = rule.reflected
        numbers = [x for _, x in given if x is not None]
        self.selection.node(i, rule, [a for a, x in given if x is None], numbers)

    def run(self) -> None:
        program = self.program
        n = len(program)
        share = -1
        if self.seeds == "mean":
            share = program.step(Leaf("share", "", (), False))
        for k, (array, position) in enumerate(program.outputs):
            if self.seeds == "given":
                value = program.whole(program.step(Leaf("seed", f"seed{k}", (), True)))
            elif self.seeds == "mean" and program.steps[array].varying:
                value = program.whole(share)
            else:
                value = program.whole(program.constant([1.0]))
            if self.active[array]:
                self.parts.setdefault(array, []).append(Part((), value, Read(-1, position, ())))
        for i in range(n - 1, -1, -1):
            step = program.steps[i]
            if self.active[i] and i in self.parts and not isinstance(step, Leaf):
                d = self.adjoint(i)
                self.below = self.care(i)
                selection = self.selection
                self.careful = self.guarded and bool(
                    (self.below and selection.singular[i])
                    or (self.below == GUARDED and selection.scales[i])
                )
                rule = getattr(step, "rule", None)
                if rule is not None and self.careful:
                    self.careful_steps.add(i)
                if isinstance(step, Apply):
                    self.apply(i, step, d)
                elif isinstance(step, Sum):
                    self.sum(step, d)
                elif isinstance(step, Along):
                    self.along(i, step, d)
                elif isinstance(step, Place):
                    self.place(step, d)
        for i in self.by:
            program.gradients[i] = self.adjoint(i)

    # Making steps -----------------------------------------------------------------------------

    def applied(self, rule: Rule, operands: Sequence[Any]) -> Any:
        """The operation on symbols of the shape at hand and numbers; a number of numbers."""
        if all([not isinstance(x, Symbol) for x in operands]):
            return rule.forward(*map(float, operands))
        short = shorter(rule, operands)
        if short is not None:
            return short
        program = self.program
        zeros = (0,) * len(self.shape)
        reads = [
            x.read if isinstance(x, Symbol) else Read(program.constant([float(x)]), 0, zeros)
            for x in operands
        ]
        varying = any([program.steps[read.array].varying for read in reads])
        i = program.step(Apply(rule, reads, self.shape, varying))
        return Symbol(self, program.whole(i))

    def symbol(self, read: Read) -> Any:
        """An operand as the partials want it: a number where it is one."""
        number = self.program.number(read.array)
        return Symbol(self, read) if number is None else number

    def summed(
        self, factors: tuple[Read, ...], dims: Shape, kept: Sequence[bool], total: bool
    ) -> tuple[Read, Shape]:
        """The product of the factors, added up over the dimensions that are not kept."""
        program = self.program
        outer = tuple(n for n, k in zip(dims, kept) if k)
        inner = tuple(n for n, k in zip(dims, kept) if not k)

        def turned(read: Read) -> Read:
            strides = [s for s, k in zip(read.strides, kept) if k]
            strides += [s for s, k in zip(read.strides, kept) if not k]
            return Read(read.array, read.base, tuple(strides))

        varying = any([program.steps[read.array].varying for read in factors])
        factors = tuple([turned(read) for read in factors])
        # Along a dimension where no factor differs the sum is so many times the product.
        times = 1.0
        for axis in range(len(dims) - 1, len(outer) - 1, -1):
            if all([read.strides[axis] == 0 for read in factors]):
                times *= (outer + inner)[axis]
                inner = inner[: axis - len(outer)] + inner[axis - len(outer) + 1 :]
                factors = tuple(
                    [
                        Read(r.array, r.base, r.strides[:axis] + r.strides[axis + 1 :])
                        for r in factors
                    ]
                )
        if total and not varying:
            factors = self.over_all(factors)
            total = False
        if times != 1.0:
            factors = self.scaled(factors, times, len(outer) + len(inner))
        if len(factors) == 1 and not inner and not total:
            return factors[0], outer
        step = Sum([Term(inner, factors)], outer, varying and not total, total)
        return program.whole(program.step(step)), outer

    def over_all(self, factors: tuple[Read, ...]) -> tuple[Read, ...]:
        """Factors that no example changes, as many times as there are examples."""
        program = self.program
        zeros = (0,) * len(factors[0].strides)
        for k, read in enumerate(factors):
            step = program.steps[read.array]
            if isinstance(step, Leaf) and step.kind == "share":  # n times 1/n
                rest = factors[:k] + factors[k + 1 :]
                return rest or (Read(program.constant([1.0]), 0, zeros),)
        count = program.step(Leaf("count", "", (), False))
        first = program.steps[factors[0].array]
        zero = Read(count, 0, (0,) * len(first.shape))
        whole = program.whole(factors[0].array)
        i = program.step(Apply(MUL, [whole, zero], first.shape, False))
        return (Read(i, factors[0].base, factors[0].strides, factors[0].table), *factors[1:])

    def scaled(self, factors: tuple[Read, ...], times: float, rank: int) -> tuple[Read, ...]:
        first = factors[0]
        number = self.program.number(first.array)
        if number is not None:
            return (Read(self.program.constant([number * times]), 0, (0,) * rank), *factors[1:])
        step = self.program.steps[first.array]
        program = self.program
        c = Read(program.constant([times]), 0, (0,) * len(step.shape))
        whole = program.whole(first.array)
        i = program.step(Apply(MUL, [whole, c], step.shape, step.varying))
        return (Read(i, first.base, first.strides), *factors[1:])

    # Adjoints ---------------------------------------------------------------------------------

    def contribute(self, read: Read, factors: tuple[Read, ...], dims: Shape) -> None:
        """The product of the factors goes to what was read there, over these dimensions."""
        program = self.program
        if not self.active[read.array]:
            return
        total = not program.steps[read.array].varying and (
            any([program.steps[f.array].varying for f in factors]) or self.batched
        )
        total = total and self.seeds != "one"
        if read.table is not None:
            kept = [True] * len(dims)
        else:
            kept = [s != 0 or n == 1 for n, s in zip(dims, read.strides)]
        value, outer = self.summed(factors, dims, kept, total)
        strides = tuple(s for s, k in zip(read.strides, kept) if k)
        target = Read(-1, read.base, strides, read.table)
        part = Part(outer, value, target)
        self.parts.setdefault(read.array, []).append(part)
        self.reach.setdefault(read.array, []).append(
            (self.below, in_order(part, program.steps[read.array].shape) is not None)
        )

    def care(self, i: int) -> int:
        """How careful the products of step i have to be: where one path chooses nothing, not."""
        found = self.reach.get(i, [])
        whole = [below for below, full in found if full]
        return min(whole) if whole else max([below for below, _ in found], default=0)

    batched = False  # whether the step at hand differs between examples

    def adjoint(self, i: int) -> Read:
        """The sum of what went to array i, over its shape."""
        program = self.program
        step = program.steps[i]
        parts = self.parts.pop(i, [])
        whole: list[Read] = []
        rest: list[Part] = []
        for part in parts:
            read = as_whole(part, step.shape)
            if read is not None:
                whole.append(read)
            elif in_order(part, step.shape) is not None:
                whole.append(self.spread(part, step))
            else:
                rest.append(part)
        if rest:
            varying = any([program.steps[p.value.array].varying for p in rest])
            placed = program.step(Place(rest, step.shape, varying))
            program.adjoint_of.setdefault(placed, i) if not whole else None
            whole.insert(0, program.whole(placed))
        if not whole:
            return Read(program.constant([0.0]), 0, (0,) * len(step.shape))
        numbers = [program.number(r.array) for r in whole]
        if len(whole) == 1:
            found = whole[0]
        elif None not in numbers:
            total = sum([x for x in numbers if x is not None])
            found = Read(program.constant([total]), 0, whole[0].strides)
        else:
            varying = any([program.steps[r.array].varying for r in whole])
            terms = [Term((), (r,)) for r in whole]
            found = program.whole(program.step(Sum(terms, step.shape, varying)))
        if found.array >= program.forward_steps and found == program.whole(found.array):
            program.adjoint_of.setdefault(found.array, i)
        return found

    def spread(self, part: Part, step: Step) -> Read:
        """A part that fills an array, written out in the order of the array."""
        program = self.program
        order = sorted(range(len(part.dims)), key=lambda k: -part.target.strides[k])
        dims = tuple(part.dims[k] for k in order)
        strides = tuple(part.value.strides[k] for k in order)
        read = Read(part.value.array, part.value.base, strides)
        varying = program.steps[read.array].varying
        i = program.step(Apply(IDENTITY, [read], dims, varying))
        return Read(i, 0, row_major(step.shape))

    # The rules --------------------------------------------------------------------------------

    def apply(self, i: int, step: Apply, d: Read) -> None:
        program, rule = self.program, step.rule
        self.shape, self.batched = step.shape, step.varying
        upstream = self.symbol(d)
        xs = [self.symbol(read) for read in step.operands]
        wanted = [self.active[read.array] for read in step.operands]
        y = Symbol(self, program.whole(i))
        if rule.kind == CHOICE:
            self.below = max(self.below, GUARDED if rule is WHERE else CHOSEN)
            found = rule.local(xs, y, wanted, upstream)
            found = [None if part is None else self.flowing(upstream, part) for part in found]
        elif rule is MUL:
            self.product(step, d, step.shape)
            return
        else:
            slopes = rule.local(xs, y, wanted)
            found = [None if s is None else self.times(s, upstream) for s in slopes]
        for read, part, w in zip(step.operands, found, wanted):
            if w and part is not None:
                self.contribute(read, (self.as_read(part),), step.shape)

    def as_read(self, part: Any) -> Read:
        if isinstance(part, Symbol):
            return part.read
        return Read(self.program.constant([float(part)]), 0, (0,) * len(self.shape))

    def times(self, slope: Any, upstream: Any) -> Any:
        """The product; where nothing flows, 0 also for a slope of inf or nan."""
        if self.careful and (isinstance(slope, Symbol) or slope - slope != 0.0):
            return self.applied(REACHED, (upstream, slope))
        return upstream * slope

    def flowing(self, upstream: Any, part: Any) -> Any:
        """What a choice passes on: also where its value is nan, 0 where nothing flows to it."""
        if not self.careful:
            return part
        return self.applied(WHERE, (self.applied(NOT_EQUAL, (upstream, 0.0)), part, 0.0))

    def product(self, step: Apply, d: Read, dims: Shape) -> None:
        """Of a product each factor gets the adjoint times the other, added up at once."""
        for k, read in enumerate(step.operands):
            other = step.operands[1 - k]
            if not self.active[read.array]:
                continue
            if self.careful:
                part = self.times(self.symbol(other), self.symbol(d))
                self.contribute(read, (self.as_read(part),), dims)
                continue
            self.contribute(read, self.factors(d, other), dims)

    def factors(self, d: Read, other: Read) -> tuple[Read, ...]:
        """The adjoint and the other factor, but for those that are 1."""
        number = self.program.number(d.array)
        if number == 1.0:
            return (other,)
        if self.program.number(other.array) == 1.0:
            return (d,)
        return (d, other)

    def sum(self, step: Sum, d: Read) -> None:
        self.batched = step.varying
        for inner, factors in step.terms:
            dims = step.shape + inner
            widened = Read(d.array, d.base, d.strides + (0,) * len(inner))
            if len(factors) == 1:
                self.contribute(factors[0], (widened,), dims)
            elif factors[0] == factors[1] and not self.careful:
                twice = self.scaled(self.factors(widened, factors[0]), 2.0, len(dims))
                self.contribute(factors[0], twice, dims)
            elif inner or not self.careful:
                for k, read in enumerate(factors):
                    if self.active[read.array]:
                        other = factors[1 - k]
                        if self.careful and self.below == GUARDED:
                            other = self.shielded(other, d, step.shape, inner)
                        self.contribute(read, self.factors(widened, other), dims)
            else:
                self.shape = step.shape
                self.product(Apply(MUL, factors, dims, step.varying), d, dims)

    def shielded(self, other: Read, d: Read, shape: Shape, inner: Shape) -> Read:
        """A factor of a sum of products, but 0 where no adjoint that it meets is there at all."""
        program = self.program
        if program.number(d.array) is not None or program.number(other.array) is not None:
            return other
        self.shape = shape
        flows = self.applied(NOT_EQUAL, (Symbol(self, d), 0.0)).read
        # Over the dimensions that the factor has; another row of it may meet another adjoint.
        used = [bool(s or t) for s, t in zip(flows.strides, other.strides)]
        used += [s != 0 for s in other.strides[len(shape) :]]
        dims = tuple(n for n, u in zip(shape + inner, used) if u)
        flow = [s for s, u in zip(flows.strides + (0,) * len(inner), used) if u]
        mine = [s for s, u in zip(other.strides, used) if u]
        kept = [s != 0 for s in mine]
        varying = program.steps[flows.array].varying
        total = varying and not program.steps[other.array].varying
        count = Read(flows.array, flows.base, tuple(flow))
        rest = Read(other.array, other.base, tuple(s for s in mine if s), other.table)
        count, self.shape = self.summed((count,), dims, kept, total)
        found = self.applied(WHERE, (Symbol(self, count), Symbol(self, rest), 0.0)).read
        strides = iter(found.strides)
        return Read(
            found.array, found.base, tuple(next(strides) if s else 0 for s in other.strides)
        )

    def along(self, i: int, step: Along, d: Read) -> None:
        program, rule = self.program, step.rule
        self.batched = step.varying
        dims = step.shape + step.inner
        last = step.operands[-1]
        widened = Read(d.array, d.base, d.strides + (0,) * len(step.inner))
        if not self.active[last.array]:
            return
        if rule.name == "take":
            self.below = max(self.below, GUARDED)
            self.shape = dims
            index = step.operands[0]
            wide = Read(index.array, index.base, index.strides + (0,) * len(step.inner))
            numbers = program.constant([float(k) for k in range(prod(step.inner))], step.inner)
            each = Read(numbers, 0, (0,) * len(step.shape) + row_major(step.inner))
            right = self.applied(EQUAL, (Symbol(self, wide), Symbol(self, each)))
            part = self.applied(WHERE, (right, self.symbol(widened), 0.0))
            self.contribute(last, (self.as_read(part),), dims)
            return
        if rule.kind == CHOICE:  # maximum, minimum: those that tie share the gradient
            self.below = max(self.below, CHOSEN)
            self.shape = dims
            top = Read(i, 0, row_major(step.shape) + (0,) * len(step.inner))
            tied = self.applied(EQUAL, (Symbol(self, last), Symbol(self, top)))
            count, _ = self.summed(
                (tied.read,), dims, [True] * len(step.shape) + [False] * len(step.inner), False
            )
            shared = Read(count.array, count.base, count.strides + (0,) * len(step.inner))
            operands = (self.symbol(widened), self.symbol(last), Symbol(self, top))
            part = self.applied(ROUTE, (*operands, Symbol(self, shared)))
            part = self.flowing(operands[0], part)
            self.contribute(last, (self.as_read(part),), dims)
            return
        if rule.name == "fsum":
            self.contribute(last, (widened,), dims)
            return
        slopes = program.step(
            Along(rule, step.inner, step.operands, dims, step.varying, keeps=True)
        )
        self.shape = dims
        part = self.times(Symbol(self, program.whole(slopes)), self.symbol(widened))
        self.contribute(last, (self.as_read(part),), dims)

    def place(self, step: Place, d: Read) -> None:
        program = self.program
        self.batched = step.varying
        source = program.steps[d.array]
        if d != program.whole(d.array) or source.shape != step.shape:
            i = program.step(Apply(IDENTITY, [d], step.shape, source.varying))
            d = program.whole(i)
        for dims, value, target in step.parts:
            taken = Read(d.array, target.base, target.strides, target.table)
            self.contribute(value, (taken,), dims)
