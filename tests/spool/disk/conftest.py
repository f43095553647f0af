"""A spool on the disk, in a directory that it has made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.spool.disk import DiskSpool

from ..samples import (
    BOOT,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(root: Path) -> Iterator[DiskSpool]:
    disk = DiskSpool(root, boot_id=BOOT)
    yield disk
    disk.close()
