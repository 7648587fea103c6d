"""Files are written whole or not at all."""

from __future__ import annotations

import math
import os

import pytest

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
