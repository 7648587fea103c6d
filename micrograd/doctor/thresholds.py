"""Every threshold of the doctor in one table, each with its reason and where it comes from.

A threshold that has no source is calibrated: it lies between the healthy and the broken runs
that `benchmarks/doctor.py` trains, with room on both sides. Read on in `diagnose.py`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Threshold(NamedTuple):
    """A number that divides what is reported from what is not."""

    value: float
    code: str
    reason: str
    source: str


KARPATHY: Final = "Karpathy, Yes you should understand backprop (2016)"
KARPATHY2: Final = "Karpathy, Building makemore, part 3: activations and gradients (2022)"
GLOROT: Final = "Glorot and Bengio, Understanding the difficulty of training (2010)"
CS231N: Final = "CS231n course notes, neural networks parts 1 to 3"
LECUN: Final = "LeCun, Bottou, Orr and Müller, Efficient BackProp (1998)"
PASCANU: Final = "Pascanu, Mikolov and Bengio, On the difficulty of training RNNs (2013)"
WARDAT: Final = "Wardat, Le and Rajan, DeepLocalize (2021), and Cao and others, DeepFD (2022)"
CALIBRATED: Final = "calibrated"
DESCENT: Final = "the bound 2 / curvature of gradient descent on a parabola"

T: Final[dict[str, Threshold]] = {
    "sample": Threshold(
        96, "", "Examples that are looked at: shares are known to 0.1, and a look stays short.",
        CALIBRATED,
    ),
    "fitted": Threshold(
        0.5, "", "A model that has made good half of what the best constant leaves is learning: "
        "saturated, silent or large as it may look, nothing is in its way.", CALIBRATED,
    ),
    "dead_outputs": Threshold(
        0.9, "dead", "Share of a layer's outputs at 0 over the data. Half is what relu gives by "
        "design, 0.7 comes up in one of 50 healthy layers with inputs of one sign.", WARDAT,
    ),
    "dead_units": Threshold(
        2.0, "dead", "Standard deviations by which the share of a layer's units that are silent on "
        "every example exceeds 1/2. Where inputs are positive, or point one way as they do deep in "
        "a narrow network, each unit is silent with chance 1/2: of 10 units 9 are too many.",
        KARPATHY,
    ),
    "dead_margin": Threshold(
        10.0, "dead", "Negative bias of a silent unit, by the sum of its weights times the largest "
        "inputs seen, all counted as positive: past 1 no input of that size wakes it, and up to "
        "3.6 comes up in healthy training.", "the triangle inequality",
    ),
    "saturated_sum": Threshold(
        5.0, "saturated", "|z| from which 1/38 of sigmoid's steepest slope is left.", WARDAT,
    ),
    "saturated_share": Threshold(
        0.5, "saturated", "Share of a layer's outputs that are saturated: most of it passes no "
        "gradient.", WARDAT,
    ),
    "saturated_softmax": Threshold(
        0.99, "saturated", "Largest share of a softmax inside the model, in more than half of "
        "them: 1/25 of its steepest slope is left. Attention that starts at 1/root(n) is near "
        "uniform.",
        "Vaswani and others, Attention is all you need (2017), section 3.2.1",
    ),
    "vanishing_ratio": Threshold(
        1e-3, "vanishing", "Gradient that reaches the first layer, by that of the last: the last "
        "one learns a thousand times as fast.", GLOROT,
    ),
    "vanishing_time": Threshold(
        1e-6, "vanishing", "The same from the first time step to the last: all steps share their "
        "weights, so that these learn; an LSTM whose gates start half open halves the gradient in "
        "each step and learns over a dozen.", PASCANU,
    ),
    "vanishing_size": Threshold(
        1e-4, "vanishing", "And its size itself, an example: under it a step is lost in the noise.",
        GLOROT,
    ),
    "exploding_ratio": Threshold(
        70.0, "exploding", "Gradient that reaches the first layer, by that of the last.", WARDAT,
    ),
    "exploding_loss": Threshold(
        1e3, "exploding", "A loss this large that grows still.", WARDAT,
    ),
    "clipped_share": Threshold(
        0.02, "clipped_error", "Share of examples with no gradient though their loss is among the "
        "largest: one in 50 is no accident.", KARPATHY,
    ),
    "input_size": Threshold(
        30.0, "input_scale", "Root mean square of an input. Unit variance is best; pixels counted "
        "to 16 still learn, those to 255 do not.", LECUN,
    ),
    "input_small": Threshold(
        0.01, "input_scale", "Largest of all inputs: weights have to grow a hundredfold first.",
        LECUN,
    ),
    "input_ratio": Threshold(
        300.0, "input_scale", "Largest input of all by the largest of one column: the gradient of "
        "the small one is that many times smaller.", CS231N,
    ),
    "init_large": Threshold(
        6.0, "init_scale", "Root mean square of a unit's weights times the root of their number: "
        "the growth of a signal in the layer. 1 keeps it, U(-1, 1) on 64 inputs gives 4.6.", GLOROT,
    ),
    "init_loss": Threshold(
        8.0, "init_scale", "Loss by that of the best constant: a fresh network that is sure and "
        "wrong.", CS231N,
    ),
    "init_sure": Threshold(
        3.0, "init_scale", "The same where a layer's weights are known to be large: ten classes "
        "then cost 7 and not 2.3, and the first steps only shrink the last layer.", KARPATHY2,
    ),
    "init_growth": Threshold(
        10.0, "init_scale", "Sums of the last layer by those of the first, with such a loss: what "
        "each layer grows is multiplied.", CALIBRATED,
    ),
    "init_small": Threshold(
        0.1, "init_scale", "The same from below, for a hidden layer: a tenth in each layer.",
        GLOROT,
    ),
    "rate_growth": Threshold(
        1.3, "learning_rate_high", "Loss after the trial steps by that before: descent goes down.",
        DESCENT,
    ),
    "rate_stride": Threshold(
        0.1, "learning_rate_high", "Largest step by the size of the parameters, where a watched "
        "loss grew less than tenfold: that of one player in a game, or of an agent that finds "
        "more to predict, grows in small steps too.", CALIBRATED,
    ),
    "rate_peak": Threshold(
        5.0, "learning_rate_high", "Largest loss of the trial steps by that before, or by the best "
        "constant's, where they end no better than the constant: thrown out, and not come back.",
        CALIBRATED,
    ),
    "rate_leap": Threshold(
        1.5, "learning_rate_high", "First step by the size of the parameters, where the loss "
        "doubles in one of the trial steps: what was there is thrown away. Adam with a rate of 1 "
        "moves each weight by 1.", CALIBRATED,
    ),
    "rate_steps": Threshold(
        5e3, "learning_rate_low", "Steps to halve what there is to gain, at the present slope.",
        CALIBRATED,
    ),
    "rate_move": Threshold(
        1e-5, "learning_rate_low", "Size of a step by that of the parameters; 1e-3 is usual.",
        CS231N,
    ),
    "mismatch": Threshold(
        0.1, "loss_mismatch", "Share of the loss between a constant guess and the ideal that no "
        "output within the last activation's range can take away.", CALIBRATED,
    ),
    "target_size": Threshold(
        100.0, "target_range", "Root mean square of the targets of a regression: outputs start "
        "near 1 and have to grow that far.", LECUN,
    ),
    "stale": Threshold(
        0.02, "stale", "Difference between the gradient and the slope that is measured by moving "
        "the parameters, by their size; rounding and kinks give up to 1e-4.", CALIBRATED,
    ),
    "held": Threshold(
        2.0, "not_zeroed", "Gradient that is held, by the largest of any one example: a mean of "
        "gradients cannot be larger than the largest.", "the triangle inequality",
    ),
    "hull": Threshold(
        0.2, "not_zeroed", "Distance of the gradient that is held from every weighted mean of the "
        "gradients of single examples, by its size: a batch's gradient is such a mean.",
        "Frank and Wolfe, whose gap bounds the distance from below (1956)",
    ),
    "stuck": Threshold(
        1e-9, "stuck", "Size of the whole gradient by the loss there is to lose.", CALIBRATED,
    ),
}  # fmt: skip


def limit(name: str) -> float:
    """The threshold of that name."""
    return T[name].value
