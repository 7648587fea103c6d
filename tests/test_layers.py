"""Layers against PyTorch's recorded outputs and gradients, finite differences, and their word."""

from __future__ import annotations

import copy
import json
import math
import pickle
import random
import statistics
from pathlib import Path

import pytest

import micrograd as mg
from micrograd import Value, nn

CASES = json.loads((Path(__file__).with_name("recorded") / "layers.json").read_text())


def flat(x):
    return [v for part in x for v in flat(part)] if isinstance(x, (list, tuple)) else [x]


def close(found, expected):
    numbers = [v.data if isinstance(v, Value) else v for v in flat(found)]
    assert numbers == pytest.approx(flat(expected), rel=1e-12, abs=1e-13)


def fill(parameters, numbers):
    for p, x in zip(flat(parameters), flat(numbers), strict=True):
        p.data = x


def values(x):
    return [values(part) for part in x] if isinstance(x, list) else Value(x)


def pull(outputs):
    """Backward from the outputs with weights 1, 2, 3..., as the recording does."""
    mg.sum([k * y for k, y in enumerate(flat(outputs), 1)]).backward()


def check(name, layer, parameters, call=None):
    """Outputs and gradients by all parameters and inputs are the recorded ones."""
    case = CASES[name]
    for key, p in parameters.items():
        fill(p, case["parameters"][key])
    inputs = [values(x) for x in case["inputs"]]
    outputs = (call or layer)(*inputs)
    close(outputs, case["outputs"])
    layer.zero_grad()
    pull(outputs)
    for key, p in parameters.items():
        close([v.grad for v in flat(p)], case["gradients"][key])
    close([v.grad for v in flat(inputs)], case["input_gradients"])


def through(cell):
    def call(*xs):
        state = None
        for x in xs:
            state = cell(x, state)
        return state

    return call


# Against PyTorch --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ReLU", "LeakyReLU", "PReLU", "ELU", "SiLU", "GELU", "Sigmoid", "Tanh"]
)
def test_activations(name):
    layer = getattr(nn, name)(**CASES[name]["settings"])
    check(name, layer, {"weight": layer.weight} if name == "PReLU" else {})
    assert repr(layer) == f"{name}()"


@pytest.mark.parametrize("name", ["Linear", "LayerNorm"])
def test_one_example_in_a_list_out(name):
    layer = nn.Linear(3, 2) if name == "Linear" else nn.LayerNorm(3)
    check(name, layer, {"weight": layer.weight, "bias": layer.bias})


def test_maxout():
    layer = nn.Maxout(3, 2, pieces=3)
    parameters = {
        f"pieces.{i}.{key}": getattr(piece, key)
        for i, piece in enumerate(layer.pieces)
        for key in ("weight", "bias")
    }
    check("Maxout", layer, parameters)


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell"])
def test_recurrent_cells_over_a_sequence(name):
    cell = getattr(nn, name)(2, 3)
    keys = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    check(name, cell, {key: getattr(cell, key) for key in keys}, through(cell))
    assert [key.split(".")[0] for key, _ in cell.named_parameters()] == sorted(
        [key.split(".")[0] for key, _ in cell.named_parameters()], key=keys.index
    )


def test_embedding():
    layer = nn.Embedding(4, 3)
    check(
        "Embedding", layer, {"weight": layer.weight}, lambda: layer(CASES["Embedding"]["indices"])
    )


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
def test_mlp(name):
    model = nn.MLP(3, [4, 2], activation=name)
    parameters = {}
    for i, layer in zip((0, 2), model.layers):
        parameters[f"{i}.weight"] = [n.w for n in layer.neurons]
        parameters[f"{i}.bias"] = [n.b for n in layer.neurons]
    check(f"MLP {name}", model, parameters)


def test_batch_norm_in_training_and_in_use():
    layer = nn.BatchNorm(2, momentum=0.3)
    for i in range(3):
        name = f"BatchNorm {i}"
        layer.train(CASES[name]["training"])
        check(name, layer, {"weight": layer.weight, "bias": layer.bias})
        for key, expected in CASES[name]["running"].items():
            close(getattr(layer, key), expected)


# Gradients of everything ------------------------------------------------------------------


def test_every_layer_by_finite_differences():
    random.seed(4)
    layers = {
        "linear": (nn.Linear(3, 2), 3),
        "maxout": (nn.Maxout(3, 2), 3),
        "prelu": (nn.PReLU(3), 3),
        "layer norm": (nn.LayerNorm(3), 3),
        "rnn": (nn.RNNCell(3, 2), 3),
        "lstm": (nn.LSTMCell(3, 2), 3),
        "both": (nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.SiLU(), nn.Linear(3, 1)), 3),
    }
    for layer, size in layers.values():
        x = [random.uniform(-2, 2) for _ in range(size)]

        def of_inputs(*x, layer=layer):
            return flat(layer(list(x)))

        assert mg.check_grad(of_inputs, *x)
        # By the parameters: the gradient that backward leaves against central differences.
        layer.zero_grad()
        pull(layer(x))
        for p in layer.parameters():
            old, h = p.data, 1e-5
            ends = []
            for p.data in (old + h, old - h):
                ends.append(sum(k * y.data for k, y in enumerate(flat(layer(x)), 1)))
            p.data = old
            assert p.grad == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_by_finite_differences(training):
    layer = nn.BatchNorm(2)
    layer.train(training)
    layer.weight[0].data, layer.bias[1].data = 1.5, -0.5

    def f(*xs):
        return flat(layer([xs[:2], xs[2:4], xs[4:]]))

    assert mg.check_grad(f, 0.3, -1.0, 2.0, 0.7, -0.4, 0.1)


def test_batch_norm_gradient_equals_the_closed_form():
    # d loss / d x_i = w / sqrt(var + eps) * (g_i - mean(g) - xhat_i * mean(g * xhat))
    xs, gs = [0.5, -1.0, 2.0, 3.0], [1.0, 0.5, -2.0, 0.25]
    layer = nn.BatchNorm(1)
    layer.weight[0].data = 1.7
    leaves = [Value(x) for x in xs]
    mg.sum([g * y for g, [y] in zip(gs, layer([[x] for x in leaves]))]).backward()
    deviation = math.sqrt(statistics.pvariance(xs) + layer.eps)
    hat = [(x - statistics.fmean(xs)) / deviation for x in xs]
    mean_g = statistics.fmean(gs)
    mean_gh = statistics.fmean(g * h for g, h in zip(gs, hat))
    expected = [1.7 / deviation * (g - mean_g - h * mean_gh) for g, h in zip(gs, hat)]
    assert [x.grad for x in leaves] == pytest.approx(expected, rel=1e-12)
    assert layer.weight[0].grad == pytest.approx(sum(g * h for g, h in zip(gs, hat)), rel=1e-12)
    assert layer.bias[0].grad == pytest.approx(sum(gs), rel=1e-12)


# What the layers promise ------------------------------------------------------------------


def test_batch_norm_in_use_does_not_mix_examples_and_changes_nothing():
    layer = nn.BatchNorm(1)
    layer([[1.0], [5.0]])
    kept = layer.state_dict()
    layer.eval()
    alone = layer([[2.0]])[0][0].data
    together = layer([[2.0], [100.0], [-7.0]])[0][0].data
    assert alone == together
    assert layer.state_dict() == kept
    layer.train()
    assert layer([[2.0], [100.0]])[0][0].data != alone


def test_batch_norm_says_what_it_takes():
    layer = nn.BatchNorm(2)
    with pytest.raises(ValueError, match=r"BatchNorm\(2\): a batch of one has no variance"):
        layer([[1.0, 2.0]])
    for wrong in ([1.0, 2.0], [[1.0], [2.0]]):
        with pytest.raises(ValueError, match="each a list of 2 numbers"):
            layer(wrong)
    with pytest.raises(
        ValueError, match=r"LayerNorm\(2\): it takes a list of 2 numbers, and got 3"
    ):
        nn.LayerNorm(2)([1.0, 2.0, 3.0])


def test_dropout_keeps_the_share_and_the_expectation_it_promises():
    n, p = 20_000, 0.3
    drop = nn.Dropout(p, rng=random.Random(0))
    out = drop([1.0] * n)
    assert set(out) == {0.0, 1 / (1 - p)}
    # Standard errors: sqrt(p (1 - p) / n) of the share, 1 / (1 - p) times that of the mean.
    error = math.sqrt(p * (1 - p) / n)
    assert abs(out.count(0.0) / n - p) < 4 * error
    assert abs(sum(out) / n - 1) < 4 * error / (1 - p)


def test_dropout_passes_gradient_through_what_is_left_and_is_off_in_use():
    drop = nn.Dropout(0.5, rng=random.Random(1))
    xs = [Value(1.0) for _ in range(10)]
    out = drop(xs)
    mg.sum(out).backward()
    assert [x.grad for x in xs] == [y.data for y in out]
    assert {x.grad for x in xs} == {0.0, 2.0}
    drop.eval()
    assert drop(xs) is xs
    assert nn.Dropout(0.0)(xs) is xs
    assert nn.Dropout(1.0)([1.0, 2.0]) == [0.0, 0.0]
    for p in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="probability"):
            nn.Dropout(p)


def test_dropout_draws_from_the_global_random_unless_told():
    drop = nn.Dropout(0.5)
    random.seed(8)
    first = drop([1.0] * 20)
    assert drop([1.0] * 20) != first
    random.seed(8)
    assert drop([1.0] * 20) == first


def test_what_changes_with_each_call_is_not_traced():
    from micrograd.core.observe import Observer

    class Tracing(Observer):
        symbolic = True

    with Tracing():
        with pytest.raises(TypeError, match=r"Dropout: .* call model\.eval\(\)"):
            nn.Dropout(0.5)([1.0])
        with pytest.raises(TypeError, match="BatchNorm: "):
            nn.BatchNorm(1)([[1.0], [2.0]])
        nn.Dropout(0.5).eval()([1.0])
        nn.BatchNorm(1).eval()([[1.0]])


def test_tanh_is_a_sigmoid_and_maxout_contains_relu_and_leaky_relu():
    for x in (-3.0, -0.2, 0.0, 0.7, 5.0):
        assert nn.Tanh()(x) == pytest.approx(2 * nn.Sigmoid()(2 * x) - 1, abs=2.3e-16)
        for slope, reference in ((0.0, nn.ReLU()), (0.01, nn.LeakyReLU())):
            layer = nn.Maxout(1, 1)
            fill([piece.weight for piece in layer.pieces], [1.0, slope])
            assert layer([x]).data == reference(x)


def test_layers_take_batches_where_they_take_examples():
    batch = [[0.5, -1.0], [2.0, 0.25], [0.0, 1.0]]
    for layer in (
        nn.Linear(2, 3),
        nn.Linear(2, 1),
        nn.Maxout(2, 2),
        nn.LayerNorm(2),
        nn.PReLU(2),
        nn.GELU(),
    ):
        close(
            layer(batch),
            [[v.data if isinstance(v, Value) else v for v in flat(layer(x))] for x in batch],
        )
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm(4), nn.ReLU(), nn.Linear(4, 1))
    assert len(model(batch)) == 3


def test_sequential_is_a_row_of_modules_and_functions():
    model = nn.Sequential(nn.Linear(2, 2), lambda x: [v * 2 for v in x], nn.Tanh())
    assert len(model) == 3
    x = [1.0, -1.0]
    assert [y.data for y in model(x)] == [mg.tanh(2 * v.data) for v in model[0](x)]
    assert model.parameter_count() == 6
    assert (
        repr(nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.1)))
        == "Sequential(Linear(2, 3), Dropout(0.1))"
    )


def test_parameter_counts_of_cells_and_tables():
    assert nn.RNNCell(2, 3).parameter_count() == 3 * (2 + 3 + 2)
    assert nn.LSTMCell(2, 3).parameter_count() == 4 * 3 * (2 + 3 + 2)
    assert nn.Embedding(10, 4).parameter_count() == 40


def test_embedding_refuses_what_is_not_in_it_and_learns_only_what_was_asked():
    table = nn.Embedding(3, 2)
    for index in (-1, 3, 0.5):
        with pytest.raises(IndexError, match="counted from 0"):
            table(index)
    mg.sum(table(1)).backward()
    assert [[v.grad for v in row] for row in table.weight] == [[0, 0], [1, 1], [0, 0]]


def test_cells_say_what_does_not_fit():
    with pytest.raises(ValueError, match="2 weights for 3 inputs"):
        nn.RNNCell(2, 3)([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="2 slopes for 3 numbers"):
        nn.PReLU(2)([1.0, 2.0, 3.0])


def test_a_recurrent_gradient_grows_as_the_eigenvalue_to_the_power_of_the_steps():
    for eigenvalue, steps in ((0.5, 20), (1.5, 20)):
        h = first = Value(1e-9)
        for _ in range(steps):
            h = mg.tanh(eigenvalue * h)
        h.backward()
        assert first.grad == pytest.approx(eigenvalue**steps, rel=1e-6)


def test_names_come_from_one_module():
    for name in nn.__all__:
        assert name == "ACTIVATIONS" or getattr(nn, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Conv2d'"):
        nn.Conv2d


def test_layers_and_losses_compile_to_the_same_numbers():
    pytest.importorskip("micrograd.compiler")
    from micrograd import losses

    random.seed(7)
    score, scores = nn.MLP(3, [4, 1]), nn.MLP(3, [4, 3])
    cell = nn.LSTMCell(3, 2)
    norm = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm(2))
    norm([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5]])
    norm.eval()
    x = [0.3, -1.0, 2.0]
    for f, *arguments in (
        (lambda x, y: losses.logistic(score(x), y), x, 1.0),
        (lambda x, y: losses.hinge(score(x), y), x, -1.0),
        (lambda x, y: losses.huber(score(x), y), x, 9.0),
        (lambda x, y: losses.cross_entropy(scores(x), y), x, 2.0),
        (lambda x, y: losses.multiclass_hinge(scores(x), y), x, 2.0),
        (lambda x: mg.sum(cell(x)[0]), x),
        (lambda x: mg.sum(nn.Maxout(3, 2)(x)), x),
        (lambda x: mg.sum(nn.LayerNorm(3)(x)), x),
        (lambda x: mg.sum(norm([x])[0]), x),
    ):
        random.seed(8)
        expected = f(*arguments).data
        random.seed(8)
        assert mg.jit(f)(*arguments) == expected


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Neuron(2, "tanh"), r'activation="tanh"'),
        (lambda: nn.Neuron(2, nonlin=mg.tanh), r'activation="tanh"'),
        (lambda: nn.Neuron(2, activation=["relu"]), "the activation is one of"),
        (lambda: nn.MLP(2, {3: 1}), "the sizes of the layers are a list"),
        (lambda: nn.MLP(2, {3, 1}), "the sizes of the layers are a list"),
        (lambda: nn.LeakyReLU(None), "LeakyReLU: negative_slope"),
        (lambda: nn.LeakyReLU(math.nan), "LeakyReLU: negative_slope"),
        (lambda: nn.ELU("x"), "ELU: alpha"),
        (lambda: nn.PReLU(1, math.nan), "PReLU: init"),
        (lambda: nn.BatchNorm(2, "x"), "BatchNorm: eps"),
        (lambda: nn.BatchNorm(2, -1.0), "BatchNorm: eps"),
        (lambda: nn.BatchNorm(2, momentum=2), "BatchNorm: momentum is from 0 to 1"),
        (lambda: nn.LayerNorm(2, None), "LayerNorm: eps"),
        (lambda: nn.Dropout(True), "Dropout: p"),
        (lambda: nn.Dropout(0.5, rng=3), "Dropout: rng"),
        (lambda: nn.Sequential(nn.ReLU(), "relu"), "Sequential: step 1 is 'relu'"),
        (lambda: nn.Sequential(nn.ReLU), "Sequential: step 0"),
        (lambda: nn.Sequential([nn.ReLU()]), "Sequential: step 0"),
        (lambda: nn.Embedding(3, 2)("a"), "an index is a whole number, not 'a'"),
        (lambda: nn.Embedding(3, 2)(None), "an index is a whole number"),
        (lambda: nn.Embedding(3, 2)([0, True]), "an index is a whole number"),
        (lambda: nn.Neuron(2)({0: 1.0, 1: 2.0}), "takes a list of 2 numbers"),
        (lambda: nn.Neuron(2)(None), "takes a list of 2 numbers"),
        (lambda: nn.BatchNorm(2)(None), "takes a list of examples"),
        (lambda: nn.BatchNorm(2)(5.0), "takes a list of examples"),
        (lambda: nn.LayerNorm(2)(5.0), "takes a list of 2 numbers"),
        (lambda: nn.RNNCell(2, 2)(5.0), "the input: it takes a list"),
        (lambda: nn.RNNCell(2, 2)([1.0, "a"]), "input 1 is 'a'"),
        (lambda: nn.RNNCell(2, 2)([1.0, 2.0], [1.0, None]), "the state: input 1 is None"),
        (lambda: nn.LSTMCell(2, 2)([1.0, 2.0], [1.0]), r"the state is a pair \(h, c\)"),
        (lambda: nn.LSTMCell(2, 2)([1.0, 2.0], 1.0), r"the state is a pair \(h, c\)"),
        (lambda: nn.LSTMCell(2, 2)([1.0, 2.0], ([1.0, 2.0], [1.0])), "the state c"),
        (lambda: nn.MLP(2, [1]).train("x"), "the mode is True or False"),
        (lambda: nn.MLP(2, [1]).requires_grad_(None), "requires_grad is True or False"),
        (lambda: nn.MLP(2, [1]).requires_grad_("no"), "requires_grad is True or False"),
    ],
)
def test_arguments_that_make_no_sense(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_model_with_dropout_is_copied(clone):
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.Dropout(0.5, rng=random.Random(1)))
    twin = clone(model)
    for m in (model, twin):
        random.seed(3)
        m.drawn = [y.data for y in m([1.0, -2.0])]
    assert model.drawn == twin.drawn


def mine(batch):
    raise KeyError("my own message")


@pytest.mark.parametrize(
    ("steps", "x", "kind", "words"),
    [
        ([nn.BatchNorm(2)], [[1.0, 2.0]], ValueError, "a batch of one has no variance"),
        ([nn.Linear(2, 2), nn.BatchNorm(3)], [[1.0, 2.0]] * 2, ValueError, "a list of 3 numbers"),
        ([nn.LayerNorm(2)], [[1.0, 2.0, 3.0]], ValueError, "takes a list of 2 numbers, and got 3"),
        ([mine], [[1.0, 2.0]], KeyError, "my own message"),
    ],
)
def test_a_sequence_tells_the_error_of_its_step(steps, x, kind, words):
    with pytest.raises(kind, match=words):
        nn.Sequential(*steps)(x)
