"""The command: ``python -m bench``.

Measures, saves what was measured, and writes the report from it. Exit codes: 0 done,
whatever the figures are; 1 it could not be measured; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from signal import SIGTERM

from . import machine, tools
from .fleet import Fleet
from .product import HERE, product_in
from .report import written
from .results import Results
from .scale import FULL, SCALES
from .tables import ALL
from .tables.run import Run

REPORT = HERE / "bench" / "report.md"
RESULTS = tools.BUILT / "results.json"


def main() -> int:
    """Run what the command line asks for; the exit code."""
    # an end from outside is to end the servers as well
    signal.signal(SIGTERM, lambda *_: sys.exit(1))
    asked = _arguments()
    try:
        tools.sink(), tools.sender()
    except tools.NoTools as exc:
        print(exc, file=sys.stderr)
        return 1
    results = _measured(asked)
    results.save(asked.results)
    report = written(results)
    if asked.report is not None:
        asked.report.write_text(report)
    print(report, end="")
    return 0


def _measured(asked: argparse.Namespace) -> Results:
    began, scale = time.monotonic(), SCALES[asked.scale]
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    with tempfile.TemporaryDirectory(prefix="bench-", dir=asked.directory) as name:
        directory = Path(name)
        described, remark = machine.described(directory, HERE), machine.remark()
        with Fleet(directory, product_in(HERE)) as fleet:
            run = Run(fleet, scale, Random(asked.seed))
            tables = [table for one in asked.only or ALL for table in ALL[one](run)]
    return Results(
        command=" ".join(["python -m bench", *sys.argv[1:]]),
        date=date,
        lasted_s=time.monotonic() - began,
        scale=scale.name,
        machine=described,
        remark=asked.remark or remark,
        tables=tables,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="The proxy beside its peers: throughput, CPU, latency, memory.",
    )
    parser.add_argument("--scale", choices=SCALES, default=FULL.name)
    parser.add_argument("--only", nargs="+", choices=ALL, help="these tables alone")
    parser.add_argument("--seed", type=int, default=1, help="of the order in a round")
    parser.add_argument(
        "--remark",
        default="",
        help="for the head of the report, instead of what is said of a busy machine",
    )
    parser.add_argument(
        "--directory",
        type=Path,
        help="on the file system to be tried; else a temporary",
    )
    parser.add_argument("--report", type=Path, help=f"write it there, as {REPORT.name}")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="the figures as JSON"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
