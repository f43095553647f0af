"""The command: ``python -m bench.powerloss``, as root.

Exit codes: 0 nothing lost, corrupt, doubled or odd; 1 something was, and its whole
history is printed; 2 wrong usage, or this machine cannot do it. The one invariant: no
mount, loop device or process is left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from bench.campaign.run import Campaign, Order, evidence
from tests.kit.device.volume import MAKERS, Volume, missing

from .machine import Machine

_SIZE: Final = 8 << 30
"""Bytes of the drive, sparse: what is of unknown outcome stays on it."""


def main() -> int:
    """Run what the command line asks for; the exit code."""
    asked = _arguments()
    lacks = missing(asked.file_system)
    if lacks is not None:
        print(f"NOT RUN: {lacks}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="powerloss-") as directory:
        return asyncio.run(_run(asked, Path(directory)))


async def _run(asked: argparse.Namespace, directory: Path) -> int:
    order = Order(
        uploads=asked.uploads,
        kills=asked.losses,
        seed=asked.seed,
        clients=asked.clients,
        sync=asked.sync,
        workers=1,
        memory_threshold=None,
        bound_s=asked.bound,
        directory=directory,
        command=" ".join(["python -m bench.powerloss", *sys.argv[1:]]),
        power=True,
    )
    volume = Volume(directory, asked.file_system, _SIZE)
    try:
        await volume.make()
        campaign = Campaign(order, partial(Machine, volume=volume, seed=asked.seed))
        report = await campaign.run()
    finally:
        await volume.detach()
    if not report.good:
        print(*evidence(campaign), "", sep="\n")
    machine = campaign.proxy
    assert isinstance(machine, Machine)
    print(report.as_markdown() if asked.markdown else report.as_text(), end="")
    print(
        f"the power went {machine.losses} times, on {asked.file_system}; of "
        f"{machine.unflushed} blocks in the drive's cache {machine.forgotten} were lost"
    )
    return 0 if report.good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.powerloss",
        description="Uploads on a machine whose power goes; what was lost.",
    )
    parser.add_argument("--uploads", type=int, default=300)
    parser.add_argument("--losses", type=int, default=30, help="of power")
    parser.add_argument("--seed", type=int, default=1, help="of every choice")
    parser.add_argument("--clients", type=int, default=24, help="uploads at a time")
    parser.add_argument("--file-system", choices=sorted(MAKERS), default="ext4")
    parser.add_argument(
        "--bound", type=float, default=1800, help="seconds; then no upload is begun"
    )
    parser.add_argument("--markdown", action="store_true", help="print a table")
    parser.add_argument(
        "--sync",
        choices=("acknowledged", "never"),
        default="acknowledged",
        help="the setting; with never something has to be lost",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
