"""The clinic: fifteen broken models, diagnosed blind by the learner and then by the doctor.

A `Visit` shows a chart of one of them, takes the learner's diagnosis, grades it, and only then
lets the doctor speak. `python -m micrograd learn clinic` is the same on the command line. What
is wrong with whom is in `patients.py`, the doctor in `micrograd/doctor`.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any, Final, NamedTuple

from .. import ops
from .patients import PATIENTS, Sick

CODES: Final = {
    "saturated": "units sit where their function is flat",
    "dead": "ReLUs give 0 on all of the data",
    "vanishing": "the gradient dies on its way to the first layer",
    "exploding": "the gradient grows on its way to the first layer",
    "clipped_error": "the error is clipped, and its gradient with it",
    "input_scale": "inputs are far too large, or of very different size",
    "init_scale": "the weights start too large or too small",
    "symmetric": "neurons are equal and stay so",
    "unreached": "the loss does not depend on a parameter",
    "detached": "the graph is cut",
    "nonfinite": "there is an inf or a nan",
    "learning_rate_high": "steps are too long",
    "learning_rate_low": "steps are too short",
    "loss_mismatch": "the last activation and the loss do not fit",
    "target_range": "the targets are not what the loss wants",
}
STEPS: Final = 12


class Grade(NamedTuple):
    """Whether a diagnosis is right, and a sentence."""

    right: bool
    sentence: str


class Visit:
    """One patient: `chart()` first, then `diagnose(code)`, then `doctor()`.

    >>> visit = Visit(2)
    >>> visit.doctor()
    Traceback (most recent call last):
        ...
    ValueError: Visit.doctor: give your own diagnosis first, with diagnose(code)
    >>> visit.diagnose("dead").right
    True
    """

    def __init__(self, number: int) -> None:
        if not 1 <= number <= len(PATIENTS):
            raise ValueError(f"Visit: there are patients 1 to {len(PATIENTS)}, not {number}")
        self.number = number
        self.patient = PATIENTS[number - 1]
        self.answer = ""

    def chart(self) -> str:
        """What can be measured, in lines: the data, the layers, a dozen steps of training."""
        return "\n".join(chart(self.patient.make()))

    def diagnose(self, code: str) -> Grade:
        """The `Grade` of the learner's diagnosis, one of `CODES`; ValueError for others."""
        if code not in CODES:
            raise ValueError(f"Visit.diagnose: {code!r} is none of {', '.join(CODES)}")
        self.answer = code
        if code in self.patient.codes:
            return Grade(True, f"Right. {self.patient.why} {self.patient.cure}")
        return Grade(False, f"It is not {code}: that would mean that {CODES[code]}. Look again.")

    def doctor(self) -> tuple[str, ...]:
        """The codes that `micrograd.diagnose` finds, the weightiest first."""
        if not self.answer:
            raise ValueError("Visit.doctor: give your own diagnosis first, with diagnose(code)")
        return tuple(consult(self.patient.make()).codes)


def consult(sick: Sick) -> Any:
    """The doctor's report."""
    diagnose = getattr(import_module("micrograd"), "diagnose", None)
    if diagnose is None:
        raise NotImplementedError("this micrograd has no doctor: micrograd.diagnose is missing")
    return diagnose(sick.model, loss=sick.loss, data=sick.data, optimizer=sick.optimizer)


def score(visits: list[Visit]) -> str:
    """How many the learner has got right, and the doctor, of those that were diagnosed."""
    done = [visit for visit in visits if visit.answer]
    mine = sum(visit.answer in visit.patient.codes for visit in done)
    theirs = sum(any(c in visit.patient.codes for c in visit.doctor()[:2]) for visit in done)
    return f"of {len(done)}: you {mine}, the doctor {theirs}"


# The chart --------------------------------------------------------------------------------


def chart(sick: Sick) -> list[str]:
    """Numbers about a model, and none of them says what is wrong."""
    rows, targets = sick.data
    inputs = [v for row in rows for v in row]
    net = sick.model.net
    lines = [
        f"{len(rows)} examples; inputs {spread(inputs)}; targets {spread(targets)}",
        f"network: {described(net)}",
        f"the last layer gives {spread(flat([net(x) for x in rows]))}",
        f"the model gives {spread(flat([sick.model(x) for x in rows]))}",
        f"loss: {getattr(sick.loss, '__name__', 'its own')}",
        f"optimizer: {type(sick.optimizer).__name__}, rate {sick.optimizer.lr:g}",
        "",
        "layer   weights (rms)   different units   outputs at 0   largest output   gradient (rms)",
    ]
    backward(sick)
    values: list[Any] = list(rows)
    for k, layer in enumerate(net.layers, 1):
        values = [layer(x) for x in values]
        seen = flat(values)
        weights = layer.parameters()
        zero = sum(v == 0 for v in seen) / len(seen)
        lines.append(
            f"{k:5}   {rms([p.data for p in weights]):13.3g}   {different(layer):>15}   "
            f"{zero:12.0%}   {max(map(abs, seen)):14.3g}   {rms([p.grad for p in weights]):14.3g}"
        )
    named = {id(p) for layer in net.layers for p in layer.parameters()}
    rest = [p for p in sick.optimizer.parameters if id(p) not in named]
    lines += [f"one more parameter: {p.data:.3g}, gradient {p.grad:.3g}" for p in rest]
    lines += ["", f"loss over {STEPS} steps:", "  ".join(f"{x:.4g}" for x in training(sick))]
    return lines


def described(net: Any) -> str:
    """A network as kinds and sizes: tanh 2-8-1."""
    sizes = [len(net.layers[0].neurons[0].w), *(len(layer.neurons) for layer in net.layers)]
    kind = repr(net.layers[0].neurons[0]).partition("Neuron")[0]
    return f"{kind} {'-'.join(map(str, sizes))}, the last layer linear"


def different(layer: Any) -> str:
    """How many units have weights that no other has."""
    units = {tuple(p.data for p in unit.parameters()) for unit in layer.neurons}
    return f"{len(units)} of {len(layer.neurons)}"


def backward(sick: Sick) -> float:
    """The loss, after its gradient has been found."""
    rows, targets = sick.data
    total = ops.mean([sick.loss(sick.model(x), y) for x, y in zip(rows, targets)])
    sick.optimizer.zero_grad()
    total.backward()
    return float(total.data)


def training(sick: Sick) -> list[float]:
    """The losses of a dozen steps, to where they are no numbers."""
    found = []
    for _ in range(STEPS):
        found.append(backward(sick))
        if not math.isfinite(found[-1]):
            break
        sick.optimizer.step()
    return found


def flat(x: Any) -> list[float]:
    if isinstance(x, (list, tuple)):
        return [v for part in x for v in flat(part)]
    return [float(getattr(x, "data", x))]


def spread(numbers: list[float]) -> str:
    return f"from {min(numbers):.4g} to {max(numbers):.4g}"


def rms(numbers: list[float]) -> float:
    """The root of the mean square, without overflow."""
    return math.hypot(*numbers) / math.sqrt(len(numbers)) if numbers else 0.0
