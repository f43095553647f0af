"""A spool with its registers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.register import shared as rooms

from .registers import Spool


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    """Failures are followed by no pause: what comes after them is tried at once."""
    monkeypatch.setattr(rooms, "PAUSE_S", 0.0)
    spool = Spool(tmp_path)
    yield spool
    spool.close()
