"""The engine against its peers, side by side in one run: `python -m benchmarks.eager`.

Time of a training step of micrograd's demo, memory of a node, a chain of a million
operations, and whether memory stays flat. Every contender runs in a process of its own
(`contenders.py`), all of them alive at once, and they take turns in rounds; what is shown
is the median over the rounds.

The peers are installed with pip into a folder of their own, `build/peers` unless `--peers`
names another: `micrograd` 0.1.0 and `xad` from the package index, and this checkout twice,
copied, once as Python and once compiled. torch is large; `--torch` installs it too. What
cannot be installed is shown as missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from micrograd.files import write_json

ROOT = Path(__file__).parent.parent
# Each contender: its name in the tables, its class in contenders.py, its folder of peers.
CONTENDERS = {
    "micrograd 0.1.0": ("micrograd", "micrograd"),
    "tuples (microgpt style)": ("tuples", ""),
    "xad (C++ tape)": ("xad", "xad"),
    "torch scalars": ("torch", "torch"),
    "floats, forward only": ("floats", ""),
    "pure": ("micrograd", "pure"),
    "compiled": ("micrograd", "compiled"),
    "pure, written out": ("plain", "pure"),
    "compiled, written out": ("plain", "compiled"),
}
BUDGET = 0.25  # seconds for each contender in each round


def sources() -> str:
    """A fingerprint of what this checkout would install."""
    digest = hashlib.sha256()
    for path in sorted(p for p in ROOT.glob("micrograd/**/*") if p.suffix in (".py", ".c", ".h")):
        digest.update(path.read_bytes())
    digest.update((ROOT / "setup.py").read_bytes())
    return digest.hexdigest()


def install(peers: Path, name: str, *what: str, **environment: str) -> str:
    """Why it could not be installed, or an empty string."""
    folder = peers / name
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), *what]
    print(f"installing {name} ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        return lines[-1] if lines else "pip failed"
    return ""


def prepare(peers: Path, torch: bool) -> dict[str, str]:
    """Install what is not there yet; what is missing, and why."""
    peers.mkdir(parents=True, exist_ok=True)
    missing = {}
    wanted = {"micrograd": ["--no-deps", "micrograd==0.1.0"], "xad": ["xad"]}
    if torch:
        wanted["torch"] = ["torch"]
    for name, what in wanted.items():
        if not (peers / name).is_dir():
            missing[name] = install(peers, name, *what)
    stamp = peers / "sources.txt"
    now = sources()
    if not stamp.exists() or stamp.read_text() != now:
        stamp.unlink(missing_ok=True)
        for name, environment in (("pure", {"MICROGRAD_PURE": "1"}), ("compiled", {})):
            with tempfile.TemporaryDirectory() as scratch:
                copy = Path(scratch) / "micrograd"
                shutil.copytree(
                    ROOT / "micrograd",
                    copy / "micrograd",
                    ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"),
                )
                for file in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
                    shutil.copy(ROOT / file, copy)
                missing[name] = install(peers, name, "--no-deps", str(copy), **environment)
        if not missing["pure"] and not missing["compiled"]:
            stamp.write_text(now)
    return {name: why for name, why in missing.items() if why}


class Contender:
    """A process that measures when asked to."""

    def __init__(self, name: str, peers: Path) -> None:
        self.name = name
        self.kind, self.folder = CONTENDERS[name]
        self.peers = peers
        self.missing = ""
        self.start()

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MICROGRAD")}
        environment["PYTHONPATH"] = str(self.peers / self.folder) if self.folder else ""
        if self.folder in ("pure", "compiled", "micrograd") and not self.found():
            self.missing = "not installed"
            return
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("contenders.py")), self.kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        said = self.read()
        self.missing = said.get("missing") or said.get("failed") or ""
        if self.folder == "compiled" and not said.get("compiled"):
            self.missing = "no C compiler, so the install is not compiled"

    def found(self) -> bool:
        return (self.peers / self.folder).is_dir()

    def read(self) -> Any:
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        return json.loads(line) if line else {"failed": "crashed"}

    def ask(self, command: str, number: int) -> Any:
        """The answer to a command; a dict with "failed" where there is none."""
        if self.missing:
            return {"failed": "missing"}
        if self.process.poll() is not None:
            return {"failed": "crashed"}
        try:
            self.process.stdin.write(f"{command} {number}\n")  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except BrokenPipeError:
            return {"failed": "crashed"}
        return self.read()

    def ask_alone(self, command: str, number: int) -> Any:
        """The answer of a fresh process, in which nothing else has been done."""
        other = Contender(self.name, self.peers)
        answer = other.ask(command, number)
        other.close()
        return answer

    def close(self) -> None:
        if hasattr(self, "process"):
            self.process.stdin.close()  # type: ignore[union-attr]
            self.process.wait()


def agree(all_losses: dict[str, Any]) -> str:
    """What the contenders have as losses; ValueError where one has others."""
    wanted = all_losses["pure"] if "pure" in all_losses else next(iter(all_losses.values()))
    for name, found in all_losses.items():
        steps = 1 if "forward" in name else len(wanted)
        for a, b in zip(found[:steps], wanted):
            if abs(a - b) > 1e-9 * abs(b):
                raise ValueError(f"{name} has losses of {found}, not {wanted}")
    return ", ".join(f"{x:.6f}" for x in wanted)


def time_steps(them: list[Contender], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds for a step, and for a value with its gradient, of each contender in each round."""
    times: dict[str, dict[str, list[float]]] = {c.name: {"step": [], "gradient": []} for c in them}
    often = {}
    for c in them:
        once = c.ask("step", 1)
        often[c.name] = max(2, round(BUDGET / once))
    for _ in range(rounds):
        for command in ("step", "gradient"):
            for c in them:
                times[c.name][command].append(c.ask(command, often[c.name]))
    return times


def table(title: str, heads: list[str], rows: list[list[str]]) -> None:
    print(f"\n{title}")
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
        print("  ".join(cells).rstrip())


def shown(x: Any, unit: float, digits: int = 1) -> str:
    if isinstance(x, dict):
        return str(x["failed"])
    return "-" if x is None else f"{x / unit:,.{digits}f}"


def targets(step: dict[str, float], gradient: dict[str, float], nodes: Any) -> list[list[str]]:
    """What was aimed at and what came out, for the contenders that were there."""
    lines = []

    def line(what: str, ours: float, theirs: str, times: dict[str, float], least: float) -> None:
        if theirs in times and ours in times:
            ratio = times[theirs] / times[ours]
            lines.append([what, f">= {least}", f"{ratio:.1f}", "yes" if ratio >= least else "NO"])

    micrograd, tuples, xad = "micrograd 0.1.0", "tuples (microgpt style)", "xad (C++ tape)"
    for kind in ("", ", written out"):
        line(f"pure{kind}: times faster than micrograd", f"pure{kind}", micrograd, step, 12)
        line(f"compiled{kind}: than micrograd", f"compiled{kind}", micrograd, step, 80)
        line(f"compiled{kind}: than xad", f"compiled{kind}", xad, step, 5)
        line(f"pure{kind}: than tuples", f"pure{kind}", tuples, step, 1.5)
        name, floats = f"compiled{kind}", "floats, forward only"
        if name in gradient and floats in gradient:
            ratio = gradient[name] / gradient[floats]
            told = "yes" if ratio <= 5 else "NO"
            lines.append([f"{name}: value and gradient, in forwards", "<= 5", f"{ratio:.1f}", told])
    for name, most in (("pure", 130), ("compiled", 100)):
        if "failed" not in nodes.get(name, {"failed": ""}):
            found = nodes[name]["traced"]
            told = "yes" if found <= most else "NO"
            lines.append([f"{name}: bytes a node", f"<= {most}", f"{found:.0f}", told])
    return lines


def measure(peers: Path, rounds: int, quick: bool, missing: dict[str, str]) -> dict[str, Any]:
    """Everything, printed on the way; and as plain data."""
    everyone = [Contender(name, peers) for name in CONTENDERS]
    for c in everyone:
        if c.missing:
            c.missing = missing.get(c.folder) or c.missing
            print(f"missing: {c.name}: {c.missing}")
    them = [c for c in everyone if not c.missing]
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    all_losses = {c.name: c.ask("losses", 3) for c in them}
    print(f"the first losses, on which all agree: {agree(all_losses)}")

    times = time_steps(them, rounds)
    step = {name: statistics.median(t["step"]) for name, t in times.items()}
    gradient = {name: statistics.median(t["gradient"]) for name, t in times.items()}
    forward = gradient.get("floats, forward only", 1.0)
    first = step.get("micrograd 0.1.0")
    rows = [
        [
            name,
            shown(step[name], 1e-3, 2),
            f"{min(times[name]['step']) * 1e3:.2f}..{max(times[name]['step']) * 1e3:.2f}",
            "-" if first is None else f"{first / step[name]:.1f}",
            shown(gradient[name], 1e-3, 2),
            f"{gradient[name] / forward:.1f}",
        ]
        for name in step
    ]
    heads = ["training step on moons", "ms", "range", "x micrograd", "value+grad, ms", "forwards"]
    table(f"Medians of {rounds} rounds, the collector as Python sets it", heads, rows)

    graphs = [c for c in them if c.kind not in ("floats", "plain")]
    nodes = {c.name: c.ask_alone("memory", 100_000 if quick else 1_000_000) for c in graphs}
    rows = [
        [name, *(["-", m["failed"]] if "failed" in m else [shown(m[k], 1) for k in m])]
        for name, m in nodes.items()
    ]
    heads = ["bytes for an operation in a chain", "allocated (tracemalloc)", "resident"]
    table("Memory of a graph", heads, rows)

    sizes = (100_000, 1_000_000)
    chains = {c.name: [c.ask_alone("chain", n) for n in sizes] for c in graphs}
    rows = []
    for name, found in chains.items():
        for n, times_of in zip(sizes, found):
            if "failed" in times_of:
                rows.append([name, f"{n:,}", times_of["failed"], "", "", ""])
                continue
            parts = [times_of[k] for k in ("build", "backward", "free")]
            rows.append([name, f"{n:,}", *(shown(t / n, 1e-9, 0) for t in (*parts, sum(parts)))])
    heads = ["ns for an operation in a chain", "length", "build", "backward", "free", "in all"]
    table("A chain, the collector off", heads, rows)

    steps = 5 if quick else 20
    grown = {c.name: c.ask_alone("growth", 3 if c.folder == "micrograd" else steps) for c in graphs}
    rows = [[name, shown(g, 1024)] for name, g in grown.items()]
    table("Memory from step to step, the collector off", ["", "KiB a step"], rows)

    met = targets(step, gradient, nodes)
    table("Targets", ["", "wanted", "found", "met"], met)
    for c in everyone:
        c.close()
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rounds": rounds,
        "missing": {c.name: c.missing for c in everyone if c.missing},
        "losses": all_losses,
        "seconds": times,
        "step": step,
        "value_and_gradient": gradient,
        "bytes": nodes,
        "chains": {"lengths": sizes, **chains},
        "growth": grown,
        "targets": met,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.eager", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds in place of 9")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument("--peers", type=Path, default=ROOT / "build" / "peers", metavar="FOLDER")
    parser.add_argument("--torch", action="store_true", help="install torch too, if it is missing")
    parser.add_argument("--offline", action="store_true", help="install nothing")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write everything there as well")
    options = parser.parse_args()
    peers = options.peers.resolve()
    missing = {} if options.offline else prepare(peers, options.torch)
    rounds = options.rounds or (3 if options.quick else 9)
    found = measure(peers, rounds, options.quick, missing)
    if options.json:
        write_json(options.json, found)
        print(f"\nwrote {options.json}")


if __name__ == "__main__":
    main()
