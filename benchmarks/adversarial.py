"""What training on adversarial inputs does to digits: plain, dropout and adversarial, over seeds.

For a logistic, a tanh and a ReLU network: the error on unseen digits, as they are and moved
by one step of 0.1 against the network. Every run adds a line to the results and is not done
again, so that the command can be stopped and goes on where it was. In the end, or with
`--table`, it prints means with 95 % confidence intervals.

    python -m benchmarks.adversarial digits                       # scikit-learn's, minutes
    python -m benchmarks.adversarial mnist --data mnist10k.npz    # hours: 10 seeds of 9 runs

`mnist10k.npz` holds `images`, 10,000 rows of 784 bytes, and `labels`; the last 2,000 rows are
the unseen ones.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "adversarial.jsonl"
EPS, ATTACK = 0.08, 0.1  # of a brightness from 0 to 1
ACTIVATIONS = ("sigmoid", "tanh", "relu")
METHODS = ("plain", "dropout", "adversarial")
# inputs, hidden units, epochs, step size of Adam
SETTINGS = {"digits": (64, 64, 60, 3e-3), "mnist": (784, 400, 30, 1e-3)}
BATCH = 64
# Student's t at 97.5 % for 1, 2, ... degrees of freedom.
T = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


def data(name: str, path: str) -> tuple[Any, Any, Any, Any]:
    """Inputs and classes to learn, then the unseen ones; brightness from 0 to 1."""
    import numpy as np

    if name == "digits":
        from sklearn.datasets import load_digits

        xs, ys = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(xs))
        xs, ys, held = xs[order] / 16.0, ys[order].astype(float), 360
    else:
        with np.load(path) as file:
            xs, ys, held = file["images"] / 255.0, file["labels"].astype(float), 2000
    return xs[:-held], ys[:-held], xs[-held:], ys[-held:]


def run(name: str, activation: str, method: str, seed: int, parts: Any) -> dict[str, Any]:
    """Train one network; its errors in percent, and how long it took."""
    import numpy as np

    import micrograd as mg
    from micrograd import adversarial, losses, nn, optim

    inputs, hidden, epochs, rate = SETTINGS[name]
    xs, ys, test_xs, test_ys = parts
    random.seed(seed)
    masks = np.random.default_rng(seed)
    model = nn.MLP(inputs, [hidden, 10], activation=activation, init="torch")
    first, last = model.layers

    def loss(x: Any, y: Any) -> Any:
        return losses.cross_entropy(model(x), y)

    def thinned(x: Any, mask: Any, y: Any) -> Any:
        return losses.cross_entropy(last([h * m for h, m in zip(first(x), mask)]), y)

    start = time.perf_counter()
    fast = mg.jit(
        thinned if method == "dropout" else loss, parameters=model.parameters(), dtype="float32"
    )
    optimizer = optim.Adam(model.parameters(), lr=rate)
    fitted: Any = None
    for epoch in range(epochs):
        columns = [xs, ys]
        if method == "dropout":  # each hidden unit is left out half of the time
            columns.insert(1, 2.0 * masks.integers(0, 2, (len(xs), hidden)))
        fitted = fast.fit(
            *columns, optimizer, steps=len(xs) // BATCH, batch_size=BATCH, progress=False,
            seed=1000 * seed + epoch, adversarial=EPS if method == "adversarial" else None,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    del fast
    logits = mg.jit(model, dtype="float32")
    attacked = mg.jit(lambda x, y: model(adversarial.sign(loss, x, y, ATTACK)), dtype="float32")

    def error(found: Any) -> float:
        return 100.0 * float(np.mean(np.argmax(found, axis=1) != test_ys))

    return {
        "data": name, "activation": activation, "method": method, "seed": seed,
        "error": error(logits.map(test_xs)), "attacked": error(attacked.map(test_xs, test_ys)),
        "loss": statistics.fmean(fitted.loss), "seconds": round(seconds, 1),
    }  # fmt: skip


def known(path: Path) -> list[dict[str, Any]]:
    """The runs that are done."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def interval(xs: list[float]) -> str:
    """The mean and half the width of its 95 % confidence interval."""
    if len(xs) < 2:
        return f"{xs[0]:.2f}"
    t = T[min(len(xs) - 2, len(T) - 1)]
    return f"{statistics.fmean(xs):.2f} ± {t * statistics.stdev(xs) / math.sqrt(len(xs)):.2f}"


def table(name: str, runs: list[dict[str, Any]]) -> str:
    """Errors as a table of Markdown."""
    rows = ["| network | training | error, % | under attack, % | seeds |", "|---|---|---|---|---|"]
    for activation in ACTIVATIONS:
        for method in METHODS:
            found = [
                r for r in runs
                if (r["data"], r["activation"], r["method"]) == (name, activation, method)
            ]  # fmt: skip
            if found:
                clean, hit = ([r[key] for r in found] for key in ("error", "attacked"))
                cells = (activation, method, interval(clean), interval(hit), str(len(found)))
                rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SETTINGS)
    parser.add_argument("--data", default="mnist10k.npz")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print what is known and stop")
    given = parser.parse_args()
    os.environ.setdefault("MICROGRAD_THREADS", "1")
    if not given.table:
        parts = data(given.name, given.data)
        done = {(r["data"], r["activation"], r["method"], r["seed"]) for r in known(given.results)}
        for seed in range(given.seeds):
            for activation in ("relu", "sigmoid", "tanh"):
                for method in METHODS:
                    if (given.name, activation, method, seed) not in done:
                        found = run(given.name, activation, method, seed, parts)
                        with given.results.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(found) + "\n")
                        print(found, flush=True)
    print(table(given.name, known(given.results)))


if __name__ == "__main__":
    main()
