"""`python -m benchmarks.ablation`: what each optimisation of the compiler gives, by leaving it out.

    python -m benchmarks.ablation                    # all: half an hour
    python -m benchmarks.ablation layers outer       # those with one of these words in their names
    python -m benchmarks.ablation --markdown         # docs/ablation.md from the last results

Of each optimisation there is a copy of the package without it, made by changing its source, with
the machine compiled anew where that is in C; where it is in Python, the compiler runs as Python, so
that the time to a first gradient counts for its ratio alone. A copy runs the programs of
`workloads.py` by turns with one that is as it was; the ratio of the times says what the
optimisation gives. One thread, but for the rows that are about threads. Those for processors with
AVX-512 alone are left out on others.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from micrograd.compiler.native.instructions import EXACT
from micrograd.files import write_json, write_text

from . import compiled, report

RESULTS = Path(__file__).with_name("ablation.json")
PAGE = report.ROOT / "docs" / "ablation.md"
BUDGET = 0.02  # seconds for each side in each round
WORTH = 1.05
Found = dict["Row", dict[str, float]]
ARRANGE, ROWS, ENCODE = (f"native/{name}.py" for name in ("arrange", "rows", "encode"))
BATCH, SIMPLIFY, INSTRUCTIONS = "ir/batch.py", "ir/simplify.py", "native/instructions.py"
VM, VECTORS, KERNELS, TEAM = (f"native/{name}.h" for name in ("vm", "vectors", "kernels", "team"))


class Row(NamedTuple):
    """An optimisation: its name, the file, and what stands there, without it, in place of what."""

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    threads: bool = False  # whether it is about several threads
    wide: bool = False  # whether it is for AVX-512

    @property
    def in_c(self) -> bool:
        return not self.file.endswith(".py")


def row(name: str, file: str, *changes: str, threads: bool = False, wide: bool = False) -> Row:
    return Row(name, file, tuple(zip(changes[::2], changes[1::2])), threads, wide)


OPTIMISATIONS = [
    row("nothing: the noise of this measurement", VM),
    # Programs.
    row("equal steps are one", SIMPLIFY, "    i = done.get(key)\n    if i is None:\n        "
        "i = done[key] = new.step(rule, xs)\n    return i\n\n\n#",
        "    return new.step(rule, xs)\n\n\n#"),
    row("shorter forms, such as x for x * 1", SIMPLIFY,
        "    identity = IDENTITIES.get(rule)\n", "    identity = None\n"),
    row("what no turn changes stands before the loop", "ir/hoist.py",
        "    if not operands:\n", "    if True:\n"),
    row("one sum for a weight that is used at many places", BATCH,
        "    made = list(outputs)\n", "    return shared, list(outputs)\n"),
    row("values count as finite, as the machine looks for nan", BATCH,
        "finite=True", "finite=False"),
    # Columns.
    row("gates by the relu that is at hand", ARRANGE, "layers(gated_by_relu(made), varying)",
        "layers(made, varying)"),
    row("layers: sums of scalars times the same columns", ARRANGE,
        "return totals(layers(gated_by_relu(made), varying))", "return totals(made)"),
    row("outer products: products summed over a batch in tables", ARRANGE,
        "going_on(outer_products(section), rows, shared)", "going_on(section, rows, shared)"),
    row("relu and gates within layers", ARRANGE,
        "    if any([len(found) != 1 for found in users]):\n", "    if True:\n"),
    row("eight sums of columns at once", ARRANGE, "TOTALS = 8", "TOTALS = 1"),
    row("logsumexp from the exponentials of its slopes", ARRANGE,
        "    known = EXACT.module.FUNCTIONS\n    top_of",
        "    known = EXACT.module.FUNCTIONS\n    return section\n    top_of"),
    row("registers used again", ARRANGE, "            elif free:\n", "            elif False:\n"),
    # Scalars.
    row("layers of scalars: matrices times vectors", ROWS,
        "    halves = []\n", "    return same\n    halves = []\n"),
    row("the same operation along a row of scalars", ROWS,
        "        if n < 4:\n", "        if True:\n"),
    row("carries of loops replaced in place", ROWS,
        "    uses, outputs = program.uses(), {*program.outputs}\n",
        "    return section, [], []\n    uses, outputs = program.uses(), {*program.outputs}\n"),
    row("long sums that go on are made with others", ENCODE,
        "        if total is None or len(total.pairs) < FEW",
        "        if True or len(total.pairs) < FEW"),
    row("rows of outer products of one example as tables", ENCODE,
        "going_on(neighbours(self.outers), program.rows, shared)",
        "going_on(self.outers, program.rows, shared)"),
    row("rows of outer products in the order of their sums", INSTRUCTIONS,
        "sorted(range(m), key=lambda j: rows[j][0])", "list(range(m))"),
    row("sums over a batch begin a line of the cache", ENCODE,
        "        scalars.extend(build.zeros(-len(scalars) % LINE))", "        pass"),
    # The machine.
    row("columns of a block looked up once", VM, "by_columns && columns_known(scratch, place);",
        "(scratch->n_moving = 0);"),
    row("frequent operations on scalars without a call", VM,
        "if (!by_columns && op <= NEG) {", "if (0) {"),
    row("functions of few scalars called at once", VM,
        "if (!by_columns && op == CALL && mg_table[r[0]].arity > 0) {", "if (0) {"),
    row("moves of loops without a call", VM,
        "if (!by_columns && op >= MOVE && quick_move(scratch, scalars, op, dst, r)) continue;", ""),
    row("sums of scalars times columns as vectors", VM, "scaled = 1, ss", "scaled = 0, ss"),
    row("functions of the table as vectors", KERNELS, "else if (kernel_of[f])", "else if (0)"),
    row("exp as vectors", KERNELS, "    kernels = *found;\n",
        "    kernels = *found;\n    kernels.exps = NULL;\n"),
    row("eight by eight sums of an outer product", VECTORS, "int m8 = m - m % 8,", "int m8 = 0,"),
    row("rows of a matrix turned by shuffles", VECTORS,
        "int in_rows = l->per_x == 1 && l->per_sum != 1;", "int in_rows = 0;"),
    row("rows of products of one example as vectors", "native/scalars.h",
        "if (in_rows && to[2] == 1) {", "if (0) {"),
    row("numbers of Values read where they lie", "native/door.h",
        "if (value_type && PyObject", "if (0 && PyObject",
        "int known = value_type != NULL,", "int known = 0,"),
    row("two blocks of a layer side by side", VECTORS, "#define WIDE (MANY ? 4 : 2)",
        "#define WIDE (MANY ? 2 : 1)"),
    row("means by products where that is exact", KERNELS, "    if (n & (n - 1))\n", "    if (1)\n"),
    row("columns at distances that are no multiple of 256 bytes", "native/batch.h",
        "return whole % 32 ? whole : whole + 8;", "return whole;"),
    # Threads.
    row("threads", TEAM, "static int processors(void) {\n    const char",
        "static int processors(void) {\n    return 1;\n    const char", threads=True),
    row("workers begin on other processors", TEAM, "if (here >= 0 &&", "if (0 &&", threads=True),
    row("no workers for a while where they do not pay", TEAM,
        "static void nobody_for_a_while(void) {",
        "static void nobody_for_a_while(void) {\n    return;", threads=True),
    # AVX-512.
    row("relu and gates by the kind of number", VECTORS, "#if ZMM\n/* One instruction,",
        "#if 0\n/* One instruction,", wide=True),
    row("factors of eight sums from memory", VECTORS, "    done = l->k > 4 ? l->sums & ~7 : 0;",
        "    done = 0;", wide=True),
    row("products added late", VECTORS,
        "const int late = MANY && R * V == 8;", "const int late = 0;",
        "    const int late = MANY;", "    const int late = 0;", wide=True),
    row("lanes added by blends", VECTORS,
        "    for (; q + 8 <= count; q += 8) {\n        __m512d x[8]",
        "    for (; 0;) {\n        __m512d x[8]", wide=True),
    row("columns turned by shuffles", VECTORS, "    for (; e < n && e + 8 <= room; e += 8) {",
        "    for (; 0;) {", wide=True),
]  # fmt: skip


# Copies of the package ---------------------------------------------------------------------------


def folder_of(one: Row, root: Path) -> Path:
    """A folder with the package as a row changes it."""
    package = report.ROOT / "micrograd"
    key = hashlib.sha256(repr(one).encode())
    for path in sorted(package.rglob("*.[pch]*")):
        if path.suffix in (".py", ".c", ".h"):
            key.update(path.read_bytes())
    folder = root / key.hexdigest()[:16]
    if (folder / "made").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    copy = folder / "micrograd"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path in report.ROOT.glob("micrograd__mypyc*.so"):  # what all compiled modules share
        shutil.copy2(path, folder)
    path = copy / "compiler" / one.file
    text = path.read_text(encoding="utf-8")
    for old, new in one.changes:
        if text.count(old) != 1:
            raise ValueError(f"{one.name}: {one.file} has {old!r} {text.count(old)} times")
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    if one.in_c:
        compile_machine(copy / "compiler" / "native")
    else:
        for path in (copy / "compiler").rglob("*.so"):
            if not path.name.startswith("_machine"):  # it runs as the Python beside it
                path.unlink()
    (folder / "made").touch()
    return folder


def compile_machine(native: Path) -> None:
    """The exact build of the machine, as setup.py makes it."""
    flags: dict[str, list[str]] = {}
    for node in ast.parse((report.ROOT / "setup.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value.orelse if isinstance(node.value, ast.IfExp) else node.value
            if node.targets[0].id in ("GCC", "FASTEST", "EXACT"):
                flags[node.targets[0].id] = ast.literal_eval(value)
    known = sysconfig.get_config_vars()
    (target,) = native.glob("_machine.*.so")
    command = [
        *known["CC"].split(), *known["CFLAGS"].split(), *flags["GCC"], *flags["FASTEST"],
        *flags["EXACT"], "-fPIC", "-shared", f"-I{sysconfig.get_paths()['include']}",
        str(native / "machine.c"), "-lm", "-o", str(target),
    ]  # fmt: skip
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


# Measuring --------------------------------------------------------------------------------------


class Side:
    """A process with one of the copies, on one processor, or on all of them."""

    def __init__(self, folder: Path, processor: int | None) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MICROGRAD")}
        environment |= {"PYTHONPATH": str(report.ROOT), "OMP_NUM_THREADS": "1"}
        if processor is not None:
            environment["MICROGRAD_THREADS"] = "1"
        self.process: Any = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.workloads"], cwd=folder, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.process.stdout.readline()
        if processor is not None:  # both sides on the same, whatever else runs there
            os.sched_setaffinity(self.process.pid, [processor])

    def seconds(self, workload: str, often: int) -> float:
        """Those of one call; -1 where it failed."""
        try:
            self.process.stdin.write(f"{workload} {often}\n")
            self.process.stdin.flush()
            return float(self.process.stdout.readline() or -1)
        except BrokenPipeError:
            return -1.0

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # it ended before
            self.process.stdin.close()
        self.process.wait()


def ratios(whole: Side, less: Side, names: list[str], rounds: int) -> dict[str, float]:
    """What each workload takes without the optimisation, in times of what it takes with it.

    What comes out is measured twice where it is more than noise; the smaller one counts.
    """
    found = {}
    for name in names:
        gain = ratio(whole, less, name, rounds)
        if gain >= WORTH:
            gain = min(gain, ratio(whole, less, name, rounds))
        if gain > 0:
            found[name] = gain
        else:
            print(f"    {name}: no result")
    return found


def ratio(whole: Side, less: Side, name: str, rounds: int) -> float:
    """The median over the rounds, in each of which both sides have their turn."""
    once = min(whole.seconds(name, 1) for _ in range(2))
    often = max(1, round(BUDGET / max(once, 1e-7)))
    less.seconds(name, 1)
    return statistics.median(
        less.seconds(name, often) / whole.seconds(name, often) for _ in range(rounds)
    )


def measure(chosen: list[Row], names: list[str], rounds: int, root: Path) -> Found:
    """What the rows give: those of one thread on as many processors as there are."""
    processors = sorted(os.sched_getaffinity(0))
    whole = {in_c: row("", VM if in_c else ROWS) for in_c in (False, True)}
    found: Found = {}
    with ThreadPoolExecutor(len(processors)) as pool:
        everything = [*whole.values(), *chosen]
        folders = dict(zip(everything, pool.map(lambda one: folder_of(one, root), everything)))

        def measured(some: list[Row], processor: int | None) -> None:
            for in_c in (False, True):
                base = Side(folders[whole[in_c]], processor)
                for one in [one for one in some if one.in_c == in_c]:
                    less = Side(folders[one], processor)
                    found[one] = gains = ratios(base, less, names, rounds)
                    less.close()
                    print(f"{one.name} ({one.file})\n    {best(gains)}", flush=True)
                base.close()

        alone = [one for one in chosen if not one.threads]
        shares = [alone[k :: len(processors)] for k in range(len(processors))]
        list(pool.map(measured, shares, processors))
        measured([one for one in chosen if one.threads], None)
    return found


def best(gains: dict[str, float], most: int = 4) -> str:
    """The workloads that it is worth most to."""
    order = sorted(gains, key=lambda name: -gains[name])[:most]
    return "; ".join(f"{name} {gains[name]:.2f}" for name in order)


# The page ---------------------------------------------------------------------------------------

INTRO = """# What each optimisation gives

Each row is an optimisation of the compiler, left out: a ratio of 1.5 says that a program takes 1.5
times as long without it. The programs with the largest ratios are named. Ratios are medians over
rounds, by turns with the compiler as it is; below 1.05 it is noise, and an optimisation that gives
no more than that everywhere goes. Some stay nevertheless: registers are used again so that a long
program needs little memory, workers rest so that machines that others use too are not slowed down,
and some that give little alone were missed when all of them were out at once. Rows for AVX-512 are
measured where a processor has it. The last measurement is `benchmarks/ablation.json`, of which
`python -m benchmarks.ablation --markdown` writes this page; the programs are in
`benchmarks/workloads.py`.
"""


def as_markdown(found: dict[str, Any]) -> str:
    vectors = "with AVX-512" if found["wide"] else "without AVX-512"
    lines = [INTRO, f"Processor: {found['machine']['processor']}, {vectors}.\n"]
    lines += ["| optimisation | file | worth most to |", "|---|---|---|"]
    for one in found["rows"]:
        lines.append(f"| {one['name']} | `{one['file']}` | {best(one['gains'], 3)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    from .workloads import WORKLOADS

    parser = argparse.ArgumentParser(prog="benchmarks.ablation", description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="*", help="words in the names of optimisations (all)")
    parser.add_argument(
        "--workloads", nargs="*", metavar="WORD", help="words in those of workloads"
    )
    parser.add_argument("--rounds", type=int, default=9, help="how often each is timed (9)")
    parser.add_argument("--markdown", action="store_true", help="write docs/ablation.md, and end")
    options = parser.parse_args()
    if options.markdown:
        text = as_markdown(json.loads(RESULTS.read_text(encoding="utf-8")))
        print(f"wrote {write_text(PAGE, text)}")
        return
    machine = compiled.machine()
    print(machine["processor"])
    wide = bool(EXACT.module.use("avx512"))
    chosen = [
        one for one in OPTIMISATIONS
        if (wide or not one.wide)
        and (not options.words or any(word in one.name for word in options.words))
    ]  # fmt: skip
    names = [
        name for name in WORKLOADS
        if not options.workloads or any(word in name for word in options.workloads)
    ]  # fmt: skip
    found = measure(chosen, names, options.rounds, report.ROOT / "build" / "ablation")
    for one, gains in found.items():
        if max(gains.values(), default=0.0) < WORTH:
            print(f"gives less than {WORTH}: {one.name}")
    if not options.workloads:
        save(found, machine, wide)


def save(found: Found, machine: dict[str, str], wide: bool) -> None:
    """Write the results, beside those of before where they are of this machine."""
    gains = {one.name: mine for one, mine in found.items()}
    if RESULTS.exists():
        before = json.loads(RESULTS.read_text(encoding="utf-8"))
        if before["machine"] == machine:
            gains = {**{one["name"]: one["gains"] for one in before["rows"]}, **gains}
    rows = [
        {"name": one.name, "file": one.file, "gains": gains[one.name]}
        for one in OPTIMISATIONS if one.name in gains
    ]  # fmt: skip
    write_json(RESULTS, {"machine": machine, "wide": wide, "rows": rows})


if __name__ == "__main__":
    main()
