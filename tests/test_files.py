"""Files are written whole or not at all."""

from __future__ import annotations

import math
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

import micrograd as mg
from micrograd import Value, nn, optim
from micrograd.files import Saved, read_json, write_json, write_text


def test_every_float_reads_back_as_itself(tmp_path):
    numbers = [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, 1 / 3]
    path = write_json(tmp_path / "a" / "b" / "numbers.json", numbers)
    back = read_json(path)
    assert [x.hex() for x in back] == [x.hex() for x in numbers]
    write_json(path, [math.nan])
    assert math.isnan(read_json(path)[0])


@pytest.mark.parametrize("when", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize("error", [OSError(5, "I/O error"), KeyboardInterrupt()])
def test_whatever_goes_wrong_the_old_content_stays(tmp_path, monkeypatch, when, error):
    path = tmp_path / "text"
    write_text(path, "old")

    def fail(*args):
        raise error

    monkeypatch.setattr(os, when, fail)
    with pytest.raises(type(error)):
        write_text(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["text"]


def test_what_cannot_be_written_as_json_touches_no_file(tmp_path):
    path = tmp_path / "file"
    write_json(path, {"old": 1})
    with pytest.raises(TypeError):
        write_json(path, {"new": object()})
    assert read_json(path) == {"old": 1}


def test_a_link_stays_a_link_and_a_mode_a_mode(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    write_text(target, "old")
    target.chmod(0o600)
    link.symlink_to(target)
    assert write_text(link, "new") == link
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o600


def test_lines_end_as_they_are_given(tmp_path):
    assert write_text(tmp_path / "x", "a\nb\n").read_bytes() == b"a\nb\n"


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "cut.json"
    path.write_text('{"format": "micro')
    with pytest.raises(ValueError, match=r"cut\.json is damaged, or not JSON"):
        read_json(path)


def test_what_has_no_state_says_so(tmp_path):
    with pytest.raises(NotImplementedError, match="Saved has no state_dict"):
        Saved().save(tmp_path / "x")
    with pytest.raises(NotImplementedError, match="Saved has no load_state_dict"):
        Saved().load(write_json(tmp_path / "x", {"format": "micrograd 1", "state": {}}))


# What is no regular file, and whose it is -------------------------------------------------

unix = pytest.mark.skipif(os.name == "nt", reason="there are no such files")


@unix
def test_devices_and_pipes_stay_what_they_are(tmp_path):
    for name in ("/dev/full", "/dev/null"):
        if not os.path.exists(name):
            continue
        if name == "/dev/full":
            with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
                write_text(name, "text")
        else:
            write_text(name, "text")
        assert stat.S_ISCHR(os.stat(name).st_mode)
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "through")
    reader.join(10)
    assert found == ["through"] and stat.S_ISFIFO(os.stat(pipe).st_mode)
    there = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(there))
        with pytest.raises(OSError, match="no file that can be written"):
            write_text(there, "text")
    assert stat.S_ISSOCK(os.stat(there).st_mode)
    with pytest.raises(OSError, match="folder"):
        write_text(tmp_path, "text")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError):
        write_text(tmp_path / "loop", "text")
    assert sorted(os.listdir(tmp_path)) == ["loop", "pipe", "socket"]


@unix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_that_the_umask_leaves(mask, tmp_path):
    old = os.umask(mask)
    try:
        write_text(tmp_path / "new", "text")
    finally:
        os.umask(old)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o666 & ~mask


@unix
def test_a_read_only_file_is_left_alone(tmp_path):
    path = write_text(tmp_path / "kept", "old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="read-only"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kept"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.25", "NaN", "layers.0.neurons.0.b is nan"),
        ("0.25", "1e999", "past the range"),
        ("0.25", "true", "not True"),
        ("0.25", '0.25, "layers.0.neurons.0.b": 3', "there twice"),
        ('"format": ', '"format": "x", "format": ', "there twice"),
    ],
)
def test_a_model_does_not_load_what_save_did_not_write(old, new, said, tmp_path):
    model = nn.MLP(1, [1])
    model.layers[0].neurons[0].b.data = 0.25
    model.save(tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text()
    assert text.count(old) == 1
    (tmp_path / "m.json").write_text(text.replace(old, new))
    before = model.state_dict()
    with pytest.raises(ValueError, match=said):
        model.load(tmp_path / "m.json")
    assert model.state_dict() == before


def test_what_would_not_load_is_not_written(tmp_path):
    model = nn.MLP(1, [1])
    path = tmp_path / "m.json"
    model.save(path)
    text = path.read_text()
    model.layers[0].neurons[0].b.data = math.nan
    with pytest.raises(ValueError, match=r"not written: layers\.0\.neurons\.0\.b is nan"):
        model.save(path)
    assert path.read_text() == text
    with pytest.raises(ValueError, match="there twice"):
        write_json(path, {1: 1.0, "1": 2.0})
    assert path.read_text() == text


@pytest.mark.parametrize("path", [1, None, 2.5, []], ids=str)
def test_a_file_has_a_name_and_a_number_is_none(path):
    model = nn.MLP(2, [1])
    for use in (model.save, model.load):  # 1 is the standard output, which would be closed
        with pytest.raises(TypeError, match="a file is named by a string or a Path"):
            use(path)


def test_a_name_in_bytes_is_one(tmp_path):
    model = nn.MLP(2, [1])
    name = bytes(tmp_path / "model.json")
    model.save(name)
    assert nn.MLP(2, [1]).load(name).state_dict() == model.state_dict()


@pytest.mark.parametrize("state", [None, 3, "a", []], ids=str)
def test_what_is_no_state_is_refused_in_a_sentence(state):
    optimizer = optim.SGD([Value(1.0)], lr=0.1)
    for thing in (nn.MLP(2, [1]), optimizer, optim.StepLR(optimizer, 2)):
        with pytest.raises(ValueError, match="a state is a dict, not "):
            thing.load_state_dict(state)


@pytest.mark.skipif(os.name == "nt", reason="permissions of Unix")
def test_programs_and_c_are_written_as_models_are(tmp_path):
    fast = mg.jit(lambda x: x * 2.0)
    fast(1.0)
    for name, save in (("a.json", fast.save), ("a.c", fast.to_c)):
        path = tmp_path / name
        save(path)
        before = path.read_text()
        path.chmod(0o444)
        with pytest.raises(PermissionError, match="read-only"):
            save(path)
        assert path.read_text() == before
        link = tmp_path / f"link{path.suffix}"
        link.symlink_to(tmp_path / f"new{path.suffix}")
        save(link)
        assert link.is_symlink()
        assert (tmp_path / f"new{path.suffix}").is_file()
        (tmp_path / f"folder{path.suffix}").mkdir()
        with pytest.raises(IsADirectoryError):
            save(tmp_path / f"folder{path.suffix}")
        with pytest.raises(NotADirectoryError):
            save(path / name)
        with pytest.raises(ValueError, match="no name of a file"):
            save("")
    with pytest.raises(ValueError, match=r"ends in \.c"):
        fast.to_c(tmp_path / "a.py")
    with pytest.raises(ValueError, match="no file that C can go to"):
        fast.to_c("/dev/null")
    assert not Path("/dev/null.c").exists()


def test_a_program_that_cannot_be_written_leaves_the_old_file(tmp_path, monkeypatch):
    fast = mg.jit(lambda x: x * 2.0)
    fast(1.0)
    path = tmp_path / "a.json"
    fast.save(path)
    before = path.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        fast.save(path)
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
