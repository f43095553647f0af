"""The secret of a spool: made once, the same for all, never half of one."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError
from proxy.spool import files
from proxy.spool.secret import SIZE, secret_of


def test_it_is_made_once_and_is_private(tmp_path: Path) -> None:
    made = secret_of(tmp_path)
    assert len(made) == SIZE
    assert secret_of(tmp_path) == made
    file = tmp_path / "secret"
    assert file.read_bytes() == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_spool_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert secret_of(tmp_path) != secret_of(tmp_path / "other")


def test_those_who_ask_at_the_same_time_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        told = set(threads.map(secret_of, [tmp_path] * 32))
    assert len(told) == 1


@pytest.mark.parametrize("left", [b"", b"abc", bytes(SIZE)])
def test_what_somebody_left_half_made_is_made_anew(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "secret").write_bytes(left)
    made = secret_of(tmp_path)
    assert any(made)
    assert (tmp_path / "secret").read_bytes() == made


def test_it_is_durable_before_anybody_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append("content"))
    monkeypatch.setattr(files, "sync_directory", lambda path: synced.append("name"))
    secret_of(tmp_path)
    assert synced == ["content", "name"]
    secret_of(tmp_path)
    assert synced == ["content", "name"]


def test_what_cannot_be_had_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="the secret of the spool cannot be kept"):
        secret_of(tmp_path / "nowhere")
    (tmp_path / "secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolError):
        secret_of(tmp_path)
