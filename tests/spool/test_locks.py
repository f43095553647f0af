"""Locks on numbers: one holder, whoever it is, and none that outlives its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError
from proxy.spool.locks import HIGHEST, RangeLocks

OTHER = """
import sys
from proxy.spool.locks import RangeLocks
print(RangeLocks(sys.argv[1]).try_lock(int(sys.argv[2])), flush=True)
sys.stdin.read()
"""


def test_a_number_has_one_holder_and_others_are_free(tmp_path: Path) -> None:
    ours, theirs = _two(tmp_path)
    assert ours.try_lock(7)
    assert not theirs.try_lock(7)
    assert theirs.try_lock(8)
    assert theirs.is_taken(7)
    assert not theirs.is_taken(8)  # by another one
    ours.unlock(7)
    assert not theirs.is_taken(7)
    assert theirs.try_lock(7)


def test_the_same_holder_may_take_it_again(tmp_path: Path) -> None:
    ours, theirs = _two(tmp_path)
    assert ours.try_lock(7)
    assert ours.try_lock(7)
    ours.unlock(7)
    assert theirs.try_lock(7)


def test_the_highest_number_can_be_locked(tmp_path: Path) -> None:
    ours, theirs = _two(tmp_path)
    assert ours.try_lock(HIGHEST - 1)
    assert not theirs.try_lock(HIGHEST - 1)
    assert theirs.try_lock(0)


def test_closing_gives_everything_back(tmp_path: Path) -> None:
    ours, theirs = _two(tmp_path)
    assert ours.try_lock(1)
    assert ours.try_lock(2)
    ours.close()
    assert theirs.try_lock(1)
    assert theirs.try_lock(2)


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    ours, _ = _two(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path / "locks"), "7"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        assert not ours.try_lock(7)
        other.kill()
        other.wait()
        assert ours.try_lock(7)


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "locks").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolError, match="the locks cannot be opened"):
        RangeLocks(str(tmp_path / "locks"))


def _two(tmp_path: Path) -> tuple[RangeLocks, RangeLocks]:
    path = str(tmp_path / "locks")
    return RangeLocks(path), RangeLocks(path)
