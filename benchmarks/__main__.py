"""`python -m benchmarks`: measure, print tables, write JSON, a plot and the page of the docs.

python -m benchmarks                     # everything, ten minutes
python -m benchmarks W2 W4 --quick       # some of it, a minute
python -m benchmarks --markdown          # docs/performance.md from the last results
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from micrograd.files import write_json, write_text

from . import compiled, eager, report

RESULTS = Path(__file__).with_name("results.json")
PAGE = report.ROOT / "docs" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("workloads", nargs="*", metavar="W1...W6", help="all of them by default")
    parser.add_argument("--quick", action="store_true", help="3 rounds in place of 15")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument(
        "--peers", type=Path, default=report.ROOT / "build" / "peers", metavar="FOLDER"
    )
    parser.add_argument("--offline", action="store_true", help="install nothing")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="PATH")
    parser.add_argument(
        "--plot", type=Path, metavar="PATH", help="by default in docs, or beside another JSON"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="write docs/performance.md from the JSON, and end"
    )
    options = parser.parse_args()
    if options.markdown:
        found = json.loads(options.json.read_text(encoding="utf-8"))
        print(f"wrote {write_text(PAGE, report.as_markdown(found))}")
        return
    wanted = options.workloads or list(compiled.WORKLOADS)
    for name in wanted:
        if name not in compiled.WORKLOADS:
            parser.error(f"the workloads are {', '.join(compiled.WORKLOADS)}, not {name!r}")
    peers = options.peers.resolve()
    if not options.offline:
        for name, why in eager.prepare(peers, torch=False).items():
            print(f"missing: {name}: {why}")
    rounds = options.rounds or (3 if options.quick else 15)
    found = compiled.measure(wanted, peers, rounds, options.quick)
    if options.json.exists():  # what was not measured again stays
        before = json.loads(options.json.read_text(encoding="utf-8"))
        if before.get("machine") == found["machine"]:
            found = {**before, **found}
            found["targets"] = compiled.targets(found)
    print("\n" + report.as_text(found))
    write_json(options.json, found)
    own = PAGE.with_suffix(".svg") if options.json == RESULTS else options.json.with_suffix(".svg")
    path = options.plot or own
    try:
        report.plot(found, path)
    except ImportError:
        print("no plot: matplotlib is not installed")
        path = options.json
    print(f"\nwrote {options.json}" + (f" and {path}" if path != options.json else ""))


if __name__ == "__main__":
    main()
