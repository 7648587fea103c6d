"""Newton's method, for problems with few parameters. First-order methods are in `optimizers.py`."""

from __future__ import annotations

from collections.abc import Iterable

from ..autodiff.transforms import gradient_and_hessian
from ..engine import Value
from ..nn.parameters import is_frozen, set_all, values


class Newton:
    """Newton's method for small problems: the step to the bottom of the local parabola.

    `step(loss)` solves H d = g with the Hessian of the loss; with `damping` added to the
    diagonal, which keeps the step downhill and short where the Hessian is not positive.

    >>> x, y = Value(5.0), Value(-3.0)
    >>> Newton([x, y]).step((x - 1) ** 2 + 10 * (y - 2) ** 2)
    >>> x.data, y.data
    (1.0, 2.0)
    """

    def __init__(self, parameters: Iterable[Value], lr: float = 1.0, damping: float = 0.0) -> None:
        self.parameters = values(parameters, "Newton", moved=True)
        if not self.parameters:
            raise ValueError("Newton: there are no parameters to optimize")
        for name, x in (("lr", lr), ("damping", damping)):
            if not x >= 0:
                raise ValueError(f"Newton: {name} is at least 0, not {x!r}")
        self.lr, self.damping = lr, damping

    def step(self, loss: Value) -> None:
        """Nothing; afterwards the parameters have moved: all that are not frozen, or none.

        `.grad` of nothing is touched.
        """
        if not isinstance(loss, Value):
            hint = ": hand over what it gives, step(loss())" if callable(loss) else ""
            raise TypeError(f"Newton.step: the loss is a Value, not {loss!r:.60}{hint}")
        free = [p for p in self.parameters if not is_frozen(p)]
        if not free:
            return
        gradient, hessian = gradient_and_hessian(loss, free)
        for i in range(len(gradient)):
            hessian[i][i] += self.damping
        moves = solve(hessian, gradient)
        set_all(free, "data", [p.data - self.lr * d for p, d in zip(free, moves, strict=True)])


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """x with matrix x = right, by Gaussian elimination with partial pivoting."""
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    n = len(rows)
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        if rows[pivot][i] == 0:
            raise ValueError("Newton: the Hessian is singular; give a damping above 0")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, n):
            factor = rows[r][i] / rows[i][i]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    x = [0.0] * n
    for i in reversed(range(n)):
        known = sum(rows[i][j] * x[j] for j in range(i + 1, n))
        x[i] = (rows[i][n] - known) / rows[i][i]
    return x
