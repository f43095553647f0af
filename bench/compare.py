"""Two revisions of the product in one run: ``python -m bench.compare BASE``.

For a change that claims speed. The base is checked out beside this tree and runs with
the same interpreter and packages; nothing of the benchmark itself is taken from it. The
one invariant: each ratio is of the same round.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from signal import SIGTERM
from typing import Final

from . import heads
from .figures import bytes_of, requests_of, transfer
from .fleet import Fleet
from .load import Load
from .machine import revision
from .product import HERE, product_in
from .report import markdown
from .rounds import measured
from .samples import METRICS, Sample, Table, ratio
from .scale import FULL, KIB, MIB, SCALES, Scale, size_text
from .servers import Server
from .transfers import upload_in_parts, upload_with_cuts

_HERE: Final = "this tree"
_BASE: Final = "base"
_SMALL: Final = ("req_s", "cpu_us", "p99_ms")
_LARGE: Final = ("mib_s", "cpu_s_gib")
_CONNECTIONS: Final = 32
_CUTS: Final = 10
_PARTS: Final = 16

Figure = Callable[[Server], Sample]


def main() -> int:
    """Compare; the exit code."""
    # an end from outside is to end the servers as well
    signal.signal(SIGTERM, lambda *_: sys.exit(1))
    asked = _arguments()
    scale = SCALES[asked.scale]
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=asked.directory) as name,
        _checked_out(asked.base, Path(name) / "base") as base,
        Fleet(_made(name, "a"), product_in(HERE)) as ours,
        Fleet(_made(name, "b"), product_in(base)) as theirs,
    ):
        print(f"{_HERE}: {revision(HERE)}, {_BASE}: {revision(base)}\n")
        fleets = {_HERE: ours, _BASE: theirs}
        for table, figure in _tables(scale):
            variants = {
                who: partial(_figure, fleet, figure) for who, fleet in fleets.items()
            }
            measured(table, variants, scale.rounds, Random(asked.seed))
            print(f"## {table.title}\n\n{markdown(table)}\n\n{_ratios(table)}\n")
    return 0


def _figure(fleet: Fleet, figure: Figure) -> Sample:
    return figure(fleet.product_with())


def _tables(scale: Scale) -> Iterator[tuple[Table, Figure]]:
    """What is compared, and how."""
    for title, head in _small_heads().items():
        load = Load(head, KIB, connections=_CONNECTIONS, seconds=scale.small_s)
        yield Table(title, title, _SMALL), partial(_requests, load)
    size = scale.large
    whole = {MIB: 20, size: 1}
    for one, count in whole.items():
        title = f"{size_text(one)}, one at a time"
        load = Load(heads.upload(one), one, requests=count)
        yield Table(title, title, _LARGE), partial(_bytes, load)
    chunked = Load(heads.upload(heads.CHUNKED), size, chunked=True, requests=1)
    yield _large(size, "chunked"), partial(_bytes, chunked)
    cut = partial(upload_with_cuts, size=size, cuts=_CUTS)
    yield _large(size, f"cut {_CUTS} times"), partial(_transfer, size, cut)
    parts = partial(upload_in_parts, size=size, part=size // _PARTS)
    yield _large(size, f"in {_PARTS} parts"), partial(_transfer, size, parts)


def _small_heads() -> Mapping[str, bytes]:
    return {
        f"1 KiB uploads, {_CONNECTIONS} connections": heads.upload(KIB),
        f"1 KiB passed through, {_CONNECTIONS} connections": heads.plain(KIB),
    }


def _large(size: int, how: str) -> Table:
    title = f"{size_text(size)}, {how}"
    return Table(title, title, _LARGE)


def _requests(load: Load, server: Server) -> Sample:
    return requests_of(server, load)


def _bytes(load: Load, server: Server) -> Sample:
    return bytes_of(server, load)


def _transfer(size: int, act: Callable[[int], None], server: Server) -> Sample:
    return transfer(server, size, lambda: act(server.port))


def _ratios(table: Table) -> str:
    """This tree by the base, for each metric."""
    ours, theirs = table.row(_HERE), table.row(_BASE)
    assert ours is not None
    assert theirs is not None
    told = []
    for metric in table.metrics:
        found = ratio(ours, theirs, metric)
        if found is not None:
            told.append(f"{METRICS[metric].heading}: {found.text(2)} x")
    return "; ".join(told) or "nothing to compare"


@contextmanager
def _checked_out(revision_name: str, directory: Path) -> Iterator[Path]:
    """A work tree of that revision, gone with the block."""
    git = ["git", "-C", str(HERE), "worktree"]
    add = [*git, "add", "--quiet", "--detach", str(directory), revision_name]
    subprocess.run(add, check=True)
    try:
        yield directory
    finally:
        subprocess.run([*git, "remove", "--force", str(directory)], check=True)


def _made(above: str, name: str) -> Path:
    directory = Path(above) / name
    directory.mkdir()
    return directory


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.compare")
    parser.add_argument("base", help="a revision, as git names them")
    parser.add_argument("--scale", choices=SCALES, default=FULL.name)
    parser.add_argument("--seed", type=int, default=1, help="of the order in a round")
    parser.add_argument("--directory", type=Path, help="where the servers write")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
