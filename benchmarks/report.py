"""What `compiled.py` measured, as tables, as a page of the documentation and as a plot."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from .compiled import CONTENDERS, WORKLOADS, medians

ROOT = Path(__file__).parent.parent
INTRO = """# Performance

What the compiler gives, next to its peers and to code by hand. This page is written by
`python -m benchmarks --markdown` from `benchmarks/results.json`; to measure on your own
machine, run `python -m benchmarks` (`pip install 'micrograd[bench]'`; peers that are
installed are used).

Every contender runs in a process of its own; they take turns in rounds, and a figure is the
median of the rounds, with the smallest and the largest behind it. All compute in float64, and
before the clock starts they have to agree on the losses of the first steps to nine digits.
OpenMP and BLAS have one thread, which is what suits them best at these sizes; JAX has what
it takes, and so has "jit, native": where a step is worth it, `fit` shares it among the
processors. It has another line with one thread, as C by hand has. JAX returns before its work
is done: a loop of steps waits for the last alone, and has a line of its own where each loss is
read as `fit` reports it; a gradient by call is waited for. Times of other machines differ;
ratios do less so, but on one machine, too, they move by some hundredths from run to run.

C by hand (`benchmarks/plain.c`) may round differently (`-ffast-math`, fused multiply-add),
and so may "fastmath". "jit, native" gives what the eager engine gives, to the last bit on
each example.

![Times of all contenders as bars](performance.svg)
"""

# What is measured by call or step: the workload, its part, and what that is.
PARTS = (
    ("W1", "value", "the value of README's expression"),
    ("W1", "both", "README's expression and its gradient"),
    ("W2", "step", "a training step on moons"),
    ("W2", "gradient", "the gradient on moons by call"),
    ("W2", "cold", "100 steps on moons from cold"),
    ("W4", "step", "a training step of 64-32-10"),
    ("W4", "gradient", "the gradient of 64-32-10 by call"),
)
PANELS = (("W1", "both"), ("W2", "step"), ("W2", "cold"), ("W4", "step"))


def duration(seconds: float) -> str:
    """A time with three digits and a fitting unit."""
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}" if seconds / unit < 1000 else f"{seconds:,.0f} s"
    return f"{seconds * 1e9:.0f} ns"


def spread(times: list[float]) -> str:
    return f"{duration(min(times))} to {duration(max(times))}"


def rows_of(times: dict[str, list[float]]) -> list[list[str]]:
    """A line for each contender, the fastest first."""
    typical = medians(times)
    ours = typical.get("ours")
    rows = []
    for key in sorted(typical, key=lambda k: typical[k]):
        times_ours = f"{typical[key] / ours:,.3g}" if ours else ""
        rows.append([CONTENDERS[key][0], duration(typical[key]), spread(times[key]), times_ours])
    return rows


def tables(found: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, heads and rows of each table."""
    made: list[tuple[str, list[str], list[list[str]]]] = []
    heads = ["", "median", "range", "in times of jit, native"]

    def table(name: str, part: str, what: str) -> None:
        if found.get(name, {}).get(part):
            made.append((f"{name}. {WORKLOADS[name]}: {what}", heads, rows_of(found[name][part])))

    table("W1", "value", "the value")
    table("W1", "both", "value and gradient")
    table("W2", "step", "a training step, in a loop")
    table("W2", "gradient", "value and gradient by call")
    table("W2", "cold", "from the model to 100 steps, tracing and compiling included")
    if "W3" in found:
        rows = [
            [
                name,
                *(duration(t[k]) for k in ("build", "backward", "free")),
                duration(sum(t.values())),
            ]
            for name, t in found["W3"]["seconds"].items()
        ]
        rows += [[name, why, "", "", ""] for name, why in found["W3"]["missing"].items()]
        title = f"W3. {WORKLOADS['W3']} ({found['W3']['length']:,})"
        made.append((title, ["", "build", "backward", "free", "in all"], rows))
    table("W4", "step", "a training step, in a loop")
    table("W4", "gradient", "value and gradient by call")
    if "W5" in found:
        w5 = found["W5"]
        rows = []
        for key, label in (
            ("ours", CONTENDERS["ours"][0]),
            ("ours_c", CONTENDERS["ours_c"][0]),
            ("ours_ragged", f"{CONTENDERS['ours_ragged'][0]} (the first 100 steps)"),
            ("eager", "the script as it is"),
            ("plain", CONTENDERS["plain"][0]),
        ):
            if key in w5["seconds"]:
                n, seconds = w5["steps"][key], w5["seconds"][key]
                if key in w5["preparation"]:
                    first = w5["preparation"][key]
                    a_step = (seconds - first) / n
                    rows.append(
                        [
                            label,
                            duration(first),
                            duration(a_step),
                            duration(first + 999 * a_step),
                        ]
                    )
                else:
                    rows.append([label, "", duration(seconds / n), duration(seconds / n * 1000)])
        made.append(
            (f"W5. {WORKLOADS['W5']}", ["", "first step", "each further step", "1,000 steps"], rows)
        )
    if "W6" in found:
        w6 = found["W6"]
        rows = [
            [
                CONTENDERS[key][0],
                duration(statistics.median(times)),
                spread(times),
                str(w6["steps"][key]),
                f"{w6['right'][key]:.1%}",
            ]
            for key, times in w6["seconds"].items()
        ]
        made.append((f"W6. {WORKLOADS['W6']}", ["", "median", "range", "steps", "right"], rows))
    if found.get("targets"):
        rows = [
            [
                t["what"],
                t["wanted"],
                f"{t['found']:,.3g}" if t["found"] < 1000 else f"{t['found']:,.0f}",
                "yes" if t["met"] else "NO",
            ]
            for t in found["targets"]
        ]
        made.append(("What was aimed at", ["", "wanted", "found", "met"], rows))
    return made


def as_text(found: dict[str, Any]) -> str:
    """All tables for a terminal."""
    parts = []
    for title, heads, rows in tables(found):
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
            ).rstrip()
            for row in [heads, *rows]
        ]
        parts.append("\n".join([title, *lines]))
    return "\n\n".join(parts)


def slower(found: dict[str, Any]) -> list[str]:
    """Where something else is faster than the native backend, in words."""
    lines = []
    for name, part, what in PARTS:
        typical = medians(found.get(name, {}).get(part, {}))
        for key, seconds in sorted(typical.items(), key=lambda item: item[1]):
            if "ours" in typical and seconds < typical["ours"]:
                ratio = typical["ours"] / seconds
                lines.append(
                    f"- {CONTENDERS[key][0]}: {what}, {ratio:.2g} times as fast as jit, native."
                )
    return lines


def as_markdown(found: dict[str, Any]) -> str:
    """The page docs/performance.md."""
    lines = [INTRO]
    machine = found["machine"]
    versions = [v if k == "gcc" else f"{k} {v}" for k, v in list(machine.items())[3:]]
    lines.append(
        f"Measured on {machine['processor']} ({machine['processors']} processors), "
        f"{machine['system']}; {', '.join(versions)}. {found['rounds']} rounds.\n"
    )
    for title, heads, rows in tables(found):
        lines.append(f"## {title}\n")
        lines.append("| " + " | ".join(heads) + " |")
        lines.append("|:---" + "|---:" * (len(heads) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        lines.append("")
    behind = slower(found)
    lines.append("## What is faster than the native backend\n")
    lines += behind or ["Nothing that was measured here."]
    missing = {k: v for w in WORKLOADS for k, v in found.get(w, {}).get("missing", {}).items()}
    if missing:
        lines += ["\n## What is missing\n", *[f"- {k}: {v[:120]}" for k, v in missing.items()]]
    return "\n".join(lines).rstrip() + "\n"


def plot(found: dict[str, Any], path: Path) -> None:
    """Bars of time on a logarithmic scale, a panel for each workload."""
    from matplotlib.figure import Figure

    panels = [p for p in PARTS if p[:2] in PANELS and found.get(p[0], {}).get(p[1])]
    figure = Figure(figsize=(4 * max(len(panels), 1), 4.2), layout="constrained")
    for i, (name, part, what) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), i + 1)
        typical = medians(found[name][part])
        keys = sorted(typical, key=lambda k: -typical[k])
        colours = ["#1b6ca8" if key == "ours" else "#b8c4ce" for key in keys]
        axes.barh([CONTENDERS[k][0] for k in keys], [typical[k] for k in keys], color=colours)
        axes.set_xscale("log")
        axes.set_xlim(min(typical.values()) / 3, max(typical.values()) * 30)
        for at, key in enumerate(keys):
            axes.text(typical[key] * 1.2, at, duration(typical[key]), va="center", fontsize=8)
        axes.set_title(f"{name}. {what[0].upper()}{what[1:]}", fontsize=10)
        axes.set_xlabel("seconds")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
