"""A diagram as text: a tree from the result down to the leaves.

What is used in several places is printed at the first and named at the others. Where
the tree gets too deep for a line it goes on below, under a name.
"""

from __future__ import annotations

from collections import deque

from .diagram import Box, Diagram, plural

DEEPEST = 24  # how far lines are indented at most
LONGEST = 2000  # how many lines are printed


def tree(shown: Diagram) -> str:
    """The lines of the tree: operation, name, value and gradient of each box.

    >>> from micrograd import Value
    >>> from micrograd.graph import draw
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b
    >>> print(draw(c * c + a).text)
    +: data 38.0, grad 0.0
    ├─ *: data 36.0, grad 0.0
    │  ├─ * #1: data -6.0, grad 0.0
    │  │  ├─ a: data 2.0, grad 0.0
    │  │  └─ b: data -3.0, grad 0.0
    │  └─ #1 (above)
    └─ a (above)
    """
    return "\n".join(Tree(shown).lines())


class Tree:
    def __init__(self, shown: Diagram) -> None:
        self.boxes = shown.boxes
        self.operands: list[list[int]] = [[] for _ in shown.boxes]
        uses = [0] * len(shown.boxes)
        for link in shown.links:
            self.operands[link.target].append(link.source)
            uses[link.source] += 1
        labels: dict[str, int] = {}
        for box in shown.boxes:
            labels[box.label] = labels.get(box.label, 0) + 1
        for i in shown.results:  # it is printed for itself, beside where it is used
            uses[i] += 1
        # A name of its own for each box that is printed once and mentioned again.
        self.names: dict[int, str] = {}
        for i in range(len(self.boxes) - 1, -1, -1):
            if uses[i] > 1:
                self.call(i, labels)
        self.labels = labels
        self.results = shown.results

    def call(self, i: int, labels: dict[str, int]) -> str:
        label = self.boxes[i].label
        unique = label and labels[label] == 1
        return self.names.setdefault(i, label if unique else f"#{len(self.names) + 1}")

    def lines(self) -> list[str]:
        found: list[str] = []
        printed: set[int] = set()
        waiting = deque(self.results)
        while waiting:
            start = waiting.popleft()
            if start in printed:
                continue
            if found:
                found.append("")
            # What is still to print: a box, what stands before it, and before its operands.
            stack = [(start, "", "")]
            while stack:
                i, before, below = stack.pop()
                again = i in printed
                depth = len(below) // 3
                later = not again and depth >= DEEPEST and bool(self.operands[i])
                if later:
                    self.call(i, self.labels)
                    waiting.append(i)
                found.append(before + self.line(i, again, later))
                if not later:
                    printed.add(i)
                if len(found) >= LONGEST:
                    rest = len(self.boxes) - len(printed)
                    return [*found, f"... and {plural(rest, 'more box')}"]
                if again or later:
                    continue
                operands = self.operands[i]
                for place in range(len(operands) - 1, -1, -1):
                    last = place == len(operands) - 1
                    stack.append(
                        (
                            operands[place],
                            below + ("\u2514\u2500 " if last else "\u251c\u2500 "),
                            below + ("   " if last else "\u2502  "),
                        )
                    )
        return found

    def line(self, i: int, again: bool, later: bool) -> str:
        box = self.boxes[i]
        name = self.names.get(i, "")
        if again:
            return f"{name} (above)"
        if later:
            return f"{name} (below)"
        return described(box, name)


def described(box: Box, name: str) -> str:
    """One box in a line; `name` is what other lines call it."""
    title = " ".join(box.title.split())
    if box.kind == "number":
        return box.label or " ".join(box.rows[0][1:])
    if name and name != box.label:
        title = f"{title} {name}"
    note = f" ({box.note})" if box.note else ""
    return f"{title}{note}: " + ", ".join(" ".join(row) for row in box.rows)
