"""The command: ``python -m bench.fuzz fields --seconds 600``.

Exit codes: 0 nothing failed; another one when something did: the bytes are then in a
file named ``crash-...`` in the current directory. What was tried, and how much of the
code was reached, is printed as it goes. The one invariant: it ends by itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Final

TARGETS: Final = ("fields", "heads", "records")
_LONGEST: Final = 2048
"""Bytes of one case: as long as a record is, some times longer than a head."""


def main() -> None:
    """Run one target for as long as was asked; does not return."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fuzz",
        description="Bytes at random into what reads bytes.",
    )
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    asked = parser.parse_args()
    # by name: it is not among what tests need, and not for every interpreter
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["proxy", "http_sf"]):
        targets = import_module("bench.fuzz.targets")
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(targets.SEEDS[asked.target]):
            Path(corpus, str(number)).write_bytes(seed)
        settings = {
            "max_total_time": asked.seconds,
            "max_len": _LONGEST,
            "seed": asked.seed,
            "timeout": 5,
            "print_final_stats": 1,
        }
        flags = [f"-{name}={value}" for name, value in settings.items()]
        atheris.Setup([sys.argv[0], *flags, corpus], targets.TARGETS[asked.target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
