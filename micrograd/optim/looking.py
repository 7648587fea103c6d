"""Who looks on while training runs: `micrograd.watch` puts itself into `LOOKERS`.

Optimizers and the training loops tell them; as long as there are none it costs a look at an empty
list. What they make of it is in `micrograd/doctor/watch.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

LOOKERS: list[Looker] = []


class Looker:
    """What a training loop tells; all of it does nothing here."""

    def stepping(self, optimizer: Any) -> None:
        """An optimizer is about to move its parameters; their gradients are there."""

    def lost(self, loss: float) -> None:
        """The loss of the step that is about to be taken."""

    def broke(self, root: Any) -> None:
        """A loss that is not finite, which ends the training."""

    def chunk(
        self,
        optimizer: Any,
        losses: Sequence[float],
        settle: Callable[[], None],
        sample: Callable[[], Any],
    ) -> None:
        """Compiled code has taken steps; `settle()` gives the parameters what they learned.

        `sample()` is the mean loss of a few examples, as a Value.
        """
