"""Writes the figures that the tests compare with, computed by PyTorch 2.13.0 in doubles.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy scikit-learn
    venv/bin/pip install --target karpathy micrograd==0.1.0
    venv/bin/python tests/recorded/record.py karpathy

Only this script needs PyTorch, scikit-learn and karpathy's micrograd: the tests read the
JSON files beside it.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from problem import START, STEPS, objective
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.optim import lr_scheduler

torch.set_default_dtype(torch.float64)
HERE = Path(__file__).parent


def write(name: str, cases: dict) -> None:
    """One line a case, so that a change shows as the lines that changed."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in cases.items()]
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


# Optimizers and schedules -----------------------------------------------------------------

# Settings under which the last bit of a number is not amplified: RMSprop with a large step
# jumps around the minimum, and after 90 steps has made 1e-16 into 1e-10.
OPTIMIZERS = [
    ("SGD", {"lr": 0.02}),
    ("SGD", {"lr": 0.02, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "dampening": 0.5}),
    ("SGD", {"lr": 0.01, "momentum": 0.8, "nesterov": True}),
    ("SGD", {"lr": 0.01, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.3, "lr_decay": 0.05}),
    ("Adagrad", {"lr": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-6}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.005, "alpha": 0.95, "momentum": 0.5}),
    ("RMSprop", {"lr": 0.01, "centered": True}),
    ("RMSprop", {"lr": 0.005, "centered": True, "momentum": 0.7, "weight_decay": 0.1, "eps": 1e-6}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-4}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "betas": [0.0, 0.99]}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "betas": [0.7, 0.9]}),
]


def descent(kind: str, settings: dict, clip: float = 0.0) -> list[list[float]]:
    parameters = [torch.tensor(x, requires_grad=True) for x in START]
    optimizer = getattr(torch.optim, kind)(parameters, **settings)
    path = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        objective(*parameters).backward()
        if clip:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        path.append([p.item() for p in parameters])
    return path


def optimizers() -> dict:
    cases = {}
    for kind, settings in OPTIMIZERS:
        path = descent(kind, settings)
        cases[f"{kind} {json.dumps(settings)}"] = {"kind": kind, "settings": settings, "path": path}
    return cases


def clipping() -> dict:
    gradients = [3.0, -4.0, 0.5, 0.0, 1e-3]
    cases = {"path": descent("SGD", {"lr": 0.05, "momentum": 0.5}, clip=1.5)}
    for bound in (0.1, 1.0, 5.0, 100.0):
        ps = [torch.zeros(()).requires_grad_() for _ in gradients]
        for how, clip in (
            ("norm", nn.utils.clip_grad_norm_),
            ("value", nn.utils.clip_grad_value_),
        ):
            for p, g in zip(ps, gradients):
                p.grad = torch.tensor(g)
            length = clip(ps, bound)
            cases[f"{how} {bound}"] = {
                "gradients": gradients,
                "bound": bound,
                "length": None if length is None else length.item(),
                "clipped": [p.grad.item() for p in ps],
            }
    return cases


SCHEDULES = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("StepLR", {"step_size": 7}),
    ("CosineAnnealingLR", {"T_max": 10}),
    ("CosineAnnealingLR", {"T_max": 12, "eta_min": 0.02}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 15}),
    ("LinearLR", {"start_factor": 0.01, "end_factor": 1.0, "total_iters": 8}),
    ("MultiStepLR", {"milestones": [3, 11, 20]}),
    ("MultiStepLR", {"milestones": [20, 5, 5, 11], "gamma": 0.7}),
]


def rates(optimizer: torch.optim.Optimizer, schedule: lr_scheduler.LRScheduler) -> list[float]:
    found = []
    for _ in range(30):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def schedules() -> dict:
    cases = {}
    for kind, settings in SCHEDULES:
        optimizer = torch.optim.SGD([torch.zeros(())], lr=0.3)
        schedule = getattr(lr_scheduler, kind)(optimizer, **settings)
        cases[f"{kind} {json.dumps(settings)}"] = {
            "kind": kind,
            "settings": settings,
            "rates": rates(optimizer, schedule),
        }
    optimizer = torch.optim.SGD([torch.zeros(())], lr=0.3)
    warmup = lr_scheduler.LambdaLR(optimizer, lambda t: min(1.0, (t + 1) / 6))
    cases["WarmupLR"] = {"warmup": 6, "rates": rates(optimizer, warmup)}
    optimizer = torch.optim.SGD([torch.zeros(())], lr=0.3)
    rise = lr_scheduler.LinearLR(optimizer, 1 / 6, 1.0, total_iters=5)
    fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    both = lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[6])
    cases["WarmupLR, then cosine"] = {"warmup": 6, "T_max": 20, "rates": rates(optimizer, both)}
    return cases


CYCLES = [
    ("SGD", {"momentum": 0.9}, {"max_lr": 0.02, "total_steps": 30}),
    ("SGD", {"momentum": 0.9}, {"max_lr": 0.02, "total_steps": 30, "three_phase": True}),
    (
        "SGD",
        {"momentum": 0.9},
        {"max_lr": 0.02, "epochs": 6, "steps_per_epoch": 5, "anneal_strategy": "linear"},
    ),
    ("RMSprop", {"momentum": 0.5}, {"max_lr": 0.1, "total_steps": 31, "pct_start": 0.45}),
    (
        "Adam",
        {},
        {
            "max_lr": 0.1,
            "total_steps": 40,
            "div_factor": 10.0,
            "final_div_factor": 100.0,
            "base_momentum": 0.8,
            "max_momentum": 0.93,
            "three_phase": True,
        },
    ),
    ("Adagrad", {}, {"max_lr": 0.1, "total_steps": 30, "cycle_momentum": False}),
]


def cycles() -> dict:
    """Rates, momenta, and the path that an optimizer takes with them."""
    cases = {}
    for kind, settings, cycle in CYCLES:
        parameters = [torch.tensor(x, requires_grad=True) for x in START]
        optimizer = getattr(torch.optim, kind)(parameters, lr=0.01, **settings)
        schedule = lr_scheduler.OneCycleLR(optimizer, **cycle)
        lrs, momenta, path = [], [], []
        for _ in range(30):
            group = optimizer.param_groups[0]
            lrs.append(group["lr"])
            momenta.append(group["betas"][0] if "betas" in group else group.get("momentum"))
            optimizer.zero_grad()
            objective(*parameters).backward()
            optimizer.step()
            schedule.step()
            path.append([p.item() for p in parameters])
        cases[f"{kind} {json.dumps(cycle)}"] = {
            "kind": kind,
            "settings": settings,
            "cycle": cycle,
            "rates": lrs,
            "momenta": momenta,
            "path": path,
        }
    return cases


PLATEAUS = [
    {},
    {"patience": 2},
    {"patience": 1, "factor": 0.5, "cooldown": 2, "min_lr": 0.02},
    {"patience": 0, "factor": 0.3, "threshold": 0.05, "threshold_mode": "abs", "eps": 0.01},
    {"patience": 1, "mode": "max", "factor": 0.6, "threshold": 0.1},
    {"patience": 1, "mode": "max", "factor": 0.6, "threshold": 0.1, "threshold_mode": "abs"},
]


def plateaus() -> dict:
    losses = [3.0, 2.5, 2.5, 2.49999, 2.6, 2.4, 2.45, 2.41, 2.399, float("nan"), 2.2, 2.2, 2.2]
    losses += [2.2, 2.2, 2.3, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9]
    cases = {}
    for settings in PLATEAUS:
        ps = [torch.zeros(()), torch.zeros(())]
        optimizer = torch.optim.SGD([{"params": ps[:1]}, {"params": ps[1:], "lr": 0.05}], lr=0.3)
        schedule = lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        rates = []
        for loss in losses:
            schedule.step(loss)
            rates.append([group["lr"] for group in optimizer.param_groups])
        cases[json.dumps(settings)] = {"settings": settings, "losses": losses, "rates": rates}
    return cases


# Groups with settings of their own, one of which stands still for a while; the first of each is
# of the first parameter, the second of the others.
GROUPS = [
    ("SGD", {"lr": 0.02}, [{}, {"lr": 0.005}]),
    ("SGD", {"lr": 0.01, "momentum": 0.9}, [{"momentum": 0.5, "nesterov": True}, {}]),
    ("SGD", {"lr": 0.01}, [{"momentum": 0.8, "dampening": 0.3}, {"weight_decay": 0.1}]),
    ("Adagrad", {"lr": 0.1}, [{"lr_decay": 0.05}, {"eps": 1e-4}]),
    ("RMSprop", {"lr": 0.005}, [{"centered": True, "momentum": 0.5}, {"alpha": 0.9}]),
    ("Adam", {"lr": 0.05}, [{"betas": [0.8, 0.9]}, {"weight_decay": 0.1, "eps": 1e-4}]),
    ("AdamW", {"lr": 0.05}, [{"weight_decay": 0.0}, {"weight_decay": 0.5, "lr": 0.02}]),
]
FROZEN = range(10, 25)  # the steps during which the second parameter stands still


def groups() -> dict:
    cases = {}
    for kind, settings, own in GROUPS:
        for schedule_kind in (None, "StepLR"):
            parameters = [torch.tensor(x, requires_grad=True) for x in START]
            parts = [parameters[:1], parameters[1:]]
            optimizer = getattr(torch.optim, kind)(
                [{"params": part, **group} for part, group in zip(parts, own)], **settings
            )
            schedule = lr_scheduler.StepLR(optimizer, 8, 0.7) if schedule_kind else None
            path = []
            for t in range(60):
                parameters[1].requires_grad = t not in FROZEN
                optimizer.zero_grad()
                objective(*parameters).backward()
                optimizer.step()
                if schedule is not None:
                    schedule.step()
                path.append([p.item() for p in parameters])
            cases[f"{kind} {json.dumps(own)} {schedule_kind}"] = {
                "kind": kind,
                "settings": settings,
                "groups": own,
                "schedule": schedule_kind,
                "path": path,
            }
    return cases


# Losses -----------------------------------------------------------------------------------


def loss_case(loss, inputs: list, **more) -> dict:
    """The loss of a list of numbers, and its gradient by them."""
    x = torch.tensor(inputs, requires_grad=True)
    y = loss(x)
    y.backward()
    return {"input": inputs, "loss": y.item(), "gradient": x.grad.tolist(), **more}


def losses() -> dict:
    cases = {}
    predicted, wanted = [0.3, -1.7, 4.0, 2.25], [0.5, 0.5, -1.0, 2.0]
    y = torch.tensor(wanted)
    cases["squared_error"] = loss_case(lambda x: F.mse_loss(x, y), predicted, target=wanted)
    for delta in (0.1, 1.0, 2.5):
        cases[f"huber {delta}"] = loss_case(
            lambda x, d=delta: F.huber_loss(x, y, delta=d), predicted, target=wanted, delta=delta
        )
    for logit in (-800.0, -40.0, -3.0, 0.0, 0.7, 36.0, 1000.0):
        for target in (0.0, 1.0, 0.3):
            cases[f"logistic {logit} {target}"] = loss_case(
                lambda x, t=target: F.binary_cross_entropy_with_logits(x[0], torch.tensor(t)),
                [logit],
                target=target,
            )
    for score in (-2.0, -0.5, 0.25, 3.0):
        for target in (1, -1):
            cases[f"hinge {score} {target}"] = loss_case(
                lambda x, t=target: F.margin_ranking_loss(
                    x, torch.zeros(1), torch.tensor([float(t)]), margin=1.0
                ),
                [score],
                target=target,
            )
    rows = [[1.0, -2.0, 0.5], [30.0, -30.0, 0.0], [0.1, 0.1, 0.1], [700.0, 800.0, -900.0]]
    for i, row in enumerate(rows):
        for k in range(3):
            cases[f"cross_entropy {i} {k}"] = loss_case(
                lambda x, k=k: F.cross_entropy(x, torch.tensor(k)), row, target=k
            )
            cases[f"multiclass_hinge {i} {k}"] = loss_case(
                lambda x, k=k: F.multi_margin_loss(x, torch.tensor(k), margin=0.8),
                row,
                target=k,
                margin=0.8,
            )
        cases[f"cross_entropy {i} soft"] = loss_case(
            lambda x: F.cross_entropy(x, torch.tensor([0.2, 0.5, 0.3])),
            row,
            target=[0.2, 0.5, 0.3],
        )
    return cases


# Layers -----------------------------------------------------------------------------------


def draw(rng: np.random.Generator, module: nn.Module) -> dict:
    """Random parameters, in steps of 1/64, set in the module and returned by name."""
    numbers = {}
    for name, p in module.named_parameters():
        p.data = torch.tensor(np.round(rng.uniform(-1, 1, p.shape) * 64) / 64)
        numbers[name] = p.tolist()
    return numbers


def layer_case(module, parameters: dict, *inputs, call=None, **more) -> dict:
    """Outputs, and the gradients of their sum with weights 1, 2, 3... by all there is."""
    xs = [torch.tensor(x, requires_grad=True) for x in inputs]
    module.zero_grad()
    y = (call or module)(*xs)
    outputs = torch.cat([part.flatten() for part in (y if isinstance(y, tuple) else (y,))])
    (outputs * torch.arange(1.0, len(outputs) + 1)).sum().backward()
    return {
        "parameters": parameters,
        "inputs": inputs,
        "outputs": outputs.tolist(),
        "gradients": {
            name.removeprefix("cell."): p.grad.tolist() for name, p in module.named_parameters()
        },
        "input_gradients": [x.grad.tolist() for x in xs],
        **more,
    }


ACTIVATIONS = {
    "ReLU": ({}, nn.ReLU()),
    "LeakyReLU": ({"negative_slope": 0.2}, nn.LeakyReLU(0.2)),
    "PReLU": ({}, nn.PReLU()),
    "ELU": ({"alpha": 0.7}, nn.ELU(0.7)),
    "SiLU": ({}, nn.SiLU()),
    "GELU": ({}, nn.GELU()),
    "Sigmoid": ({}, nn.Sigmoid()),
    "Tanh": ({}, nn.Tanh()),
}


class Maxout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pieces = nn.ModuleList([nn.Linear(3, 2) for _ in range(3)])

    def forward(self, x):
        return torch.stack([piece(x) for piece in self.pieces]).max(0).values


class Steps(nn.Module):
    """A recurrent cell over a sequence, so that states pass on gradients too."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, *xs):
        state = None
        for x in xs:
            state = self.cell(x, state)
        return state


def layers() -> dict:
    rng = np.random.default_rng(0)
    numbers = [-3.0, -0.5, 0.25, 1.0, 7.5]
    cases = {}
    for name, (settings, module) in ACTIVATIONS.items():
        cases[name] = layer_case(
            module,
            {key: p.tolist() for key, p in module.named_parameters()},
            numbers,
            settings=settings,
        )
    x = [0.5, -1.25, 2.0]
    for name, module in (("Linear", nn.Linear(3, 2)), ("LayerNorm", nn.LayerNorm(3))):
        cases[name] = layer_case(module, draw(rng, module), x)
    module = Maxout()
    cases["Maxout"] = layer_case(module, draw(rng, module), x)
    sequence = [[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]]
    for name, cell in (("RNNCell", nn.RNNCell(2, 3)), ("LSTMCell", nn.LSTMCell(2, 3))):
        cases[name] = layer_case(Steps(cell), draw(rng, cell), *sequence)
    module = nn.Embedding(4, 3)
    table = draw(rng, module)
    cases["Embedding"] = layer_case(
        module, table, call=lambda: module(torch.tensor([2, 0, 2])), indices=[2, 0, 2]
    )
    for name, act in (("relu", nn.ReLU), ("tanh", nn.Tanh), ("gelu", nn.GELU)):
        module = nn.Sequential(nn.Linear(3, 4), act(), nn.Linear(4, 2))
        cases[f"MLP {name}"] = layer_case(module, draw(rng, module), x, activation=name)
    # Batch norm: two batches in training, then one in use; running statistics after each.
    module = nn.BatchNorm1d(2, momentum=0.3)
    given = draw(rng, module)
    batches = [
        [[1.0, 10.0], [2.0, -3.0], [4.0, 0.5]],
        [[-1.0, 2.0], [0.5, 0.25], [3.0, 1.0], [0.0, 0.0]],
    ]
    for i, batch in enumerate([*batches, batches[0]]):
        module.train(i < 2)
        cases[f"BatchNorm {i}"] = layer_case(module, given, batch, training=i < 2)
        cases[f"BatchNorm {i}"]["running"] = {
            "running_mean": module.running_mean.tolist(),
            "running_var": module.running_var.tolist(),
        }
    return cases


# Karpathy's demo --------------------------------------------------------------------------


def moons(where: str) -> dict:
    """The notebook's first steps: 100 points of scikit-learn, run by karpathy's own code."""
    from sklearn.datasets import make_moons

    sys.path.insert(0, where)
    from micrograd.engine import Value
    from micrograd.nn import MLP

    np.random.seed(1337)
    random.seed(1337)
    X, y = make_moons(n_samples=100, noise=0.1)  # noqa: N806
    labels = [int(2 * k - 1) for k in y]
    model = MLP(2, [16, 16, 1])
    steps = []
    for k in range(6):
        scores = [model(list(map(Value, row))) for row in X]
        margins = [(1 + -yi * score).relu() for yi, score in zip(labels, scores)]
        data_loss = sum(margins) * (1.0 / len(margins))
        total = data_loss + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        right = sum((score.data > 0) == (yi > 0) for yi, score in zip(labels, scores))
        steps.append(
            {
                "loss": total.data,
                "accuracy": right / 100,
                "gradients": [p.grad for p in model.parameters()][::20],
            }
        )
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
    return {"X": X.tolist(), "y": labels, "steps": steps}


if __name__ == "__main__":
    write("optimizers.json", optimizers())
    write("clipping.json", clipping())
    write("schedules.json", schedules())
    write("cycles.json", cycles())
    write("plateaus.json", plateaus())
    write("groups.json", groups())
    write("losses.json", losses())
    write("layers.json", layers())
    write("moons.json", moons(sys.argv[1]))
