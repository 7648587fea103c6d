"""Training loops for `watch`: broken ones with what is wrong with them and where, and sound ones.

A broken one gives the report of its watch, and says which code is to be among the first two
findings and a piece of its place. The sound ones do what looks like an illness and is none.
"""

# ruff: noqa: N806
from __future__ import annotations

import contextlib
import math
import random

from patients import moons

import micrograd as mg
from micrograd import Value, losses, nn, optim
from micrograd.train import fit

BROKEN = {}
SOUND = {}


def broken(*codes, where):
    def keep(f):
        BROKEN[f.__name__] = (f, codes, where)
        return f

    return keep


def sound(f):
    SOUND[f.__name__] = f
    return f


def network(init="he", **named):
    return nn.MLP(2, [8, 1], init=init, **named)


def smooth():
    return nn.MLP(2, [8, 1], activation="tanh", init="xavier")


def mean_loss(net, n=30, loss=losses.logistic):
    return mg.mean([loss(net(x), t) for x, t in zip(*moons(n))])


def loop(net, opt, steps=20, between=None):
    with mg.watch(net) as seen:
        for _ in range(steps):
            total = mean_loss(net)
            opt.zero_grad()
            total.backward()
            if between:
                between()
            opt.step()
    return seen.report


# Broken ----------------------------------------------------------------------------------------


@broken("stale", where="at w.0")
def weights_scaled_in_the_constructor():
    class Scaled(nn.Module):
        def __init__(self):
            self.w, self.b = [Value(0.3), Value(-0.8)], Value(0.0)
            self.scaled = [w * 0.5 for w in self.w]

        def __call__(self, x):
            return mg.dot(self.scaled, x) + self.b

        def parameters(self):
            return [*self.w, self.b]

    net = Scaled()
    return loop(net, optim.SGD(net.parameters(), lr=0.1), 8)


@broken("stale", where="loop")
def a_total_that_grows_over_the_steps():
    net, total = network(), Value(0.0)
    opt = optim.SGD(net.parameters(), lr=0.05)
    with mg.watch(net) as seen:
        for _ in range(6):
            total = total + mean_loss(net)
            opt.zero_grad()
            total.backward()
            opt.step()
    return seen.report


class Reader(nn.Module):
    """A recurrent cell that is read at its end."""

    def __init__(self, cell, n):
        self.cell, self.out = cell, nn.Linear(n, 1)

    def __call__(self, xs):
        h = None
        for x in xs:
            h = self.cell([x], h)
        return self.out(h[0] if isinstance(h, tuple) else h)


def sine(k):
    return math.sin(k / 3)


def through_time(detached):
    net, h = Reader(nn.RNNCell(1, 4), 4), None
    opt = optim.SGD(net.parameters(), lr=0.05)
    with mg.watch(net) as seen:
        for k in range(0, 30, 5):
            errors = []
            h = [v.detach() for v in h] if h and detached else h
            for i in range(k, k + 5):
                h = net.cell([sine(i)], h)
                errors.append((net.out(h) - sine(i + 1)) ** 2)
            opt.zero_grad()
            mg.mean(errors).backward()
            opt.step()
    return seen.report


@broken("stale", where="at cell")
def a_state_carried_over_without_detach():
    return through_time(False)


@broken("detached", where="loop")
def no_grad_around_the_forward_pass():
    net = network()
    opt = optim.SGD(net.parameters(), lr=0.05)
    X, y = moons(20)
    with mg.watch(net) as seen:
        for _ in range(6):
            with mg.no_grad():
                outs = [net(x) for x in X]
            opt.zero_grad()
            mg.mean([losses.logistic(o, t) for o, t in zip(outs, y)]).backward()
            opt.step()
    return seen.report


@broken("detached", where="trainings.py")
def a_loss_of_bare_numbers():
    net = network()
    opt = optim.SGD(net.parameters(), lr=0.05)
    X, y = moons(20)
    with mg.watch(net) as seen:
        for _ in range(6):
            errors = [math.log1p(math.exp((1 - 2 * t) * net(x).data)) for x, t in zip(X, y)]
            opt.zero_grad()
            Value(sum(errors) / len(errors)).backward()
            opt.step()
    return seen.report


@broken("not_zeroed", where="layers.0")
def only_the_last_layer_is_zeroed():
    net = network()
    with mg.watch(net) as seen:
        for _ in range(8):
            net.layers[1].zero_grad()
            mean_loss(net).backward()
            for p in net.parameters():
                p.data -= 0.01 * p.grad
    return seen.report


@broken("not_zeroed", where="loop")
def zeroed_once_an_epoch():
    net = network()
    opt = optim.SGD(net.parameters(), lr=0.05)
    X, y = moons(24)
    with mg.watch(net) as seen:
        for _ in range(3):
            opt.zero_grad()
            for k in range(0, 24, 4):
                pairs = zip(X[k : k + 4], y[k : k + 4])
                mg.mean([losses.logistic(net(x), t) for x, t in pairs]).backward()
                opt.step()
    return seen.report


@broken("never_backward", where="loop")
def zeroed_between_backward_and_step():
    net = network()
    opt = optim.Adam(net.parameters(), lr=0.01)
    return loop(net, opt, 6, between=opt.zero_grad)


@broken("stuck", where="loop")
def p_is_another_number_of_that_name():
    net = network()
    with mg.watch(net) as seen:
        for _ in range(6):
            net.zero_grad()
            mean_loss(net).backward()
            for p in net.parameters():
                p = p - 0.1 * p.grad
    return seen.report


@broken("never_backward", where="loop")
def a_loop_by_hand_without_backward():
    net = network()
    with mg.watch(net) as seen:
        for _ in range(6):
            mean_loss(net)
            net.zero_grad()
            for p in net.parameters():
                p.data -= 0.1 * p.grad
    return seen.report


@broken("unreached", where="optimizer")
def optimizer_of_an_earlier_model():
    opt = optim.Adam(network().parameters(), lr=0.05)
    return loop(network(), opt, 6)


@broken("stuck", where="loop")
def a_rounded_output():
    net = network()
    opt = optim.Adam(net.parameters(), lr=0.05)
    with mg.watch(net) as seen:
        for _ in range(6):
            opt.zero_grad()
            mean_loss(net, 20, lambda z, t: (round(mg.sigmoid(z)) - t) ** 2).backward()
            opt.step()
    return seen.report


@broken("exploding", "learning_rate_high", where="loop")
def plus_in_the_place_of_minus():
    net = smooth()
    X = [[k / 10, -k / 20] for k in range(20)]
    with mg.watch(net) as seen:
        for _ in range(40):
            net.zero_grad()
            mg.mean([losses.mse(net(x), x[0]) for x in X]).backward()
            for p in net.parameters():
                p.data += 0.1 * p.grad
    return seen.report


@broken("dead", "learning_rate_high", where="")
def one_huge_step_kills_the_rectifiers():
    net = network()
    return loop(net, optim.SGD(net.parameters(), lr=300.0), 25)


@broken("learning_rate_low", where="optimizer")
def gradients_clipped_to_a_millionth():
    net = network()
    opt = optim.SGD(net.parameters(), lr=0.1)
    return loop(net, opt, 20, between=lambda: optim.clip_grad_value(net.parameters(), 1e-6))


@broken("nonfinite", where="trainings.py")
def fit_meets_the_root_of_a_negative_number():
    net = network()
    with mg.watch(net) as seen, contextlib.suppress(ValueError):
        opt = optim.SGD(net.parameters(), lr=0.1)
        fit(net, lambda z, t: mg.sqrt(z - 9.0) + t, moons(10), opt, progress=False)
    return seen.report


# Sound, though they look ill ---------------------------------------------------------------------


@sound
def two_players():
    made, judge = nn.MLP(1, [6, 1], activation="tanh", init="xavier"), nn.MLP(1, [6, 1], init="he")
    first, second = (optim.Adam(net.parameters(), lr=0.01) for net in (made, judge))
    rng = random.Random(0)
    with mg.watch(made) as a, mg.watch(judge) as b:
        for _ in range(15):
            noise = [[rng.gauss(0, 1)] for _ in range(6)]
            real = [[1 + 0.5 * rng.gauss(0, 1)] for _ in range(6)]
            false = [[made(z).detach()] for z in noise]
            second.zero_grad()
            told = [losses.logistic(judge(x), 1) for x in real]
            mg.mean(told + [losses.logistic(judge(x), 0) for x in false]).backward()
            second.step()
            first.zero_grad()
            mg.mean([losses.logistic(judge([made(z)]), 1) for z in noise]).backward()
            first.step()
    return a.codes + b.codes


@sound
def sharpness_aware():
    """Foret et al. (2021): the gradient is taken at a point a step uphill."""
    net = smooth()
    opt = optim.SGD(net.parameters(), lr=0.2)
    with mg.watch(net) as seen:
        for _ in range(10):
            opt.zero_grad()
            mean_loss(net, 20).backward()
            uphill = [p.grad for p in net.parameters()]
            size = math.hypot(*uphill)
            for p, g in zip(net.parameters(), uphill):
                p.data += 0.05 * g / size
            opt.zero_grad()
            mean_loss(net, 20).backward()
            for p, g in zip(net.parameters(), uphill):
                p.data -= 0.05 * g / size
            opt.step()
    return seen.codes


@sound
def gradients_gathered_over_four_batches():
    net = smooth()
    opt = optim.SGD(net.parameters(), lr=0.2)
    X, y = moons(40)
    with mg.watch(net) as seen:
        for i in range(24):
            k = 10 * (i % 4)
            pairs = zip(X[k : k + 10], y[k : k + 10])
            (mg.mean([losses.logistic(net(x), t) for x, t in pairs]) * 0.25).backward()
            if i % 4 == 3:
                opt.step()
                opt.zero_grad()
    return seen.codes


@sound
def features_of_frozen_layers_computed_once():
    net = nn.MLP(2, [12, 1], activation="tanh")
    net.layers[0].requires_grad_(False)
    X, y = moons(30)
    features = [net.layers[0](x) for x in X]
    opt = optim.Adam(net.layers[1].parameters(), lr=0.05)
    with mg.watch(net) as seen:
        for _ in range(12):
            opt.zero_grad()
            pairs = zip(features, y)
            mg.mean([losses.logistic(net.layers[1](f), t) for f, t in pairs]).backward()
            opt.step()
    return seen.codes


@sound
def a_state_carried_over_with_detach():
    return through_time(True).codes


@sound
def one_graph_that_is_replayed():
    net = smooth()
    opt = optim.SGD(net.parameters(), lr=0.2)
    total = mean_loss(net)
    with mg.watch(net) as seen:
        for _ in range(10):
            total.forward()
            opt.zero_grad()
            total.backward()
            opt.step()
    return seen.codes


@sound
def a_target_network():
    net, target = nn.MLP(2, [10, 2], init="he"), nn.MLP(2, [10, 2], init="he")
    opt, rng = optim.Adam(net.parameters(), lr=0.01), random.Random(0)
    with mg.watch(net) as seen:
        for i in range(20):
            if i % 5 == 0:
                target.load_state_dict(net.state_dict())
            errors = []
            for _ in range(8):
                x, after = ([rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(2))
                k = rng.randrange(2)
                with mg.no_grad():
                    best = max(v.data for v in target(after))
                errors.append(losses.huber(net(x)[k], (2 * k - 1) * x[0] + 0.9 * best))
            opt.zero_grad()
            mg.mean(errors).backward()
            opt.step()
    return seen.codes


@sound
def saliency_before_training():
    net = smooth()
    opt = optim.Adam(net.parameters(), lr=0.02)
    with mg.watch(net) as seen:
        for x in moons(5)[0]:
            net([Value(v) for v in x]).backward()
            net.zero_grad()
        for _ in range(6):
            opt.zero_grad()
            mean_loss(net, 20).backward()
            opt.step()
    return seen.codes


@sound
def compiled_gradients_in_a_loop():
    net = smooth()
    opt = optim.Adam(net.parameters(), lr=0.02)
    fast = mg.jit(
        lambda x, t: losses.logistic(net(x), t), parameters=net.parameters(), backend="python"
    )
    with mg.watch(net) as seen:
        for _ in range(12):
            opt.zero_grad()
            fast.backward(*moons(20))
            opt.step()
    return seen.codes


@sound
def a_model_that_is_only_used():
    net = smooth()
    with mg.watch(net) as seen:
        for x in moons(20)[0]:
            net(x)
    return seen.codes
