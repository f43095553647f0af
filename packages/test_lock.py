"""Pins stay as they are until somebody asks for new ones: see ``make lock``.

It is run over copies, by the rule that the Makefile has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = ("Makefile", "pyproject.toml", "requirements.lock", "requirements-build.lock")


def test_the_lock_is_what_it_is_made_of(tmp_path: Path) -> None:
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / "bin").symlink_to(Path(sys.executable).parent)
    # what the rule looks at to see that uv is there, in the order of making
    for at, stamp in enumerate((".pip", ".lock")):
        (venv / stamp).touch()
        os.utime(venv / stamp, (at + 1, at + 1))
    subprocess.run(
        ["make", "lock", f"VENV={venv}"],
        cwd=tmp_path,
        check=True,
        timeout=55,
        stdout=subprocess.DEVNULL,
    )
    for name in FILES:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), name
