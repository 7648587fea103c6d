"""The doctor measured: broken and healthy runs, and what watching costs.

python -m benchmarks.doctor broken          # of tests/patients.py and tests/trainings.py
python -m benchmarks.doctor healthy         # 100 runs, looked at before and after training
python -m benchmarks.doctor kinds           # 40 other kinds of runs, watched as well
python -m benchmarks.doctor cost            # of watching, eager and in machine code
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import sys
import time
from pathlib import Path

import micrograd as mg
from micrograd import compiled, data, losses, nn, optim
from micrograd.core.watch import WATCH
from micrograd.optim.looking import LOOKERS

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def broken() -> None:
    """A table: each broken model or loop, what was found, whether code and place are right."""
    from patients import BROKEN
    from trainings import BROKEN as LOOPS

    print("| model | first two codes | where | code | place |\n|---|---|---|---|---|")
    named = placed = 0
    for name, (make, codes, where) in {**BROKEN, **LOOPS}.items():
        random.seed(5)
        report = make() if name in LOOPS else mg.diagnose(**make())
        right = bool({*report.codes[:2]} & {*codes})
        places = [f.where for f in report.findings if f.code in codes]
        there = any(where in place for place in places)
        named, placed = named + right, placed + there
        first = (places or [f.where for f in report.findings] or [""])[0]
        found = ", ".join(f"`{c}`" for c in report.codes[:2])
        print(
            f"| {name.replace('_', ' ')} | {found} | {first[:60].replace('|', ' ')} "
            f"| {'yes' if right else 'NO'} | {'yes' if there else 'NO'} |",
            flush=True,
        )
    of = f"of {len(BROKEN)} models and {len(LOOPS)} loops"
    print(f"\n{named} {of} with the right code, {placed} with the right place")


def healthy(count: int, epochs: int) -> None:
    """Every finding in a healthy run, of which there should be none."""
    from patients import healthy as run

    alarms = 0
    for k in range(count):
        title, case, train = run(k, epochs)
        for moment in ("fresh", "trained"):
            if moment == "trained":
                train()
            report = mg.diagnose(**case)
            if not report:
                alarms += 1
                print(f"{title}, {moment}: {report.codes}", flush=True)
    print(f"{alarms} findings in {2 * count} looks at {count} healthy runs")


def kinds(seeds: int) -> None:
    """The same of forty kinds of runs, watched as well, and of the sound loops."""
    from kinds import KINDS, run
    from trainings import SOUND

    alarms = looks = 0
    for seed in range(seeds):
        for name in KINDS:
            random.seed(1000 * seed + looks)
            case, named = run(name)
            reports = {"fresh": mg.diagnose(**case)}
            with mg.watch(case["model"]) as seen:
                mg.train.fit(*case.values(), progress=False, **named)
            case["model"].train()
            reports |= {"watched": seen.report, "trained": mg.diagnose(**case)}
            for moment, report in reports.items():
                looks += 1
                if not report:
                    alarms += 1
                    print(f"{name}, seed {seed}, {moment}: {report.codes}", flush=True)
        for name, make in SOUND.items():
            random.seed(1000 * seed + looks)
            looks += 1
            if codes := make():
                alarms += 1
                print(f"{name}, seed {seed}: {codes}", flush=True)
    print(
        f"{alarms} findings in {looks} looks at {len(KINDS)} kinds of runs and {len(SOUND)} loops, "
        f"{seeds} seeds each"
    )


class Run:
    """A training run of some moons that is taken a turn at a time, watched or not."""

    def __init__(self, watched: bool, n: int) -> None:
        random.seed(1)
        self.X, self.y = data.moons(n)
        self.model = nn.MLP(2, [16, 16, 1])
        self.opt = optim.Adam(self.model.parameters(), lr=0.02)
        self.seconds = 0.0
        self.prepare()
        self.watch = mg.watch(self.model) if watched else None
        self.hide()

    def prepare(self) -> None:
        """What is done before the clock runs."""

    def turn(self) -> None:
        """One step."""
        self.opt.zero_grad()
        pairs = zip(self.X, self.y, strict=True)
        mg.mean([losses.logistic(self.model(a), b) for a, b in pairs]).backward()
        self.opt.step()

    def hide(self) -> None:
        """Keep the watch from hearing of the other run's turn."""
        if self.watch is not None:
            self.watch.lines.end()
            LOOKERS.remove(self.watch)
            WATCH.told.remove(self.watch.begun)

    def take(self) -> None:
        """A turn, timed by the processor's clock."""
        if self.watch is not None:
            LOOKERS.append(self.watch)
            WATCH.told.append(self.watch.begun)
            if not self.watch.history.steps:
                self.watch.lines.begin()
        start = time.process_time()
        self.turn()
        self.seconds += time.process_time() - start
        self.hide()


class Compiled(Run):
    """The same compiled, a thousand steps a turn, in batches of 64."""

    def prepare(self) -> None:
        self.fast = mg.jit(lambda a, b: losses.logistic(self.model(a), b))
        self.turn()

    def turn(self) -> None:
        self.fast.fit(self.X, self.y, self.opt, steps=1000, batch_size=64, progress=False)


def cost(rounds: int, eager_turns: int, native_turns: int) -> None:
    """Ratios of a watched run and one that is not, which take turns, so that both meet the same."""
    print(f"{processor()}, {'compiled' if compiled else 'pure Python'}")
    for name, kind, n, turns in (
        ("eager, 64 moons", Run, 64, eager_turns),
        ("jit(...).fit, 1000 moons, a thousand steps", Compiled, 1000, native_turns),
    ):
        ratios = []
        for _ in range(rounds):
            plain, seen = kind(False, n), kind(True, n)
            for i in range(turns):
                for run in (plain, seen) if i % 2 else (seen, plain):
                    run.take()
            ratios.append(seen.seconds / plain.seconds)
        print(
            f"{name}: {turns} turns of {1000 * plain.seconds / turns:.1f} ms, watched by plain: "
            f"median {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}, "
            f"{rounds} rounds)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.doctor", description=__doc__)
    parser.add_argument("what", choices=["broken", "healthy", "kinds", "cost"])
    parser.add_argument("--runs", type=int, default=100, help="healthy runs (100)")
    parser.add_argument("--seeds", type=int, default=3, help="of each of the kinds (3)")
    parser.add_argument("--epochs", type=int, default=12, help="of each healthy run (12)")
    parser.add_argument("--rounds", type=int, default=5, help="of the cost (5)")
    parser.add_argument("--steps", type=int, default=300, help="of an eager loop (300)")
    parser.add_argument("--fits", type=int, default=300, help="of a thousand compiled steps (300)")
    options = parser.parse_args()
    if options.what == "broken":
        broken()
    elif options.what == "healthy":
        healthy(options.runs, options.epochs)
    elif options.what == "kinds":
        kinds(options.seeds)
    else:
        cost(options.rounds, options.steps, options.fits)


if __name__ == "__main__":
    main()
