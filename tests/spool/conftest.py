"""What tests of spools on a disk are given: the calls that change or sync anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from .system import Calls


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(tmp_path, monkeypatch)
