"""The compiler against its peers, side by side in one run: `python -m benchmarks`.

Every contender runs in a process of its own (`peers.py`), all of them alive at once, and
they take turns in rounds; what counts is the median over the rounds, and the spread is
kept. Before anything is timed, all have to agree on the losses of the first steps.

micrograd 0.1.0, xad and this checkout are installed by `eager.py` into `build/peers`. The
other peers are used where the interpreter that runs this has them: torch, jax, casadi,
pytensor, numpy, scikit-learn, and gcc for the network in C. What is missing is said.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from . import eager

# Each contender: what it is called in tables, its name in peers.py, its folder of peers.
CONTENDERS = {
    "ours": ("jit, native", "ours", "compiled"),
    "ours_fast": ("jit, native, fastmath", "ours_fast", "compiled"),
    "ours_one": ("jit, native, one thread", "ours_one", "compiled"),
    "ours_c": ("jit, C", "ours_c", "compiled"),
    "ours_ragged": ("jit, native, by length", "ours_ragged", "compiled"),
    "ours_numpy": ("jit, NumPy", "ours_numpy", "compiled"),
    "ours_python": ("jit, Python", "ours_python", "compiled"),
    "eager": ("eager", "eager", "compiled"),
    "micrograd": ("micrograd 0.1.0", "eager", "micrograd"),
    "xad": ("xad", "xad", "xad"),
    "torch": ("PyTorch", "torch", ""),
    "jax": ("JAX, jit", "jax", ""),
    "jax_read": ("JAX, jit, each loss read", "jax_read", ""),
    "jax_loop": ("JAX, fori_loop", "jax_loop", ""),
    "casadi": ("CasADi", "casadi", ""),
    "pytensor": ("pytensor", "pytensor", ""),
    "numpy": ("NumPy by hand", "numpy", ""),
    "c": ("C by hand", "c", ""),
    "plain": ("scalars, microgpt style", "plain", "compiled"),
    "floats": ("Python floats", "floats", "compiled"),
}
TRAIN = (
    "ours", "ours_fast", "ours_one", "ours_numpy", "ours_python", "eager", "micrograd",
    "torch", "jax", "jax_read", "jax_loop", "casadi", "pytensor", "numpy", "c",
)  # fmt: skip
EXPRESSION = (
    "ours",
    "ours_python",
    "eager",
    "micrograd",
    "xad",
    "torch",
    "jax",
    "casadi",
    "floats",
)
BUDGET = 0.1  # seconds for each contender in each round


class Contender:
    """A process that works when asked to."""

    def __init__(self, key: str, peers: Path) -> None:
        self.key = key
        self.label, self.name, self.folder = CONTENDERS[key]
        self.missing = ""
        self.process: Any = None
        path = peers / self.folder
        if self.folder and not path.is_dir():
            self.missing = "not installed"
            return
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MICROGRAD")}
        # Libraries start threads of their own, which wait for work without sleeping.
        environment |= {"PYTHONPATH": str(path) if self.folder else "", "OMP_NUM_THREADS": "1",
                        "OPENBLAS_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("peers.py")), self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.process.stdout.readline()

    def ask(self, *command: Any) -> Any:
        """The answer; None where there is none, and then `missing` says why."""
        if self.missing:
            return None
        try:
            self.process.stdin.write(" ".join(map(str, command)) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"failed": "crashed"}
        if isinstance(answer, dict) and "failed" in answer:
            self.missing = answer["failed"]
            return None
        return answer

    def close(self) -> None:
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


class Group:
    """The contenders of one workload; those that are missing are reported and left out."""

    def __init__(
        self, keys: tuple[str, ...], peers: Path, first: Callable[[Contender], Any]
    ) -> None:
        self.them: list[Contender] = []
        self.missing: dict[str, str] = {}
        self.first: dict[str, Any] = {}
        for key in keys:
            c = Contender(key, peers)
            found = first(c)
            if found is None:
                self.missing[c.label] = c.missing
                print(f"  missing: {c.label}: {c.missing[:100]}")
                c.close()
            else:
                self.them.append(c)
                self.first[key] = found

    def rounds(
        self, command: tuple[Any, ...], rounds: int, only: tuple[str, ...] = ()
    ) -> dict[str, list[float]]:
        """Seconds a call of each contender in each round; they take turns."""
        them = [c for c in self.them if not only or c.key in only]
        often: dict[str, int] = {}
        times: dict[str, list[float]] = {}
        for c in them:
            n = 1
            while (once := c.ask(*command, n)) is not None:  # also warms up
                if once * n > BUDGET / 4:
                    often[c.key] = max(1, round(BUDGET / once))
                    times[c.key] = []
                    break
                n *= 4
            c.missing = ""  # it has no such way: that is no reason to leave
        for _ in range(rounds):
            for c in them:
                if c.key in times:
                    times[c.key].append(c.ask(*command, often[c.key]))
        return times

    def close(self) -> None:
        for c in self.them:
            c.close()


def agree(found: dict[str, list[float]], tolerance: float = 1e-9) -> None:
    """Nothing; ValueError where one contender computes something else."""
    key, wanted = next(iter(found.items()))
    for other, numbers in found.items():
        for a, b in zip(numbers, wanted):
            if abs(a - b) > tolerance * abs(b):
                raise ValueError(f"{other} has {numbers}, and {key} has {wanted}")


def network(name: str, peers: Path, rounds: int) -> dict[str, Any]:
    """W2 and W4: steps in a loop, value and gradient by call, and everything from cold."""
    keys = TRAIN if name == "moons" else tuple(k for k in TRAIN if k not in ("eager", "micrograd"))
    group = Group(keys, peers, lambda c: c.ask("losses", name, 3))
    agree(group.first)
    print(f"  all agree on the losses {', '.join(f'{x:.6f}' for x in group.first['ours'])}")
    found: dict[str, Any] = {
        "losses": group.first["ours"],
        "step": group.rounds(("steps", name), rounds),
        "gradient": group.rounds(("gradient", name), rounds),
        "missing": group.missing,
    }
    if name == "moons":
        found["cold"] = {}
        for c in group.them:
            if c.key in ("micrograd", "jax_read", "ours_one"):
                continue
            times = [alone(c.key, peers, "cold", name, 100) for _ in range(5)]
            if None not in times:
                found["cold"][c.key] = times
        if "micrograd" in found["step"]:  # two minutes: 100 steps are 100 steps
            found["cold"]["micrograd"] = [100 * t for t in found["step"]["micrograd"]]
    group.close()
    return found


def alone(key: str, peers: Path, *command: Any) -> Any:
    """The answer of a fresh process."""
    c = Contender(key, peers)
    answer = c.ask(*command)
    c.close()
    return answer


def expression(peers: Path, rounds: int) -> dict[str, Any]:
    """W1: the README's expression."""
    group = Group(EXPRESSION, peers, lambda c: c.ask("readme"))
    agree(group.first)
    found = {
        "value": group.rounds(("readme_seconds", "value"), rounds),
        "both": group.rounds(("readme_seconds", "both"), rounds),
        "missing": group.missing,
    }
    group.close()
    return found


def chain(peers: Path, quick: bool) -> dict[str, Any]:
    """W3: a million operations in a row, eagerly; the contenders of `eager.py`."""
    n = 100_000 if quick else 1_000_000
    found: dict[str, Any] = {"length": n, "seconds": {}, "missing": {}}
    for name in (
        "compiled",
        "pure",
        "tuples (microgpt style)",
        "xad (C++ tape)",
        "micrograd 0.1.0",
    ):
        c = eager.Contender(name, peers)
        times = c.ask_alone("chain", n)
        c.close()
        if "failed" in times:
            found["missing"][name] = times["failed"]
            print(f"  no result: {name}: {times['failed']}")
        else:
            found["seconds"][name] = {k: times[k] for k in ("build", "backward", "free")}
    return found


def gpt(peers: Path, quick: bool) -> dict[str, Any]:
    """W5: steps of microgpt, a word a step; all of ours, some of the slow ones."""
    steps = {
        "ours": 200 if quick else 1000,
        "ours_c": 200 if quick else 1000,
        "ours_ragged": 200 if quick else 1000,
        "eager": 20 if quick else 100,
        "plain": 10 if quick else 100,
    }
    found: dict[str, Any] = {"steps": steps, "seconds": {}, "preparation": {}}
    losses = {}
    for key, n in steps.items():
        answer = alone(key, peers, "gpt", n)
        if answer is not None:
            found["seconds"][key] = answer["seconds"]
            losses[key] = answer["losses"]
            if answer["first"] is not None:
                found["preparation"][key] = answer["first"]
    agree(losses, 1e-7)  # Adam divides by small numbers: roundings grow
    return found


def digits(peers: Path, rounds: int) -> dict[str, Any]:
    """W6: wall time to 97 % of held-out digits."""
    found: dict[str, Any] = {"seconds": {}, "steps": {}, "right": {}, "missing": {}}
    for key in ("ours", "torch", "jax"):
        for _ in range(max(1, min(rounds, 3))):
            c = Contender(key, peers)
            answer = c.ask("digits")
            c.close()
            if answer is None:
                found["missing"][c.label] = c.missing
                break
            found["seconds"].setdefault(key, []).append(answer["seconds"])
            found["steps"][key], found["right"][key] = answer["steps"], answer["right"]
    return found


# What was aimed at ------------------------------------------------------------------------------


def medians(times: dict[str, list[float]]) -> dict[str, float]:
    return {key: statistics.median(found) for key, found in times.items()}


def targets(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What was wanted and what came out, where both sides were there."""
    rows: list[dict[str, Any]] = []

    def ratio(what: str, theirs: float | None, ours: float | None, least: float) -> None:
        if theirs and ours:
            rows.append({"what": what, "wanted": f">= {least:g}", "found": theirs / ours,
                         "met": theirs / ours >= least})  # fmt: skip

    def below(what: str, value: float | None, most: float, unit: str = "") -> None:
        if value is not None:
            rows.append({"what": what, "wanted": f"<= {most:g}{unit}", "found": value,
                         "met": value <= most})  # fmt: skip

    if "W1" in found:
        value = medians(found["W1"]["value"]).get("ours")
        below("W1: microseconds a call", value and value * 1e6, 1.0)
    if "W2" in found:
        step, gradient = medians(found["W2"]["step"]), medians(found["W2"]["gradient"])
        ours = step.get("ours")
        for key, least in (
            ("micrograd", 1e5), ("torch", 30), ("jax", 10), ("jax_read", 10), ("jax_loop", 1.5),
        ):  # fmt: skip
            ratio(
                f"W2, a step in fit: times faster than {CONTENDERS[key][0]}",
                step.get(key),
                ours,
                least,
            )
        ratio(
            "W2, value_and_grad by call: than JAX, jit",
            gradient.get("jax"),
            gradient.get("ours"),
            5,
        )
        for key in ("ours", "ours_one"):
            if key in step and "c" in step:
                threads = ", on one thread" if key == "ours_one" else ""
                below(f"W2, a step in fit{threads}: in steps of C by hand",
                      step[key] / step["c"], 1.5)  # fmt: skip
        cold = medians(found["W2"]["cold"]).get("ours")
        below("W2, from trace to 100 steps: ms", cold and cold * 1e3, 30)
    if "W4" in found:
        step = medians(found["W4"]["step"])
        for key, least in (("torch", 4), ("jax", 2), ("jax_read", 2), ("jax_loop", 1)):
            ratio(
                f"W4, a step in fit: times faster than {CONTENDERS[key][0]}",
                step.get(key),
                step.get("ours"),
                least,
            )
    if "W5" in found:
        seconds, steps = found["W5"]["seconds"], found["W5"]["steps"]
        if "plain" in seconds:
            theirs = seconds["plain"] / steps["plain"] * steps["ours"]
            ratio(
                "W5, 1,000 steps, all included: than plain scalars", theirs, seconds.get("ours"), 50
            )
    if "W6" in found and "ours" in found["W6"]["seconds"]:
        below("W6: seconds to 97 %", statistics.median(found["W6"]["seconds"]["ours"]), 3)
    return rows


def machine() -> dict[str, str]:
    """What was measured on, and with which versions."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = {line.split(":")[1].strip() for line in file if line.startswith("model name")}
            name = ", ".join(sorted(names)) or name
    except OSError:
        pass
    found = {"processor": name, "processors": str(os.cpu_count()), "system": platform.platform(),
             "Python": platform.python_version()}  # fmt: skip
    for package in ("numpy", "torch", "jax", "jaxlib", "casadi", "pytensor", "scikit-learn"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    try:
        said = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True)
        found["gcc"] = said.stdout.split("\n")[0]
    except (OSError, subprocess.CalledProcessError):
        found["gcc"] = "not installed"
    return found


WORKLOADS = {
    "W1": "The README's expression, one call",
    "W2": "Moons: 100 examples, 2-16-16-1, hinge loss and L2, gradient descent",
    "W3": "A chain of a million operations, eagerly",
    "W4": "64-32-10, softmax and cross-entropy, 64 examples, gradient descent",
    "W5": "microgpt: a word a step, Adam",
    "W6": "Digits to 97 % held out: 64-32-10, Adam, batches of 64",
}


def measure(wanted: list[str], peers: Path, rounds: int, quick: bool) -> dict[str, Any]:
    """The results of these workloads, as plain data."""
    found: dict[str, Any] = {"machine": machine(), "rounds": rounds}
    work: dict[str, Callable[[], Any]] = {
        "W1": lambda: expression(peers, rounds),
        "W2": lambda: network("moons", peers, rounds),
        "W3": lambda: chain(peers, quick),
        "W4": lambda: network("digits", peers, rounds),
        "W5": lambda: gpt(peers, quick),
        "W6": lambda: digits(peers, rounds),
    }
    for name in wanted:
        print(f"{name}  {WORKLOADS[name]}", flush=True)
        found[name] = work[name]()
    found["targets"] = targets(found)
    return found
