"""The command line: `python -m micrograd`, and `python -m micrograd draw "..."`.

It trains two small networks and draws what they learned, or draws one expression. Exit
codes: 0 all went well, 1 it could not be done, 2 bad arguments, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import compiled
from .version import __version__

PICTURES = (".svg", ".html", ".txt", ".dot", ".gv", ".png", ".pdf")
WORD = re.compile(r"(?<![\w.])[^\W\d]\w*")  # a name in an expression
COMMANDS = """\
commands, of which each has a --help of its own:
  train      what is described above, also without a word
  draw       evaluate, differentiate and draw an expression:
             micrograd draw "relu(a*b + c)" a=2 b=-3 c=10 -o out.svg
  learn      the stages on the way to a micrograd of your own, and a clinic
  check      how far a file of your own is: micrograd check mine.py
  diagnose   what is wrong with the gradients of a training script:
             micrograd diagnose script.py
  play       a page in the browser to try expressions and training on
"""
HOW = "compiled" if compiled else "running as Python"


def train_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="micrograd",
        description="Train an MLP with two hidden layers of 16 neurons on two half moons, and one\n"
        "on Fisher's irises, eagerly and compiled; print loss and accuracy on rows that\n"
        "training did not see, and what the doctor says; draw the decisions and one neuron.",
        epilog=COMMANDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = ["train", "draw", "learn", "check", "diagnose", "play"]
    parser.add_argument(
        "command", nargs="?", choices=commands, default="train", help="see below (train)"
    )
    parser.add_argument("--version", action="version", version=f"micrograd {__version__}, {HOW}")
    parser.add_argument("--epochs", type=at_least_one, default=200, help="of training (200)")
    parser.add_argument("--seed", type=int, default=1337, help="for weights and data (1337)")
    parser.add_argument(
        "--out", type=Path, default=Path("pictures"), metavar="FOLDER",
        help="where the pictures go (pictures)",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no progress line")
    return parser


def draw_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="micrograd draw",
        usage="micrograd draw [-h] [-o FILE] expression [name=number ...]",
        description="Print the value of an expression and its gradients, and draw its graph.",
        epilog='Example: micrograd draw "relu(a*b + c)" a=2 b=-3 c=10 -o out.svg',
    )
    parser.add_argument(
        "expression", nargs="?", help="numbers, names, + - * / // %% ** and functions"
    )
    parser.add_argument("values", nargs="*", metavar="name=number", help="the value of each name")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write the picture: .svg, .html, .txt, .dot; .png or .pdf with Graphviz",
    )
    return parser


def at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number of epochs is at least 1, not {text!r}")
    return int(text)


def spelled(words: list[str]) -> list[str]:
    """The words of draw such that argparse takes "-a*b" for an expression and no option."""
    end = words.index("--") if "--" in words else len(words)
    before = [
        f" {word}" if word[:1] == "-" and word[1:2] not in ("", "-", "o", "h") else word
        for word in words[:end]
    ]
    return [*before, *(f" {word}" for word in words[end + 1 :])]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code, after doing what the arguments say."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["draw"]:
            parser = draw_parser()
            options = parser.parse_intermixed_args(spelled(words[1:]))
            if options.expression is None:
                parser.error('an expression is missing, such as "relu(a*b + c)" a=2 b=-3 c=10')
            return draw(options.expression, options.values, options.output)
        if words[:1] in (["learn"], ["check"]):
            return learner(words)
        if words[:1] == ["diagnose"]:
            from .doctor.command import diagnose_script

            return diagnose_script(words[1:])
        if words[:1] == ["play"]:
            from .play.command import play

            return play(words[1:])
        options = train_parser().parse_args(words)
        return train(options.epochs, options.seed, options.out, not options.quiet)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return complain(f"{error.strerror or error}{where}", 1)


def learner(words: list[str]) -> int:
    """The ladder: its stages, or how far a file is."""
    from .learn import commands

    return commands.learn(words[1:]) if words[0] == "learn" else commands.check(words[1:])


def complain(sentence: str, code: int) -> int:
    print(f"micrograd: error: {sentence}", file=sys.stderr)
    return code


def draw(expression: str, values: Sequence[str], output: Path | None) -> int:
    """Evaluate, print, draw."""
    from .engine import Value
    from .graph import draw as picture
    from .learn.expression import ExpressionError, evaluate

    names: dict[str, Value] = {}
    for text in values:
        name, sign, number = text.strip().partition("=")
        try:
            if not (sign and name.isidentifier()) or name in names:
                raise ValueError
            names[name] = Value(float(number), label=name)
        except ValueError:
            again = "is given twice" if name in names else "should be a name=number such as a=2"
            return complain(f"{text!r} {again}", 2)
    try:
        result = evaluate(expression, names)
    except ExpressionError as error:
        return complain(str(error), 2)
    unused = [name for name in names if name not in WORD.findall(expression)]
    if unused:
        return complain(f"{unused[0]} has a value, and is not in the expression", 2)
    if output is not None:
        if output.suffix.lower() not in PICTURES:
            endings = ", ".join(PICTURES)
            return complain(f"the name of a picture ends in {endings}, not as {str(output)!r}", 2)
        if not output.parent.is_dir():
            return complain(f"there is no folder {output.parent}", 1)
    result.backward()
    if output is not None:
        try:
            picture(result).save(output)
        except ValueError as error:  # Graphviz is not there, say
            return complain(str(error), 1)
    print(f"{' '.join(expression.split())} = {result.data:.12g}")
    for name, leaf in names.items():
        print(f"  gradient of {name} = {leaf.data:g}: {leaf.grad + 0.0:.12g}")
    if output is not None:
        print(f"wrote {output}")
    return 0


def check_folder(folder: Path) -> None:
    """Nothing, if files can be written there; else the OSError, before the work and not after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(error.errno, "the pictures cannot be written", str(folder)) from error


def train(epochs: int, seed: int, out: Path, progress: bool) -> int:
    """The main job: two networks, trained and drawn."""
    from .learn.first import show

    print(f"micrograd {__version__}, {HOW}")
    check_folder(out)
    show(epochs, seed, out, progress)
    return 0


if __name__ == "__main__":
    sys.exit(main())
