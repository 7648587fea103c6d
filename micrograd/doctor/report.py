"""`Finding` and `Report`: what the doctor says, in the terminal and in Jupyter.

The page with small pictures is made in `page.py`; who finds is in `diagnose.py`.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ..files import write_text
from .page import report_page

ENDINGS: Final = (".html", ".htm", ".txt")  # of files that a report can be written to

# Causes before their consequences: with this weight equal findings are ordered.
CODES: Final = (
    "nonfinite", "stale", "detached", "never_backward", "not_zeroed", "loss_mismatch",
    "target_range", "clipped_error", "input_scale", "symmetric", "unreached", "dead", "saturated",
    "init_scale", "exploding", "vanishing", "learning_rate_high", "learning_rate_low", "stuck",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    code:     its name, one of `CODES`
    severity: "error" where training cannot work, "warning" where it will suffer
    where:    layer, neuron, parameter, operation or line
    sentence: what is wrong, with the number that shows it
    number:   that number
    reason:   why it happens
    remedy:   what to try
    """

    code: str
    severity: str
    where: str
    sentence: str
    number: float
    remedy: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


@dataclass(frozen=True)
class Strip:
    """What a picture shows of one layer: shares from 0 to 1, and sizes."""

    name: str
    activation: str
    values: tuple[float, ...] = ()  # outputs, some of them
    gradients: tuple[float, ...] = ()  # gradient that reaches each unit, root mean square
    dead: float = 0.0
    saturated: float = 0.0
    gradient: float = 0.0


@dataclass
class Report:
    """The findings, in order of weight; true when there is none.

    >>> report = Report([], "100 examples")
    >>> bool(report), report.codes
    (True, [])
    >>> print(report)
    healthy: no finding (100 examples)
    """

    findings: list[Finding]
    examined: str = ""
    strips: list[Strip] = field(default_factory=list)
    title: str = ""

    def __post_init__(self) -> None:
        place = {code: i for i, code in enumerate(CODES)}
        self.findings = sorted(
            merged(self.findings), key=lambda f: (f.severity != "error", place[f.code])
        )

    def __bool__(self) -> bool:
        return not self.findings

    @property
    def codes(self) -> list[str]:
        """The code of each finding, each once, in order of weight."""
        return list(dict.fromkeys(f.code for f in self.findings))

    @property
    def text(self) -> str:
        """The report for a terminal."""
        about = f" ({self.examined})" if self.examined else ""
        if not self.findings:
            return f"healthy: no finding{about}"
        count = "1 finding" if len(self.findings) == 1 else f"{len(self.findings)} findings"
        lines = [f"{count}{about}"]
        for i, finding in enumerate(self.findings, 1):
            lines += ["", f"{i}. {finding.code} ({finding.severity}) at {finding.where}"]
            for name, words in spoken(finding):
                head = f"   {name}" if name else "   "
                lines += textwrap.wrap(
                    words, 88, initial_indent=head, subsequent_indent="   ", break_long_words=False
                )
        layers = [s for s in self.strips if s.activation]
        if layers:
            lines += ["", *table(layers)]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Report: {', '.join(self.codes) or 'healthy'}>"

    @property
    def html(self) -> str:
        """The report as a page of its own, which follows the theme of whoever shows it."""
        return report_page(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path, after the page (.html) or the text (.txt) was written to it."""
        target = Path(path)
        if target.suffix.lower() in ENDINGS[:2]:
            return write_text(target, self.html)
        if target.suffix.lower() == ENDINGS[2]:
            return write_text(target, self.text + "\n")
        raise ValueError(f"save: the name ends in .html or .txt, not as {target}")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def merged(findings: list[Finding]) -> list[Finding]:
    """One finding for each code: what was found in several layers, in one sentence each."""
    groups: dict[str, list[Finding]] = {}
    for f in findings:
        groups.setdefault(f.code, []).append(f)
    found = []
    for group in groups.values():
        first = min(group, key=lambda f: f.severity != "error")
        rest = [f for f in group if f is not first]
        places = list(dict.fromkeys([first.where, *(f.where for f in rest)]))
        words = " ".join([first.sentence, *(f.sentence for f in rest[:2])])
        found.append(replace(first, where="; ".join(places), sentence=words))
    return found


def spoken(finding: Finding) -> Iterable[tuple[str, str]]:
    yield "", finding.sentence
    if finding.reason:
        yield "why: ", finding.reason
    yield "try: ", finding.remedy


def table(layers: list[Strip]) -> list[str]:
    """The layers as rows of numbers."""
    rows = [("layer", "activation", "dead", "saturated", "gradient")]
    for s in layers:
        rows.append(
            (s.name, s.activation, f"{s.dead:.0%}", f"{s.saturated:.0%}", f"{s.gradient:.2g}")
        )
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return [
        "   " + "  ".join(
            cell.ljust(w) if i < 2 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]  # fmt: skip
