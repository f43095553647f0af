"""One process at a time owns a spool."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError
from proxy.spool.owner import Owner

OTHER = """
import sys
from pathlib import Path
from proxy.spool.owner import Owner
Owner(Path(sys.argv[1]))
print("owned", flush=True)
sys.stdin.read()
"""


def test_a_second_owner_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    with pytest.raises(SpoolError, match=f"{tmp_path} is in use by another process"):
        Owner(tmp_path)
    owner.release()
    Owner(tmp_path).release()


def test_the_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"owned\n"
        with pytest.raises(SpoolError):
            Owner(tmp_path)
        other.kill()
        other.wait(timeout=5)
    Owner(tmp_path).release()


def test_a_directory_that_cannot_be_locked_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="the spool cannot be locked"):
        Owner(tmp_path / "missing")
