"""`Program`: a function as a list of numbered steps, each an operation on earlier ones.

What a trace yields, what the chain rule is applied to, and what source and machine code
are made from. Adding the steps of the backward pass is in `reverse.py`, shortening in
`simplify.py`, how a step is written in `names.py`. Read `trace.py` next. (Past 300 lines:
what a program is has no second half.)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from ...core.no_grad import no_grad
from ...core.rule import TABLE, Rule
from .names import (
    RESERVED,
    adjoint_name,
    formula,
    free,
    math_name,
    math_number,
    phrase,
    shortened,
    shown,
)
from .structural import LATER, Structural


class Source:
    """Where a number that is no result of an operation comes from."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def added_products(*xs: float) -> float:
    n = len(xs) // 2
    total = xs[0] * xs[n]
    for i in range(1, n):
        total += xs[i] * xs[n + i]
    return total


INPUT, PARAMETER, CONSTANT = Source("input"), Source("parameter"), Source("constant")
# In a program over a batch: products of the first half of the operands with the second, added up
# from the first one on; how many examples there are, and the sum over them of one operand or of
# a product of two.
PRODUCTS = Rule("products", added_products, (), 0)
COUNT = Source("count")
ADD, MUL, DOT, WEIGHTED_SUM = (TABLE[name] for name in ("add", "mul", "dot", "weighted_sum"))
TOTAL, INNER = Rule("total", abs, (), 1), Rule("inner", abs, (), 2)


def sum_of_products(
    rule: Rule | Source, xs: tuple[int, ...]
) -> tuple[int, tuple[int, ...], tuple[int, ...]] | None:
    """What an operation starts with and the factors of what it adds; None for another one.

    The start is -1 where there is none.
    """
    n = len(xs) // 2
    if rule is WEIGHTED_SUM:
        return xs[0], xs[1 : n + 1], xs[n + 1 :]
    if rule is DOT or rule is MUL or rule is PRODUCTS:
        return -1, xs[:n], xs[n:]
    return None


class Program:
    """Steps, by number: step i has `rules[i]`, applied to the steps `operands[i]`.

    `rules[i]` is a row of the table, or INPUT, PARAMETER or CONSTANT, whose step has no
    operands. `inputs` and `parameters` list those steps in the order in which their
    numbers are given, `outputs` the results. `data` holds the constants, `names` what to
    call a step when it is printed.
    """

    def __init__(self) -> None:
        self.rules: list[Rule | Source] = []
        self.operands: list[tuple[int, ...]] = []
        self.data: dict[int, float] = {}
        self._names: dict[int, str] = {}
        self._notes: dict[int, str] = {}
        # What gives further names and notes, to be asked when somebody wants some.
        self.naming: Callable[[], tuple[dict[int, str], dict[int, str]]] | None = None
        self.inputs: list[int] = []
        self.parameters: list[int] = []
        self.outputs: list[int] = []
        # From here on the steps belong to the backward pass; how many outputs are values.
        self.forward_steps = -1
        # The steps that are the gradient of the result by another step, which they are named after.
        self.adjoint_of: dict[int, int] = {}
        self.values = -1
        # In print step i of the trace is v{numbers[i]}, also after steps around it have gone.
        self.numbers: dict[int, int] = {}
        # Steps that were bare numbers to the function, such as a comparison: no gradient.
        self.bare: set[int] = set()
        # The order of the steps in the eager graph, where it is another: its backward pass
        # adds up in this one.
        self.order: list[int] = []
        # Inputs that are not numbers but sequences of numbers, of the body of a loop.
        self.sequences: set[int] = set()
        # In a program over a batch, many steps INNER at once: for each (factor, others, sums) step
        # sums[k] has the sum of the products of step factor and step others[k]. A step in several
        # rows has them all; sums that are a range are in one row alone.
        self.rows: list[tuple[int, tuple[int, ...], Sequence[int]]] = []
        self._constants: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self.rules)

    def named(self) -> None:
        """Nothing; afterwards all names and notes are there."""
        naming = self.naming
        if naming is not None:
            names, notes = naming()
            self._names = dict(sorted({**names, **self._names}.items()))
            self._notes = {**notes, **self._notes}
            self.naming = None

    @property
    def names(self) -> dict[int, str]:
        """What to call a step when it is printed."""
        self.named()
        return self._names

    @names.setter
    def names(self, names: dict[int, str]) -> None:
        self._names, self.naming = names, None

    @property
    def notes(self) -> dict[int, str]:
        """What a step is in the model: "layer 0, neuron 3"."""
        self.named()
        return self._notes

    @notes.setter
    def notes(self, notes: dict[int, str]) -> None:
        self._notes = notes

    def set_name(self, step: int, name: str) -> None:
        """Give a step a name."""
        self._names[step] = name

    def copy(self, named: bool = True) -> Program:
        """A program of its own with the same steps; for a machine it needs no names."""
        new = Program()
        new.rules, new.operands = self.rules[:], self.operands[:]
        new.data = self.data.copy()
        new.inputs, new.parameters = self.inputs[:], self.parameters[:]
        new.outputs = self.outputs[:]
        new.forward_steps, new.values = self.forward_steps, self.values
        if named:
            new.names, new.adjoint_of = self.names.copy(), self.adjoint_of.copy()
            new.numbers, new.notes = self.numbers.copy(), self.notes.copy()
        new.bare, new.order = self.bare.copy(), self.order[:]
        new.sequences = self.sequences.copy()
        new._constants = self._constants.copy()
        return new

    # Adding steps -----------------------------------------------------------------------

    def step(self, rule: Rule | Source, operands: tuple[int, ...] = ()) -> int:
        """The number of a new step."""
        self.rules.append(rule)
        self.operands.append(operands)
        return len(self.rules) - 1

    def input(self, name: str) -> int:
        i = self.step(INPUT)
        self.inputs.append(i)
        if name:
            self._names[i] = name
        return i

    def parameter(self, name: str) -> int:
        i = self.step(PARAMETER)
        self.parameters.append(i)
        if name:
            self._names[i] = name
        return i

    def all_parameters(self, n: int, names: list[str]) -> list[int]:
        """The steps of n parameters, one after the other; `names` has a name for each, or none."""
        steps = list(range(len(self.rules), len(self.rules) + n))
        self.rules += [PARAMETER] * n
        self.operands += [()] * n
        self.parameters += steps
        self._names.update(zip(steps, names))
        return steps

    def constant(self, x: float) -> int:
        """The step of a constant; the same number, to the bit, is the same step."""
        key = struct.pack("d", x)
        i = self._constants.get(key)
        if i is None:
            i = self._constants[key] = self.step(CONSTANT)
            self.data[i] = x
        return i

    def known(self, x: Any) -> int:
        """The step of a number, or of a list of them, which is a sequence."""
        if isinstance(x, list):
            return self.step(LATER["pack"], tuple([self.known(e) for e in x]))
        return self.constant(float(x))

    # Reading ----------------------------------------------------------------------------

    def uses(self) -> list[int]:
        """For each step how often it is an operand or an output."""
        count = [0] * len(self)
        for operands in self.operands:
            for x in operands:
                count[x] += 1
        for x in self.outputs:
            count[x] += 1
        for factor, others, _ in self.rows:
            count[factor] += len(others)
            for x in others:
                count[x] += 1
        return count

    def varying(self) -> list[bool]:
        """For each step whether it depends on an input, and so differs between examples."""
        found = [False] * len(self)
        for i, (rule, operands) in enumerate(zip(self.rules, self.operands)):
            if not operands:
                found[i] = rule is INPUT
            elif rule is not TOTAL and rule is not INNER:
                found[i] = any([found[x] for x in operands])
        return found

    def run(self, inputs: Sequence[Any], parameters: Sequence[Any]) -> list[Any]:
        """The outputs for these inputs and parameters: floats, Values, anything with rules.

        The plainest of the interpreters; what all others are held to.
        """
        results: list[Any] = [None] * len(self)
        for i, x in zip(self.inputs, inputs, strict=True):
            results[i] = x
        for i, x in zip(self.parameters, parameters, strict=True):
            results[i] = x
        for i, c in self.data.items():
            results[i] = c
        for i, (rule, operands) in enumerate(zip(self.rules, self.operands)):
            if isinstance(rule, Rule):
                if i in self.bare:
                    with no_grad():
                        results[i] = rule.function(*[results[x] for x in operands])
                else:
                    results[i] = rule.function(*[results[x] for x in operands])
        return [results[i] for i in self.outputs]

    def all_rules(self) -> list[Rule | Source]:
        """The operations of all steps, those in loops and branches too."""
        found = list(self.rules)
        for rule in self.rules:
            if isinstance(rule, Structural):
                for program in rule.programs():
                    found += program.all_rules()
        return found

    @property
    def has_regions(self) -> bool:
        """Whether there are loops or branches in it."""
        return any([isinstance(rule, Structural) and rule.programs() for rule in self.rules])

    def regions(self) -> list[int]:
        """The steps whose value may be more than a number."""
        return [i for i, rule in enumerate(self.rules) if isinstance(rule, Structural)]

    def functions(self) -> dict[Rule, str]:
        """What to call the operations that are not in the table: a user's own."""
        names: dict[Rule, str] = {}
        taken = {*RESERVED}
        for rule in dict.fromkeys(self.all_rules()):
            if isinstance(rule, Structural):
                continue
            if isinstance(rule, Rule) and rule not in (TABLE.get(rule.name), TOTAL, INNER):
                name = rule.symbol if rule.symbol.isidentifier() else "operation"
                names[rule] = free(name, taken)
        return names

    def labels(
        self, taken: set[str] | None = None, given: dict[int, str] | None = None, first: int = 0
    ) -> list[str]:
        """What each step is called in print: no name twice, none a word of Python.

        A constant is written as the number, an adjoint as the step it belongs to with a d
        in front; what has no name is v and its number in the trace, or t and a number,
        which `emit` counts anew. In the body of a loop names are `taken` by what is around it, some
        are `given`, and numbers begin after `first`.
        """
        labels = [""] * len(self)
        for i, c in self.data.items():
            labels[i] = shown(c)
        for i, name in (given or {}).items():
            labels[i] = name
        unique = taken is not None
        if taken is None:
            taken = {*RESERVED, *self.functions().values()}
        for i in [*self.inputs, *self.parameters, *self.names]:
            if not labels[i]:
                labels[i] = free(self.names.get(i, "p"), taken)
        last = first + max(self.numbers.values(), default=0)
        temporaries = 0
        forward = self.forward_steps if self.forward_steps >= 0 else len(self)
        numbers, adjoint_of = self.numbers, self.adjoint_of
        for i, label in enumerate(labels):
            if label:
                continue
            if i in numbers:
                name = f"v{first + numbers[i]}"
            elif i in adjoint_of:
                name = adjoint_name(labels[adjoint_of[i]])
            elif i < forward:
                last += 1
                name = f"v{last}"
            else:
                temporaries += 1
                while unique and f"t{temporaries}" in taken:
                    temporaries += 1
                labels[i] = f"t{temporaries}"
                if unique:
                    taken.add(labels[i])
                continue
            labels[i] = name if name not in taken else free(name, taken)
            taken.add(name)
        return labels

    def is_temporary(self, i: int) -> bool:
        """Whether a step of the backward pass has no name: no t and digits is taken by others."""
        return (
            0 <= self.forward_steps <= i
            and i not in self.numbers
            and i not in self.adjoint_of
            and i not in self.names
            and i not in self.data
        )

    def __str__(self) -> str:
        """One line a step, numbered: what goes in, what is done, what comes out."""
        names = self.labels()
        given = ", ".join(names[i] for i in self.inputs)
        lines = [f"given {given}" if given else "given nothing"]
        if self.parameters:
            listed = shortened([names[i] for i in self.parameters])
            n = len(self.parameters)
            lines[0] += f"; {n} parameter{'s' * (n != 1)}: {listed}"
        number = 0
        steps: list[tuple[bool, str]]
        if self.has_regions:
            steps, names = LATER["listing"](self)
        else:
            steps = [
                (True, f"{names[i]} = {phrase(rule, [names[x] for x in operands])}")
                for i, (rule, operands) in enumerate(zip(self.rules, self.operands))
                if isinstance(rule, Rule)
            ]
        width = len(str(sum(own for own, _ in steps)))
        for own, text in steps:
            number += own
            lines.append(f"{number if own else '':>{width + 2}}  {text}")
        lines.append("gives " + ", ".join(names[i] for i in self.outputs))
        return "\n".join(lines)

    def __repr__(self) -> str:
        steps = sum(isinstance(rule, Rule) for rule in self.all_rules())
        return (
            f"<Program: {steps} steps, {len(self.inputs)} inputs, "
            f"{len(self.parameters)} parameters, {len(self.outputs)} outputs>"
        )

    def latex(self) -> str:
        """The steps as an aligned block of LaTeX, one equation each."""
        lines = []
        names = [math_name(name) for name in self.labels()]
        for i, c in self.data.items():
            names[i] = math_number(c)
        for i, (rule, operands) in enumerate(zip(self.rules, self.operands)):
            if isinstance(rule, Rule):
                lines.append(f"{names[i]} &= {formula(rule, [names[x] for x in operands])}")
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
