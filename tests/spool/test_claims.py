"""Locks on uploads, of two kinds, for all processes on a spool."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.core.errors import SpoolError
from proxy.core.upload import Token
from proxy.spool.claims import FILES, Claims

T, OTHER = Token("t" * 43), Token("o" * 43)


def test_of_two_processes_one_has_the_lock(tmp_path: Path) -> None:
    ours, theirs = Claims(str(tmp_path)), Claims(str(tmp_path))
    assert ours.leases.try_lock(T)
    assert ours.leases.try_lock(T)  # it has it already
    assert not ours.leases.is_taken(T)  # by another one
    assert not theirs.leases.try_lock(T)
    assert theirs.leases.is_taken(T)
    assert theirs.leases.try_lock(OTHER)
    ours.leases.unlock(T)
    assert theirs.leases.try_lock(T)


def test_a_lease_and_a_delivery_do_not_disturb_each_other(tmp_path: Path) -> None:
    ours, theirs = Claims(str(tmp_path)), Claims(str(tmp_path))
    assert ours.leases.try_lock(T)
    assert theirs.deliveries.try_lock(T)
    assert ours.deliveries.is_taken(T)
    ours.leases.unlock(T)
    assert ours.deliveries.is_taken(T)


def test_closing_gives_everything_back(tmp_path: Path) -> None:
    ours, theirs = Claims(str(tmp_path)), Claims(str(tmp_path))
    assert ours.leases.try_lock(T)
    assert ours.deliveries.try_lock(OTHER)
    ours.close()
    assert theirs.leases.try_lock(T)
    assert theirs.deliveries.try_lock(OTHER)


def test_locks_leave_no_file_for_an_upload(tmp_path: Path) -> None:
    claims = Claims(str(tmp_path))
    for number in range(1000):
        token = Token(f"{number:043}")
        assert claims.leases.try_lock(token)
        claims.leases.unlock(token)
    left = list((tmp_path / "locks").iterdir())
    assert len(left) == FILES
    assert not any(path.stat().st_size for path in left)


def test_a_directory_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="the locks cannot be made"):
        Claims(str(tmp_path / "missing"))


def test_one_of_all_processes_sweeps(tmp_path: Path) -> None:
    ours, theirs = Claims(str(tmp_path)), Claims(str(tmp_path))
    assert ours.sweep()
    assert ours.sweep()
    assert not theirs.sweep()
    ours.close()
    assert theirs.sweep()
