"""The loss, the last activation and the targets: loss_mismatch, target_range, clipped_error."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from ...core.lines import with_source
from ...core.no_grad import no_grad
from ...engine import Value
from ..anatomy import rms
from ..case import Case, flat, fresh_weights, number
from ..probe import PROBABILITIES, Interval, Probe, image, listed
from ..report import Finding
from ..thresholds import limit

INF = math.inf
CUTS = ("clip", "minimum", "maximum", "where", "clip_gate", "round", "sign", "floor")


def last_range(case: Case) -> tuple[Interval, str]:
    """Where the outputs can lie whatever the parameters, and the activation that binds them."""
    index = case.graph.index
    found = [
        image(case.anatomy, index[id(v)])
        for v in flat(case.outputs[0])
        if isinstance(v, Value) and id(v) in index
    ]
    if not found:
        return (-INF, INF), ""
    low, high = min(f[0][0] for f in found), max(f[0][1] for f in found)
    return (low, high), next((bend for _, bend in found if bend), "")


def mismatch(case: Case, probe: Probe, span: Interval, bend: str) -> Iterator[Finding]:
    """Where the last activation cannot give what the loss asks for."""
    name = output_name(case)
    ideal = math.fsum(probe.ideal) / len(probe.ideal)
    if all(probe.bottomless):
        yield Finding(
            "loss_mismatch", "error", f"the loss, on {name}",
            "The loss has no bottom: the larger the output, the lower it gets, without end.",
            min(probe.ideal), "Look for a lost minus sign, or bound the output: a loss made for "
            "probabilities wants a softmax or sigmoid before it.",
            "Minimizing goes where the loss is least, and that is nowhere.",
        )  # fmt: skip
        return
    if all(probe.flat):
        yield Finding(
            "loss_mismatch", "error", f"the loss, on {name}",
            "The loss is the same whatever the output is: there is nothing to learn from.",
            probe.guess, "Check which output and which target the loss is given; a softmax over "
            "one number is always 1: use logistic with one output.",
        )  # fmt: skip
        return
    unbound = span == (-INF, INF)
    bad = max(probe.undefined)
    low_end, high_end = span
    needs = bad > PROBABILITIES and (low_end < 0.0 or high_end > 1.0)
    if needs:
        yield Finding(
            "loss_mismatch", "error", f"the last layer, {name}",
            f"The loss is no number for {bad:.0%} of plain outputs between -2 and 2: it wants "
            f"probabilities, and the {bend or 'linear'} output gives any number"
            + ("." if unbound else f" from {low_end:g} to {high_end:g}."), bad,
            "Put a sigmoid or softmax before this loss; better, take a loss that starts from "
            "logits: logistic or cross_entropy.",
        )  # fmt: skip
        return
    gain = probe.guess - ideal
    if len(probe.targets) > 1 and gain <= 1e-6 * (1 + abs(ideal)) and not any(probe.flat):
        yield Finding(
            "loss_mismatch", "error", f"the loss, on {name}",
            "One and the same output is best for every target: the loss does not tell them apart.",
            gain, "A loss of one probability wants probabilities that share 1: put a softmax "
            "before it, or use cross_entropy.",
        )  # fmt: skip
        return
    if bend == "softmax" and probe.width > 1:
        off = max(
            (abs(math.fsum(number(v) for v in out) - 1.0) for out in case.outputs), default=0.0
        )
        if math.isfinite(off) and off > 1e-3:
            yield Finding(
                "loss_mismatch", "error", f"the last layer, {name}",
                f"The probabilities of an example sum to {1 + off:.3g} or so, not 1: the softmax "
                "runs over something else than the classes.", off,
                "Take the softmax over the outputs of one example.",
            )  # fmt: skip
            return
    if not bend or gain <= 0:
        return
    reach = [min(r, 1e300) for r in probe.reach]
    gap = (math.fsum(reach) / len(reach) - ideal) / gain
    near = [a - b for a, b in zip(probe.near_reach, probe.near) if a - b < INF]
    close = math.fsum(near) / max(1, len(near)) / gain
    if gap <= limit("mismatch") < close:
        yield Finding(
            "loss_mismatch", "error", f"the last layer, {name} ({bend})",
            f"The loss wants outputs of both signs, and {bend} gives {low_end:g} to {high_end:g}: "
            f"among outputs of size 1 it costs {math.fsum(near) / len(near):.3g} more.", close,
            cure(bend, probe),
            f"The last layer ends in {bend}: an output that ought to be negative stays at its end, "
            "where no gradient passes.",
        )  # fmt: skip
    elif gap > limit("mismatch"):
        worst = max(range(len(reach)), key=lambda i: reach[i] - probe.ideal[i])
        target, best = probe.targets[worst], probe.best[worst]
        wants = f"{best[0]:g}" if not probe.width else "logits far apart"
        yield Finding(
            "loss_mismatch", "error", f"the last layer, {name} ({bend})",
            f"For the target {target!r:.40} the loss wants {wants}, and {bend} gives "
            f"{low_end:g} to {high_end:g}: the loss cannot fall under {reach[worst]:.3g}, the "
            f"ideal is {probe.ideal[worst]:.3g}.", gap, cure(bend, probe),
            f"The last layer ends in {bend}, whose range does not hold what the loss asks for.",
        )  # fmt: skip


def constant(case: Case, bend: str) -> Iterator[Finding]:
    """An output that is one and the same number whatever the input and the parameters are."""
    rows = [tuple(number(v) for v in flat(out)) for out in case.outputs]
    if len(rows) < 2 or not case.can_run or len(set(rows)) > 1 or not case.parameters:
        return
    rng = random.Random(0)
    case.put([x or rng.uniform(-0.5, 0.5) for x in fresh_weights(case)])
    try:
        with no_grad():
            again = [tuple(number(v) for v in flat(out)) for out in case.out(case.xs)]
    finally:
        case.put(case.start)
    if set(again) != set(rows):
        return
    yield Finding(
        "loss_mismatch", "error",
        f"the last layer, {output_name(case)}" + (f" ({bend})" if bend else ""),
        f"The output is {', '.join(f'{x:g}' for x in rows[0][:4])} for every input, whatever the "
        "parameters are.", rows[0][0],
        "A softmax over one number is always 1: use a sigmoid, or logistic on the bare number. "
        "Else look where the output is lost: a product with 0, a rounding, a wrong variable.",
        "What does not depend on the parameters cannot learn.",
    )  # fmt: skip


def cure(bend: str, probe: Probe) -> str:
    if probe.width > 1 or bend in ("softmax",):
        return f"Leave out the {bend}: the loss takes logits, numbers of any size."
    return f"Leave out the last {bend} (a linear output), or bring the targets into its range."


def output_name(case: Case) -> str:
    last = [layer for layer in case.anatomy.layers if layer.is_output]
    return last[-1].name if last else "the output"


def targets(case: Case, probe: Probe | None, span: Interval, bend: str) -> Iterator[Finding]:
    """Targets that the loss or the output cannot take; classes that do not come up."""
    ys: list[Any] = list(case.all_ys)
    n = len(ys)
    plain = all(isinstance(y, (int, float)) for y in ys)
    once = sorted(set(ys)) if plain else []
    if probe is not None:
        odd = [t for t, is_flat in zip(probe.targets, probe.flat) if is_flat]
        if odd and not all(probe.flat):
            yield Finding(
                "target_range", "error", f"the targets: {shown(odd)}",
                f"For the target {shown(odd)} the loss does not depend on the output: these "
                "examples teach nothing.", float(len(odd)),
                "A loss of y * output wants the labels -1 and 1: from 0 and 1 write 2 * y - 1.",
            )  # fmt: skip
        low = [t for t, b in zip(probe.targets, probe.bottomless) if b]
        if low and not all(probe.bottomless):
            yield Finding(
                "target_range", "error", f"the targets: {shown(low)}",
                f"For the target {shown(low)} the loss has no bottom: it falls without end.",
                float(len(low)), "This loss wants targets from 0 to 1: from -1 and 1 write "
                "(y + 1) / 2, and count classes from 0.",
            )  # fmt: skip
        if bend and plain and not probe.width:
            out = [
                t for t, best in zip(probe.targets, probe.best)
                if best[0] == t and not (span[0] - 1e-9 <= t <= span[1] + 1e-9)
            ]  # fmt: skip
            if out:
                yield Finding(
                    "target_range", "error", f"the targets: {shown(out)}",
                    f"Targets reach from {once[0]:g} to {once[-1]:g}; the last {bend} gives "
                    f"{span[0]:g} to {span[1]:g}.", float(out[-1]),
                    f"Bring the targets into the range of {bend}, or end in a linear layer.",
                )  # fmt: skip
    kinds = {tuple(flat(x)) if isinstance(x, (list, tuple)) else x for x in case.xs}
    if len(kinds) == 1 and len(case.xs) >= 4 and len({str(y) for y in case.ys}) > 1:
        yield Finding(
            "stuck", "error", "the data: X",
            f"All {len(case.xs)} examples are the same, and their targets are not: no output can "
            "suit them all.", float(len(case.xs)),
            "Make each example anew: a list that is changed in place and appended again is one and "
            "the same list.",
            "A model gives the same output for the same input.",
        )  # fmt: skip
    if plain and len(once) == 1 and n >= 10:
        yield Finding(
            "target_range", "error", "the targets",
            f"All {n} targets are {once[0]:g}: a constant is the best answer.", float(once[0]),
            "Check how the data was cut: sorted data has to be shuffled first.",
        )  # fmt: skip
        return
    if probe is None:
        return
    width = probe.width
    copies = sum(wants(best, t) for t, best in zip(probe.targets, probe.best))
    if copies > len(probe.targets) / 2 and not case.fitted:
        columns = list(zip(*ys, strict=False)) if not plain else [ys]
        sizes = [rms([float(y) for y in column]) for column in columns]
        size = max(sizes)
        if size > limit("target_size"):
            where = "" if plain else f" of output {sizes.index(size)}"
            yield Finding(
                "target_range", "warning", "the targets" + where,
                f"The targets{where} are {size:.3g} in root mean square: outputs start near 1, and "
                "the error and its gradients are as large.", size,
                "Standardize the targets as well: take off the mean and divide by the deviation.",
            )  # fmt: skip
    if not plain:
        return
    if width > 1 and all(float(y).is_integer() and 0 <= y < width for y in once):
        missing = [k for k in range(width) if k not in once]
        if missing and n >= 5 * width:
            yield Finding(
                "target_range", "error", f"the targets: class {shown(missing)}",
                f"Class {shown(missing)} of {width} does not come up in {n} targets"
                + (": they are counted from 1." if missing == [0] else "."), float(missing[0]),
                "Count classes from 0, one output for each; shuffle sorted data before it is cut.",
            )  # fmt: skip


def wants(best: Any, target: Any) -> bool:
    """Whether the output that a target likes best is that target: a regression."""
    return bool(list(best) == list(target) if listed(target) else best[0] == target)


def shown(xs: list[Any]) -> str:
    return ", ".join(f"{x:g}" if isinstance(x, (int, float)) else repr(x) for x in xs[:4])


def clipped(case: Case, probe: Probe | None) -> Iterator[Finding]:
    """The worst examples without a gradient: an error that was clipped."""
    graph, anatomy = case.graph, case.anatomy
    if graph is None or not case.losses or not case.outputs:
        return
    costs = [number(x) for x in case.losses]
    silent = []
    for i, out in enumerate(case.outputs):
        places = [graph.index.get(id(v)) for v in flat(out)]
        if not any(k is not None and graph.gradient[k] != 0.0 for k in places):
            silent.append(i)
    others = [costs[i] for i in range(len(costs)) if i not in set(silent)]
    top = max(others, default=-INF)
    floor = min(probe.ideal) if probe else min(costs)
    gain = max(1e-9, (probe.guess - floor) if probe else abs(floor))
    worst = [i for i in silent if costs[i] >= top * 0.999 and costs[i] > floor + 0.02 * gain]
    share = len(worst) / max(1, len(costs))
    if share < limit("clipped_share"):
        return
    cuts = [
        i for i in range(graph.first, len(graph))
        if graph.rule(i) in CUTS and anatomy.depends[i] and not anatomy.inner[i]
    ]  # fmt: skip
    if not others and not cuts:
        return  # nothing at all has a gradient, and no clip is to blame
    rule = graph.rule(cuts[0]) if cuts else "the loss"
    line = graph.line(cuts[0]) if cuts else ""
    yield Finding(
        "clipped_error", "error",
        f"the loss, {rule}" + (f" at {with_source(line)}" if line else ""),
        f"{share:.0%} of the examples, those with the largest loss, pass no gradient back.",
        share, "Use huber in place of a clipped error: it bounds the gradient and keeps it.",
        f"Beyond its bound {rule} is constant, and a constant has the derivative 0: the worst "
        "predictions learn nothing.",
    )  # fmt: skip
