"""The main job, `python -m micrograd`: two networks, trained eagerly and compiled, and drawn.

It shows what the package can do in a few seconds: the training loop over Values, the same code
through `jit`, the arrays that were found in it, the doctor, and pictures. What it calls is what
anybody would call; read on in `train/loop.py` and `compiler/jit.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import data, losses, nn, ops, optim
from ..compiler.jit import Jit, jit
from ..doctor.diagnose import diagnose
from ..engine import Value
from ..files import write_text
from ..graph import draw, name_values
from ..train.judge import Loss, accuracy, evaluate, mean_loss
from ..train.plane import boundary
from ..train.progress import Progress

EAGER = 10  # epochs that are trained twice


@dataclass
class Job:
    """A data set of points in the plane, and what is learned about it."""

    name: str
    rows: list[list[float]]
    targets: list[int]
    outputs: int
    loss: Loss
    axes: tuple[str, str]
    classes: Sequence[str]


def jobs(seed: int) -> list[Job]:
    """The two data sets."""
    rows, targets = data.moons(200, noise=0.1, seed=seed)
    petals, species = data.iris()
    return [
        Job("moons", rows, targets, 1, losses.logistic, ("x1", "x2"), ("upper", "lower")),
        Job(
            "iris", [row[2:] for row in petals], species, 3, losses.cross_entropy,
            ("petal length in cm", "petal width in cm"), data.SPECIES,
        ),
    ]  # fmt: skip


def show(epochs: int, seed: int, out: Path, progress: bool) -> None:
    """Nothing; trains, prints what it gets right, and writes three pictures into `out`."""
    random.seed(seed)
    for job in jobs(seed):
        print(f"wrote {learn(job, epochs, seed, out, progress)}")
    print(f"\none neuron, with its gradients\nwrote {neuron(seed, out)}")
    print(
        "\nwhere to go next\n"
        '  python -m micrograd draw "relu(a*b + c)" a=2 b=-3 c=10 -o out.svg\n'
        "  python -m micrograd learn      build your own, stage by stage\n"
        "  python -m micrograd play       a page to try expressions and training on\n"
        "  README.md                      thirty lines that show the rest"
    )


def learn(job: Job, epochs: int, seed: int, out: Path, progress: bool) -> Path:
    """The path of the picture of what a network learned about one data set."""
    given, given_test, y, y_test = data.split(job.rows, job.targets, seed=seed)
    X, X_test = data.standardize(given, given_test)  # noqa: N806
    model = nn.MLP(2, [16, 16, job.outputs])
    start = model.state_dict()

    def example_loss(x: Any, target: Any) -> Any:
        return job.loss(model(x), target)

    def new_optimizer() -> optim.Adam:
        return optim.Adam(model.parameters(), lr=0.02)

    print(
        f"\n{job.name}: {model.parameter_count()} parameters, {len(X)} rows to learn from, "
        f"{len(X_test)} held out",
        flush=True,
    )
    few = min(EAGER, epochs)
    optimizer = new_optimizer()
    begun = time.perf_counter()
    with Progress(few, "epoch", progress) as tell:
        for _ in range(few):
            optimizer.zero_grad()
            error = mean_loss(model, job.loss, X, y)
            error.backward()
            optimizer.step()
            tell(1, {"loss": error.data})
    eager = time.perf_counter() - begun
    model.load_state_dict(start)
    fast = jit(example_loss, parameters=model.parameters())
    optimizer = new_optimizer()
    begun = time.perf_counter()
    fast.trace(X[0], y[0])
    tracing = time.perf_counter() - begun
    begun = time.perf_counter()
    first = fast.fit(X, y, optimizer, steps=few, progress=False)
    quick = time.perf_counter() - begun
    rest = fast.fit(X, y, optimizer, steps=epochs - few, progress=False)
    everything = time.perf_counter() - begun
    if first.interrupted or rest.interrupted:  # what is half-trained has no picture
        raise KeyboardInterrupt
    model.eval()
    epoch = "the first epoch" if few == 1 else f"the first {few} epochs"
    print(
        f"  eager     {eager:8.3f} s for {epoch}, loss {error.data:.9f}\n"
        f"  compiled  {quick:8.3f} s for the same, loss {first.loss[-1]:.9f}; "
        f"{everything:.3f} s for all {epochs} ({tracing:.3f} s to compile)\n"
        f"held-out rows: loss {evaluate(model, job.loss, (X_test, y_test)):.4f}, "
        f"accuracy {accuracy(model, X_test, y_test):.1%}\n"
        f"as arrays: {str(fast.array_program).splitlines()[1].split(maxsplit=1)[1]}\n"
        f"the doctor: {doctor(model, job.loss, X, y)}",
        flush=True,
    )
    svg = boundary(
        lambda points: probabilities(model, data.standardize(given, points)[1]),
        job.rows, job.targets, f"What the network says about {job.name}", job.axes, job.classes,
    )  # fmt: skip
    return write_text(out / f"{job.name}.svg", svg)


def doctor(model: nn.Module, loss: Loss, X: Any, y: Any) -> str:  # noqa: N803
    """What is wrong with the trained network, in a few words."""
    report = diagnose(model, loss, data=(X, y))
    if report:
        return str(report)
    return "; ".join(f"{f.code} at {f.where} ({f.sentence.split(':')[0]})" for f in report.findings)


def probabilities(model: nn.Module, points: list[list[float]]) -> list[list[float]]:
    """The probability of each class at each point, through the compiled model."""
    says: Jit[Any] = jit(lambda x: model(x), parameters=model.parameters())
    found = []
    for point in points:
        scores = says(point)
        if isinstance(scores, list):
            found.append([float(p) for p in ops.softmax(scores)])
        else:
            chance = float(ops.sigmoid(scores))
            found.append([1.0 - chance, chance])
    return found


def neuron(seed: int, out: Path) -> Path:
    """The path of the picture of one neuron."""
    random.seed(seed)
    one = nn.Neuron(2)
    x = [Value(v, label=f"x{i + 1}") for i, v in enumerate([1.0, -2.0])]
    name_values({"w1": one.w[0], "w2": one.w[1], "b": one.b})
    result = one(x)
    result.backward()
    return draw(result).save(out / "neuron.svg")
