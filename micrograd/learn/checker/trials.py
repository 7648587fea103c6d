"""`Trial`: one class put to the test, an attempt at a time.

Each attempt runs under a limit of time and of recursion (`limits.py`). One that fails is a
`Failure`; `settle` makes findings of failures, one for each cause: an operation that fails
because it is made of another that fails is told with that one. What is tried is in
`operations.py` and `graphs.py`, the causes are in `causes.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from .causes import (
    Wrong,
    all_close,
    close,
    keeps,
    of_gradients,
    of_value,
    shown,
    wrong_numbers,
)
from .errors import of_error
from .limits import TimeUp, within
from .operations import Operation
from .report import Finding


class Halt(Exception):
    """Raised where the rest is not worth trying."""


FATAL: Final = ("endless loop", "endless operation", "starts again", "start of backward")


@dataclass
class Failure:
    """One attempt that failed."""

    where: str
    wrong: Wrong
    method: str = ""
    calls: set[str] = field(default_factory=set)

    def explained_by(self, first: Failure) -> bool:
        """Whether another is the reason: a chain is one for gradients alone."""
        return not first.where.startswith("a chain") or "the gradient" in self.wrong.evidence


class Trial:
    """Runs attempts on one class, and notes how they went."""

    def __init__(self, cls: Any, tells: bool = True) -> None:
        self.cls = cls
        self.tells = tells  # the rules, which are the solution of an exercise
        self.tried = 0
        self.failures: list[Failure] = []
        self.beyond: list[Finding] = []
        self.doing = ""
        self.calls: set[str] = set()
        self.link: Callable[[Any, Any], Any] | None = None  # an operation that is right
        self.codes: dict[Any, set[str]] = {}  # the names of each method
        for base in reversed(getattr(cls, "__mro__", ())):
            for name, function in vars(base).items():
                if hasattr(function, "__code__"):
                    self.codes.setdefault(function.__code__, set()).add(name)

    # Numbers of the class -----------------------------------------------------------------

    def number(self, x: Any) -> float:
        """A float of what data or grad holds: a number of any make, a node, None for 0."""
        if x is None:
            return 0.0
        if isinstance(x, self.cls):
            x = x.data
        item = getattr(x, "item", None)  # of NumPy and PyTorch
        return float(item() if callable(item) else x)

    def data(self, nodes: Sequence[Any]) -> list[float]:
        return [self.number(v.data) for v in nodes]

    def grads(self, nodes: Sequence[Any]) -> list[float]:
        return [self.number(v.grad) for v in nodes]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note which methods of the class are called meanwhile."""

        def note(frame: Any, event: str, arg: object) -> None:
            if event == "call" and frame.f_code in self.codes:
                self.calls |= self.codes[frame.f_code]

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            yield
        finally:
            sys.setprofile(before)

    def leaves(self, xs: Sequence[float]) -> list[Any]:
        return [self.cls(x) for x in xs]

    def build(self, f: Callable[..., Any], leaves: Sequence[Any]) -> Any:
        """f of nodes, which has to be a node, and to leave them as they are."""
        self.doing = "the operation"
        before = self.data(leaves)
        with self.watched():
            y = f(*leaves)
        if y is None:
            raise Wrong("no return", "it gives None")
        if not hasattr(y, "data") or not hasattr(y, "backward"):
            raise Wrong("not a node", f"it gives a {type(y).__name__}, {y!r:.60}")
        if self.data(leaves) != before:
            after = shown(self.data(leaves))
            raise Wrong("changes operands", f"the operands were {shown(before)} and are {after}")
        return y

    def backward(self, y: Any) -> None:
        self.doing = "backward"
        y.backward()
        self.doing = "the operation"

    def slopes(self, f: Callable[..., Any], *xs: float) -> list[float]:
        """The gradients of f by its leaves."""
        leaves = self.leaves(xs)
        self.backward(self.build(f, leaves))
        return self.grads(leaves)

    # Attempts -----------------------------------------------------------------------------

    def attempt(self, where: str, what: Callable[[], None], method: str = "") -> bool:
        """Whether what() ends without an error; if not, the failure is noted."""
        self.tried += 1
        self.calls = set()
        self.doing = "the operation"
        try:
            within(what)
            return True
        except Wrong as error:
            wrong = error
        except TimeUp:
            name = "endless loop" if self.doing == "backward" else "endless operation"
            wrong = Wrong(name, "it was stopped after a second")
        except (Exception, SystemExit) as error:
            wrong = of_error(error, self.doing, method, self.cls)
        self.failures.append(Failure(where, wrong, method, self.calls))
        if wrong.name in FATAL:
            raise Halt
        return False

    def on_leaves(self, op: Operation) -> bool:
        """Whether an operation is right on leaves."""

        def what() -> None:
            xs = op.points[0]
            first, second = [self.build(op.f, self.leaves(xs)) for _ in range(2)]
            if first is second:
                raise Wrong("one result for two", f"made twice of {shown(xs)} it is one object")
            for xs in op.points:
                leaves, at = self.leaves(xs), f"at {shown(xs)}"
                y = self.build(op.f, leaves)
                value = op.value(*xs)
                if not close(self.number(y.data), value):
                    of_value(op.text, op.rule, at, self.number(y.data), value)
                before = self.data([*leaves, y])
                self.backward(y)
                if self.data([*leaves, y]) != before:
                    raise Wrong("data moves", at)
                found, right = self.grads(leaves), list(op.slopes(*xs))
                if not all_close(found, right):
                    of_gradients(op.text, op.rule, at, found, right, y, leaves, self.tells)

        return self.attempt(op.text, what, op.method)

    def on_results(self, op: Operation, forks: bool = True) -> bool:
        """Whether an operation that is right on leaves is right in a graph, in every position."""
        link = self.link
        if link is None:
            return True
        xs = op.points[0]
        right = list(op.slopes(*xs))
        product = link(2.0, 1.0) == 2.0

        def what() -> None:
            for k in (3.0, -2.0, 1e-6, 1e6) if product else ():
                self.upstream(op, k, right)
            for i, x in enumerate(xs):
                leaves, k = self.leaves(xs), self.cls(1.5)
                inner = [link(v, k) if v is leaves[i] else v for v in leaves]
                y = self.build(op.f, inner)
                self.backward(y)
                moved = [*xs[:i], link(x, 1.5), *xs[i + 1 :]]
                wanted = list(op.slopes(*moved))
                wanted[i] *= 1.5 if product else 1.0
                where = f"where operand {i + 1} is a result" if len(xs) > 1 else "on a result"
                self.deeper(where, "order", self.grads(leaves), wanted, keeps(y, inner[i]))
            leaves = self.leaves(xs)
            y, three = self.build(op.f, leaves), self.cls(3.0)
            z = link(y, three)
            self.backward(z)
            wanted = [3.0 * g if product else g for g in right]
            kept = keeps(z, y) and all(keeps(y, leaf) for leaf in leaves)
            name = "no upstream" if all(self.grads(leaves)) else "order"
            self.deeper("where it is used on", name, self.grads(leaves), wanted, kept)
            for i in range(len(xs) if forks else 0):
                self.at_a_fork(op, i, right)
            if forks and len(xs) == 2:
                self.with_itself(op)

        return self.attempt(op.text, what, op.method)

    def deeper(
        self, where: str, name: str, found: list[float], right: list[float], kept: bool
    ) -> None:
        """Nothing where these are right; a 0 that should be none comes of an operand not kept."""
        if all_close(found, right):
            return
        evidence = wrong_numbers(where, found, right)
        if not kept and not all(g for g, exact in zip(found, right) if exact):
            raise Wrong("forgets its parents", evidence)
        raise Wrong(name, evidence)

    def upstream(self, op: Operation, k: float, right: list[float]) -> None:
        """What comes from above is handed on whatever its sign and size."""
        assert self.link is not None
        leaves = self.leaves(op.points[0])
        self.backward(self.link(self.build(op.f, leaves), self.cls(k)))
        found, wanted = self.grads(leaves), [k * g for g in right]
        if not all_close(found, wanted):
            text = f"where the result's gradient is {k:g}"
            name = "no upstream" if all_close(found, right) else "upstream changed"
            raise Wrong(name, wrong_numbers(text, found, wanted))

    def at_a_fork(self, op: Operation, i: int, right: list[float]) -> None:
        """One operand is used again by the result, which has given its part before."""
        assert self.link is not None
        xs = op.points[0]
        leaves = self.leaves(xs)
        y = self.build(op.f, leaves)
        value = self.number(y.data)
        self.backward(self.link(y, leaves[i]))
        product = self.link(2.0, 1.0) == 2.0
        wanted = [g * (xs[i] if product else 1.0) for g in right]
        wanted[i] += value if product else 1.0
        found = self.grads(leaves)
        if not all_close(found, wanted):
            raise Wrong("= for +=", wrong_numbers("where an operand is used twice", found, wanted))

    def with_itself(self, op: Operation) -> None:
        x = abs(op.points[0][0])
        a = self.leaves([x])[0]
        self.backward(self.build(lambda v: op.f(v, v), [a]))
        found, right = self.grads([a])[0], sum(op.slopes(x, x))
        if not close(found, right):
            same = wrong_numbers(f"with {op.text} where both are one node", [found], [right])
            raise Wrong("same node twice", same)

    # Findings -----------------------------------------------------------------------------

    def groups(self) -> dict[str, list[Failure]]:
        """Failures by cause; one that an earlier one explains is with that."""
        found: dict[str, list[Failure]] = {}
        blamed: dict[str, str] = {}
        for failure in sorted(self.failures, key=lambda f: len(f.calls)):
            touched = [m for m in blamed if m in failure.calls or m == failure.method]
            if touched and not failure.explained_by(found[blamed[touched[0]]][0]):
                touched = []
            key = blamed[touched[0]] if touched else failure.wrong.key
            found.setdefault(key, []).append(failure)
            if failure.method:
                blamed.setdefault(failure.method, key)
        return found

    def settle(self) -> list[Finding]:
        """The findings, one for each cause, in the order they were met."""
        causes = sorted(self.groups().values(), key=lambda group: self.failures.index(group[0]))
        return [self.finding(group) for group in causes]

    def finding(self, failures: list[Failure]) -> Finding:
        head = failures[0]
        shows = tuple(dict.fromkeys(f.where for f in failures))
        also = [where for where in shows if where != head.where]
        text = f"{head.wrong.sentence} It shows in {head.where}: {head.wrong.evidence}"
        text += f"; and in {', '.join(also)}." if also else "."
        return Finding(head.wrong.name, text, shows)
