"""Room for records on a full disk: given up piece by piece, and had again later."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from proxy.spool.ballast import PIECE, SIZE, Ballast
from proxy.spool.disk import DiskSpool


class Disk:
    """Takes what is asked for once the ballast has shrunk to `fits` bytes."""

    def __init__(self, path: Path, fits: int, why: int = errno.ENOSPC) -> None:
        self._path = path
        self._fits = fits
        self._why = why
        self.tries = 0

    def act(self) -> str:
        self.tries += 1
        if not self._path.exists() or self._path.stat().st_size > self._fits:
            raise OSError(self._why, os.strerror(self._why))
        return "done"


def test_it_takes_room_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    for _ in range(2):
        Ballast(tmp_path).fill()
        status = path.stat()
        assert status.st_size == SIZE
        assert status.st_blocks * 512 >= SIZE
        assert status.st_mode & 0o777 == 0o600


def test_what_fits_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    ballast = Ballast(tmp_path)
    ballast.fill()
    disk = Disk(path, SIZE)
    assert ballast.spend(disk.act) == "done"
    assert (disk.tries, path.stat().st_size) == (1, SIZE)


@pytest.mark.parametrize("why", [errno.ENOSPC, errno.EDQUOT])
def test_only_as_much_is_given_up_as_it_takes(tmp_path: Path, why: int) -> None:
    path = tmp_path / "ballast"
    ballast = Ballast(tmp_path)
    ballast.fill()
    disk = Disk(path, SIZE - 2 * PIECE - 1, why)
    assert ballast.spend(disk.act) == "done"
    assert (disk.tries, path.stat().st_size) == (4, SIZE - 3 * PIECE)
    ballast.fill()
    assert path.stat().st_size == SIZE


def test_when_all_is_given_up_the_disk_is_full(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    ballast = Ballast(tmp_path)
    ballast.fill()
    with pytest.raises(OSError, match="No space left"):
        ballast.spend(Disk(path, -1).act)
    assert path.stat().st_size == 0


def test_without_ballast_nothing_can_be_given_up(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "ballast", 0)
    with pytest.raises(OSError, match="No space left"):
        Ballast(tmp_path).spend(disk.act)
    assert disk.tries == 1


def test_other_failures_are_none_of_its_business(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    ballast = Ballast(tmp_path)
    ballast.fill()
    with pytest.raises(OSError, match="Input/output"):
        ballast.spend(Disk(path, -1, errno.EIO).act)
    assert path.stat().st_size == SIZE


async def test_no_body_takes_the_room_of_records_once_there_is_some_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the answers of what was being sent could not be recorded, nor its bodies
    freed: the disk would stay full by what is over."""
    spool = DiskSpool(tmp_path, boot_id="boot")
    path = tmp_path / "ballast"

    why = errno.ENOSPC

    def refused(fd: int, offset: int, size: int) -> None:
        raise OSError(why, os.strerror(why))

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", refused)
        assert not await spool.writable()
        why = errno.EOPNOTSUPP  # there is no room to be had by this, full or not
        assert await spool.writable()
    assert await spool.writable()
    assert path.stat().st_size == SIZE
    spool.close()
