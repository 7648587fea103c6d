"""Batches of examples of several structures: as if each were computed by itself."""

from __future__ import annotations

import random

import pytest

import micrograd as mg
from micrograd import Value, nn, optim
from micrograd.compiler.native.backend import available

BACKENDS = ["python", "numpy", *(["native", "c"] if available() else [])]
WORDS = [[1, 2, 3], [0], [2, 2, 1, 0, 3], [3, 1], [0, 0, 2], [1]]
TARGETS = [0.5, -0.5, 0.25, 0.0, 1.0, -1.0]


class Reader(nn.Module):
    """A number for a word: an embedding, and a state that goes through it."""

    def __init__(self):
        random.seed(3)
        self.table = nn.Embedding(4, 3)
        self.cell = nn.Layer(6, 3, nonlin=False)
        self.out = nn.Neuron(3, nonlin=False)

    def __call__(self, word):
        state = [0.0] * 3
        for letter in word:
            state = [mg.tanh(h) for h in self.cell([*self.table(letter), *state])]
        return self.out(state)


def compiled(backend):
    model = Reader()
    loss = lambda word, y: (model(word) - y) ** 2  # noqa: E731
    return model, loss, mg.jit(loss, parameters=model.parameters(), backend=backend)


def alike(found, expected):
    assert list(found) == pytest.approx(list(expected), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_maps_and_gradients(backend):
    model, loss, fast = compiled(backend)
    each = [loss(word, y) for word, y in zip(WORDS, TARGETS)]
    found = fast.map(WORDS, TARGETS)
    alike(found, [y.data for y in each])
    np = pytest.importorskip("numpy")
    assert isinstance(found, np.ndarray)
    mean = mg.mean(each)
    mean.backward()
    expected = [p.grad for p in model.parameters()]
    for words in (WORDS, tuple(map(tuple, WORDS)), [np.array(word) for word in WORDS]):
        value, gradient = fast.value_and_grad(words, np.array(TARGETS))
        assert value == pytest.approx(mean.data)
        assert isinstance(gradient, np.ndarray)
        alike(gradient, expected)
    model.zero_grad()
    assert fast.backward(WORDS, TARGETS) == pytest.approx(mean.data)
    alike([p.grad for p in model.parameters()], expected)


@pytest.mark.parametrize("batch_size", [1, 2, 4, None])
@pytest.mark.parametrize("backend", BACKENDS)
def test_fit_takes_the_steps_of_eager_code(backend, batch_size):
    model, loss, fast = compiled(backend)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    schedule = optim.StepLR(optimizer, step_size=5, gamma=0.5)
    fitted = fast.fit(
        WORDS, TARGETS, optimizer, steps=13, batch_size=batch_size, schedule=schedule, seed=4,
        progress=False,
    )  # fmt: skip
    other, loss, _ = compiled("python")
    theirs = optim.Adam(other.parameters(), lr=0.02)
    their_schedule = optim.StepLR(theirs, step_size=5, gamma=0.5)
    orders = mg.compiler.fit.orders(len(WORDS), batch_size or 6, 4)
    for step in range(13):
        order = next(orders) if batch_size else range(len(WORDS))
        mean = mg.mean([loss(WORDS[i], TARGETS[i]) for i in order])
        assert fitted.loss[step] == pytest.approx(mean.data, rel=1e-10)
        theirs.zero_grad()
        mean.backward()
        theirs.step()
        their_schedule.step()
    alike([p.data for p in model.parameters()], [p.data for p in other.parameters()])
    assert (optimizer.steps, optimizer.lr) == (theirs.steps, theirs.lr)
    alike(
        [x for state in optimizer.state for x in state],
        [x for state in theirs.state for x in state],
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loss_that_is_not_a_number_ends_the_fit(backend):
    p = Value(1.0)
    fast = mg.jit(lambda xs: p * mg.sum([mg.log(x) for x in xs]), parameters=[p], backend=backend)
    optimizer = optim.SGD([p], lr=0.1)
    with pytest.raises(ValueError, match="the loss is not a number after"):
        fast.fit([[1.0], [1.0, 2.0], [-1.0, 1.0, 1.0]], optimizer, steps=9, batch_size=1)
    assert p.data == p.data


def test_results_that_are_no_numbers_are_a_list():
    fast = mg.jit(lambda xs: [x * x for x in xs])
    assert fast.map([[1.0, 2.0], [3.0], [2.0, 0.0]]) == [[1.0, 4.0], [9.0], [4.0, 0.0]]
    nested = mg.jit(lambda d: mg.sum(d["a"]) * d["k"])
    assert [*nested.map([{"a": [1.0], "k": 2.0}, {"a": [1.0, 2.0], "k": 3.0}])] == [2.0, 9.0]


def test_parameters_that_only_some_examples_reach():
    ps = [Value(1.0), Value(2.0), Value(3.0)]
    f = lambda xs: mg.sum([p * x for p, x in zip(ps, xs)])  # noqa: E731
    examples = [[1.0], [1.0, 2.0, 4.0]]
    assert [*mg.jit(f).map(examples)] == [1.0, 17.0]
    with pytest.raises(ValueError, match=r"different parameters.*name them"):
        mg.jit(f).value_and_grad(examples)
    for backend in BACKENDS:
        value, gradient = mg.jit(f, parameters=ps, backend=backend).value_and_grad(examples)
        assert (value, [*gradient]) == (9.0, [1.0, 1.0, 2.0])


def test_what_is_refused():
    fast = mg.jit(lambda xs: mg.sum(xs) * Value(2.0))
    with pytest.raises(ValueError, match=r"example 1 has another structure.*write 1.0 and 0.0"):
        fast.map([[1.0, True], [1.0, False]])
    with pytest.raises(ValueError, match=r"have 150 structures.*at most 128"):
        fast.map([[1.0] * n for n in range(1, 151)])
    neuron = nn.Neuron(2)
    with pytest.raises(ValueError, match=r"example 2 has another structure than example 0: .*"):
        mg.jit(neuron).map([[1.0, 2.0], [0.0, 1.0], [1.0, 2.0, 3.0]])
    with pytest.raises(TypeError, match="real number"):
        fast.map([[1.0], [object(), 1.0]])
