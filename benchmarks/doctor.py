"""The doctor measured: broken and healthy runs, and what watching costs.

python -m benchmarks.doctor broken          # every broken model of tests/patients.py
python -m benchmarks.doctor healthy         # 100 runs, looked at before and after training
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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def broken() -> None:
    """A table: each broken model, what was found, whether the code and the place are right."""
    from patients import BROKEN

    print("| model | first two codes | where | code | place |\n|---|---|---|---|---|")
    named = placed = 0
    for name, (make, codes, where) in BROKEN.items():
        random.seed(5)
        report = mg.diagnose(**make())
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
    print(f"\n{named} of {len(BROKEN)} with the right code, {placed} with the right place")


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


def eager(watched: bool, steps: int) -> float:
    """Seconds of the processor for so many steps of an eager loop on 64 moons."""
    random.seed(1)
    X, y = data.moons(64)  # noqa: N806
    model = nn.MLP(2, [16, 16, 1])
    opt = optim.Adam(model.parameters(), lr=0.02)
    watch = mg.watch(model) if watched else None
    start = time.process_time()
    for _ in range(steps):
        opt.zero_grad()
        mg.mean([losses.logistic(model(a), b) for a, b in zip(X, y, strict=True)]).backward()
        opt.step()
    took = time.process_time() - start
    if watch is not None:
        watch.close()
    return took


def native(watched: bool, steps: int) -> float:
    """Seconds of the processor for so many steps of a compiled fit on 1000 moons, batches of 64."""
    random.seed(1)
    X, y = data.moons(1000)  # noqa: N806
    model = nn.MLP(2, [16, 16, 1])
    fast = mg.jit(lambda a, b: losses.logistic(model(a), b))
    opt = optim.Adam(model.parameters(), lr=0.02)
    fast.fit(X, y, opt, steps=2, batch_size=64, progress=False)  # compiled before the clock runs
    watch = mg.watch(model) if watched else None
    start = time.process_time()
    fast.fit(X, y, opt, steps=steps, batch_size=64, progress=False)
    took = time.process_time() - start
    if watch is not None:
        watch.close()
    return took


def cost(rounds: int, eager_steps: int, native_steps: int) -> None:
    """Ratios of a watched run and one that is not, which take turns."""
    print(f"{processor()}, {'compiled' if compiled else 'pure Python'}")
    for name, run, steps in (("eager", eager, eager_steps), ("jit(...).fit", native, native_steps)):
        run(False, max(1, steps // 10))
        plain, seen = [], []
        for _ in range(rounds):
            plain.append(run(False, steps))
            seen.append(run(True, steps))
        ratio = statistics.median(b / a for a, b in zip(plain, seen, strict=True))
        print(
            f"{name}: {steps} steps, {statistics.median(plain):.2f} s, watched "
            f"{statistics.median(seen):.2f} s, ratio {ratio:.3f} "
            f"({min(seen) / min(plain):.3f} between the quickest)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.doctor", description=__doc__)
    parser.add_argument("what", choices=["broken", "healthy", "cost"])
    parser.add_argument("--runs", type=int, default=100, help="healthy runs (100)")
    parser.add_argument("--epochs", type=int, default=12, help="of each healthy run (12)")
    parser.add_argument("--rounds", type=int, default=5, help="of the cost (5)")
    parser.add_argument("--steps", type=int, default=300, help="of an eager loop (300)")
    parser.add_argument("--native-steps", type=int, default=100_000, help="of a compiled one")
    options = parser.parse_args()
    if options.what == "broken":
        broken()
    elif options.what == "healthy":
        healthy(options.runs, options.epochs)
    else:
        cost(options.rounds, options.steps, options.native_steps)


if __name__ == "__main__":
    main()
