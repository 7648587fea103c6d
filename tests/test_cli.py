"""The command line: what it prints and writes, its exit codes, and what Ctrl-C leaves behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import micrograd
from micrograd.__main__ import main
from micrograd.play import command as play
from micrograd.train.progress import Progress

pytestmark = pytest.mark.once

HERE = Path(micrograd.__file__).parent.parent


def run(*arguments, **options):
    """The command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-m", "micrograd", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=False,
        timeout=120,
        **options,
    )


def well_formed(path):
    """The root element of a picture."""
    root = ElementTree.fromstring(Path(path).read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return root


def refused(capsys, code, *arguments):
    """What is said about bad arguments: on stderr, with this exit code, and no traceback."""
    try:
        found = main(arguments)
    except SystemExit as leaving:
        found = leaving.code
    out, err = capsys.readouterr()
    assert found == code
    assert out == ""
    assert "Traceback" not in err
    return err


# draw -------------------------------------------------------------------------------------


def test_draw_prints_value_and_gradients_and_writes_a_picture(tmp_path, capsys):
    picture = tmp_path / "out.svg"
    code = main(["draw", "relu(a*b + c)", "a=2", "b=-3", "c=10", "-o", str(picture)])
    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        "relu(a*b + c) = 4",
        "  gradient of a = 2: -3",
        "  gradient of b = -3: 2",
        "  gradient of c = 10: 1",
        f"wrote {picture}",
    ]
    root = well_formed(picture)
    assert root.get("role") == "img"
    text = " ".join(root.itertext())
    for seen in ("a", "b", "c", "ReLU", "+", "-3", "10"):
        assert seen in text


def test_draw_takes_options_anywhere(tmp_path, capsys):
    picture = tmp_path / "out.svg"
    assert main(["draw", "-o", str(picture), "a*a", "a=3"]) == 0
    assert picture.exists()
    assert "a*a = 9" in capsys.readouterr().out


def test_draw_a_number_and_a_negative_expression(capsys):
    assert main(["draw", "1/0"]) == 0
    assert main(["draw", "-a", "a=2"]) == 0
    assert main(["draw", "--", "--o*1", "o=2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1/0 = inf",
        "-a = -2",
        "  gradient of a = 2: -1",
        "--o*1 = 2",
        "  gradient of o = 2: 1",
    ]


def test_what_is_drawn_is_escaped(tmp_path):
    picture = tmp_path / "out.svg"
    assert main(["draw", "where(a < 2, a, a) - 0", "a=1", "-o", str(picture)]) == 0
    well_formed(picture)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a +"], "no expression"),
        (["a + y", "a=1"], "y has no value"),
        (["tahn(a)", "a=1"], "there is no function tahn"),
        (["a", "a=x"], "'a=x' should be a name=number"),
        (["a", "a"], "'a' should be a name=number"),
        (["a", "2=a"], "'2=a' should be a name=number"),
        (["a", "a=1", "a=2"], "'a=2' is given twice"),
        (["a", "a=1", "-o", "out.bmp"], "out.bmp"),
        (["a", "a=1", "-o", "out"], "ends in .svg"),
        (["a*a", "a=1", "b=2"], "b has a value, and is not in the expression"),
        (["1e5*a", "a=1", "e5=2"], "e5 has a value"),
        (["a", "a=1", "--colour"], "--colour"),
        ([], "expression"),
    ],
)
def test_bad_arguments_to_draw(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["draw", *arguments])
    except SystemExit as leaving:
        code = leaving.code
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert said in err
    assert not list(tmp_path.iterdir())


def test_the_caret_of_a_bad_expression(capsys):
    err = refused(capsys, 2, "draw", "a*b + tahn(c)", "a=1", "b=1", "c=1")
    lines = err.splitlines()
    assert lines[0].startswith("micrograd: error: there is no function tahn")
    assert lines[1:] == ["  a*b + tahn(c)", "        ^"]
    assert lines[1][lines[2].index("^") :].startswith("tahn")


# The main job -----------------------------------------------------------------------------


@pytest.fixture
def coarse(monkeypatch):
    """Pictures of few cells, which are soon computed."""
    monkeypatch.setattr("micrograd.train.plane.CELLS", 8)


def test_the_main_job(tmp_path, capsys, coarse):
    """Losses and accuracies are of the held-out rows, and the pictures are there."""
    out = tmp_path / "deep" / "er"
    assert main(["--epochs", "30", "--out", str(out), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == ["iris.svg", "moons.svg", "neuron.svg"]
    for picture in out.iterdir():
        well_formed(picture)
        assert f"wrote {picture}" in said
    assert "moons: 337 parameters" in said
    shares = [float(x) for x in re.findall(r"accuracy ([0-9.]+)%", said)]
    assert len(shares) == 2
    assert min(shares) > 60, shares  # three species: guessing gives 33 %
    losses = re.findall(r"loss ([0-9]\.[0-9]{9})", said)
    assert len(losses) == 4
    assert losses[0] == losses[1] and losses[2] == losses[3], "eager and compiled are the same"
    assert "as arrays: v5 = w3 @ relu(W2 @ relu(W1 @ x + b1) + b2) + b3" in said
    assert said.count("the doctor: ") == 2
    assert "micrograd play" in said


def test_the_seed_decides(tmp_path, capsys, coarse):
    said = []
    for seed in ("7", "7", "8"):
        assert main(["--epochs", "1", "--seed", seed, "--out", str(tmp_path), "--quiet"]) == 0
        said.append(re.sub(r"[0-9.]+ s", "", capsys.readouterr().out))
    assert said[0] == said[1] != said[2]


@pytest.mark.parametrize("epochs", ["0", "-1", "x", "1.5", ""])
def test_bad_numbers_of_epochs(epochs, capsys):
    assert "at least 1" in refused(capsys, 2, f"--epochs={epochs}")


def test_unknown_commands_and_options(capsys):
    assert "invalid choice" in refused(capsys, 2, "fly")
    assert "--fly" in refused(capsys, 2, "--fly")


COMMANDS = ["draw", "learn", "check", "diagnose", "play"]


def test_the_help_has_a_line_for_each_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for command in ["train", *COMMANDS]:
        assert re.search(rf"^  {command} +\w+", said, re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help(command, capsys):
    with pytest.raises(SystemExit) as leaving:
        main([command, "--help"])
    assert leaving.value.code == 0
    assert f"usage: micrograd {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["draw"], 2, 'an expression is missing, such as "relu(a*b + c)" a=2 b=-3 c=10'),
        (["diagnose"], 2, "a script is missing: micrograd diagnose train.py"),
        (["learn", "foo"], 2, "no stage foo, but 1 to 12, and the clinic: micrograd learn clinic"),
        (["learn", "99"], 2, "no stage 99, but 1 to 12"),
        (["play", "--port", "99999"], 2, "a port is a number from 0 to 65535, not '99999'"),
        (["play", "--port", "x"], 2, "a port is a number from 0 to 65535, not 'x'"),
    ],
)
def test_what_is_missing_or_wrong_is_said(words, code, said, capsys):
    err = refused(capsys, code, *words)
    assert said in err
    assert "Traceback" not in err


def test_a_port_that_is_taken(monkeypatch, capsys):
    monkeypatch.setattr(play, "build", lambda folder, given: folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["play", "--no-browser", "--port", str(port)]) == 1
    err = capsys.readouterr().err
    assert f"port {port} cannot be had (" in err
    assert "None" not in err


def test_the_page_of_an_expression(tmp_path, capsys):
    path = tmp_path / "out.html"
    assert main(["draw", "a*b", "a=2", "b=3", "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("arguments", [["--help"], ["draw", "--help"]])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    assert leaving.value.code == 0
    said = capsys.readouterr().out
    assert "usage: micrograd" in said
    assert 'draw "relu(a*b + c)" a=2 b=-3 c=10 -o out.svg' in re.sub(r"\s+", " ", said)


def test_version_tells_which_engine_runs(capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["--version"])
    assert leaving.value.code == 0
    how = "compiled" if micrograd.compiled else "running as Python"
    assert capsys.readouterr().out == f"micrograd {micrograd.__version__}, {how}\n"


# Where it cannot be done ------------------------------------------------------------------


def test_a_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    target = tmp_path / "file" / "out.svg"
    assert main(["draw", "a", "a=1", "-o", str(target)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("micrograd: error: ")
    assert err.count("\n") == 1
    assert str(tmp_path / "file") in err
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_may_not_be_written(tmp_path, capsys):
    tmp_path.chmod(0o500)
    try:
        assert main(["draw", "a", "a=1", "-o", str(tmp_path / "out.svg")]) == 1
    finally:
        tmp_path.chmod(0o700)
    err = capsys.readouterr().err
    assert "out.svg" in err
    assert err.count("\n") == 1


def test_no_folder_is_made_that_nobody_asked_for(tmp_path, capsys):
    err = refused(capsys, 1, "draw", "a", "a=1", "-o", str(tmp_path / "new" / "out.svg"))
    assert f"there is no folder {tmp_path / 'new'}" in err
    assert not list(tmp_path.iterdir())


def test_a_missing_program_is_no_mistake_in_the_arguments(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    err = refused(capsys, 1, "draw", "a", "a=1", "-o", str(tmp_path / "out.png"))
    assert "install" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way there")
def test_ctrl_c_while_it_trains_is_quick_and_leaves_old_pictures(tmp_path):
    (tmp_path / "moons.svg").write_text("old")
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "micrograd", "--epochs", "100000", "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    for line in process.stdout:
        if line.startswith("moons"):
            break
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.rstrip().endswith("interrupted")
    assert "held-out" not in out
    assert (tmp_path / "moons.svg").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("columns", [0, 30, 50, 80, 200])
def test_the_loss_is_seen_on_lines_of_any_width(columns, capsys, monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((columns, 24)))
    monkeypatch.delenv("COLUMNS", raising=False)
    with Progress(7, "epoch", True) as show:
        show(7, {"loss": 0.1234, "held out": 0.5})
    shown = capsys.readouterr().err.split("\r")[-1].rstrip()
    assert "7/7" in shown and "loss=0.1234" in shown
    assert len(shown) < (columns or 80)


def test_training_needs_no_bar(monkeypatch):
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    for widget in (False, True):
        with Progress(7, "epoch", True, widget) as show:
            show(7, {"loss": 0.1234})


def test_a_target_that_is_a_folder(tmp_path, capsys):
    (tmp_path / "out.svg").mkdir()
    assert main(["draw", "a", "a=1", "-o", str(tmp_path / "out.svg")]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["out.svg"], "nothing half-written is left"


def test_an_unwritable_place_is_found_before_training(tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    start = time.monotonic()
    code = main(["--epochs", "100000", "--quiet", "--out", str(tmp_path / "file")])
    assert code == 1
    assert time.monotonic() - start < 60
    err = capsys.readouterr().err
    assert err.startswith("micrograd: error: ")
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="pipes break in another way there")
def test_a_reader_that_goes_away():
    command = f'"{sys.executable}" -m micrograd draw "a*a" a=3 | true'
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=environment, check=False
    )
    assert "Traceback" not in done.stderr


# A process of its own ---------------------------------------------------------------------


def test_as_a_module():
    done = run("draw", "a**2", "a=3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a**2 = 9\n  gradient of a = 3: 6\n"
    done = run("draw", "a**", "a=3")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way there")
@pytest.mark.parametrize(
    ("epochs", "moment"), [("100000", "moons"), ("1", "held-out rows"), ("1", "iris")]
)
def test_ctrl_c_says_so_in_a_word_and_leaves_no_half_files(epochs, moment, tmp_path):
    """While it trains, while it computes a picture, after the first picture."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "micrograd", "--epochs", epochs, "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    for line in process.stdout:
        if line.startswith(moment):
            break
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.rstrip().endswith("interrupted")
    for path in (tmp_path / "out").glob("*"):
        assert path.suffix == ".svg", "a half-written file is left"
        well_formed(path)


@pytest.mark.parametrize("expression", ["2a", "a²", "a b", "sin a", "|a|", "import a"])
def test_what_is_no_expression_is_told_before_what_it_does_not_use(expression, capsys):
    assert main(["draw", expression, "a=1", "c=2"]) == 2
    assert "this is no expression" in capsys.readouterr().err
