"""`python -m micrograd learn` and `python -m micrograd check`: the ladder on the command line.

Exit codes of check: 0 if what has been begun is right, 1 if there is a finding, 2 for bad
arguments. The stages are in `ladder.py`, what runs a learner's file in `sandbox.py`.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from ..files import check_place, write_text
from .clinic import CODES, Visit
from .ladder import FOLDER, Stage, StageError, stages
from .patients import PATIENTS
from .sandbox import MEMORY, SECONDS, Verdict, judged

COLUMNS = ("file", "passed", "of", "stage", "cause", "finding", "seconds")


def learn_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="micrograd learn",
        description="List the stages on the way to a micrograd of your own, or print one.",
        epilog="Write into a file of your own, say mine.py, and ask: micrograd check mine.py. "
        "Models that do not learn, to find out why: micrograd learn clinic.",
    )
    parser.add_argument("stage", nargs="?", help="its number")
    parser.add_argument(
        "--stages", type=Path, default=FOLDER, metavar="FOLDER", help="stages of your own"
    )
    return parser


def check_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="micrograd check",
        description="Say how far a file of your own is, what is wrong first, and what comes next.",
        epilog="Each file runs in a process of its own, without network and without writing.",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, help="your class Value, and what the stages ask for beside it"
    )
    parser.add_argument(
        "--hint", nargs="?", type=int, const=1, default=0, metavar="N", help="N hints as well (1)"
    )
    every = "every file of a class of learners, one after the other"
    parser.add_argument("--class", dest="folder", type=Path, metavar="FOLDER", help=every)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="with --class: write its table")
    parser.add_argument(
        "--stages", type=Path, default=FOLDER, metavar="FOLDER", help="stages of your own"
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that a file may run (60)")
    parser.add_argument(
        "--memory", type=int, default=MEMORY, help="megabytes that a file may take (1024)"
    )
    return parser


def complain(sentence: str) -> int:
    print(f"micrograd: error: {sentence}", file=sys.stderr)
    return 2


def learn(words: Sequence[str]) -> int:
    """The exit code, after printing the list of stages or the text of one, or in the clinic."""
    if words[:1] == ["clinic"]:
        return visit(words[1:])
    options = learn_parser().parse_args(words)
    try:
        ladder = stages(options.stages)
    except StageError as error:
        return complain(str(error))
    if options.stage is None:
        print("Your own micrograd, in a file of your own:\n")
        for stage in ladder:
            print(f"{stage.number:4}  {stage.title}")
        print("\nRead one with: python -m micrograd learn 1")
        print("Then write mine.py, and ask: python -m micrograd check mine.py")
        return 0
    number = int(options.stage) if options.stage.isdecimal() else 0
    if not 1 <= number <= len(ladder):
        there = f"1 to {len(ladder)}, and the clinic: micrograd learn clinic"
        return complain(f"there is no stage {options.stage}, but {there}")
    print(page(ladder[number - 1], len(ladder)))
    return 0


def visit(words: Sequence[str]) -> int:
    """The exit code, after a chart of the clinic, or the grade of a diagnosis and the doctor's."""
    parser = argparse.ArgumentParser(
        prog="micrograd learn clinic",
        description="Fifteen broken models: look at the chart of one, say what is wrong, and hear "
        "whether it is, and what the doctor says.",
        epilog="micrograd learn clinic 3 prints a chart, micrograd learn clinic 3 dead grades.",
    )
    parser.add_argument("patient", nargs="?", type=int, help="1 to 15")
    parser.add_argument("code", nargs="?", help="what is wrong; without a patient, a list")
    options = parser.parse_args(words)
    try:
        if options.patient is None:
            print(f"{len(PATIENTS)} patients. What may be wrong:\n")
            print("\n".join(f"  {code:20} {what}" for code, what in CODES.items()))
            print("\nBegin with: python -m micrograd learn clinic 1")
            return 0
        patient = Visit(options.patient)
        if options.code is None:
            print(patient.chart())
            print(f"\nYour diagnosis: python -m micrograd learn clinic {options.patient} CODE")
            return 0
        grade = patient.diagnose(options.code)
    except ValueError as error:
        return complain(str(error))
    print(grade.sentence)
    if grade.right:
        try:
            print(f"The doctor says: {', '.join(patient.doctor()) or 'nothing'}.")
        except NotImplementedError as error:
            print(f"The doctor is not in: {error}.")
    return int(not grade.right)


def page(stage: Stage, of: int) -> str:
    """The text of a stage."""
    return f"Stage {stage.number} of {of}: {stage.title}\n\n{stage.text}"


def check(words: Sequence[str]) -> int:
    """The exit code, after judging a file or a folder of them."""
    options = check_parser().parse_args(words)
    try:
        ladder = stages(options.stages)
    except StageError as error:
        return complain(str(error))
    if (options.file is None) == (options.folder is None):
        return complain("give one file, such as mine.py, or --class and a folder of files")
    if options.csv and not options.folder:
        return complain("--csv goes with --class and a folder")
    if options.seconds <= 0 or options.memory < 128:
        return complain("--seconds should be above 0, and --memory 128 or more")
    if options.folder:
        return grade(options, ladder)
    if not options.file.is_file():
        return complain(f"there is no file {options.file}")
    verdict = verdict_on(options.file, options)
    print("\n".join(report(verdict, ladder, options.hint)))
    return int(bool(verdict.stage) and verdict.begun)


def verdict_on(path: Path, options: argparse.Namespace) -> Verdict:
    # A link is called what it is called, and not as the file that it leads to.
    verdict = judged(path.resolve(), options.stages.resolve(), options.seconds, options.memory)
    return verdict._replace(file=path.name)


def report(verdict: Verdict, ladder: list[Stage], hints: int) -> list[str]:
    """What is printed about one file: how far it is, one finding, hints, and what comes next."""
    passed, of = verdict.passed, len(ladder)
    lines = [f"{verdict.file}: {passed} of {of} stages pass."]
    if passed:
        lines.append(f"{ladder[passed - 1].title}: {ladder[passed - 1].passed}")
    if not verdict.stage:
        return lines
    stage = ladder[verdict.stage - 1]
    if verdict.begun:
        lines += ["", f"Stage {stage.number}, {stage.title}: {verdict.finding}"]
    shown = stage.hints[:hints]
    lines += [f"\nHint {k}: {hint}" for k, hint in enumerate(shown, 1)]
    left = len(stage.hints) - len(shown)
    if verdict.begun and left:
        again = f"--hint {len(shown) + 1}" if shown else "--hint"
        lines.append(f"\nFor {'another' if shown else 'a'} hint: check {verdict.file} {again}")
    return [*lines, "", page(stage, of)]


def grade(options: argparse.Namespace, ladder: list[Stage]) -> int:
    """All files of a folder, one after another, as a table."""
    if not options.folder.is_dir():
        return complain(f"there is no folder {options.folder}")
    files = sorted(path for path in options.folder.glob("*.py") if path.is_file())
    if not files:
        return complain(f"there are no files of Python in {options.folder}")
    if options.csv:
        if not options.csv.parent.is_dir():
            return complain(f"there is no folder {options.csv.parent}")
        check_place(options.csv)
    rows = []
    for path in files:
        verdict = verdict_on(path, options)
        title = ladder[verdict.stage - 1].title if verdict.stage else ""
        finding = verdict.finding if verdict.begun else ""
        cause = verdict.cause if verdict.begun else ""
        row = (verdict.file, verdict.passed, len(ladder), title, cause, finding, verdict.seconds)
        rows.append(row)
        print(f"{verdict.file}: {verdict.passed} of {len(ladder)}. {finding}".rstrip())
    if options.csv:
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        print(f"wrote {write_text(options.csv, table.getvalue())}")
    return 0
