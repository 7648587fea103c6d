"""Neurons, layers, MLPs: what code written for micrograd relies on; modules and their files."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import random
import statistics
from pathlib import Path

import pytest

import micrograd as mg
from micrograd import Value, data, losses, nn, optim
from micrograd.nn import MLP, Layer, Module, Neuron

pytestmark = pytest.mark.core

MOONS = json.loads((Path(__file__).with_name("recorded") / "moons.json").read_text())

# Drop-in ----------------------------------------------------------------------------------


def test_reprs():
    assert repr(Neuron(2)) == "ReLUNeuron(2)"
    assert repr(Neuron(16, nonlin=False)) == "LinearNeuron(16)"
    assert repr(Layer(2, 2)) == "Layer of [ReLUNeuron(2), ReLUNeuron(2)]"
    assert repr(MLP(3, [2, 1])) == (
        "MLP of [Layer of [ReLUNeuron(3), ReLUNeuron(3)], Layer of [LinearNeuron(2)]]"
    )


def test_attributes_and_call_shapes():
    model = MLP(3, [4, 4, 1])
    assert [len(layer.neurons) for layer in model.layers] == [4, 4, 1]
    neuron = model.layers[0].neurons[0]
    assert len(neuron.w) == 3
    assert neuron.b.data == 0.0
    assert [layer.neurons[0].nonlin for layer in model.layers] == [True, True, False]
    assert isinstance(model([1.0, 2.0, 3.0]), Value)
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)
    assert [type(y) for y in Layer(2, 3)([Value(1.0), 2])] == [Value] * 3


def test_weights_are_drawn_in_order_from_the_global_random_and_biases_draw_nothing():
    random.seed(42)
    drawn = [random.uniform(-1, 1) for _ in range(3 * 4 + 4 * 4 + 4)]
    after = random.random()
    random.seed(42)
    model = MLP(3, [4, 4, 1])
    assert random.random() == after
    weights = [w.data for layer in model.layers for n in layer.neurons for w in n.w]
    assert weights == drawn
    assert all(n.b.data == 0 for layer in model.layers for n in layer.neurons)


def test_parameters_are_weights_then_bias_neuron_by_neuron():
    model = MLP(2, [2, 1])
    expected = [p for layer in model.layers for n in layer.neurons for p in [*n.w, n.b]]
    assert all(p is q for p, q in zip(model.parameters(), expected, strict=True))


def test_parameter_counts_of_the_course_notes():
    assert MLP(3, [4, 2]).parameter_count() == len(MLP(3, [4, 2]).parameters()) == 26
    assert MLP(3, [4, 4, 1]).parameter_count() == 41
    assert MLP(2, [16, 16, 1]).parameter_count() == 337


def test_a_neuron_is_the_sum_of_products_that_starts_with_the_bias():
    random.seed(3)
    neuron = Neuron(5, nonlin=False)
    neuron.b.data = 0.1
    xs = [random.gauss(0, 1) for _ in range(5)]
    by_hand = sum((w * x for w, x in zip(neuron.w, xs)), neuron.b)
    out = neuron(xs)
    assert out.data == by_hand.data  # to the last bit: the order of the sum is the same
    out.backward()
    assert [w.grad for w in neuron.w] == xs
    assert neuron.b.grad == 1.0


def test_a_module_written_for_micrograd_runs():
    class Doubled(Module):
        def __init__(self):
            self.inner = MLP(2, [3, 1])
            self.scale = Value(2.0)

        def __call__(self, x):
            return self.inner(x) * self.scale

        def parameters(self):
            return self.inner.parameters() + [self.scale]  # noqa: RUF005

    model = Doubled()
    model([1.0, -1.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert all(p.grad == 0 for p in model.parameters())
    assert Module().parameters() == []
    with pytest.raises(NotImplementedError, match="define __call__"):
        Module()(1.0)


def test_the_recorded_moons_are_those_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    np = pytest.importorskip("numpy")
    np.random.seed(1337)
    xs, y = datasets.make_moons(n_samples=100, noise=0.1)
    assert [2 * k - 1 for k in y.tolist()] == MOONS["y"]
    assert [v for row in xs.tolist() for v in row] == pytest.approx(
        [v for row in MOONS["X"] for v in row], rel=1e-12
    )


def demo_loss(model, xs, y):
    """The loss of micrograd's notebook, word for word in its order of operations."""
    scores = [model(list(map(Value, row))) for row in xs]
    margins = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
    data_loss = sum(margins) * (1.0 / len(margins))
    total = data_loss + 1e-4 * sum(p * p for p in model.parameters())
    right = sum((score.data > 0) == (yi > 0) for yi, score in zip(y, scores))
    return total, right / len(y)


def test_the_moons_demo_takes_the_recorded_steps():
    xs, y = MOONS["X"], MOONS["y"]
    random.seed(1337)
    model = MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337
    for k, step in enumerate(MOONS["steps"]):
        total, right = demo_loss(model, xs, y)
        if k == 0:
            assert total.data == 0.8958441028683222
        assert total.data == pytest.approx(step["loss"], rel=1e-12)
        assert right == step["accuracy"]
        model.zero_grad()
        total.backward()
        found = [p.grad for p in model.parameters()][::20]
        assert found == pytest.approx(step["gradients"], rel=1e-9, abs=1e-14)
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad


# Activations and starts -------------------------------------------------------------------


@pytest.mark.parametrize("name", nn.ACTIVATIONS)
def test_the_activation_bends_all_layers_but_the_last(name):
    random.seed(0)
    model = MLP(2, [3, 1], activation=name, init="xavier")
    kind, function = nn.ACTIVATIONS[name]
    assert repr(model.layers[0].neurons[0]) == f"{kind}Neuron(2)"
    assert repr(model.layers[1].neurons[0]) == "LinearNeuron(3)"
    x = [0.3, -0.8]
    hidden = [
        function(n.b.data + sum(w.data * v for w, v in zip(n.w, x)))
        for n in model.layers[0].neurons
    ]
    last = model.layers[1].neurons[0]
    expected = last.b.data + sum(w.data * h for w, h in zip(last.w, hidden))
    assert model(x).data == pytest.approx(expected, rel=1e-14)

    def f(*weights):
        for p, w in zip(model.parameters(), weights):
            p.data = w.data
        out = MLP(2, [3, 1], activation=name)
        out.layers[0].neurons = [Neuron(2, activation=name) for _ in range(3)]
        numbers = iter(weights)
        for n in [*out.layers[0].neurons, *out.layers[1].neurons]:
            n.w = [next(numbers) for _ in n.w]
            n.b = next(numbers)
        return out(x)

    assert mg.check_grad(f, *[p.data for p in model.parameters()])


def test_unknown_names_are_refused_with_the_list_of_known_ones():
    with pytest.raises(ValueError, match=r"relu, leaky_relu.*not 'rleu'"):
        MLP(2, [2, 1], activation="rleu")
    with pytest.raises(ValueError, match=r"uniform, torch.*not 'xaver'"):
        MLP(2, [2, 1], init="xaver")
    with pytest.raises(ValueError, match="2 weights for 3 inputs"):
        Neuron(2)([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("init", "variance", "bound"),
    [
        ("uniform", 1 / 3, 1.0),
        ("torch", 1 / (3 * 50), 1 / math.sqrt(50)),
        ("xavier", 2 / (50 + 80), math.sqrt(6 / 130)),
        ("he", 2 / 50, math.inf),
        ("zeros", 0.0, 0.0),
    ],
)
def test_starts_have_the_variance_that_they_promise(init, variance, bound):
    random.seed(5)
    layer = Layer(50, 80, init=init)
    weights = [w.data for n in layer.neurons for w in n.w]
    # 4000 draws: the standard error of a variance is at most sqrt(2/4000) of it.
    assert statistics.pvariance(weights) == pytest.approx(variance, rel=0.12)
    assert abs(statistics.fmean(weights)) <= 5 * math.sqrt(variance / len(weights))
    assert max(map(abs, weights)) <= bound
    assert all(n.b.data == 0 for n in layer.neurons)


def spread_after(init, activation, depth=8, width=40):
    """How large activations are after many layers, against the inputs of size 1."""
    random.seed(6)
    layers = [Layer(width, width, activation=activation, init=init) for _ in range(depth)]
    x = [random.gauss(0, 1) for _ in range(width)]
    with mg.no_grad():
        for layer in layers:
            x = layer(x)
    return math.sqrt(statistics.fmean(v.data**2 for v in x))


def test_the_reason_for_each_start():
    # He keeps relu activations at their size where xavier lets them fade by sqrt(2) a
    # layer and uniform blows them up; xavier keeps tanh alive where uniform saturates it.
    assert 0.2 < spread_after("he", "relu") < 5
    assert spread_after("xavier", "relu") < 0.25
    assert spread_after("uniform", "relu") > 100
    assert 0.2 < spread_after("xavier", "tanh") < 0.8
    assert spread_after("uniform", "tanh") > 0.85
    assert spread_after("torch", "tanh") < 0.05


def test_neurons_that_start_equal_stay_equal():
    model = MLP(2, [3, 1], activation="sigmoid", init="zeros")
    opt = optim.SGD(model.parameters(), lr=0.5)
    for _ in range(20):
        opt.zero_grad()
        losses.squared_error(model([0.5, -1.0]), 2.0).backward()
        opt.step()
    first, *others = model.layers[0].neurons
    assert model.layers[1].neurons[0].w[0].data != 0
    for n in others:
        assert [p.data for p in n.parameters()] == [p.data for p in first.parameters()]


# Modules ----------------------------------------------------------------------------------


class Odd(Module):
    """Parameters in a dict, a tuple, a module in a list, one of them twice, and no parameters."""

    def __init__(self):
        self.table = {"a": Value(1.0), "b": [Value(2.0)]}
        self.pair = (Value(3.0), self.table["a"])
        self.inner = [Neuron(1), Neuron(1, nonlin=False)]
        self.name, self.size, self.seen = "odd", 3, None

    def __call__(self, x):
        self.seen = self.pair[0] * x  # an activation kept to look at is no parameter
        return self.inner[1]([self.inner[0]([self.seen])]) * self.table["a"]


def test_modules_find_their_parameters_wherever_they_are():
    model = Odd()
    before = [name for name, _ in model.named_parameters()]
    assert before == [
        "table.a", "table.b.0", "pair.0", "inner.0.w.0", "inner.0.b", "inner.1.w.0", "inner.1.b",
    ]  # fmt: skip
    model(2.0)
    assert [name for name, _ in model.named_parameters()] == before
    assert len(model.modules()) == 3
    assert model.modules()[0] is model


def test_a_part_that_knows_its_whole_changes_no_name():
    class Whole(Module):
        def __init__(self):
            self.part = Neuron(1)
            self.part.whole = self
            self.scale = Value(1.0)

    names = [name for name, _ in Whole().named_parameters()]
    assert names == ["part.w.0", "part.b", "scale"]
    assert len(Whole().modules()) == 2


def test_train_and_eval_reach_every_module():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.Sequential(nn.BatchNorm(2)))
    assert all(m.training for m in model.modules())
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())


def test_copies_are_independent_and_pickles_whole():
    random.seed(1)
    model = MLP(2, [3, 1])
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.state_dict() == model.state_dict()
        other.parameters()[0].data += 1
        assert other.state_dict() != model.state_dict()
        assert repr(other) == repr(model)


# Files ------------------------------------------------------------------------------------


def normalized_model():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm(3), nn.Tanh(), nn.Linear(3, 1))


def test_a_saved_model_reads_back_bit_for_bit(tmp_path):
    random.seed(2)
    model, other = normalized_model(), normalized_model()
    xs, _ = data.moons(10)
    model(xs)  # moves the running statistics
    model.parameters()[0].data = 0.1 + 0.2
    model.parameters()[1].data = math.inf
    model.parameters()[2].data = 5e-324
    model.save(tmp_path / "deep" / "model.json")
    assert other.load(tmp_path / "deep" / "model.json") is other
    assert other.state_dict() == model.state_dict()
    assert other.steps[1].running_mean == model.steps[1].running_mean != [0.0] * 3


def test_training_resumed_from_files_takes_the_same_steps(tmp_path):
    xs, y = data.moons(20)
    random.seed(3)
    model = MLP(2, [4, 1])
    opt = optim.Adam(model.parameters(), lr=0.05)
    schedule = optim.CosineAnnealingLR(opt, T_max=20)

    def train(model, opt, schedule, steps):
        for _ in range(steps):
            opt.zero_grad()
            mg.mean([losses.logistic(model(a), b) for a, b in zip(xs, y)]).backward()
            opt.step()
            schedule.step()
        return [p.data for p in model.parameters()]

    train(model, opt, schedule, 6)
    model.save(tmp_path / "model.json")
    opt.save(tmp_path / "opt.json")
    schedule.save(tmp_path / "schedule.json")
    on = train(model, opt, schedule, 6)
    model = MLP(2, [4, 1]).load(tmp_path / "model.json")
    opt = optim.Adam(model.parameters()).load(tmp_path / "opt.json")
    schedule = optim.CosineAnnealingLR(opt, T_max=20).load(tmp_path / "schedule.json")
    assert train(model, opt, schedule, 6) == on


def test_a_state_that_does_not_fit_is_refused_and_the_model_stays(tmp_path):
    model = MLP(2, [2, 1])
    before = model.state_dict()
    name = next(iter(before))
    misfits = {
        "is missing": MLP(2, [1]).state_dict(),
        "is not in this model": {**before, "more": 1.0},
        "a real number is needed": {**before, "layers.1.neurons.0.b": "1.0"},
        "None": {**before, "layers.1.neurons.0.b": None},
        "list": {**before, name: [1.0]},
        "too large": {**before, "layers.1.neurons.0.b": 10**400},
    }
    for state in misfits.values():
        # Numbers that would fit come first: they must not be set either.
        state = {key: 9.0 if value == before.get(key) else value for key, value in state.items()}
        path = tmp_path / "misfit.json"
        path.write_text(json.dumps({"format": "micrograd 1", "state": state}))
        with pytest.raises(ValueError, match=r"misfit\.json"):
            model.load(path)
        assert model.state_dict() == before
    with pytest.raises(ValueError, match=r"more is not in this model \(10 entries, 9"):
        model.load_state_dict({**before, "more": 1.0})


def test_running_statistics_of_another_size_are_refused():
    model = normalized_model()
    state = model.state_dict()
    state["steps.1.running_var"] = [1.0]
    with pytest.raises(ValueError, match="running_var"):
        model.load_state_dict(state)


def test_foreign_and_truncated_files_are_refused(tmp_path):
    model = MLP(2, [2, 1])
    before = model.state_dict()
    good = tmp_path / "model.json"
    model.save(good)
    whole = good.read_text()
    cases = [whole[: len(whole) // k] for k in (2, 3, 10)]
    cases += ["", "[]", "3", '"text"', "{}", '{"format": "other"}', '{"format": "micrograd 1"}']
    cases += ["[" * 100_000, '{"format": "micrograd 1", "state": 5}', "9" * 5000, "\x00\xff"]
    for content in cases:
        path = tmp_path / "bad.json"
        path.write_bytes(content.encode("latin-1"))
        with pytest.raises(ValueError, match=r"bad\.json"):
            model.load(path)
        assert model.state_dict() == before
    with pytest.raises(FileNotFoundError):
        model.load(tmp_path / "none.json")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    model = MLP(2, [2, 1])
    path = tmp_path / "model.json"
    model.save(path)
    old = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    model.parameters()[0].data = 5.0
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        model.save(path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["model.json"]


def test_a_hidden_layer_of_one_neuron():
    model = nn.MLP(2, [1, 1, 2])
    first, second = model([1.0, -2.0])
    assert isinstance(first, Value) and isinstance(second, Value)


# Words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (lambda: nn.MLP(2, 3), TypeError, r"a list, as in MLP\(2, \[16, 1\]\), not 3"),
        (lambda: nn.MLP(2, []), ValueError, "at least one layer"),
        (lambda: nn.MLP(-2, [3, 1]), ValueError, "number of inputs is at least 1, not -2"),
        (lambda: nn.MLP(2, [3, 0]), ValueError, "size of layer 1 is at least 1, not 0"),
        (lambda: nn.MLP(2, [2.5]), TypeError, "whole number, not 2.5"),
        (lambda: nn.Neuron(-1), ValueError, "at least 1"),
        (lambda: nn.Layer(2, -1), ValueError, "at least 1"),
        (lambda: nn.Linear(0, 1), ValueError, "at least 1"),
        (lambda: nn.Embedding(-1, 2), ValueError, "num_embeddings"),
        (lambda: nn.BatchNorm(True), TypeError, "whole number"),
        (lambda: nn.LSTMCell(2, 0), ValueError, "hidden_size"),
        (lambda: nn.MLP(3, [4, 1])([1.0, 2.0]), ValueError, "MLP, layer 0: .*3 weights for 2"),
        (lambda: nn.MLP(3, [4, 1])(1.0), ValueError, "layer 0"),
        (lambda: nn.MLP(3, [4, 1])(None), TypeError, "layer 0: .*list of 3 numbers, not None"),
        (lambda: nn.Linear(3, 2)([1.0]), ValueError, "Linear: .*3 weights for 1 inputs"),
        (
            lambda: nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))([1.0, 2.0]),
            ValueError,
            r"step 1, Linear\(4, 1\): .*4 weights for 3 inputs",
        ),
        (lambda: nn.MPL, AttributeError, "Did you mean: 'MLP'"),
        (lambda: nn.linear, AttributeError, "Did you mean: 'Linear'"),
        (lambda: optim.Adm, AttributeError, "Did you mean: 'Adam'"),
        (lambda: data.mons, AttributeError, "Did you mean: 'moons'"),
        (lambda: mg.train.fti, AttributeError, "Did you mean: 'fit'"),
        (lambda: optim.SGD(nn.MLP(2, [1]), lr=0.1), TypeError, r"model\.parameters\(\)"),
    ],
)
def test_mistakes_are_told_in_a_sentence(make, kind, said):
    with pytest.raises(kind, match=said) as told:
        make()
    assert "\n" not in str(told.value)


def test_a_model_of_one_input_takes_the_bare_number_eagerly_and_compiled():
    model = nn.MLP(1, [2, 1])
    assert model(3).data == model(3.0).data == model([3.0]).data == mg.jit(model)(3.0)


def test_backward_of_what_no_grad_made_says_so():
    a = Value(2.0)
    with mg.no_grad():
        z = a * a
    with pytest.raises(ValueError, match=r"no_grad\(\)"):
        z.backward()
    with pytest.raises(ValueError, match=r"no_grad\(\)"):
        z.backward(create_graph=True)
    (z * a).backward()  # as a number in a graph it is a leaf like others
    assert (a.grad, z.grad) == (4.0, 2.0)
    for leaf in (Value(3.0), z.detach()):
        leaf.backward()
        assert leaf.grad == 1.0


# A model as a table -------------------------------------------------------------------------


def test_a_summary_counts_what_is_shared_once_and_says_what_is_frozen():
    model = nn.MLP(2, [3, 1])
    model[0].requires_grad_(False)
    table = model.summary()
    assert [(r.name, r.parameters, r.frozen) for r in table.rows] == [
        ("layers.0", 9, 9), ("layers.1", 4, 0),
    ]  # fmt: skip
    assert str(table).splitlines()[-1] == "13 parameters, 4 of them learn"
    shown = model._repr_mimebundle_()
    assert shown["text/plain"] == repr(model)
    assert "Layer(2, 3), relu" in shown["text/html"]
    tied = nn.Linear(2, 2)
    twice = nn.Sequential(tied, nn.Tanh(), tied)
    assert twice.summary().parameters == 6
    assert [r.kind for r in twice.summary().rows] == ["Linear(2, 2)", "Tanh()"]
    assert nn.Neuron(2).summary().rows == ()


def test_an_mlp_is_a_row_of_layers():
    model = nn.MLP(2, [3, 4, 1])
    assert len(model) == 3
    assert [*model] == model.layers
    assert model[-1] is model.layers[2]


def test_short_names_of_losses_are_the_losses():
    from micrograd import losses

    assert losses.mse is losses.mse_loss is losses.squared_error
    assert losses.huber_loss is losses.huber
    assert losses.bce_with_logits is losses.logistic


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        ("abc", "MLP, layer 0: it takes a list of 3 numbers, not 'abc'"),
        ([1.0, None, 2.0], "MLP, layer 0: input 1 is None, and not a number"),
        (["a", 1.0, 2.0], "MLP, layer 0: input 0 is 'a', and not a number"),
        ([1j, 1.0, 2.0], "MLP, layer 0: input 0 is 1j, and not a number"),
        ({1: 2, 2: 3, 3: 4}, "Layer: the inputs are a list, in order"),
        ({1.0, 2.0, 3.0}, "Layer: the inputs are a list, in order"),
    ],
    ids=str,
)
def test_inputs_that_are_no_numbers_are_named(x, sentence):
    with pytest.raises(TypeError, match=sentence):
        nn.MLP(3, [3, 1])(x)


@pytest.mark.parametrize("x", [["a", "b"], None, "ab"], ids=str)
def test_a_linear_layer_refuses_what_is_neither_an_example_nor_a_batch(x):
    with pytest.raises(TypeError, match=r"^Linear: "):
        nn.Linear(2, 2)(x)


def test_a_layer_of_someones_own_may_have_a_forward():
    class Mine(nn.Layer):
        def forward(self, x):
            return super().__call__(x)

    class Unit(nn.Neuron):
        def forward(self, x):
            return super().__call__(x)

    layer, unit = Mine(2, 3), Unit(2)
    assert [y.data for y in layer.forward([1.0, 2.0])] == [y.data for y in layer([1.0, 2.0])]
    assert unit.forward([1.0, 2.0]).data == unit([1.0, 2.0]).data


def test_a_module_whose_class_came_from_exec_without_a_module():
    text = """
from micrograd import Value, nn
class Scale(nn.Module):
    def __init__(self):
        self.w = Value(2.0)
    def parameters(self):
        return [self.w]
    def __call__(self, x):
        return self.w * x
"""
    bare: dict = {}
    exec(text, bare)
    model = bare["Scale"]()
    assert model(3.0).data == 6.0
    assert model.state_dict() == {"w": 2.0}
