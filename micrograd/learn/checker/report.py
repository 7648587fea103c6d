"""What the checker of homework gives: a `Report` of findings, one for each cause.

`causes.py` has the sentences, `homework.py` says what is tried.
"""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One cause: a short name to search for, the sentence about it, and where it shows."""

    name: str
    sentence: str
    shows: tuple[str, ...] = ()


class Report:
    """What was found about a class: true if nothing is wrong, printed a list of sentences.

    `faults` are what is wrong, `beyond` what a right class does not do yet. A cause is in
    one of them once, however many checks it spoils.
    """

    def __init__(self, name: str, faults: list[Finding], beyond: list[Finding], tried: int) -> None:
        self.name = name
        self.faults = faults
        self.beyond = beyond
        self.tried = tried  # checks

    @property
    def findings(self) -> list[Finding]:
        """The faults, then what is beyond the class."""
        return [*self.faults, *self.beyond]

    def __bool__(self) -> bool:
        return not self.faults

    def __repr__(self) -> str:
        checks = f"{self.tried} check{'s' * (self.tried != 1)}"
        faults = len(self.faults)
        head = f"{faults} fault{'s' * (faults != 1)}" if faults else "right"
        lines = [f"{self.name}: {head}, {checks}"]
        lines += [f"  {finding.name}: {finding.sentence}" for finding in self.faults]
        lines += [f"  beyond it, {finding.name}: {finding.sentence}" for finding in self.beyond]
        return "\n".join(lines)
