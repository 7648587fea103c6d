"""The machine cannot be crashed: any program is refused in a sentence, or runs.

Tens of thousands of programs that no encoder would write, in a process of their own: random
instructions, real programs with bytes changed, sizes and buffers that do not fit. A crash
would show as a negative return code and the seed of the round.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd

pytest.importorskip(
    "micrograd.compiler.native._machine", reason="the machine was not built: no C compiler"
)
FUZZ = Path(__file__).with_name("fuzz_machine.py")
ROUNDS, PROGRAMS = 2, 10_000


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("module", ["_machine", "_machine_fast", "_machine_single"])
def test_no_program_crashes(seed, module):
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", FUZZ, module, str(seed), str(PROGRAMS)],
        env={**os.environ, "PYTHONPATH": str(Path(micrograd.__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"seed {seed}: {done.returncode}\n{done.stderr[-3000:]}"
    made, ran, fitted = map(int, done.stdout.split())
    # That many came past the checks: what is refused at the door tests the door alone.
    assert made > PROGRAMS / 20 and ran > PROGRAMS / 40 and fitted > PROGRAMS / 200
