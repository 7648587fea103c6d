"""The ladder: stages from a number that remembers to a tiny GPT, to build one's own micrograd.

A stage is a file in `stages/`: text, tests and hints in Markdown, so that a teacher adds a stage
by adding a file. `climb` says how far somebody's names get; `sandbox.py` does so for a file in a
process of its own, and `commands.py` is the command line.

What a stage file holds: a title after `#`; a line `Needs:` with the names that belong to it
(`Value.tanh` is a method); a line `Checks:` with what `homework.check_class` is to try; text; then
`## Test: what it is about` with a block of Python, `## Hint` as often as wanted, `## Passed`.
Tests see the names of the learner, `math`, `random`, `number(x)`, which is that of a node or of a
number, and `expect(found, right, what)` and `near(found, right, what)`, which fail with a sentence.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from .checker.errors import in_line
from .checker.limits import TimeUp, within
from .checker.report import Finding, Report

FOLDER: Final = Path(__file__).with_name("stages")
SECONDS: Final = 30.0  # for one test: a GPT of scalars takes some
Checker = Any  # homework.check_class, which is handed in


@dataclass(frozen=True)
class Stage:
    """One stage, as its file has it."""

    number: int
    title: str
    needs: tuple[str, ...]
    checks: tuple[str, ...]
    text: str
    tests: tuple[tuple[str, str], ...]
    hints: tuple[str, ...]
    passed: str


class StageError(ValueError):
    """A stage file that cannot be read."""


def stages(folder: Path = FOLDER) -> list[Stage]:
    """The stages of a folder, in the order of their files' names.

    >>> [stage.title for stage in stages()][:3]
    ['A number that remembers', 'Addition', 'Multiplication and the chain rule']
    """
    files = sorted(folder.glob("*.md"))
    if not files:
        raise StageError(f"there are no stages in {folder}: a stage is a file such as 01_number.md")
    return [read(path, number) for number, path in enumerate(files, 1)]


def read(path: Path, number: int) -> Stage:
    """A stage out of its file."""
    head, *sections = f"\n{path.read_text(encoding='utf-8')}".split("\n## ")
    title, _, rest = head.strip().partition("\n")
    if not title.startswith("# "):
        raise StageError(f"{path}: the first line should be '# ' and a title, not {title!r}")
    lists: dict[str, tuple[str, ...]] = {"Needs": (), "Checks": ()}
    text = []
    for line in rest.strip().splitlines():
        name, colon, words = line.partition(": ")
        if colon and name in lists:
            lists[name] = split(words)
        else:
            text.append(line)
    tests, hints, passed = [], [], ""
    for section in sections:
        name, _, body = section.partition("\n")
        if name.startswith("Test: "):
            tests.append((name[6:], code(body, path)))
        elif name == "Hint":
            hints.append(body.strip())
        elif name == "Passed":
            passed = body.strip()
        else:
            raise StageError(f"{path}: no '## {name}' in a stage, but Test:, Hint and Passed")
    return Stage(
        number, title[2:], lists["Needs"], lists["Checks"], "\n".join(text).strip(), tuple(tests),
        tuple(hints), passed,
    )  # fmt: skip


def split(words: str) -> tuple[str, ...]:
    """Names with commas between, of which `sum([a, b])` has one of its own."""
    found = words.replace("[a, b]", "[a; b]").split(",")
    return tuple(word.strip().replace("[a; b]", "[a, b]") for word in found)


def code(body: str, path: Path) -> str:
    """The block of Python in a section."""
    parts = body.split("```")
    if len(parts) != 3 or not parts[1].startswith("python\n"):
        raise StageError(f"{path}: a test is one block of Python, between ```python and ```")
    return parts[1].removeprefix("python\n")


# Tests ------------------------------------------------------------------------------------


class Missed(Exception):
    """What a test expected and did not find."""


def expect(found: Any, right: Any, what: str) -> None:
    """Nothing, if found is right, but for rounding; else `Missed`, with both."""
    if not alike(found, right, 1e-9):
        few = " (It has a few digits only, as a difference quotient has.)"
        raise Missed(missed(found, right, what) + (few if alike(found, right, 1e-5) else ""))


def near(found: Any, right: Any, what: str) -> None:
    """The same, for what was compared with a difference quotient."""
    if not alike(found, right, 1e-4):
        raise Missed(missed(found, right, what))


def missed(found: Any, right: Any, what: str) -> str:
    """The sentence about what is not as it should be."""
    if isinstance(right, bool):
        answer = "no and should be yes" if right else "yes and should be no"
        return f"{what}: the answer is {answer}."
    noun = what.removeprefix("the ").split()[0]
    are = "are" if noun.endswith("s") and not noun.endswith("ss") else "is"
    return f"{what} {are} {written(found)} and should be {written(right)}."


def plain(x: Any) -> Any:
    """x, but lists and floats where it is NumPy's or PyTorch's."""
    convert = getattr(x, "tolist", None)
    return convert() if callable(convert) else x


def number(x: Any) -> Any:
    """The number that a node holds, or x, which is one."""
    x = plain(x)
    return plain(getattr(x, "data", x))


def alike(found: Any, right: Any, tolerance: float) -> bool:
    found, right = plain(found), plain(right)
    if isinstance(right, (list, tuple)):
        if not isinstance(found, (list, tuple)) or len(found) != len(right):
            return False
        return all(alike(f, r, tolerance) for f, r in zip(found, right))
    if isinstance(right, bool):
        return bool(found) == right
    try:
        return math.isclose(found, right, rel_tol=tolerance, abs_tol=tolerance * 1e-2)
    except TypeError:  # a node, or nothing, where a number should be
        return False


def written(x: Any) -> str:
    x = plain(x)
    if isinstance(x, (list, tuple)):
        return f"[{', '.join(map(written, x)):.150}]"
    return f"{x:.9g}" if isinstance(x, float) else f"{x!s:.60}"


def missing(stage: Stage, names: Mapping[str, Any]) -> list[str]:
    """What the stage needs and the learner does not have."""

    def there(need: str) -> bool:
        name, _, method = need.partition(".")
        thing = names.get(name)
        return thing is not None and (not method or getattr(thing, method, None) is not None)

    return [need for need in stage.needs if not there(need)]


def examine(stage: Stage, names: Mapping[str, Any], check: Checker) -> Report:
    """The `Report` on one stage: the checks of the class, then the tests, to the first fault."""
    gone = missing(stage, names)
    if gone:
        return refusal(stage, Finding("missing", f"There is no {', no '.join(gone)} yet."))
    tried = 0
    if stage.checks or "Value" in stage.needs:
        report: Report = check(names["Value"], set(stage.checks).__contains__, True)
        tried = report.tried
        if not report:
            return Report(stage.title, report.faults[:1], [], tried)
    for title, text in stage.tests:
        tried += 1
        finding = outcome(title, text, names, f"<stage {stage.number}: {title}>")
        if finding:
            return Report(stage.title, [finding], [], tried)
    return Report(stage.title, [], [], tried)


def refusal(stage: Stage, finding: Finding) -> Report:
    return Report(stage.title, [finding], [], 1)


def outcome(title: str, text: str, names: Mapping[str, Any], where: str) -> Finding | None:
    """What a test finds."""
    tools = {"expect": expect, "near": near, "number": number, "math": math, "random": random}
    names = {**names, **tools, "__name__": "a test"}
    state = random.getstate()
    try:
        within(lambda: exec(compile(text, where, "exec"), names), SECONDS)
        return None
    except Missed as error:
        sentence = str(error)
    except TimeUp:
        sentence = f"it has not ended after {SECONDS:g} seconds."
    except (Exception, SystemExit) as error:
        sentence = raised(error, where)
    finally:
        random.setstate(state)
    return Finding(title, f"{title[0].upper()}{title[1:]}: {sentence}", (title,))


def raised(error: BaseException, where: str) -> str:
    """What is said of an exception: whether the learner's code raises it, or what it gives does."""
    said, line = f"{type(error).__name__}: {error}".rstrip(": ."), in_line(error)
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if line or trace is None or trace.tb_frame.f_code.co_filename != where:
        return f"it raises {said}{line}."
    if "NoneType" in said:
        return "something gives None where a result is looked for: is a return missing?"
    return f"what it gives is not what is asked for: {said}."


class Climb(NamedTuple):
    """How far somebody is: stages passed, the one ahead (none at the top), and what it says."""

    passed: int
    ahead: Stage | None
    begun: bool
    report: Report | None


def climb(
    names: Mapping[str, Any],
    ladder: list[Stage],
    check: Checker,
    passes: Callable[[Stage], None] = lambda stage: None,
) -> Climb:
    """The first stage that does not pass, and whether it is begun; `passes` hears of others."""
    for stage in ladder:
        report = examine(stage, names, check)
        if not report:
            begun = len(missing(stage, names)) < len(stage.needs)
            return Climb(stage.number - 1, stage, begun, report)
        passes(stage)
    return Climb(len(ladder), None, False, None)


def surroundings(cls: Any) -> dict[str, Any]:
    """The names that a class can see where it was written, with itself as Value."""
    for thing in vars(cls).values() if hasattr(cls, "__dict__") else ():
        if hasattr(thing, "__globals__"):
            return {**thing.__globals__, "Value": cls}
    return {"Value": cls}


def at_stage(cls: Any, number: int, check: Checker) -> Report:
    """The `Report` on a class at one stage of the ladder."""
    ladder = stages()
    if not 1 <= number <= len(ladder):
        raise ValueError(
            f"check_value_class(stage={number!r}): there are stages 1 to {len(ladder)}; "
            "python -m micrograd learn lists them"
        )
    report = examine(ladder[number - 1], surroundings(cls), check)
    name = getattr(cls, "__name__", repr(cls))
    return Report(f"{name}, stage {number}", report.faults, report.beyond, report.tried)
