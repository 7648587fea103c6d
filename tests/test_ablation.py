"""Each row of the ablation benchmark still finds what it takes out."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent


def ablation():
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module("benchmarks.ablation")
    finally:
        sys.path.remove(str(ROOT))


def test_each_row_finds_what_it_takes_out():
    for row in ablation().OPTIMISATIONS:
        text = (ROOT / "micrograd" / "compiler" / row.file).read_text(encoding="utf-8")
        for old, _ in row.changes:
            assert text.count(old) == 1, (row.name, old)
