"""What tests of the configuration are given: an environment without our names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Written = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("UPLOAD_PROXY_", "XDG_", "STATE_DIRECTORY")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/home/somebody")


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Writes ``config.yaml`` and gives its path, relative to the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        file = Path("config.yaml")
        file.write_text(text)
        return file

    return write
