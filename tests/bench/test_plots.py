"""The pictures of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.results import Results
from bench.samples import Row, Table
from bench.tables import bodies

pytest.importorskip("matplotlib", reason="matplotlib is in the group bench alone")


def test_the_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    from bench.plots import BODIES, drawn

    rows = [
        Row("upload-proxy", [{"mib_s": 3, "cpu_s_gib": 1}]),
        Row("nginx", why="not measured: nginx is not installed"),
    ]
    metrics = ("mib_s", "cpu_s_gib")
    table = Table(bodies.LARGE, "100 MiB, one at a time", metrics, rows)
    results = Results("", "", 1, "quick", {}, "", [table])
    pictures = []
    for name in ("first", "second"):
        directory = tmp_path / name
        directory.mkdir()
        assert drawn(results, directory) == [directory / BODIES]
        pictures.append((directory / BODIES).read_bytes())
    assert pictures[0] == pictures[1]
    assert b"100 MiB" in pictures[0]
