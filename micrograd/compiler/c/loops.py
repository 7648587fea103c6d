"""Programs with loops as C: loops of C, whose bodies are written number by number.

A body that is long, as a layer is, becomes kernels of whole arrays, as `arrays.py` makes them.
`source.py` writes the file; here is what stands in a function. Sequences whose length is known
stand in the room to compute in; the others, which a loop of unknown length puts out for its
reverse, grow by `realloc`. (Past 300 lines because a loop's sequences, carries and body are written
together.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from ...core.rule import Rule
from ..arrays.roll import roll
from ..ir.program import Program
from ..ir.region import Branch, Element, Item, Loop, Pack
from ..ir.shapes import Shapes, entries, is_sequence, shape, turns
from ..ir.structural import Structural
from .arrays import ArrayWriter, Kernels
from .functions import number

WIDE = 64  # steps from which on a body is worth kernels of arrays

GROWING = """#include <stdlib.h>
typedef struct {
    double *x;
    long n, room;
} mg_growing;

static int mg_grow(mg_growing *g, long n) {
    if (n > g->room) {
        long room = 2 * g->room > n ? 2 * g->room : n + 1024;
        double *x = realloc(g->x, room * sizeof(double));
        if (!x) return 1;
        g->x = x, g->room = room;
    }
    g->n = n;
    return 0;
}"""


class LoopWriter:
    """Writes one program, and those in it, as statements of C."""

    def __init__(self, kernels: Kernels, interrupted: bool) -> None:
        self.kernels, self.interrupted = kernels, interrupted
        self.lines: list[str] = []
        self.work = self.count = 0
        self.grows = False
        self.held: list[list[str]] = []  # what is to be freed, of each program around

    def body(self, program: Program, targets: list[str]) -> list[str]:
        """The statements of a function; `targets` are where the outputs go."""
        names = {x: f"x[{k}]" for k, x in enumerate(program.inputs)}
        names.update({x: f"p[{k}]" for k, x in enumerate(program.parameters)})
        self.program(program, names, 0, {})
        self.moved(0, targets, [names[y] for y in program.outputs])
        return [*self.lines, *self.frees]

    def fresh(self, letter: str) -> str:
        """A name that nothing has yet."""
        self.count += 1
        return f"{letter}{self.count}"

    def room(self, n: int) -> str:
        """Where n numbers that nothing has yet begin in the room to compute in."""
        self.work += n
        return f"(w + {self.work - n})"

    def program(self, program: Program, names: dict[int, str], depth: int, shapes: Shapes) -> None:
        """Statements for all steps; `names` has the inputs, and then every step."""
        names.update({i: number(c) for i, c in program.data.items()})
        frees: list[str] = []
        self.held.append(frees)
        for i, (rule, xs) in enumerate(zip(program.rules, program.operands)):
            if isinstance(rule, Loop):
                self.loop(program, i, rule, names, depth, shapes, frees)
            elif isinstance(rule, Branch):
                self.branch(program, i, rule, names, depth)
            elif isinstance(rule, Item):
                names[i] = names[xs[0]].split()[rule.k]
            elif isinstance(rule, Structural):
                self.sequence(program, i, rule, names, depth, shapes, frees)
            elif isinstance(rule, Rule):
                names[i] = self.fresh("v")
                operands = [names[x] for x in xs]
                self.add(depth, f"double {names[i]} = {self.operation(rule, operands)};")
        self.frees = self.held.pop()

    def leave(self, depth: int, condition: str, code: int, more: Sequence[str] = ()) -> None:
        """The function ends early where this holds, and holds no memory then."""
        frees = [line for some in self.held for line in some] + [*more]
        ends = f"return {code};"
        if frees:
            ends = f"{{ {' '.join(frees)} {ends} }}"
        self.add(depth, f"if ({condition}) {ends}")

    def add(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def operation(self, rule: Rule, operands: list[str]) -> str:
        n = len(operands) // 2
        if rule.name == "sum":
            return " + ".join(["0.0", *operands])
        if rule.name == "weighted_sum":
            products = [f"{a} * {b}" for a, b in zip(operands[1 : n + 1], operands[n + 1 :])]
            return " + ".join([operands[0], *products])
        if rule.name == "dot":
            return " + ".join(["0.0", *[f"{a} * {b}" for a, b in zip(operands[:n], operands[n:])]])
        return self.kernels.functions.call(rule, operands)

    def sequence(
        self, program: Program, i: int, rule: Structural, names: dict[int, str], depth: int,
        shapes: Shapes, frees: list[str],
    ) -> None:  # fmt: skip
        xs = program.operands[i]
        if isinstance(rule, Element):
            size = prod(shape(program, xs[0], shapes)[1:])
            base = names[xs[0]]
            names[i] = f"({base} + {rule.k * size})" if rule.sequence else f"{base}[{rule.k}]"
            return
        n, *entry = shape(program, i, shapes)
        size = prod(entry)
        if isinstance(rule, Pack):
            if not entry:
                given = [names[x] for x in xs]
                array, *others = runs(given)
                if array.name and array.step == 1 and not others:  # they lie so already
                    names[i] = f"({array.name} + {array.first})"
                    return
                names[i] = self.room(n)
                self.moved(depth, [f"{names[i]}[{k}]" for k in range(n)], given)
                return
            names[i] = self.room(n * size)
            for k, x in enumerate(xs):
                self.copy(depth, f"{names[i]} + {k * size}", names[x], size)
            return
        a, b = names[xs[0]], names[xs[1]]
        at = self.fresh("k")
        if n is None:
            many = f"{a}.n"
            names[i] = self.growing(depth, frees)
            self.leave(depth, f"mg_grow(&{names[i]}, {many})", 1)
            a, b, to = f"{a}.x", f"{b}.x", f"{names[i]}.x"
        else:
            many, names[i] = str(n * size), self.room(n * size)
            to = names[i]
        head = f"for (long {at} = 0; {at} < {many}; {at}++)"
        self.add(depth, f"{head} {to}[{at}] = {a}[{at}] + {b}[{at}];")

    def growing(self, depth: int, frees: list[str]) -> str:
        self.grows = True
        name = self.fresh("g")
        self.add(depth, f"mg_growing {name} = {{0, 0, 0}};")
        frees.append(f"free({name}.x);")
        return name

    def elements(self, n: int) -> list[str]:
        """The elements of an array of n numbers that is new."""
        name = self.room(n).replace(" ", "")
        return [f"{name}[{k}]" for k in range(n)]

    def side_by_side(self, depth: int, texts: list[str]) -> list[str]:
        """The same numbers as elements of one array."""
        if len(found := runs(texts)) == 1 and found[0].name and found[0].step == 1:
            return texts
        copied = self.elements(len(texts))
        self.moved(depth, copied, texts)
        return copied

    def arrays(self, body: Program, groups: list[list[str]], depth: int) -> list[str]:
        """The outputs of a body, an array; `groups` are its inputs, each an array or none."""
        rolled = roll(body, [(f"x{k}", (len(g),)) for k, g in enumerate(groups) if g], ordered=True)
        given = [(runs(group)[0], len(group)) for group in groups if group]
        inputs = [(run.name, run.first, n) for run, n in given]
        outputs = self.elements(len(body.outputs))
        writer = ArrayWriter(rolled, self.kernels, inputs, self.work)
        writer.write([(rolled.outputs, runs(outputs)[0].name)])
        self.work = writer.work
        for part in writer.shortened():
            for line in part:
                self.add(depth, line)
        return outputs

    def moved(self, depth: int, targets: Sequence[str], values: Sequence[str]) -> None:
        """Each value to its target: in loops where they stand in order."""
        done = 0
        for to in runs(targets):
            at = 0
            for run in runs(values[done : done + to.many]):
                if to.name and run.many > 1:
                    k = self.fresh("k")
                    value = f"({run.name})[{run.at(k)}]" if run.name else values[done + at]
                    target = to._replace(first=to.first + to.step * at)
                    head = f"for (long {k} = 0; {k} < {run.many}; {k}++)"
                    self.add(depth, f"{head} ({to.name})[{target.at(k)}] = {value};")
                else:
                    for j in range(done + at, done + at + run.many):
                        self.add(depth, f"{targets[j]} = {values[j]};")
                at += run.many
            done += to.many

    def copy(self, depth: int, to: str, source: str, n: int) -> None:
        k = self.fresh("k")
        head = f"for (long {k} = 0; {k} < {n}; {k}++)"
        self.add(depth, f"{head} ({to})[{k}] = ({source})[{k}];")

    def loop(
        self, program: Program, i: int, loop: Loop, names: dict[int, str], depth: int,
        shapes: Shapes, frees: list[str],
    ) -> None:  # fmt: skip
        xs = program.operands[i]
        a, b = loop.constants, loop.constants + loop.carries
        n = turns(program, i, loop, shapes)
        inner = entries(program, i, loop, shapes)
        wide = is_wide(loop.body)
        constants = [names[x] for x in xs[:a]]
        if wide:
            carries = self.elements(loop.carries)
            self.moved(depth, carries, [names[x] for x in xs[a:b]])
            constants = self.side_by_side(depth, constants)
        else:
            carries = [self.fresh("c") for _ in range(loop.carries)]
            for c, x in zip(carries, xs[a:b]):
                self.add(depth, f"double {c} = {names[x]};")
        puts = loop.body.outputs[loop.carries :]
        sizes = [prod(shape(loop.body, y, inner)) for y in puts]
        targets = [
            self.growing(depth, frees) if n is None else self.room(n * size) for size in sizes
        ]
        names[i] = " ".join([*carries, *targets]).replace("(w + ", "(w+")
        targets = names[i].split()[loop.carries :]
        k = self.fresh("k")
        many = "" if loop.test else str(n) if n is not None else f"{names[xs[b]]}.n"
        end = f"{k} < {many}" if many else ""
        self.add(depth, f"for (long {k} = 0; {end}; {k}++) {{")
        if self.interrupted:
            self.leave(depth + 1, "mg_stopped()", 2)
        if loop.test is not None:
            known = dict(zip(loop.test.inputs, [*constants, *carries]))
            self.program(loop.test, known, depth + 1, {})
            self.add(depth + 1, f"if (!({known[loop.test.outputs[0]]} != 0.0)) break;")
        at = f"({many} - 1 - {k})" if loop.backwards else k
        given = dict(zip(loop.body.inputs, [*constants, *carries]))
        read = {x for operands in loop.body.operands for x in operands} | {*loop.body.outputs}
        taken = self.elements(loop.entries) if wide else []
        for x, s in zip(loop.body.inputs[b:], xs[b:]):
            if x not in read and not wide:  # it only says how often
                continue
            length, *entry = shape(program, s, shapes)
            if entry:
                given[x] = f"({names[s]} + {at} * {prod(entry)})"
                continue
            base = names[s] if length is not None else f"{names[s]}.x"
            given[x] = taken[len(given) - b] if wide else self.fresh("x")
            self.add(depth + 1, f"{'' if wide else 'double '}{given[x]} = {base}[{at}];")
        if wide:
            groups = [constants, carries, taken]
            given.update(zip(loop.body.outputs, self.arrays(loop.body, groups, depth + 1)))
            mine: list[str] = []
        else:
            self.program(loop.body, given, depth + 1, inner)
            mine = self.frees
        for to, y, size in zip(targets, puts, sizes):
            if n is None:
                self.leave(depth + 1, f"mg_grow(&{to}, {many or f'{k} + 1'})", 1, mine)
                self.add(depth + 1, f"{to}.x[{at}] = {given[y]};")
            elif is_sequence(loop.body, y):
                self.copy(depth + 1, f"{to} + {at} * {size}", given[y], size)
            else:
                self.add(depth + 1, f"{to}[{at}] = {given[y]};")
        ends = [given[y] for y in loop.body.outputs[: loop.carries]]
        if wide:
            self.moved(depth + 1, carries, ends)
            ends = carries
        safe = []
        for c, text in zip(carries, ends):
            if text in carries and text != c:  # it may be overwritten before it is read
                aside = self.fresh("t")
                self.add(depth + 1, f"double {aside} = {text};")
                text = aside
            safe.append(text)
        for c, text in zip(carries, safe):
            if c != text:
                self.add(depth + 1, f"{c} = {text};")
        for line in mine:
            self.add(depth + 1, line)
        self.add(depth, "}")

    def branch(
        self, program: Program, i: int, branch: Branch, names: dict[int, str], depth: int
    ) -> None:
        condition, *xs = program.operands[i]
        results = [self.fresh("b") for _ in branch.yes.outputs]
        names[i] = " ".join(results)
        for y in results:
            self.add(depth, f"double {y};")
        for head, side in ((f"if ({names[condition]} != 0.0) {{", branch.yes),
                           ("} else {", branch.no)):  # fmt: skip
            self.add(depth, head)
            given = dict(zip(side.inputs, [names[x] for x in xs]))
            self.program(side, given, depth + 1, {})
            for y, output in zip(results, side.outputs):
                self.add(depth + 1, f"{y} = {given[output]};")
            for line in self.frees:
                self.add(depth + 1, line)
        self.add(depth, "}")


def is_wide(body: Program) -> bool:
    """Whether a body becomes kernels of arrays: it is long, and has no loops in it."""
    return len(body.rules) - len(body.inputs) >= WIDE and not body.regions()


class Run(NamedTuple):
    """Elements of one array, `step` apart; the name is "" for one text that is no element, or
    several that are equal."""

    name: str
    first: int
    step: int
    many: int

    def at(self, k: int | str) -> str:
        """Where the k-th of them is."""
        if isinstance(k, int):
            return str(self.first + self.step * k)
        return f"{self.first} + {self.step}*{k}" if self.step != 1 else f"{self.first} + {k}"


def goes_on(run: Run, name: str, k: int) -> bool:
    """Whether this element is the next of a run."""
    return name != "" and name == run.name and k == run.first + run.step * run.many


def runs(texts: Sequence[str]) -> list[Run]:
    """The texts as few runs, in their order."""
    found: list[Run] = []
    before = ""
    for text in texts:
        element = re.fullmatch(r"(.+)\[(\d+)\]", text)
        name, k = (element[1], int(element[2])) if element else ("", 0)
        last = found[-1] if found else Run("", 0, 1, 0)
        if name and name == last.name and last.many == 1 and k > last.first:
            found[-1] = Run(name, last.first, k - last.first, 2)
        elif goes_on(last, name, k) or (not name and not last.name and text == before):
            found[-1] = last._replace(many=last.many + 1)
        else:
            found.append(Run(name, k, 1, 1))
        before = text
    return found
