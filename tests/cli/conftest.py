"""What tests of commands begin with."""

from __future__ import annotations

import os

import pytest

from .typed import ENVIRONMENT


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(ENVIRONMENT):
        monkeypatch.delenv(name)
