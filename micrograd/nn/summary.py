"""`Summary`: a model as a table, a row for each layer; `Module.summary` makes it.

Read `module.py` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Row:
    """One layer: where it is, what it is, how many parameters it has, of which how many frozen."""

    name: str
    kind: str
    parameters: int
    frozen: int = 0


@dataclass(frozen=True)
class Summary:
    """A table that prints itself, and shows itself in Jupyter."""

    title: str
    rows: tuple[Row, ...]
    parameters: int  # of the whole model: what two layers share counts once
    frozen: int = 0

    @property
    def total(self) -> str:
        """The last line."""
        moving = f", {self.parameters - self.frozen} of them learn" if self.frozen else ""
        return f"{self.parameters} {'parameter' if self.parameters == 1 else 'parameters'}{moving}"

    def __str__(self) -> str:
        lines = [("", "layer", "parameters"), *((r.name, r.kind, counted(r)) for r in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(3)]
        table = [
            f"{a.ljust(widths[0])}  {b.ljust(widths[1])}  {c.rjust(widths[2])}".rstrip()
            for a, b, c in lines
        ]
        return "\n".join([self.title, *(f"  {line}" for line in table), self.total])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        cell = '<td style="text-align:left">'
        rows = "".join(
            f"<tr>{cell}{escape(r.name)}</td>{cell}{escape(r.kind)}</td><td>{counted(r)}</td></tr>"
            for r in self.rows
        )
        head = '<th style="text-align:left">'
        return (
            f"<table><caption>{escape(self.title)}: {self.total}</caption><thead><tr><th></th>"
            f"{head}layer</th><th>parameters</th></tr></thead><tbody>{rows}</tbody></table>"
        )


def counted(row: Row) -> str:
    return f"{row.parameters}, frozen" if row.frozen else str(row.parameters)


def kind_of(module: Any) -> str:
    """What a layer is, in a few words.

    >>> from micrograd.nn import MLP, Linear
    >>> kind_of(MLP(2, [16, 1]).layers[0]), kind_of(Linear(3, 4))
    ('Layer(2, 16), relu', 'Linear(3, 4)')
    """
    neurons = getattr(module, "neurons", None)
    if type(module).__name__ == "Layer" and neurons and hasattr(neurons[0], "nonlin"):
        first = neurons[0]
        bend = first.activation if first.nonlin else "linear"
        return f"Layer({len(first.w)}, {len(neurons)}), {bend}"
    said = repr(module)
    return said if len(said) <= 60 else type(module).__name__
