"""The command: ``python -m bench.campaign``.

Exit codes: 0 nothing lost, corrupt, doubled or odd; 1 something was, and its whole
history is printed; 2 wrong usage. The one invariant: the last thing printed is the
report.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from .run import Campaign, Order, evidence


def main() -> int:
    """Run what the command line asks for; the exit code."""
    asked = _arguments()
    directory = Path(tempfile.mkdtemp(prefix="campaign-", dir=asked.directory))
    order = Order(
        uploads=asked.uploads,
        kills=asked.kills,
        seed=asked.seed,
        clients=asked.clients,
        sync=asked.sync,
        workers=asked.workers,
        memory_threshold=asked.memory_threshold,
        bound_s=asked.bound,
        directory=directory,
        command=" ".join(["python -m bench.campaign", *sys.argv[1:]]),
    )
    campaign = Campaign(order)
    report = asyncio.run(campaign.run())
    if asked.report is not None:
        markdown = asked.report.suffix == ".md"
        asked.report.write_text(report.as_markdown() if markdown else report.as_json())
    if report.good:
        shutil.rmtree(directory)
    else:
        print(*evidence(campaign), "", f"all is kept in {directory}", "", sep="\n")
    print(report.as_text(), end="")
    return 0 if report.good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.campaign",
        description="Uploads under kill -9, cuts and a faulty origin; what was lost.",
    )
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20, help="kill -9 of the proxy")
    parser.add_argument("--seed", type=int, default=1, help="of every choice")
    parser.add_argument("--clients", type=int, default=64, help="uploads at a time")
    parser.add_argument(
        "--workers", type=int, default=1, help="of the proxy; half the kills are theirs"
    )
    parser.add_argument(
        "--memory-threshold", type=int, help="bytes; the setting of that name"
    )
    parser.add_argument(
        "--sync", choices=("acknowledged", "never"), default="acknowledged"
    )
    parser.add_argument(
        "--bound", type=float, default=5400, help="seconds; then no upload is begun"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        help="on the file system to be tried; else a temporary",
    )
    parser.add_argument(
        "--report",
        type=Path,
        help="the figures into this file: a table where it ends in .md, else JSON",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
