"""Pictures of training, through matplotlib: loss, decision boundary, activations, gradients.

Each function draws on the axes that it is given, or on new ones, and returns them, so that
titles and the rest can be changed. What is drawn is also there as numbers: `activations`
and `gradients`. A decision boundary that needs no matplotlib is in `plane.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..data import as_lists
from ..nn import MLP, Module
from ..nn.layers import Sequential
from .judge import in_use, number, outputs
from .loop import History

MARKERS = "os^DvP*X"
COLOURS = ("#1f5fa0", "#b35806", "#2f7d32", "#6a3d9a", "#8a6d00", "#00757f", "#a3195b", "#555555")


def new_axes(n: int = 1) -> list[Any]:
    """That many axes in a row, in a new figure."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib, which is not installed: pip install matplotlib"
        ) from error
    _, axes = pyplot.subplots(
        1, n, squeeze=False, figsize=(max(5.0, 3.2 * n), 4.0 if n == 1 else 3.0), layout="tight"
    )
    return list(axes[0])


def axes_or_new(ax: Any) -> Any:
    """The axes, or new ones for None; TypeError for what cannot be drawn on."""
    if ax is None:
        return new_axes()[0]
    if not hasattr(ax, "plot") or not hasattr(ax, "hist"):
        raise TypeError(f"plots: these are no axes of matplotlib: {ax!r:.60}")
    return ax


def plot_history(history: Any, ax: Any = None) -> Any:
    """Axes with the loss of each epoch, on data learned and held out, and the best epoch.

    Of a `History`; or of what `Jit.fit` gives, or a list of losses: then it is the loss of each
    step. The loss is on a logarithmic scale, where that is possible.
    """
    unit = "epoch"
    if not isinstance(history, History):
        losses = getattr(history, "loss", history)
        if not isinstance(losses, (list, tuple)):
            raise TypeError(
                f"plot_history: a History, or a list of losses is needed, not {history!r:.60}"
            )
        history, unit = History(loss=list(losses)), "step"
    ax = axes_or_new(ax)
    epochs = range(1, len(history.loss) + 1)
    ax.plot(epochs, history.loss, color=COLOURS[0], label="training")
    if history.held_out:
        held = range(1, len(history.held_out) + 1)
        ax.plot(held, history.held_out, color=COLOURS[1], linestyle="--", label="held out")
    if history.best >= 0:
        best = history.best + 1
        ax.axvline(best, color="#777777", linewidth=0.8, linestyle=":", label=f"best: {best}")
    if all(x > 0 for x in [*history.loss, *history.held_out]):
        ax.set_yscale("log")
    ax.set(xlabel=unit, ylabel="loss")
    ax.legend()
    return ax


def plot_boundary(
    model: Module,
    X: Any,  # noqa: N803
    y: Any,
    ax: Any = None,
    *,
    resolution: int = 60,
    names: Sequence[str] = (),
) -> Any:
    """Axes with what the model says where in the plane, and the examples on it.

    A model with one output is shown with its scores: darker where it is surer, a line
    where the score is 0 and dashes where it is -1 and 1, the margins of a hinge loss. One
    with several outputs is shown with the region of each class. Targets of -1 count as 0.
    """
    ax = axes_or_new(ax)
    points, targets = as_lists(X), [max(0, int(t)) for t in as_lists(y)]
    if not points or any(len(x) != 2 for x in points):
        raise ValueError("plot_boundary: examples are points in the plane, two numbers each")
    lines = [line([x[i] for x in points], resolution) for i in (0, 1)]
    with in_use(model):
        scores = outputs(model, [[a, b] for b in lines[1] for a in lines[0]])
    if isinstance(scores[0], list):
        count = len(scores[0])
        rows = [[number(s) for s in score] for score in scores]
        heights = [float(row.index(max(row))) for row in rows]
        from matplotlib.colors import ListedColormap

        ax.pcolormesh(
            *lines,
            table(heights, resolution),
            shading="nearest",
            cmap=ListedColormap([COLOURS[k % len(COLOURS)] for k in range(count)]),
            vmin=0,
            vmax=max(1, count - 1),
            alpha=0.25,
            linewidth=0,
            rasterized=True,
        )
    else:
        heights = [number(s) for s in scores]
        top = max(1e-9, *map(abs, heights))
        shades = [top * k / 8 for k in range(-8, 9)]
        ax.contourf(*lines, table(heights, resolution), levels=shades, cmap="PuOr_r", alpha=0.5)
        for level, style in ((-1.0, "--"), (0.0, "-"), (1.0, "--")):
            if min(heights) < level < max(heights):
                ax.contour(
                    *lines,
                    table(heights, resolution),
                    levels=[level],
                    colors="#222222",
                    linestyles=style,
                    linewidths=0.7 if level else 1.4,
                )
    for k in sorted(set(targets)):
        chosen = [x for x, t in zip(points, targets, strict=True) if t == k]
        ax.scatter(
            *zip(*chosen, strict=True),
            s=22,
            marker=MARKERS[k % len(MARKERS)],
            color=COLOURS[k % len(COLOURS)],
            edgecolors="white",
            linewidths=0.5,
            label=names[k] if k < len(names) else f"class {k}",
        )
    ax.set(xlabel="x1", ylabel="x2")
    ax.legend()
    return ax


def line(numbers: Sequence[float], n: int) -> list[float]:
    """n numbers at even distances, from a little below the least to a little above the largest."""
    low, high = min(numbers), max(numbers)
    pad = 0.12 * (high - low) or 1.0
    return [low - pad + (high - low + 2 * pad) * i / (n - 1) for i in range(n)]


def table(numbers: Sequence[float], width: int) -> list[Sequence[float]]:
    return [numbers[i : i + width] for i in range(0, len(numbers), width)]


# Layer by layer ---------------------------------------------------------------------------


def stages(model: Module) -> list[tuple[str, Any]]:
    """The parts that a model runs one after the other, with their names."""
    if isinstance(model, MLP):
        return [(f"layer {i}", layer) for i, layer in enumerate(model.layers, 1)]
    if isinstance(model, Sequential):
        return [(f"{i}: {step!r:.24}", step) for i, step in enumerate(model.steps, 1)]
    return [(type(model).__name__, model)]


def flat(x: Any) -> list[float]:
    """All numbers in nested lists of numbers and Values."""
    return [v for part in x for v in flat(part)] if isinstance(x, (list, tuple)) else [number(x)]


def activations(model: Module, X: Any) -> dict[str, list[float]]:  # noqa: N803
    """The outputs of each layer of an `MLP` or `Sequential`, of all examples together.

    >>> from micrograd.nn import Tanh
    >>> activations(Sequential(Tanh(), lambda x: [2 * v for v in x]), [[0.0]]).values()
    dict_values([[0.0], [0.0]])
    """
    found = {}
    xs = as_lists(X)
    with in_use(model):
        for name, stage in stages(model):
            xs = outputs(stage, xs) if isinstance(stage, Module) else [stage(x) for x in xs]
            found[name] = flat(xs)
    return found


def gradients(model: Module) -> dict[str, list[float]]:
    """The gradients that the latest backward pass left, layer by layer."""
    found = {}
    for name, stage in stages(model):
        parameters = stage.parameters() if isinstance(stage, Module) else []
        if parameters:
            found[name] = [number(p.grad) for p in parameters]
    return found


def plot_activations(model: Module, X: Any, axes: Any = None) -> list[Any]:  # noqa: N803
    """Axes with a histogram of the outputs of each layer over the examples.

    A bar at 0 is relu's silence; bars at -1 and 1 are tanh's saturation.
    """
    return histograms(activations(model, X), axes, "output", lambda x: x)


def plot_gradients(model: Module, axes: Any = None) -> list[Any]:
    """Axes with a histogram, for each layer, of the sizes of its parameters' gradients.

    Call it after `backward()`. Sizes are powers of ten; gradients of 0 are counted in the
    title. Layers whose sizes lie far apart tell of vanishing or exploding gradients.
    """
    found = gradients(model)
    if not found:
        raise ValueError("plot_gradients: the model has no parameters")
    return histograms(found, axes, "log10 of |gradient|", lambda g: math.log10(abs(g)), True)


def histograms(
    groups: dict[str, list[float]], axes: Any, label: str, scale: Any, skip_zero: bool = False
) -> list[Any]:
    """One histogram for each group; the share of zeros stands in its title."""
    row = new_axes(len(groups)) if axes is None else [axes_or_new(ax) for ax in axes]
    if len(row) != len(groups):
        raise ValueError(f"plots: {len(row)} axes for {len(groups)} layers")
    shown = [
        [scale(x) for x in numbers if math.isfinite(x) and not (skip_zero and x == 0)]
        for numbers in groups.values()
    ]
    every = [x for numbers in shown for x in numbers] or [0.0]
    span = (min(every), max(every)) if skip_zero else None  # sizes are to be compared
    for ax, (name, numbers), heights in zip(row, groups.items(), shown, strict=True):
        zeros = sum(x == 0 for x in numbers) / len(numbers)
        ax.hist(heights, bins=30, range=span, color=COLOURS[0])
        ax.set_title(f"{name}\n{zeros:.0%} are 0", fontsize=9)
        ax.set_xlabel(label)
    row[0].set_ylabel("count")
    return row
