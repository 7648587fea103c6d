"""Builds the site: `python docs/build.py`, then open `docs/site/index.html`.

Writes the generated pages anew, then has Sphinx build everything; a warning is an error. Needs
the extra `dev` (pip install -e '.[dev]'), and no network. `--links` also looks up the links that
lead out, which needs one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SITE = HERE / "site"


def run(*words: object) -> None:
    done = subprocess.run([sys.executable, *map(str, words)], cwd=HERE.parent)
    if done.returncode:
        raise SystemExit(done.returncode)


def main() -> int:
    sys.path.insert(0, str(HERE.parent))
    for script in ("mathematics.py", "deviations.py", "picture.py", "doctor.py"):
        run(HERE / script)
    run("-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", HERE, SITE)
    if "--links" in sys.argv[1:]:
        run("-m", "sphinx", "-q", "-b", "linkcheck", HERE, SITE / ".links")
    print(f"wrote {SITE / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
