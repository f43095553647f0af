"""The command: ``python -m bench.cuts --cuts 10000``.

Exit codes: 0 not a byte was lost; 1 some were, or something was odd, and each case is
printed; 2 wrong usage. The one invariant: the last thing printed is the table.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from .run import Order, run


def main() -> int:
    """Run what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.cuts",
        description="Transfers that are cut, and what was kept of what had come.",
    )
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=6, help="transfers at a time")
    parser.add_argument("--directory", type=Path, help="on the file system to be tried")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cuts-", dir=asked.directory) as directory:
        order = Order(
            cuts=asked.cuts,
            seed=asked.seed,
            clients=asked.clients,
            directory=Path(directory),
            command=" ".join(["python -m bench.cuts", *sys.argv[1:]]),
        )
        report = asyncio.run(run(order))
        print(report.as_markdown(), end="")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
