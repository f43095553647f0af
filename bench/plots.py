"""Two pictures of a run, for the README: large bodies, and HEAD beside streams.

``python -m bench.plots [RESULTS] [--into DIRECTORY]`` draws them from what a run saved.
Bars are medians, lines over them the range of the rounds. The one invariant: the same
results give the same files, byte for byte.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from .__main__ import RESULTS
from .fleet import NAIVE, NGINX, NGINX_TUNED, PRODUCT
from .product import HERE
from .results import Results, load
from .samples import METRICS, Table, figures, spread
from .tables import bodies, latency

BODIES: Final = "benchmark-bodies.svg"
LATENCY: Final = "benchmark-latency.svg"
_COLOURS: Final = {
    PRODUCT: "#0b6e4f",
    NGINX: "#8a8f98",
    NGINX_TUNED: "#c3c7cd",
    NAIVE: "#e0a458",
}
"""Told apart without colour as well: from dark to light."""
_STYLE: Final = {
    "svg.hashsalt": "bench",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def drawn(results: Results, directory: Path) -> list[Path]:
    """Draw what the run has figures for; the files."""
    tables = {table.key: table for table in results.tables}
    keys = (bodies.MEDIUM, bodies.LARGE, bodies.HUGE)
    sizes = {
        tables[key].title.partition(",")[0]: tables[key]
        for key in keys
        if key in tables
    }
    streams = {
        title: tables[key]
        for key, title in (
            (latency.FULL, "at full speed"),
            (latency.PACED, "200 MiB/s"),
        )
        if key in tables
    }
    files = []
    with mpl.rc_context(_STYLE):
        if sizes:
            title = "One upload at a time: received, kept, forwarded, answered"
            metrics = ("mib_s", "cpu_s_gib")
            files.append(_picture(directory / BODIES, title, sizes, metrics))
        if streams:
            title = "HEAD beside 100 streams"
            metrics = ("p50_ms", "p99_ms")
            files.append(_picture(directory / LATENCY, title, streams, metrics))
    return files


def _picture(
    file: Path, title: str, groups: Mapping[str, Table], metrics: Sequence[str]
) -> Path:
    """One panel for each metric, one group of bars for each table."""
    figure, panels = plt.subplots(1, len(metrics), figsize=(8, 3), layout="constrained")
    for panel, metric in zip(panels, metrics, strict=True):
        _bars(panel, groups, metric)
        panel.set_title(METRICS[metric].heading, loc="left")
        if metric.endswith("_ms"):
            panel.set_yscale("log")  # from tenths of a millisecond to seconds
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title, x=0.01, ha="left")
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    return file


def _bars(panel: Axes, groups: Mapping[str, Table], metric: str) -> None:
    shown = [
        name
        for name in _COLOURS
        if any(row.variant == name for table in groups.values() for row in table.rows)
    ]
    width = 0.8 / len(shown)
    for number, name in enumerate(shown):
        for place, table in enumerate(groups.values()):
            row = table.row(name)
            values = figures(row, metric) if row is not None else []
            if not values:
                continue
            found = spread(values)
            low, high = found.middle - found.low, found.high - found.middle
            panel.bar(
                place + (number - (len(shown) - 1) / 2) * width,
                found.middle,
                width,
                yerr=[[low], [high]],
                color=_COLOURS[name],
                label=name if place == 0 else None,
                error_kw={"linewidth": 0.8},
            )
    panel.set_xticks(range(len(groups)), list(groups))


def main() -> int:
    """Draw the pictures; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.plots")
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS)
    parser.add_argument("--into", type=Path, default=HERE / "docs")
    asked = parser.parse_args()
    for file in drawn(load(asked.results), asked.into):
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
