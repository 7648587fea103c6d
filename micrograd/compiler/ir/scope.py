"""`Scope`: what the steps of a program are called, and those in the bodies of its loops.

Bodies are written where their loop stands, so no name means two things: a constant of a body is
called what it is outside, a carry and the result that it ends as are one name.
"""

from __future__ import annotations

from ...core.rule import Rule
from .names import RESERVED, free, phrase
from .program import Program
from .prune import pruned
from .region import Branch, Item, Loop
from .structural import LATER


class Scope:
    """Names by step, in a program and in what its regions hold.

    Of a loop at step i `carries[i]`, `puts[i]` and `entries[i]` are the names of its carries, of
    the sequences that it puts out and of one entry of those that it goes through; `inside[i]` has
    the scopes of body and test, or of both sides of a branch.
    """

    def __init__(
        self, program: Program, taken: set[str] | None = None, given: dict[int, str] | None = None,
        first: int = 0,
    ) -> None:  # fmt: skip
        self.program = program
        self.taken = {*RESERVED, *program.functions().values()} if taken is None else taken
        self.names = program.labels(self.taken, given, first)
        self.last = max([first, *[first + n for n in program.numbers.values()]])
        self.items: dict[int, dict[int, int]] = {}
        self.carries: dict[int, list[str]] = {}
        self.puts: dict[int, list[str]] = {}
        self.entries: dict[int, list[str]] = {}
        self.inside: dict[int, list[Scope]] = {}
        for i, rule in enumerate(program.rules):
            if isinstance(rule, Item):
                self.items.setdefault(program.operands[i][0], {})[rule.k] = i
        for i, rule in enumerate(program.rules):
            if isinstance(rule, Loop):
                self.loop(i, rule)
            elif isinstance(rule, Branch):
                self.branch(i, rule)

    def result(self, i: int, k: int, name: str) -> str:
        """What result k of step i is called; the item that takes it is called the same."""
        item = self.items.get(i, {}).get(k)
        if item is not None and item in self.program.names:
            return self.names[item]
        name = free(name, self.taken)
        if item is not None:
            self.names[item] = name
        return name

    def within(self, body: Program, given: dict[int, str]) -> Scope:
        found = Scope(body, self.taken, given, self.last)
        self.last = found.last
        return found

    def outer(self, x: int) -> str:
        """An operand as it stands in a body."""
        data = self.program.data
        return repr(data[x]) if x in data else self.names[x]

    def loop(self, i: int, loop: Loop) -> None:
        body, xs = loop.body, self.program.operands[i]
        a, b = loop.constants, loop.constants + loop.carries
        given = {x: self.outer(o) for x, o in zip(body.inputs[:a], xs)}
        names = [body.names.get(x, "c") for x in body.inputs]
        self.carries[i] = [self.result(i, k, names[a + k]) for k in range(loop.carries)]
        self.puts[i] = [
            self.result(i, k, f"{body.names.get(body.outputs[k], 'y')}s")
            for k in range(loop.carries, len(body.outputs))
        ]
        self.entries[i] = [free(name, self.taken) for name in names[b:]]
        given.update(zip(body.inputs[a:], [*self.carries[i], *self.entries[i]]))
        self.inside[i] = [self.within(body, given)]
        if loop.test is not None:
            known = {x: self.outer(o) for x, o in zip(loop.test.inputs[:a], xs)}
            known.update(zip(loop.test.inputs[a:], self.carries[i]))
            self.inside[i].append(self.within(loop.test, known))

    def branch(self, i: int, branch: Branch) -> None:
        xs = self.program.operands[i][1:]
        self.carries[i] = [self.result(i, k, "v") for k in range(len(branch.yes.outputs))]
        self.inside[i] = [
            self.within(side, {x: self.outer(o) for x, o in zip(side.inputs, xs)})
            for side in (branch.yes, branch.no)
        ]


def listing(scope: Scope) -> list[tuple[bool, str]]:
    """The steps as lines, and whether each is a step of its own, which has a number."""
    program, names = scope.program, scope.names
    found: list[tuple[bool, str]] = []

    def indented(inner: Scope, last: list[str]) -> None:
        for own, text in [*listing(inner), *[(False, text) for text in last]]:
            found.append((own, f"    {text}"))

    for i, (rule, xs) in enumerate(zip(program.rules, program.operands)):
        if isinstance(rule, Loop):
            inner = scope.inside[i][0]
            a, b = rule.constants, rule.constants + rule.carries
            carries, entries = scope.carries[i], scope.entries[i]
            if carries:
                begin = ", ".join(names[x] for x in xs[a:b])
                found.append((True, f"{', '.join(carries)} = {begin}"))
            if rule.test is not None:
                head = "repeat:"
            elif entries:
                back = " backwards" if rule.backwards else ""
                head = f"for {', '.join(entries)} in {', '.join(names[x] for x in xs[b:])}{back}:"
            else:
                head = f"repeat {rule.length} times:"
            found.append((False, head))
            if rule.test is not None:
                test = scope.inside[i][1]
                indented(test, [f"leave unless {test.names[rule.test.outputs[0]]}"])
            ends = [inner.names[y] for y in rule.body.outputs]
            last = [f"{put} gets {y}" for put, y in zip(scope.puts[i], ends[rule.carries :])]
            if carries:
                last.append(f"{', '.join(carries)} = {', '.join(ends[: rule.carries])}")
            indented(inner, last)
        elif isinstance(rule, Branch):
            for head, inner in zip((f"if {names[xs[0]]}:", "else:"), scope.inside[i]):
                found.append((False, head))
                results = ", ".join(inner.names[y] for y in inner.program.outputs)
                indented(inner, [f"{', '.join(scope.carries[i])} = {results}"])
        elif isinstance(rule, Rule) and not isinstance(rule, Item):
            found.append((True, f"{names[i]} = {phrase(rule, [names[x] for x in xs])}"))
    return found


def listed(program: Program) -> tuple[list[tuple[bool, str]], list[str]]:
    """The lines, and what the steps are called in them."""
    scope = Scope(pruned(program))
    return listing(scope), scope.names


LATER["listing"] = listed
