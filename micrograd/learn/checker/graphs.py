"""What the checker of homework tries with whole graphs: order, several passes, equal numbers.

They are made of sums and products alone, of those of the two that are right. `lineup.py` says
which mistake gives the numbers that come out.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from .causes import Wrong, all_close, close, keeps, reads_another, wrong_numbers
from .lineup import Plan, plans, right, suspect
from .operations import PRODUCT
from .trials import Trial

Link = Callable[[Any, Any], Any]


def plus(a: Any, b: Any) -> Any:
    return a + b


def times(a: Any, b: Any) -> Any:
    return a * b


LINKS: dict[str, Link] = {"+": plus, "*": times}


def shared_step(trial: Trial) -> bool:
    """Whether operations with nothing in common have wrong gradients; then one cause."""
    wrong = [key for key in trial.groups() if key.startswith("gradient: ")]
    if len(wrong) < 3 or f"gradient: {PRODUCT}" not in wrong:
        return False
    name = "step of backward" if starts_at_1(trial) else "start of backward"
    for failure in trial.failures:
        failure.wrong = Wrong(name, failure.wrong.evidence)
    return True


def starts_at_1(trial: Trial) -> bool:
    """Whether the gradient of a sum by itself is 1, or not kept at all."""
    try:
        y = trial.cls(2.0) + trial.cls(3.0)
        y.backward()
        return trial.grads([y])[0] in (0.0, 1.0)
    except Exception:
        return True


def chain(trial: Trial, sign: str) -> bool:
    """Whether a gradient gets through three operations of one kind."""
    link = LINKS[sign]
    factors = (2.3, 3.1, 5.9)  # no two nodes hold the same number

    def what() -> None:
        wanted = math.prod(factors) if sign == "*" else 1.0
        found, paths = [], []
        for turned in (False, True):
            x, *rest = trial.leaves((1.7, *factors))
            path = [x]
            for k in rest:
                path.append(link(k, path[-1]) if turned else link(path[-1], k))
            trial.backward(path[-1])
            found += trial.grads([x])
            paths.append(path)
        for g, path in zip(found, paths):
            if not close(g, wanted):
                name = lost(trial, path, g, factors)
                if math.isclose(g, wanted, rel_tol=1e-2):
                    name = "rounded"
                elif any(close(other, wanted) for other in found) and name != "forgets its parents":
                    name = "one parent only"
                text = f"at the start of a {sign} b {sign} c {sign} d"
                raise Wrong(name, wrong_numbers(text, [g], [wanted]))

    return trial.attempt(f"a chain of {sign}", what, "__mul__" if sign == "*" else "__add__")


def lost(trial: Trial, path: list[Any], found: float, factors: Sequence[float]) -> str:
    """Why a gradient does not get through a chain."""
    x, first, second, last = path
    grads = trial.grads([first, second, last])
    if grads == [1.0, 1.0, 1.0] and found != 0.0:
        return "starts again"
    if found != 0.0 and any(map(reads_another, path)):
        return "another node's gradient"
    if found == 0.0:
        if not (keeps(last, second) and keeps(second, first) and keeps(first, x)):
            return "forgets its parents"
        return "not reversed" if goes_on(trial, last) else "one step only"
    some = [math.prod(part) for n in (1, 2) for part in combinations(factors, n)]
    return "no upstream" if any(close(found, product) for product in some) else "upstream changed"


def goes_on(trial: Trial, y: Any) -> bool:
    """Whether backward() has more to do where the graph is deeper."""

    def events(node: Any) -> int:
        count = 0

        def note(frame: Any, event: str, arg: object) -> None:
            nonlocal count
            count += 1

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            trial.backward(node)
        finally:
            sys.setprofile(before)
        return count

    deeper = y
    for _ in range(30):
        deeper = deeper + y
    return events(deeper) > events(y) + 20


def order(trial: Trial, signs: str) -> bool:
    """Whether all who use a node have given their part before it passes on its own."""

    bad: list[tuple[Plan, list[float]]] = []

    def what() -> None:
        for plan in plans(signs):
            found = gradients(trial, plan)
            if not all_close(found, right(plan)):
                bad.append((plan, found))
        if bad:
            plan, found = bad[0]
            numbers = wrong_numbers(f"for {written(plan)}", found, right(plan))
            raise Wrong("order", numbers)

    if trial.attempt("a graph with shared parts", what):
        return True
    failure = trial.failures[-1]
    if failure.wrong.name == "order":  # which mistake it is takes us longer than the class
        failure.wrong = Wrong(suspect(bad), failure.wrong.evidence)
    return False


def gradients(trial: Trial, plan: Plan) -> list[float]:
    leaves = trial.leaves(plan.leaves)
    trial.backward(plan.nodes(leaves)[-1])
    return trial.grads(leaves)


def written(plan: Plan) -> str:
    """The graph as assignments."""
    names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]
    lines = [
        f"{names[k + len(plan.leaves)]} = {names[i]} {sign} {names[j]}"
        for k, (sign, i, j) in enumerate(plan.steps)
    ]
    used = {i for _, *pair in plan.steps for i in pair}
    start = [f"{names[k]} = {x}" for k, x in enumerate(plan.leaves) if k in used]
    return "; ".join([*start, *lines])


def equal(trial: Trial, signs: str) -> bool:
    """Whether nodes are told apart that hold the same number: in a tree, where none is shared."""

    def what() -> None:
        for sign in signs:
            plan = Plan((1.0, 1.0, 1.0, 1.0), ((sign, 0, 1), (sign, 2, 3), (sign, 4, 5)))
            found = gradients(trial, plan)
            if not all_close(found, right(plan)):
                text = f"for {written(plan)}"
                raise Wrong("equal numbers", wrong_numbers(text, found, right(plan)))

    return trial.attempt("equal numbers", what)


def passes(trial: Trial, sign: str) -> None:
    """Several backward passes."""
    link = LINKS[sign]

    def slope(k: float) -> float:
        return k if sign == "*" else 1.0

    def apart() -> None:
        x, z, two, five = trial.leaves((3.0, 4.0, 2.0, 5.0))
        first, second = link(x, two), link(z, five)
        trial.backward(first)
        trial.backward(second)
        found = trial.grads([x])
        if not all_close(found, [slope(2.0)]):
            text = "after a.backward() and b.backward(), which share nothing,"
            raise Wrong("graphs mixed", wrong_numbers(text, found, [slope(2.0)]))

    def added() -> None:
        x, two, five = trial.leaves((3.0, 2.0, 5.0))
        trial.backward(link(x, two))
        trial.backward(link(x, five))
        found, wanted = trial.grads([x])[0], slope(2.0) + slope(5.0)
        if not close(found, wanted):
            text = f"after (x {sign} 2).backward() and (x {sign} 5).backward()"
            name = "leaves overwritten" if close(found, slope(5.0)) else "graphs mixed"
            raise Wrong(name, wrong_numbers(text, [found], [wanted]))

    def again() -> None:
        x, one, two, five = trial.leaves((3.0, 1.0, 2.0, 5.0))
        square = link(x, x)
        h = link(square, one)
        results = [link(h, two), link(h, five)]
        whole = keeps(h, square)
        for y, k in zip(results, (2.0, 5.0)):
            for node in (x, one, square, h, two, five, *results):
                node.grad = trial.cls(1.0).grad
            try:
                trial.backward(y)
            except RecursionError:
                raise
            except RuntimeError as error:  # as PyTorch's, where the graph is gone: no wrong number
                if y is results[0] or not str(error):
                    raise
                return
            found, wanted = trial.grads([x])[0], slope(k) * (6.0 if sign == "*" else 2.0)
            if not close(found, wanted):
                text = "in a second backward(), with all gradients set to 0 before it,"
                name = "taken apart" if whole and not keeps(h, square) else "visited for ever"
                raise Wrong(name, wrong_numbers(text, [found], [wanted]))

    if trial.attempt("two graphs", apart) and trial.attempt("two results of one number", added):
        trial.attempt("backward() once more", again)
