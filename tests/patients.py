"""Models for the doctor: broken ones with what is wrong with them and where, and healthy ones.

The broken ones are written after what people ask: each is a function that gives the arguments of
`diagnose`, the codes of which one is to be among the first two, and a piece of the place. The
healthy ones are data sets times architectures, starts, optimizers and moments of training.
"""

# ruff: noqa: N806
from __future__ import annotations

import itertools
import math
import random

import micrograd as mg
from micrograd import Value, data, losses, nn, ops, optim

BROKEN = {}


def broken(*codes, where):
    def keep(f):
        BROKEN[f.__name__] = (f, codes, where)
        return f

    return keep


def moons(n=80):
    return data.moons(n, noise=0.1, seed=3)


def signs(n=80):
    X, y = moons(n)
    return X, [2 * t - 1 for t in y]


def line(n=60):
    return data.linear(n, seed=2)


def irises():
    X, y = data.iris()
    return data.standardize(X), y


def scaled(model, factor):
    for p in model.parameters():
        p.data *= factor
    return model


# Activations, starts, scales ----------------------------------------------------------------


@broken("saturated", "init_scale", where="layers.")
def tanh_with_weights_times_thirty():
    return {
        "model": scaled(nn.MLP(2, [16, 16, 1], activation="tanh"), 30.0),
        "loss": losses.logistic,
        "data": moons(),
    }


@broken("saturated", where="layers.0")
def sigmoid_with_large_bias():
    model = nn.MLP(2, [12, 1], activation="sigmoid", init="xavier")
    for n in model.layers[0].neurons:
        n.b.data = 9.0
    return {"model": model, "loss": losses.logistic, "data": moons()}


@broken("vanishing", where="layers.0")
def ten_layers_of_sigmoids():
    return {
        "model": nn.MLP(2, [8] * 9 + [1], activation="sigmoid", init="xavier"),
        "loss": losses.logistic,
        "data": moons(),
    }


@broken("vanishing", "init_scale", where="layers.")
def tanh_with_tiny_weights():
    return {
        "model": scaled(nn.MLP(2, [10, 10, 10, 10, 1], activation="tanh"), 0.02),
        "loss": losses.logistic,
        "data": moons(),
    }


@broken("exploding", "init_scale", where="layers.")
def deep_relu_with_large_weights():
    return {
        "model": scaled(nn.MLP(2, [16] * 6 + [1]), 3.0),
        "loss": losses.squared_error,
        "data": moons(),
    }


@broken("dead", where="layers.1")
def relu_with_very_negative_bias():
    model = nn.MLP(2, [12, 12, 1])
    for n in model.layers[1].neurons:
        n.b.data = -40.0
    return {"model": model, "loss": losses.logistic, "data": moons()}


@broken("dead", where="layers.0.neurons.3")
def one_unit_far_below_zero():
    model = nn.MLP(2, [12, 1], init="he")
    model.layers[0].neurons[3].b.data = -80.0
    return {"model": model, "loss": losses.logistic, "data": moons()}


@broken("symmetric", where="layers.0")
def zeros():
    return {"model": nn.MLP(2, [8, 8, 1], init="zeros"), "loss": losses.logistic, "data": moons()}


@broken("symmetric", where="layers.")
def all_weights_a_half():
    model = nn.MLP(2, [8, 1], activation="tanh")
    for p in model.parameters():
        p.data = 0.5
    return {"model": model, "loss": losses.logistic, "data": moons()}


class Shared(nn.Module):
    def __init__(self):
        self.hidden = [nn.Neuron(2, activation="tanh")] * 8
        self.last = nn.Neuron(8, nonlin=False)

    def __call__(self, x):
        return self.last([n(x) for n in self.hidden])


@broken("symmetric", where="hidden")
def one_neuron_eight_times():
    return {"model": Shared(), "loss": losses.logistic, "data": moons()}


class Linears(nn.Module):
    def __init__(self, *sizes):
        self.stack = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]

    def __call__(self, x):
        for layer in self.stack:
            x = layer(x)
        return x


@broken("stuck", where="hidden")
def no_activation_between_layers():
    return {"model": Linears(2, 16, 16, 1), "loss": losses.logistic, "data": data.circles(80)}


# Data ----------------------------------------------------------------------------------------


@broken("input_scale", where="layers.0")
def inputs_times_a_thousand():
    X, y = moons()
    model = nn.MLP(2, [16, 1])
    return {
        "model": model,
        "loss": losses.logistic,
        "data": ([[1000 * v for v in x] for x in X], y),
        "optimizer": optim.SGD(model.parameters(), lr=0.1),
    }


@broken("input_scale", where="layers.0")
def pixels_to_255():
    rng = random.Random(0)
    X = [[rng.randrange(256) for _ in range(12)] for _ in range(60)]
    return {
        "model": nn.MLP(12, [8, 2], activation="tanh", init="xavier"),
        "loss": losses.cross_entropy,
        "data": (X, [int(x[0] > 128) for x in X]),
    }


@broken("input_scale", where="input 1")
def income_beside_age():
    rng = random.Random(0)
    X = [[rng.gauss(0, 1), rng.gauss(50_000, 9000), rng.random()] for _ in range(60)]
    return {
        "model": nn.MLP(3, [8, 1], init="torch"),
        "loss": losses.logistic,
        "data": (X, [int(x[0] > 0) for x in X]),
    }


@broken("target_range", where="targets")
def hinge_by_hand_with_labels_0_and_1():
    return {"model": nn.MLP(2, [16, 1]), "loss": lambda s, y: (1 - y * s).relu(), "data": moons()}


@broken("target_range", where="targets")
def hinge_of_the_library_with_labels_0_and_1():
    return {"model": nn.MLP(2, [16, 1]), "loss": losses.hinge, "data": moons()}


@broken("target_range", where="targets")
def classes_counted_from_one():
    X, y = irises()
    return {
        "model": nn.MLP(4, [8, 3]),
        "loss": losses.cross_entropy,
        "data": (X, [t + 1 for t in y]),
    }


@broken("target_range", where="class 2")
def sorted_data_cut_off():
    X, y = irises()
    return {"model": nn.MLP(4, [8, 3]), "loss": losses.cross_entropy, "data": (X[:100], y[:100])}


@broken("target_range", where="targets")
def one_class_alone():
    X, y = moons()
    kept = [i for i, t in enumerate(y) if t == 1]
    return {
        "model": nn.MLP(2, [8, 1]),
        "loss": losses.logistic,
        "data": ([X[i] for i in kept], [y[i] for i in kept]),
    }


@broken("target_range", where="targets")
def prices_in_dollars():
    X, y = line()
    return {
        "model": nn.MLP(2, [8, 1]),
        "loss": losses.squared_error,
        "data": (X, [200_000 + 90_000 * t for t in y]),
    }


# Losses and last activations -----------------------------------------------------------------


def ended(activation, *sizes, hidden="tanh"):
    model = nn.MLP(sizes[0], sizes[1:], activation=hidden, init="xavier")

    class Ended(nn.Module):
        def __init__(self):
            self.net = model

        def __call__(self, x):
            return activation(self.net(x))

    return Ended()


@broken("loss_mismatch", where="net.layers.1")
def relu_before_cross_entropy():
    return {
        "model": ended(lambda out: [v.relu() for v in out], 4, 8, 3),
        "loss": losses.cross_entropy,
        "data": irises(),
    }


@broken("loss_mismatch", where="net.layers.1")
def softmax_twice():
    return {"model": ended(ops.softmax, 4, 8, 3), "loss": losses.cross_entropy, "data": irises()}


@broken("loss_mismatch", "target_range", where="net.layers.1")
def sigmoid_for_targets_past_one():
    X, y = line()
    return {
        "model": ended(ops.sigmoid, 2, 8, 1),
        "loss": losses.squared_error,
        "data": (X, [4 + 3 * t for t in y]),
    }


@broken("loss_mismatch", where="net.layers.1")
def sigmoid_before_a_loss_from_logits():
    return {"model": ended(ops.sigmoid, 2, 8, 1), "loss": losses.logistic, "data": moons()}


@broken("loss_mismatch", where="layers.1")
def no_softmax_before_log():
    return {"model": nn.MLP(4, [8, 3]), "loss": lambda p, y: -p[y].log(), "data": irises()}


@broken("loss_mismatch", where="layers.1")
def no_sigmoid_before_binary_cross_entropy():
    def loss(p, y):
        return -(y * mg.log(p) + (1 - y) * mg.log(1 - p))

    return {"model": nn.MLP(2, [8, 1], activation="tanh"), "loss": loss, "data": moons()}


@broken("loss_mismatch", where="the loss")
def minus_sign_lost():
    return {"model": nn.MLP(2, [8, 1]), "loss": lambda p, y: -((p - y) ** 2), "data": line()}


@broken("clipped_error", where="clip")
def error_that_is_clipped():
    X, y = line()
    return {
        "model": nn.MLP(2, [8, 1]),
        "loss": losses.clipped_error,
        "data": (X, [4 * t for t in y]),
    }


@broken("stuck", "clipped_error", where="round")
def loss_of_a_rounded_output():
    return {
        "model": nn.MLP(2, [8, 1], activation="tanh"),
        "loss": lambda p, y: (ops.round(p) - y) ** 2,
        "data": line(),
    }


# Steps -----------------------------------------------------------------------------------------


@broken("learning_rate_high", where="optimizer")
def rate_of_fifty():
    model = nn.MLP(2, [16, 1], activation="tanh")
    return {
        "model": model,
        "loss": losses.logistic,
        "data": moons(),
        "optimizer": optim.SGD(model.parameters(), lr=50.0),
    }


@broken("learning_rate_low", where="optimizer")
def rate_of_a_hundred_millionth():
    model = nn.MLP(2, [16, 1], activation="tanh")
    return {
        "model": model,
        "loss": losses.logistic,
        "data": moons(),
        "optimizer": optim.SGD(model.parameters(), lr=1e-8),
    }


@broken("learning_rate_high", where="optimizer")
def adam_with_a_rate_of_ten():
    model = nn.MLP(2, [16, 16, 1])
    return {
        "model": model,
        "loss": losses.logistic,
        "data": moons(),
        "optimizer": optim.Adam(model.parameters(), lr=10.0),
    }


def stepped(model, loss, rows, optimizer, steps, zero=True, backward=True, batch=None):
    X, y = rows
    rng = random.Random(0)
    for _ in range(steps):
        if zero:
            optimizer.zero_grad()
        chosen = range(len(X)) if batch is None else rng.sample(range(len(X)), batch)
        total = ops.mean([loss(model(X[i]), y[i]) for i in chosen])
        if backward:
            total.backward()
        optimizer.step()
    return {"model": model, "loss": loss, "data": rows, "optimizer": optimizer}


@broken("not_zeroed", where="loop")
def never_zeroed():
    model = nn.MLP(2, [8, 1], activation="tanh")
    return stepped(
        model, losses.logistic, moons(40), optim.SGD(model.parameters(), lr=0.05), 15, zero=False
    )


@broken("not_zeroed", where="loop")
def never_zeroed_in_batches_with_adam():
    model = nn.MLP(2, [8, 1], activation="tanh")
    return stepped(
        model,
        losses.logistic,
        moons(40),
        optim.Adam(model.parameters(), lr=0.01),
        40,
        zero=False,
        batch=8,
    )


@broken("never_backward", where="loop")
def backward_forgotten():
    model = nn.MLP(2, [8, 1], activation="tanh")
    return stepped(
        model,
        losses.logistic,
        moons(40),
        optim.Adam(model.parameters(), lr=0.01),
        20,
        backward=False,
    )


@broken("unreached", where="optimizer")
def optimizer_of_another_model():
    old, model = nn.MLP(2, [8, 1]), nn.MLP(2, [8, 1])
    return {
        "model": model,
        "loss": losses.logistic,
        "data": moons(),
        "optimizer": optim.SGD(old.parameters(), lr=0.1),
    }


# Values that left the graph ------------------------------------------------------------------


class Spare(nn.Module):
    def __init__(self):
        self.first, self.spare, self.last = (
            nn.Layer(2, 6),
            nn.Layer(6, 6),
            nn.Layer(6, 1, nonlin=False),
        )

    def __call__(self, x):
        return self.last(self.first(x))


@broken("unreached", where="spare")
def layer_that_is_never_called():
    return {"model": Spare(), "loss": losses.logistic, "data": moons()}


class ByHand(nn.Module):
    """A network of one hidden layer written as loops, with its activation to be chosen."""

    def __init__(self, bend):
        self.W1 = [[Value(random.uniform(-1, 1)) for _ in range(2)] for _ in range(8)]
        self.b1 = [Value(0.0) for _ in range(8)]
        self.w2 = [Value(random.uniform(-1, 1)) for _ in range(8)]
        self.b2 = Value(0.0)
        self.bend = bend

    def __call__(self, x):
        h = [self.bend(sum((w * v for w, v in zip(row, x)), b)) for row, b in zip(self.W1, self.b1)]
        return sum((w * v for w, v in zip(self.w2, h)), self.b2)


@broken("detached", "stale", where="patients.py")
def math_exp_of_data():
    def bend(z):
        return Value(1 / (1 + math.exp(-z.data)))

    return {"model": ByHand(bend), "loss": losses.logistic, "data": moons()}


@broken("detached", where="patients.py")
def detached_hidden_layer():
    return {"model": ByHand(lambda z: z.tanh().detach()), "loss": losses.logistic, "data": moons()}


class Cached(nn.Module):
    def __init__(self):
        self.w = [Value(0.3), Value(-0.4)]
        self.scaled = [w * 2.0 for w in self.w]

    def __call__(self, x):
        return mg.dot(self.scaled, x)


@broken("stale", where="w.0")
def weights_scaled_once():
    return {"model": Cached(), "loss": losses.logistic, "data": moons()}


@broken("nonfinite", where="log")
def logarithm_of_zero():
    def loss(z, y):
        p = mg.sigmoid(z)
        return -(y * mg.log(p) + (1 - y) * mg.log(1 - p))

    return {"model": scaled(nn.MLP(2, [16, 1]), 60.0), "loss": loss, "data": moons()}


@broken("nonfinite", where="X[7]")
def nan_in_the_data():
    X, y = moons()
    X[7][1] = math.nan
    return {"model": nn.MLP(2, [8, 1]), "loss": losses.logistic, "data": (X, y)}


@broken("nonfinite", where="sqrt")
def square_root_at_zero():
    return {
        "model": nn.MLP(2, [8, 1], activation="tanh"),
        "loss": lambda p, y: ops.sqrt((p - y) * (p - y) * 0.0),
        "data": line(),
    }


# Sequences and batches -----------------------------------------------------------------------


class Recurrent(nn.Module):
    def __init__(self, factor=1.0, hidden=6):
        self.cell, self.last = nn.RNNCell(1, hidden), nn.Linear(hidden, 1)
        for row in self.cell.weight_hh:
            for w in row:
                w.data *= factor

    def __call__(self, xs):
        h = None
        for x in xs:
            h = self.cell([x], h)
        return self.last(h)


def sequences(turns=20, size=1.0):
    rng = random.Random(1)
    X = [[size * rng.gauss(0, 1) for _ in range(turns)] for _ in range(24)]
    return X, [x[0] for x in X]


@broken("vanishing", where="time step 1")
def recurrent_with_small_weights():
    return {"model": Recurrent(0.3), "loss": losses.squared_error, "data": sequences()}


@broken("exploding", where="time step 1")
def recurrent_with_large_weights():
    model = Recurrent(0.0)
    for i, row in enumerate(model.cell.weight_hh):
        row[i].data = 1.6
    for row in model.cell.weight_ih:
        row[0].data *= 1e-4
    for b in [*model.cell.bias_ih, *model.cell.bias_hh]:
        b.data = 0.0
    return {"model": model, "loss": losses.squared_error, "data": sequences(16, 0.1)}


class WrongAxis(nn.Module):
    """Takes the mean off each example's inputs, of which there is one, and so all of it."""

    def __init__(self):
        self.hidden, self.last = nn.Layer(1, 8, activation="tanh"), nn.Layer(8, 1, nonlin=False)

    def __call__(self, x):
        mean = sum(x) / len(x)
        return self.last(self.hidden([v - mean for v in x]))


@broken("stuck", where="hidden")
def mean_over_the_wrong_axis():
    X, _ = line()
    return {
        "model": WrongAxis(),
        "loss": losses.squared_error,
        "data": ([[x[0]] for x in X], [2 * x[0] for x in X]),
    }


# What the doctor once missed ------------------------------------------------------------------


class LinearRecurrence(nn.Module):
    """h = W h + u x, without an activation."""

    def __init__(self, size, scale):
        self.W = [[Value(random.gauss(0, scale)) for _ in range(size)] for _ in range(size)]
        self.u = [Value(random.gauss(0, 1)) for _ in range(size)]
        self.out = nn.Linear(size, 1)

    def __call__(self, xs):
        h = [0.0] * len(self.u)
        for x in xs:
            h = [mg.dot(row, h) + u * x for row, u in zip(self.W, self.u)]
        return self.out(h)


@broken("exploding", where="W, time step 1")
def linear_recurrence_that_explodes():
    X = [[random.gauss(0, 1) for _ in range(12)] for _ in range(10)]
    return {
        "model": LinearRecurrence(4, 1.5),
        "loss": losses.logistic,
        "data": (X, [int(x[0] > 0) for x in X]),
    }


@broken("init_scale", where="layers.1")
def last_layer_that_is_sure_of_nothing():
    model = nn.MLP(4, [12, 3], activation="tanh", init="xavier")
    for n in model.layers[1].neurons:
        for w in n.w:
            w.data = random.gauss(0, 4)
    X, _ = irises()
    y = [random.randrange(3) for _ in X]
    return {"model": model, "loss": losses.cross_entropy, "data": (X[::2], y[::2])}


class Seeded(nn.Module):
    """A unit that sets the seed before it draws its weights."""

    def __init__(self):
        rng = random.Random(42)
        self.w, self.b = [Value(rng.uniform(-1, 1)) for _ in range(2)], Value(0.0)

    def __call__(self, x):
        return mg.tanh(mg.dot(self.w, x) + self.b)


class OfSeeded(nn.Module):
    def __init__(self):
        self.hidden = [Seeded() for _ in range(6)]
        self.out = nn.Neuron(6, nonlin=False)

    def __call__(self, x):
        return self.out([u(x) for u in self.hidden])


@broken("symmetric", where="hidden")
def seed_set_in_every_unit():
    return {"model": OfSeeded(), "loss": losses.logistic, "data": moons()}


@broken("loss_mismatch", where="steps.2")
def softmax_over_one_output():
    def loss(p, t):
        p = mg.clip(p, 1e-7, 1 - 1e-7)
        return -(t * mg.log(p) + (1 - t) * mg.log(1 - p))

    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1), lambda z: mg.softmax([z])[0])
    return {"model": model, "loss": loss, "data": moons()}


@broken("stuck", where="the data: X")
def one_list_appended_again_and_again():
    row, X, y = [0.0, 0.0], [], []
    for a, b in zip(*moons()):
        row[:] = a
        X.append(row)
        y.append(b)
    return {"model": nn.MLP(2, [8, 1], init="he"), "loss": losses.logistic, "data": (X, y)}


@broken("target_range", where="output 1")
def one_of_two_targets_in_the_thousands():
    X, y = line()
    return {
        "model": nn.MLP(2, [8, 2], init="he"),
        "loss": losses.squared_error,
        "data": (X, [[t, 20000 * t + 50000] for t in y]),
    }


@broken("learning_rate_high", where="Adam(lr=3)")
def adam_with_a_rate_of_three():
    model = nn.MLP(2, [10, 10, 1], activation="tanh", init="xavier")
    return {
        "model": model,
        "loss": losses.logistic,
        "data": moons(40),
        "optimizer": optim.Adam(model.parameters(), lr=3.0),
    }


class Attention(nn.Module):
    def __init__(self, n=6):
        self.q, self.k, self.v = (nn.Linear(n, n) for _ in range(3))
        for part in (self.q, self.k):
            scaled(part, 8.0)
        self.out = nn.Linear(n, 1)

    def __call__(self, xs):
        q, ks, vs = self.q(xs[-1]), [self.k(x) for x in xs], [self.v(x) for x in xs]
        shares = mg.softmax([mg.dot(q, k) for k in ks])
        return self.out([mg.dot(shares, list(column)) for column in zip(*vs)])


@broken("saturated", where="softmax at")
def attention_without_the_root():
    X = [[[random.gauss(0, 1) for _ in range(6)] for _ in range(5)] for _ in range(16)]
    y = [int(x[0][0] > 0) for x in X]
    return {"model": Attention(), "loss": losses.logistic, "data": (X, y)}


# Healthy runs --------------------------------------------------------------------------------


def digits():
    import pytest

    sklearn = pytest.importorskip("sklearn.datasets")
    X, y = sklearn.load_digits(return_X_y=True)
    return [[v / 16 for v in x] for x in X[:300].tolist()], y[:300].tolist()


DATA = {
    "moons": (lambda s: data.moons(60, noise=0.1, seed=s), 2, 1),
    "circles": (lambda s: data.circles(60, seed=s), 2, 1),
    "spiral": (lambda s: data.spiral(90, seed=s), 2, 3),
    "iris": (lambda s: irises(), 4, 3),
    "raw iris": (lambda s: data.iris(), 4, 3),
    "digits": (lambda s: digits(), 64, 10),
    "linear": (lambda s: data.linear(50, seed=s), 2, 1),
}
SIZES = {"one": [8], "wide": [24], "two": [16, 16], "three": [8, 8, 8]}
STARTS = [
    ("relu", "uniform"),
    ("relu", "he"),
    ("tanh", "uniform"),
    ("tanh", "xavier"),
    ("sigmoid", "xavier"),
    ("leaky_relu", "torch"),
    ("gelu", "torch"),
    ("elu", "xavier"),
]
OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.05),
    "momentum": lambda p: optim.SGD(p, lr=0.02, momentum=0.9),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.005),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.05),
}


def healthy(k: int, epochs: int = 12):
    """The k-th healthy run: a name, and the arguments of diagnose before and after training."""
    rng = random.Random(k)
    name = list(DATA)[k % len(DATA)]
    size = rng.choice(list(SIZES))
    activation, init = STARTS[(k // len(DATA)) % len(STARTS)]
    chosen = rng.choice(list(OPTIMIZERS))
    make, nin, nout = DATA[name]
    if name == "digits":
        size = rng.choice(["one", "wide"])
    rows = make(k)
    random.seed(k)
    model = nn.MLP(nin, [*SIZES[size], nout], activation=activation, init=init)
    loss = (
        losses.cross_entropy
        if nout > 1
        else losses.squared_error
        if name == "linear"
        else losses.logistic
    )
    if nout == 1 and name != "linear" and k % 3 == 0:
        loss = losses.hinge
        rows = rows[0], [2 * t - 1 for t in rows[1]]
    optimizer = OPTIMIZERS[chosen](model.parameters())
    case = {"model": model, "loss": loss, "data": rows, "optimizer": optimizer}
    title = f"{k} {name} {size} {activation} {init} {chosen}"

    def train():
        mg.train.fit(
            model,
            loss,
            rows,
            optimizer,
            epochs=epochs,
            batch_size=None if k % 2 else 20,
            progress=False,
            seed=k,
        )

    return title, case, train
