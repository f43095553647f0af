"""What the promise of ``spool.sync: acknowledged`` costs: ``python -m bench.sync``.

The spool alone, without HTTP and origin: durable saves at a few concurrencies, an
upload in 16 MiB appends, one long body at whose end an offset is told, and one at whose
end none is. The bytes come through a socket from a process of their own, as fast as
both go. The two settings take turns within each round, in random order. The one
invariant: a ratio is the median of those within the rounds, where the machine was as
busy for both.

Exit codes: 0 measured; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from proxy.core.upload import Head, Limits, State, Token, Upload
from proxy.spool.disk import DiskSpool, Sync

SYNCS: Final[tuple[Sync, ...]] = ("never", "acknowledged")
MIB: Final = 1024 * 1024
APPEND: Final = 16 * MIB
BUFFER: Final = 256 * 1024
"""Bytes of one read: what asyncio takes from a socket at once."""

_SENDER: Final = """
import socket, sys
with socket.socket(fileno=int(sys.argv[1])) as way:
    chunk, size, part = bytes(256 * 1024), int(sys.argv[2]), int(sys.argv[3])
    while size:
        left = min(size, part)
        size -= left
        while left:
            left -= way.send(chunk[:left])
        way.recv(1)
"""
"""Sends `size` bytes, and after every `part` of them waits for a byte."""

Measure = Callable[[DiskSpool], Awaitable[float]]


def saves(concurrency: int, count: int) -> Measure:
    """Durable saves per second: FORWARDING and the answer of small uploads."""

    async def measure(spool: DiskSpool) -> float:
        uploads = iter([_upload(State.COMPLETE) for _ in range(count)])

        async def client() -> None:
            for upload in uploads:
                await spool.create(upload)
                for state in (State.FORWARDING, State.RESPONDED):
                    await spool.save(replace(upload, state=state), durable=True)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as clients:
            for _ in range(concurrency):
                clients.create_task(client())
        return 2 * count / (time.perf_counter() - began)

    return measure


def body(size: int, *, part: int, told: bool) -> Measure:
    """MiB per second into the spool; `told`: the offset, after every `part`."""

    async def measure(spool: DiskSpool) -> float:
        upload = _upload(State.RECEIVING)
        await spool.create(upload)
        async with _incoming(size, part) as way:
            began = time.perf_counter()
            for start in range(0, size, part):
                await _part(spool, upload, way, min(part, size - start), told=told)
            took_s = time.perf_counter() - began
        await spool.delete(upload.token)
        return size / MIB / took_s

    return measure


async def _part(
    spool: DiskSpool, upload: Upload, way: socket.socket, size: int, *, told: bool
) -> None:
    loop, buffer = asyncio.get_running_loop(), memoryview(bytearray(BUFFER))
    writer = spool.writer(upload.token, to_be_told=told)
    try:
        while size:
            got = await loop.sock_recv_into(way, buffer[: min(size, BUFFER)])
            writer.write(buffer[:got])
            size -= got
        if told:
            offset = await writer.sync()
            await spool.save(replace(upload, acknowledged=offset), durable=True)
        await loop.sock_sendall(way, b".")
    finally:
        writer.close()


@asynccontextmanager
async def _incoming(size: int, part: int) -> AsyncIterator[socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours:
        with theirs:
            sender = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    _SENDER,
                    *map(str, (theirs.fileno(), size, part)),
                ],
                pass_fds=[theirs.fileno()],
            )
        try:
            yield ours
        finally:
            sender.kill()
            sender.wait()


def _upload(state: State) -> Upload:
    now = time.time()
    fields = tuple((b"X-Field-%d" % number, b"x" * 60) for number in range(12))
    token = Token(secrets.token_urlsafe(32))
    return Upload(token, state, Head("POST", "/", fields), Limits(), now, now, length=0)


def figures(size: int, saved: int) -> dict[str, tuple[Measure, str]]:
    """What is measured, by its name, and the unit.

    `size`: bytes of a long body; `saved`: uploads whose records are saved at the least.
    """
    return {
        "durable saves, one at a time": (saves(1, saved), "/s"),
        "durable saves, 32 at a time": (saves(32, 10 * saved), "/s"),
        "durable saves, 256 at a time": (saves(256, 20 * saved), "/s"),
        "16 MiB appends": (body(size // 4, part=APPEND, told=True), "MiB/s"),
        "long body, offset told": (body(size, part=size, told=True), "MiB/s"),
        "long body, no offset told": (body(size, part=size, told=False), "MiB/s"),
    }


def measure(measures: dict[str, tuple[Measure, str]], rounds: int, base: Path) -> None:
    """Measure, and print a line for each figure as soon as it is known."""
    print(f"{'':30} {'never':>16} {'acknowledged':>16} {'ratio':>7}")
    for name, (act, unit) in measures.items():
        found: dict[Sync, list[float]] = {sync: [] for sync in SYNCS}
        for _ in range(rounds):
            for sync in random.sample(SYNCS, len(SYNCS)):
                found[sync].append(_once(act, base / sync, sync))
        told = [f"{statistics.median(found[sync]):.0f} {unit}" for sync in SYNCS]
        pairs = zip(found["acknowledged"], found["never"], strict=True)
        ratio = statistics.median(ours / never for ours, never in pairs)
        print(f"{name:30} {told[0]:>16} {told[1]:>16} {ratio:>5.2f} x", flush=True)


def _once(act: Measure, directory: Path, sync: Sync) -> float:
    spool = DiskSpool(directory, boot_id="bench", sync=sync)
    try:
        return asyncio.run(_run(act, spool))
    finally:
        spool.close()


async def _run(act: Measure, spool: DiskSpool) -> float:
    return await act(spool)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sync", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mib", type=int, default=1024, help="of the long body")
    parser.add_argument("--directory", type=Path, help="on the file system to measure")
    asked = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="sync-", dir=asked.directory))
    try:
        measure(figures(asked.mib * MIB, saved=50), asked.rounds, base)
    finally:
        shutil.rmtree(base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
