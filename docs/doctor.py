"""Writes the page of findings, `doctor.md`, and its pictures: `python docs/doctor.py`.

Thresholds come from `micrograd/doctor/thresholds.py`, the curves in the pictures from runs made
here. `--check` only says whether the page is up to date.
"""
# ruff: noqa: E501, N806

from __future__ import annotations

import math
import random
import sys
from html import escape
from pathlib import Path

from written import main

import micrograd as mg
from micrograd import Value, data, losses, nn, ops, optim
from micrograd.doctor import CODES, THRESHOLDS, compare_backward, diagnose

PAGE = Path(__file__).with_name("doctor.md")
IMAGES = Path(__file__).parent / "images" / "doctor"
WIDTH, HEIGHT = 420, 170
INKS = ("#1f5fa0", "#b35806", "#2f7d32", "#6a3d9a")
DASHES = ("", "6 3", "2 3", "8 3 2 3")

HEAD = """# The doctor

Backpropagation is a leaky abstraction: a network whose gradients are lost says nothing, it only
fails to learn. `diagnose` looks at every number of one forward and one backward pass and says what
is wrong, where, why, and what to try. Nothing changes by it.

```python
>>> import random
>>> import micrograd as mg
>>> from micrograd import data, losses, nn, optim
>>> random.seed(1)
>>> model = nn.MLP(2, [8, 8, 1], activation="tanh", init="zeros")
>>> report = mg.diagnose(model, losses.logistic, data.moons(40))
>>> report.codes
['symmetric']
>>> report.findings[0].where
'layers.0 (tanh, 8 units); layers.1 (tanh, 8 units)'
>>> bool(mg.diagnose(nn.MLP(2, [8, 1], init="he"), losses.logistic, data.moons(40)))
True

```

`print(report)` is for the terminal, in Jupyter it is a page with a strip of pictures for each layer,
and `report.save("report.html")` keeps that page. `diagnose(root=loss)` takes a graph without a model.
Give it the optimizer as well, and the learning rate is tried out on a copy.

While a model trains, by whatever loop, `watch` looks on:

```python
>>> opt = optim.SGD(model.parameters(), lr=0.1)
>>> with mg.watch(model) as seen:
...     for _ in range(5):
...         mg.mean([losses.logistic(model(x), y) for x, y in zip(*data.moons(20))]).backward()
...         opt.step()
>>> seen.codes
['not_zeroed', 'symmetric']

```

`seen.report` is a report as above, `seen.history` has loss, gradient and step size, and
`seen.plot()` draws them. The watch hears of every backward pass and every step, which costs next to
nothing, and examines a step's graph as often as a few hundredths of the time allow, and at the end.
A script is run under watch, as it is, by
`python -m micrograd diagnose script.py`; it reports at the end or at Ctrl-C.

## All findings

Each has one name, `error` where training cannot work, `warning` where it will suffer. A threshold
is a number in one table, `micrograd/doctor/thresholds.py`; one that is called calibrated lies
between the healthy and the broken runs of `benchmarks/doctor.py`.
"""

WORDS = {
    "nonfinite": ("A nan or inf in the data, a parameter, the forward or the backward pass; the first operation that made one is named, with your line.", "The logarithm of a sigmoid written out overflows where the model is sure; `losses.logistic`, from the logit, does not."),
    "stale": ("Numbers of an earlier pass are used as if they were of this one: an operation on parameters that was done once, a number burnt in by `.data`, a graph, or a state, that is carried over from one step to the next and gone back through again after the parameters moved.", "The loss of a graph that is built once and reused stands still, while the parameters move away under it."),
    "detached": ("A bare number, read with `.data`, or a Value cut off by `detach()` or `no_grad()`, stands where an operation was meant. It is an illness only if the gradient differs from the slope that is measured by moving the parameters: the shift of a softmax is none.", "A hidden layer through `math.tanh(z.data)`: only the last layer learns."),
    "never_backward": ("Steps were taken and no gradient ever came: `backward()` was not called, or gradients were set to 0 between it and the step.", "Steps without `backward()`."),
    "not_zeroed": ("`.grad` holds the gradients of earlier steps too. From the numbers: what is held is no mean of the gradients of examples. Under watch: what was there before a step is there still, in all layers or in those that are named.", "The length of the gradient with and without `zero_grad()`."),
    "loss_mismatch": ("The last activation cannot give what the loss asks for, found by asking the loss: it is called with outputs inside and outside the range of that activation. Or an output that is one number whatever the parameters are, as a softmax over one unit.", "A sigmoid before a loss that takes logits: no output brings the loss under 0.31."),
    "target_range": ("Targets that the loss or the last activation cannot take, a class that does not come up, labels 0 and 1 where -1 and 1 are wanted, targets in the thousands.", "The hinge loss for three labels: for 0 it does not depend on the output."),
    "clipped_error": ("The worst examples pass no gradient, as a clip, a minimum or a round in the loss is flat there. The case of early DQN code.", "The gradient of a clipped error and of Huber's loss."),
    "input_scale": ("Inputs far from unit size, or very unlike each other, as the first weights see them: what a model normalizes itself is no finding.", "The same network and learning rate, inputs as they are and times 1000."),
    "symmetric": ("Units of a layer with the same weights and the same gradients, or one object standing several times in a list; a warning where units only start with the same weights, as under a seed that each of them sets.", "First weights of three units that start at 0.5, one line, and of three that start at random."),
    "unreached": ("Parameters that are not in the graph of the loss, are left out of `parameters()`, or an optimizer that holds those of another model while these get the gradients.", "An optimizer of an old model, and one of this model."),
    "dead": ("Rectifiers that are 0 on every example: most units of a layer, nearly all of its outputs, or a single unit whose bias no input can make good.", "Share of silent units after 15 steps, by learning rate."),
    "saturated": ("Most sums of a layer of sigmoids or tanhs lie where the activation is flat, or most softmaxes inside the model, as those of attention, give all to one.", "Slope of a sigmoid by the steepest, and the threshold."),
    "init_scale": ("Weights that make signals grow or shrink too much, in a layer or over all of them.", "Loss at the start by the size of the weights; a guess costs 0.69."),
    "exploding": ("The gradient grows on its way to the first layer or time step, or the loss is huge and grows.", "Gradient by time step for recurrent weights of three sizes: it goes as the largest eigenvalue to the power of the steps."),
    "vanishing": ("The gradient shrinks on its way to the first layer or time step.", "Gradient at each of nine layers."),
    "learning_rate_high": ("Some steps of a copy of the optimizer end higher up than they began, or the first is longer than the parameters and throws the loss up. Under watch: the loss grows tenfold, or grows in long steps.", "Three learning rates for one network."),
    "learning_rate_low": ("A step moves the parameters so little that thousands would not show.", "The same, on the side of small rates."),
    "stuck": ("A loss that cannot fall, without one of the causes above: no gradient at all, an output that is the same for every input, examples that are all the same, layers without an activation between them, a loop in which no parameter moves.", "Loss by one weight: with a rounded output it is a staircase, whose slope is 0."),
}  # fmt: skip

Series = list[tuple[str, list[tuple[float, float]]]]


# Runs ------------------------------------------------------------------------------------------


def fit(
    model,
    lr=0.5,
    steps=25,
    loss=losses.logistic,
    rows=None,
    zero=True,
    backward=True,
    opt=None,
    seen=None,
):
    """The loss of each step of plain descent."""
    X, y = rows or data.moons(30, seed=1)
    opt = opt or optim.SGD(model.parameters(), lr=lr)
    found = []
    for k in range(steps):
        if zero:
            opt.zero_grad()
        total = ops.mean([loss(model(a), b) for a, b in zip(X, y)])
        if backward:
            total.backward()
        found.append((float(k), total.data))
        if seen is not None:
            seen.append((float(k), math.hypot(*[p.grad for p in model.parameters()])))
        opt.step()
    return found


def net(activation="tanh", sizes=(8, 1), init="torch", scale=1.0, seed=1):
    random.seed(seed)
    model = nn.MLP(2, sizes, activation=activation, init=init)
    for p in model.parameters():
        p.data *= scale
    return model


class Through(nn.Module):
    """A network whose hidden layer goes through a function."""

    def __init__(self, bend):
        random.seed(1)
        self.first, self.last = nn.Layer(2, 8, nonlin=False), nn.Layer(8, 1, nonlin=False)
        self.bend = bend

    def __call__(self, x):
        return self.last([self.bend(z) for z in self.first(x)])


def over(f, low, high, n=80):
    xs = [low + (high - low) * i / n for i in range(n + 1)]
    return [(x, f(x)) for x in xs]


def slope(f, x):
    v = Value(x)
    f(v).backward()
    return v.grad


def by_layer(activation, init):
    strips = diagnose(net(activation, [8] * 8 + [1], init), losses.logistic, data.moons(30)).strips
    return [(float(i + 1), s.gradient) for i, s in enumerate(strips)]


def by_time(size, turns=14):
    """The gradient at each step of a recurrence h = tanh(size * h)."""
    h = Value(1e-6)
    steps = [h]
    for _ in range(turns - 1):
        h = (h * size).tanh()
        steps.append(h)
    h.backward()
    return [(float(t + 1), v.grad) for t, v in enumerate(steps)]


def silent_by_rate():
    found = []
    for k in range(-2, 7):
        model = net("relu", (16, 16, 1), "he")
        fit(model, lr=2.0**k, steps=15)
        X, y = data.moons(30, seed=1)
        strips = diagnose(model, losses.logistic, (X, y)).strips[:2]
        found.append((float(k), sum(s.dead for s in strips) / 2))
    return found


def first_weights(init):
    model = net("tanh", (3, 1), init)
    if init == "zeros":
        for p in model.parameters():
            p.data = 0.5
    lines = [[], [], []]
    for k in range(25):
        for line, n in zip(lines, model.layers[0].neurons):
            line.append((float(k), n.w[0].data))
        fit(model, steps=1)
    return lines


def reused():
    X, y = data.moons(30, seed=1)
    model = net()
    opt = optim.SGD(model.parameters(), lr=0.5)
    total = ops.mean([losses.logistic(model(a), b) for a, b in zip(X, y)])
    shown, true = [], []
    for k in range(25):
        opt.zero_grad()
        total.backward()
        opt.step()
        shown.append((float(k), total.data))
        true.append((float(k), ops.mean([losses.logistic(model(a), b) for a, b in zip(X, y)]).data))
    return [("of the old graph", shown), ("of the model now", true)]


def series(code: str) -> tuple[Series, str, str, bool]:
    """The curves of a finding, the names of the axes, and whether the upright one is logarithmic."""
    X, y = data.moons(30, seed=1)
    if code == "nonfinite":
        naive = [
            (x, v) for x, v in over(lambda z: -ops.log(1 - ops.sigmoid(z)), 0, 60) if v - v == 0
        ]
        return (
            [
                ("-log(1 - sigmoid(z))", naive),
                ("logistic(z, 0)", over(lambda z: losses.logistic(z, 0), 0, 60)),
            ],
            "logit z",
            "loss",
            False,
        )
    if code == "stale":
        return reused(), "step", "loss", False
    if code == "detached":
        cut = fit(Through(lambda z: Value(math.tanh(z.data))), lr=1.0, steps=40)
        return (
            [("math.tanh(z.data)", cut), ("z.tanh()", fit(Through(mg.tanh), lr=1.0, steps=40))],
            "step",
            "loss",
            False,
        )
    if code == "never_backward":
        return (
            [("without backward()", fit(net(), backward=False)), ("with it", fit(net()))],
            "step",
            "loss",
            False,
        )
    if code == "not_zeroed":
        kept, zeroed = [], []
        fit(net(), lr=0.1, zero=False, seen=kept, steps=40)
        fit(net(), lr=0.1, seen=zeroed, steps=40)
        return [("never zeroed", kept), ("zeroed", zeroed)], "step", "length of the gradient", False
    if code == "loss_mismatch":
        return (
            [
                ("through a sigmoid", over(lambda z: losses.logistic(ops.sigmoid(z), 1), -6, 6)),
                ("the logit itself", over(lambda z: losses.logistic(z, 1), -6, 6)),
            ],
            "z",
            "loss for target 1",
            False,
        )
    if code == "target_range":
        return (
            [(f"label {t}", over(lambda s, t=t: max(0.0, 1 - t * s), -2, 2)) for t in (-1, 0, 1)],
            "output",
            "hinge loss",
            False,
        )
    if code == "clipped_error":
        return (
            [
                (
                    "clipped error",
                    over(lambda d: slope(lambda v: losses.clipped_error(v, 0.0), d), -3, 3),
                ),
                ("huber", over(lambda d: slope(lambda v: losses.huber(v, 0.0), d), -3, 3)),
            ],
            "error",
            "gradient",
            False,
        )
    if code == "input_scale":
        big = [[1000 * v for v in x] for x in X]
        return (
            [
                ("times 1000", fit(net("relu"), rows=(big, y), lr=0.1)),
                ("as they are", fit(net("relu"), lr=0.1)),
            ],
            "step",
            "loss",
            True,
        )
    if code == "symmetric":
        return (
            [
                ("alike", first_weights("zeros")[0]),
                *[(f"random {i + 1}", line) for i, line in enumerate(first_weights("torch"))],
            ],
            "step",
            "first weight",
            False,
        )
    if code == "unreached":
        other = optim.SGD(net().parameters(), lr=0.5)
        return (
            [("of an old model", fit(net(), opt=other)), ("of this one", fit(net()))],
            "step",
            "loss",
            False,
        )
    if code == "dead":
        return (
            [("silent units", silent_by_rate())],
            "learning rate, as a power of 2",
            "share",
            False,
        )
    if code == "saturated":
        curve = over(lambda z: slope(mg.sigmoid, z) / 0.25, -8, 8)
        return (
            [("slope left", curve), ("threshold", [(5.0, 0.0), (5.0, 1.0)])],
            "sum z",
            "share of the slope",
            False,
        )
    if code == "init_scale":
        found = [
            (float(k), ops.mean([losses.logistic(m(a), b) for a, b in zip(X, y)]).data)
            for k in range(-6, 5)
            for m in [net("relu", (16, 16, 1), "he", 2.0**k)]
        ]
        return (
            [("loss at the start", found), ("a guess", [(-6.0, math.log(2)), (4.0, math.log(2))])],
            "weights times 2 to this power",
            "loss",
            True,
        )
    if code == "exploding":
        return (
            [(f"eigenvalue {s}", by_time(s)) for s in (0.6, 1.0, 1.6)],
            "time step",
            "gradient",
            True,
        )
    if code == "vanishing":
        return (
            [
                (f"{a}, {i}", by_layer(a, i))
                for a, i in (("sigmoid", "xavier"), ("tanh", "xavier"), ("relu", "he"))
            ],
            "layer",
            "gradient",
            True,
        )
    if code == "stuck":

        def loss(w, bend):
            return (bend(5 * w) - 2) ** 2

        return (
            [
                ("rounded output", over(lambda w: loss(w, round), -1, 1)),
                ("the output itself", over(lambda w: loss(w, float), -1, 1)),
            ],
            "weight",
            "loss",
            False,
        )
    rates = (0.5, 40.0, 4000.0) if code == "learning_rate_high" else (0.5, 1e-2, 1e-5)
    return [(f"rate {r:g}", fit(net(), lr=r)) for r in rates], "step", "loss", code == "learning_rate_high"  # fmt: skip


# Pictures --------------------------------------------------------------------------------------


def chart(curves: Series, across: str, up: str, log: bool, title: str) -> str:
    """The text of an SVG with these curves, told apart by dashes and names as well as by colour."""

    def height(v):
        return math.log10(v) if log else v

    kept = [
        (n, [(x, height(v)) for x, v in c if v - v == 0 and (v > 0 or not log)]) for n, c in curves
    ]
    xs, ys = [x for _, c in kept for x, _ in c], [v for _, c in kept for _, v in c]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    y0, y1 = (y0 - 0.5, y1 + 0.5) if y0 == y1 else (y0 - 0.05 * (y1 - y0), y1 + 0.05 * (y1 - y0))

    def at(x, v):
        return f"{58 + (x - x0) / (x1 - x0) * (WIDTH - 208):.1f} {HEIGHT - 34 - (v - y0) / (y1 - y0) * (HEIGHT - 50):.1f}"

    def label(v):
        return f"{10**v:.2g}" if log else f"{v:.2g}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="11" fill="#1f2328"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        f'<path d="M58 12V{HEIGHT - 34}H{WIDTH - 148}" fill="none" stroke="#818b98"/>'
        f'<text x="54" y="20" text-anchor="end">{label(y1)}</text><text x="54" y="{HEIGHT - 36}" text-anchor="end">{label(y0)}</text>'
        f'<text x="58" y="{HEIGHT - 20}">{x0:g}</text><text x="{WIDTH - 150}" y="{HEIGHT - 20}" text-anchor="end">{x1:g}</text>'
        f'<text x="{(WIDTH - 100) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(across)}</text>'
        f'<text transform="translate(11 {HEIGHT / 2 - 10}) rotate(-90)" text-anchor="middle">{escape(up)}</text>'
    ]  # fmt: skip
    for k, (name, curve) in enumerate(kept):
        look = f'stroke="{INKS[k]}" stroke-width="1.8" stroke-dasharray="{DASHES[k]}" fill="none"'
        parts.append(f'<path d="M{"L".join(at(x, v) for x, v in curve)}" {look}/>')
        parts.append(f'<path d="M{WIDTH - 138} {24 + 18 * k}h22" {look}/><text x="{WIDTH - 110}" y="{28 + 18 * k}">{escape(name)}</text>')  # fmt: skip
    return "".join(parts) + "</svg>\n"


TAIL = """
## The lab of wrong orders

`backward()` visits every node after all that use it, and adds. What other orders make of it:

```python
>>> a = mg.Value(3.0, label="a")
>>> b = a * 2
>>> b.label = "b"
>>> y = b * b + b
>>> y.label = "y"
>>> found = mg.compare_backward(y)
>>> print(found)
node    right  recursion  breadth first  = for +=  no reset  reverse of making  not reversed
y        1.0        1.0            1.0       1.0       1.0                1.0           1.0
v1 (*)   1.0        1.0            1.0       1.0       2.0*               1.0           1.0
b       13.0       13.0           13.0       6.0*     38.0*              13.0           1.0*
a       26.0       52.0*          26.0      12.0*    102.0*              26.0           0.0*
<BLANKLINE>
recursion: 1 node wrong, first a, 52.0 and not 26.0: it passes a node's gradient on each time it comes by, before the node has it all and again what it passed before.
breadth first: right on this graph, by luck: no node of it shows the difference.
= for +=: 2 nodes wrong, first b, 6.0 and not 13.0: where a node is used more than once the last share replaces the others.
no reset: 3 nodes wrong, first v1 (*), 2.0 and not 1.0: what the first call left is passed on again in the second.
reverse of making: right on this graph, and on every one.
not reversed: 2 nodes wrong, first b, 1.0 and not 13.0: it passes gradients on before they have arrived.
>>> found.first_wrong.label
'b'

```

![The graph of y with the gradients that = in the place of += gives; b is marked](images/doctor/orders.svg)

`found.svg("recursion")` marks another order's first wrong node, `found.frames(...)` gives the two
passes picture by picture, `found.save("orders.html")` a page of all. And how one gradient is split:

```python
>>> y.backward()
>>> print(mg.shares(b * b))
1.0 arrives at * (1 is taken, as no backward() has been called). * swaps: each operand gets it times the other.
  b gets 1.0 * 6.0 = 6.0, 50% of what is passed on.
  b gets 1.0 * 6.0 = 6.0, 50% of what is passed on.

```

## How well it does

`python -m benchmarks.doctor broken` goes through 54 broken models and 16 broken training loops:
each has its code among the first two findings, and its place named. They are the doctor's tests as
well, so that this says what it knows and not what it would make of yours; two dozen were added
later, most of them of kinds that it had missed.

Healthy runs are to have no finding, fresh or trained. `healthy` takes 100 of them, seven data sets
by starts, sizes, activations and optimizers: none in 200 looks. `kinds` takes 40 others, with their
own losses, recurrent cells, attention, normalization, dropout, watched as well, and ten loops that
look ill and are not: none in 390 looks, three seeds each.

What watching costs, by `cost`, a watched run and one that is not taking turns at every step, on one
of two shared cores of an AMD EPYC with AVX2, compiled:

| loop | watched, by not watched: median of 5 rounds (least to most) |
|---|---|
| eager, 300 steps of 64 moons, twice | 1.077, 1.070 (1.052 to 1.098) |
| `jit(...).fit`, 300,000 steps of 64 of 1,000 moons, three times | 1.018, 1.023, 1.035 (1.003 to 1.040) |

The first look is the dearest part, about 10 eager steps: short runs pay more for it, and of a compiled
fit of some seconds it is most of what watching costs.
"""


def page() -> str:
    parts = [HEAD]
    for code in CODES:
        words, caption = WORDS[code]
        parts.append(
            f"### {code}\n\n{words}\n\n![{caption}](images/doctor/{code}.svg)\n\n*{caption}*\n"
        )
        rows = [t for t in THRESHOLDS.values() if t.code == code]
        if rows:
            parts.append("| threshold | reason | source |\n|---|---|---|")
            parts += [
                f"| {t.value:g} | {t.reason.replace('|', '&#124;')} | {t.source} |" for t in rows
            ]
            parts.append("")
    parts.append("Two numbers serve all of them.\n\n| threshold | reason | source |\n|---|---|---|")
    parts += [
        f"| {t.value:g} | {t.reason} | {t.source} |" for t in THRESHOLDS.values() if not t.code
    ]
    return "\n".join(parts) + "\n" + TAIL


def orders() -> str:
    a = Value(3.0, label="a")
    b = a * 2
    b.label = "b"
    y = b * b + b
    y.label = "y"
    return compare_backward(y).svg()


if __name__ == "__main__":
    if "--check" not in sys.argv:
        IMAGES.mkdir(parents=True, exist_ok=True)
        for code in CODES:
            text = chart(*series(code), WORDS[code][1])
            (IMAGES / f"{code}.svg").write_text(text, encoding="utf-8")
        (IMAGES / "orders.svg").write_text(orders(), encoding="utf-8")
    sys.exit(main(PAGE, page()))
