"""How wrong a prediction is: losses of one example, and penalties on weights.

Names and meanings are PyTorch's where PyTorch has the thing. Each loss is a few
operations on Values; the mean over a batch is `micrograd.mean` of them. Read on in
`optim/optimizers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import ops
from .core.rule import real
from .engine import Value
from .nn.parameters import set_all, values

# Regression -------------------------------------------------------------------------------


def squared_error(y_hat: Any, y: Any) -> Any:
    """(y_hat - y)**2; of two lists of equal length the mean of it. PyTorch's MSELoss.

    >>> squared_error(3.0, 1.0)
    4.0
    >>> squared_error([1.0, 2.0], [1.0, 4.0])
    2.0
    """

    def loss(a: Any, b: Any) -> Any:
        d = a - b
        return d * d

    return elementwise(loss, y_hat, y, "squared_error")


def huber(y_hat: Any, y: Any, delta: float = 1.0) -> Any:
    """Half the squared error up to `delta`, beyond it a straight line. PyTorch's HuberLoss.

    With c = d clipped to +-delta it is c * (d - c/2): its gradient is c, which is what
    clipping was meant to give. Huber, Annals of Mathematical Statistics 35 (1964).

    >>> huber(0.5, 0.0), huber(3.0, 0.0)
    (0.125, 2.5)
    """
    delta = positive(delta, "huber: delta")

    def loss(a: Any, b: Any) -> Any:
        d = a - b
        c = ops.clip(d, -delta, delta)
        return c * (d - 0.5 * c)

    return elementwise(loss, y_hat, y, "huber")


def clipped_error(y_hat: Any, y: Any, bound: float = 1.0) -> Any:
    """WRONG, and kept as a lesson: half the square of the clipped difference.

    Early DQN code clipped the error itself, so that beyond the bound the gradient is 0:
    the worst predictions learn nothing. `huber` is what was meant.

    >>> d = Value(3.0)
    >>> clipped_error(d, 0.0).backward()
    >>> d.grad
    0.0
    """

    bound = positive(bound, "clipped_error: the bound")

    def loss(a: Any, b: Any) -> Any:
        c = ops.clip(a - b, -bound, bound)
        return 0.5 * c * c

    return elementwise(loss, y_hat, y, "clipped_error")


def elementwise(loss: Any, y_hat: Any, y: Any, name: str) -> Any:
    """The loss of two numbers, or the mean of the losses of two lists."""
    for x, what in ((y_hat, "the prediction"), (y, "the target")):
        if isinstance(x, (dict, set, frozenset)):
            raise TypeError(f"{name}: {what} is a number, or a list in order, not {x!r:.60}")
    if not hasattr(y_hat, "__iter__") or isinstance(y_hat, (str, bytes)):
        return loss(number(y_hat, f"{name}: the prediction"), number(y, f"{name}: the target"))
    predicted, wanted = list(y_hat), list(y) if hasattr(y, "__iter__") else [y]
    if len(predicted) != len(wanted) or not predicted:
        raise ValueError(f"{name}: {len(predicted)} predictions for {len(wanted)} targets")
    pairs = [
        (number(a, f"{name}: a prediction"), number(b, f"{name}: a target"))
        for a, b in zip(predicted, wanted, strict=True)
    ]
    return ops.mean([loss(a, b) for a, b in pairs])


def number(x: Any, what: str) -> Any:
    """x itself if it is a Value, a float or an int, else as a float; TypeError in a sentence."""
    return x if type(x) in (float, int) or hasattr(x, "_apply") else real(x, what)


def positive(x: Any, what: str) -> float:
    """x as a float above 0."""
    found = real(x, what)
    if isinstance(x, bool) or not found > 0:
        raise ValueError(f"{what} is a positive number, not {x!r}")
    return found


def listed(xs: Any, what: str, n: str = "one for each class") -> list[Any]:
    """The numbers of a list; TypeError in a sentence for what is none."""
    if not hasattr(xs, "__iter__") or isinstance(xs, (str, bytes, dict, set)):
        raise TypeError(f"{what} is a list of numbers, {n}, not {xs!r:.60}")
    return [number(x, what) for x in xs]


# Two classes ------------------------------------------------------------------------------


def hinge(score: Any, y: Any) -> Any:
    """max(0, 1 - y * score) for y = 1 or -1: the binary support vector machine.

    Of two lists of equal length the mean of it. 0 once the score is right by a margin of 1.

    >>> hinge(0.25, 1), hinge(2.0, 1), hinge(0.5, -1)
    (0.75, 0.0, 1.5)
    """

    def loss(s: Any, y: Any) -> Any:
        if not isinstance(y, Value) and y not in (-1, 1):
            raise ValueError(f"hinge: y is 1 or -1, not {y!r}; from 0 and 1 write 2 * y - 1")
        return ops.relu(1.0 - y * s)

    return elementwise(loss, score, y, "hinge")


def logistic(logit: Any, y: Any) -> Any:
    """-log of the probability of y, 1 or 0, where sigmoid(logit) is that of 1.

    The binary softmax. From the logit, so that nothing overflows or is lost however sure
    the model is. y between 0 and 1 weighs both classes; of two lists of equal length it is
    the mean. PyTorch's BCEWithLogitsLoss.

    >>> logistic(-1000.0, 1), f"{logistic(40.0, 1):.3g}"
    (1000.0, '4.25e-18')
    """

    def loss(z: Any, y: Any) -> Any:
        if not isinstance(y, Value):
            if y == 1:
                return ops.softplus(-z)
            if y == 0:
                return ops.softplus(z)
            if not 0 < y < 1:
                raise ValueError(f"logistic: y is 1 or 0, not {y!r}; from -1 write (y + 1) / 2")
        return y * ops.softplus(-z) + (1.0 - y) * ops.softplus(z)

    return elementwise(loss, logit, y, "logistic")


# Many classes -----------------------------------------------------------------------------


def cross_entropy(logits: Sequence[Any], target: Any) -> Any:
    """-log of the probability of the class `target`, the softmax of the logits.

    The target is the index of a class, or a list with the probability of each. From the
    logits: log(sum(exp(x - x[target]))), one operation, accurate also where the model is
    sure. PyTorch's CrossEntropyLoss.

    >>> f"{cross_entropy([1.0, 2.0, 3.0], 2):.6f}"
    '0.407606'
    """
    xs = listed(logits, "cross_entropy: what it takes")
    if hasattr(target, "__iter__"):
        weights = listed(target, "cross_entropy: a target of probabilities")
        if len(weights) != len(xs):
            raise ValueError(f"cross_entropy: {len(weights)} probabilities for {len(xs)} logits")
        # A class that cannot be costs nothing, however impossible the model thinks it: 0 log 0 = 0.
        terms = [
            ops.weighed(w, ops.nll(i, *xs))
            for i, w in enumerate(weights)
            if isinstance(w, Value) or w != 0
        ]
        return ops.sum(terms or [ops.where(False, ops.nll(0, *xs), 0.0)])
    return ops.nll(number(target, "cross_entropy: the target"), *xs)


def multiclass_hinge(scores: Sequence[Any], target: Any, margin: float = 1.0) -> Any:
    """The sum of max(0, margin + s - s[target]) over the other classes, by their number.

    PyTorch's MultiMarginLoss: the sum is divided by the number of all classes.

    >>> multiclass_hinge([1.0, 3.0, 2.5], 1)
    0.16666666666666666
    """
    xs = listed(scores, "multiclass_hinge: what it takes")
    target = number(target, "multiclass_hinge: the target")
    if isinstance(target, Value):  # as in a traced function: each class may be the right one
        hits = [ops.abs(target - i) < 0.5 for i in range(len(xs))]
        right = ops.sum([ops.where(hit, x, 0.0) for hit, x in zip(hits, xs, strict=True)])
        errors = [
            ops.where(hit, 0.0, ops.relu(margin + x - right))
            for hit, x in zip(hits, xs, strict=True)
        ]
    elif 0 <= target < len(xs) and target == int(target):
        right = xs[int(target)]
        errors = [ops.relu(margin + x - right) for i, x in enumerate(xs) if i != target]
    else:
        raise ValueError(f"multiclass_hinge: class {target} of {len(xs)} classes, counted from 0")
    return ops.sum(errors) * (1.0 / len(xs))


# PyTorch's short names -----------------------------------------------------------------------

mse = mse_loss = squared_error
huber_loss = huber
bce_with_logits = binary_cross_entropy_with_logits = logistic

# Penalties --------------------------------------------------------------------------------


def each(parameters: Iterable[Any]) -> list[Any]:
    """The parameters, a Value that stands there twice, as tied weights do, once."""
    if hasattr(parameters, "parameters"):
        raise TypeError("a penalty takes a list of Values: write model.parameters() for a model")
    found = listed(parameters, "what a penalty takes", "such as model.parameters()")
    first = {id(p): i for i, p in reversed(list(enumerate(found)))}
    return [p for i, p in enumerate(found) if not isinstance(p, Value) or first[id(p)] == i]


def l1(parameters: Iterable[Any]) -> Any:
    """The sum of the absolute values: pulls weights to 0 with a constant force.

    >>> l1([1.0, -2.0])
    3.0
    """
    return ops.sum([ops.abs(p) for p in each(parameters)])


def l2(parameters: Iterable[Any]) -> Any:
    """The sum of the squares: pulls weights to 0 in proportion to their size.

    A `weight_decay` of an optimizer is half of it in the loss.

    >>> l2([1.0, -2.0])
    5.0
    """
    return ops.sum([p * p for p in each(parameters)])


def max_norm(weights: Sequence[Value], limit: float) -> float:
    """The length of the weight vector before it was shrunk, in place, to at most `limit`.

    Called after each step on the weights into each neuron. Srebro and Shraibman (2005).

    >>> w = [Value(3.0), Value(4.0)]
    >>> max_norm(w, 1.0), [p.data for p in w]
    (5.0, [0.6000000000000001, 0.8])
    """
    limit = positive(limit, "max_norm: the limit")
    found = values(each(weights), "max_norm")
    length: float = ops.hypot(*[w.data for w in found]) if found else 0.0
    if length > limit:
        set_all(found, "data", [w.data * (limit / length) for w in found])
    return length
