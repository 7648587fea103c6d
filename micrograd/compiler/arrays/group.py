"""Scalar steps that do the same with the same operands, put side by side in groups.

One pass over the program, in order. A chain of additions is first made one sum, whose terms
are numbers and products. Then each step gets a key: its operation and the groups that its
operands belong to, all constants counting as one. Steps of one key are the members of one
group: an array. Since a key speaks of earlier groups alone, groups in the order of their
numbers can be computed one after the other. What the arrays look like is found in `roll.py`.
"""

from __future__ import annotations

from typing import Any

from ...core.rule import TABLE, Rule
from ..ir.program import Program

ADD, MUL, SUM, MEAN = (TABLE[name] for name in ("add", "mul", "sum", "mean"))
DOT, WEIGHTED = TABLE["dot"], TABLE["weighted_sum"]
PLAIN_SUMS = (SUM, MEAN)
SUMS = (ADD, SUM, DOT, WEIGHTED)  # what another addition may go on with
IDENTITY = TABLE["identity"]
# What is applied to all operands at once, along an array, and not from one to the next.
ALONG = ("logsumexp", "nll", "take", "prod", "fsum")
INDEXED = ("nll", "take")  # of these the first operand is an index
ALONG_FROM_THREE = ("maximum", "minimum", "hypot")
CONSTANTS = -1  # the group of all constants


class Run:
    """Terms or operands of one kind in a row: how many, and for each factor the groups."""

    __slots__ = ("count", "groups", "positions")

    def __init__(self, groups: tuple[int, ...], count: int) -> None:
        self.groups, self.count = groups, count
        # For each factor the positions in its group, member by member; of constants the steps.
        self.positions: list[list[int]] = [[] for _ in groups]


class Group:
    """The members, steps of the scalar program, and what their operands are."""

    __slots__ = ("bare", "divisor", "kind", "members", "rule", "runs", "settings")

    def __init__(self, kind: str, rule: Rule, runs: list[Run], settings: tuple[Any, ...]) -> None:
        self.kind, self.rule, self.runs, self.settings = kind, rule, runs, settings
        self.members: list[int] = []
        self.bare = False


class Grouping:
    """The groups of a program, given those of its inputs and parameters.

    `place` says of each scalar step in which group and where in it its number is. `ordered`
    keeps the terms of sums in the order in which they are added, zeros included.
    """

    def __init__(
        self,
        program: Program,
        place: dict[int, tuple[int, int]],
        first: int,
        ordered: bool = False,
    ) -> None:
        self.program, self.ordered = program, ordered
        self.place = dict(place)
        self.groups: dict[int, Group] = {}
        self.next = first
        self._known: dict[Any, int] = {}
        self._uses = program.uses()
        # The terms of sums that go on in the step that uses them.
        self._open: dict[int, list[tuple[int, ...]]] = {}
        self._products: set[int] = set()
        self._zero = -1
        self._user_is_sum = self._summed()
        for i, rule in enumerate(program.rules):
            if isinstance(rule, Rule):
                self.add(i, rule, program.operands[i])

    def _summed(self) -> dict[int, str]:
        """For each step that is used once, by a sum: whether it goes on there, or is a term."""
        found: dict[int, str] = {}
        program, uses = self.program, self._uses
        outputs = set(program.outputs)
        for i, rule in enumerate(program.rules):
            xs = program.operands[i]
            if i in program.bare or (rule is not ADD and rule not in PLAIN_SUMS):
                continue
            goes_on = rule is ADD and self.adds_alike(*xs)
            for k, x in enumerate(xs):
                if uses[x] == 1 and x not in outputs and x not in program.bare:
                    found[x] = "first" if k == 0 and goes_on else "later"
        return found

    def adds_alike(self, a: int, b: int) -> bool:
        """Whether a + b goes on with the sum a: not where b is such a sum of its own.

        In w1*x1 + w2*x2 + c it does, in the sum of several of these it does not.
        """
        rules, operands = self.program.rules, self.program.operands
        last_is_sum = rules[a] is ADD and rules[operands[a][1]] in SUMS
        return rules[a] in SUMS and last_is_sum == (rules[b] in SUMS)

    def terms(self, x: int, first: bool) -> list[tuple[int, ...]]:
        """Step x as terms: those it is made of where it is inlined in the sum, else itself."""
        if x in self._products:
            self._products.discard(x)
            return [self.program.operands[x]]
        if first and x in self._open:
            return self._open.pop(x)
        return [(x,)]

    def add(self, i: int, rule: Rule, xs: tuple[int, ...]) -> None:
        program = self.program
        used = self._user_is_sum.get(i)
        if rule is MUL and used:
            self._products.add(i)
            return
        terms: list[tuple[int, ...]] | None = None
        if i in program.bare:
            pass
        elif rule is ADD:
            terms = self.terms(xs[0], True)
            terms += self.terms(xs[1], False)
        elif rule in PLAIN_SUMS:
            terms = [term for x in xs for term in self.terms(x, False)]
        elif rule is WEIGHTED:
            n = len(xs) // 2
            terms = [(xs[0],), *zip(xs[1 : n + 1], xs[n + 1 :])]
        elif rule is DOT:
            terms = list(zip(xs[: len(xs) // 2], xs[len(xs) // 2 :]))
        if terms is None:
            self.operation(i, rule, xs)
            return
        if used == "first" and rule is not MEAN:
            if self.ordered and (rule is SUM or rule is DOT):
                terms = [(self.zero(),), *terms]
            self._open[i] = terms
            return
        data = program.data
        if self.ordered:
            if rule in PLAIN_SUMS or rule is DOT:
                terms = [(self.zero(),), *terms]  # these begin with 0
        elif len(terms) > 1:  # 0 + x is x, but for the sign of a zero
            terms = [t for t in terms if len(t) > 1 or data.get(t[0]) != 0.0] or terms[:1]
        self.member(i, "sum", MEAN if rule is MEAN else SUM, terms, (len(xs),) * (rule is MEAN))

    def zero(self) -> int:
        """The step of the constant 0."""
        if self._zero < 0:
            self._zero = self.program.constant(0.0)
        return self._zero

    def sorted_terms(self, terms: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """The terms with those of the same groups next to each other, else in order."""
        data, place = self.program.data, self.place
        kinds: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for term in terms:
            groups = tuple([CONSTANTS if x in data else place[x][0] for x in term])
            kinds.setdefault(groups, []).append(term)
        if len(kinds) == 1:
            return terms
        return [term for kind in kinds.values() for term in kind]

    def operation(self, i: int, rule: Rule, xs: tuple[int, ...]) -> None:
        data = self.program.data
        if len(xs) == 1 and rule.name in ("maximum", "minimum", "prod", "fsum"):
            rule = IDENTITY
        if rule.name in ALONG or (rule.name in ALONG_FROM_THREE and len(xs) > 2):
            self.member(i, "along", rule, [(x,) for x in xs], ())
            return
        settings = tuple((k, repr(data[xs[k]])) for k in rule.settings if xs[k] in data)
        self.member(i, "apply", rule, [(x,) for x in xs], settings)

    def member(
        self, i: int, kind: str, rule: Rule, terms: list[tuple[int, ...]], settings: tuple[Any, ...]
    ) -> None:
        """Step i becomes the member of a group, which is made if it is the first."""
        place, data = self.place, self.program.data
        key: list[Any] = [kind, rule, settings, i in self.program.bare]
        counts: list[int] = []
        last: Any = None
        separate = kind == "apply"
        if kind == "sum" and len(terms) > 1 and not self.ordered:
            terms = self.sorted_terms(terms)
        for k, term in enumerate(terms):
            groups = tuple([CONSTANTS if x in data else place[x][0] for x in term])
            if groups == last and not separate and not (rule.name in INDEXED and k == 1):
                counts[-1] += 1
            else:
                key.append(groups)
                counts.append(1)
                last = groups
        known = (*key, *counts)
        at = self._known.get(known)
        if at is None:
            at = self._known[known] = self.next
            self.next += 1
            runs = [Run(groups, n) for groups, n in zip(key[4:], counts)]
            self.groups[at] = Group(kind, rule, runs, settings)
            self.groups[at].bare = i in self.program.bare
        group = self.groups[at]
        k = 0
        for run in group.runs:
            part = terms[k : k + run.count]
            k += run.count
            for f, of in enumerate(run.groups):
                if of == CONSTANTS:
                    run.positions[f] += [t[f] for t in part]
                else:
                    run.positions[f] += [place[t[f]][1] for t in part]
        place[i] = at, len(group.members)
        group.members.append(i)
