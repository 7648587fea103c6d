"""What several numbers or leaves in one box are called: their range, and the name they share.

`assemble.py` makes the boxes; read that next.
"""

from __future__ import annotations

import re

from ..diagram import Box, Spread, interval, number


def stem(label: str) -> str:
    """A label without its index: w of w[3], x of x0."""
    return re.sub(r"(\[[^\[\]]*\]|[\d_.])+$", "", label)


def shared_name(labels: list[str]) -> str:
    """What labels of one stem have in common: xs[0] of xs[0,0] and xs[0,1], w of w[0] and w[1]."""
    name = stem(labels[0])
    rest = [label[len(name) :].strip("[]").split(",") for label in labels]
    shared: list[str] = []
    for column in zip(*rest):
        if len(set(column)) > 1 or not column[0].isdigit():
            break
        shared.append(column[0])
    if len({tuple(r) for r in rest}) == 1 or not all("[" in label for label in labels):
        return name
    return f"{name}[{','.join(shared)}]" if shared else name


def ends(numbers: list[float]) -> tuple[float, float]:
    """The smallest and the largest number; nan if there is any."""
    if any(x != x for x in numbers):
        return float("nan"), float("nan")
    return min(numbers), max(numbers)


def number_list(inputs: tuple[tuple[float, ...], ...]) -> Box:
    """A box for the numbers of an input: all of them, or how many and from where to where."""
    numbers = [x for one in inputs for x in one]
    shown = ", ".join(map(number, numbers))
    if len(inputs) > 1:
        shown = f"{len(inputs)} inputs, {interval(*ends(numbers))}"
    elif len(numbers) > 4:
        shown = f"{len(numbers)} numbers, {interval(*ends(numbers))}"
    return Box("", shown, numbers[0], 0.0, "number")


def spread_number(numbers: list[float]) -> Box:
    low, high = ends(numbers)
    spread = Spread(low, high, 0.0, 0.0) if low != high else None
    return Box("", "", low, 0.0, "number", None, 1, spread)
