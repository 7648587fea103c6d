"""`Structural`: the base of loops and branches, and of what goes into and out of them.

What they are is in `region.py`; programs know them by this base, on which those stand.
"""

from __future__ import annotations

from typing import Any

from ...core.rule import Rule
from ...core.watch import WATCH


class Structural(Rule):
    """An operation that is not in the table: a loop, a branch, or what goes into and out of one.

    Its operands and its value may be more than numbers. `evaluate` is what it does to them.
    """

    def __init__(self, name: str, arity: int) -> None:
        super().__init__(name, self.evaluate, (), arity)
        self.sequence = False  # whether its value is a sequence
        self.function = self.applied

    def evaluate(self, *operands: Any) -> Any:
        raise NotImplementedError

    def applied(self, *operands: Any) -> Any:
        """The same on whatever it is given: in a trace it is a step again."""
        return LATER["bind"](self, operands) if WATCH.symbolic() else self.evaluate(*operands)

    def programs(self) -> list[Any]:
        """Those that it holds."""
        return []


# What stands on programs and is needed here: `bind` and `pack` of region.py, the derivatives of
# loops and branches of derived.py, `listing` of scope.py.
LATER: dict[str, Any] = {}
