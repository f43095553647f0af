"""The benchmark of syncing runs, and says what it has measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import sync


def test_every_figure_has_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.measure(sync.figures(1024 * 1024, saved=2), 1, tmp_path)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["never", "acknowledged", "ratio"]
    assert len(lines) == 6
    assert all(line.endswith(" x") for line in lines)
