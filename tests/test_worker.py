"""A worker whose supervisor is older than it: that hands over only what it knows of."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from proxy import workforce
from proxy.config import Config
from proxy.spool.owner import Owner
from proxy.wires import Wire

BOUND_S = 20


async def test_one_that_is_not_told_where_the_spool_is_looks_by_the_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "link").symlink_to("spool")
    words, code = await _ordered(lock_in=tmp_path / "spool", spool=tmp_path / "link")
    assert (words, code) == (["serving", "metrics"], 0)


async def test_what_it_finds_so_is_held_to_the_lock(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("spool", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "lock").touch()
    words, code = await _ordered(lock_in=tmp_path / "spool", spool=tmp_path / "other")
    assert (words, code) == ([], 1)
    assert "another directory is where the spool was" in capfd.readouterr().err
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["lock"]


async def _ordered(*, lock_in: Path, spool: Path) -> tuple[list[str], int]:
    """What a worker says until it has ended, with its exit code: it is handed the lock
    of one directory, and finds another one in its configuration."""
    config = Config.model_validate(
        {
            "origin": {"url": "http://127.0.0.1:9"},
            "spool": {"directory": str(spool)},
            "workers": 2,
        }
    )
    owner = Owner(lock_in, {})
    lock = owner.place.lock
    listening = socket.create_server(("127.0.0.1", 0))
    ours, its = socket.socketpair()
    with its, listening:
        process = await workforce._spawned(its.fileno(), [lock, listening.fileno()])
        told = {"lock": lock, "worker": 1, "share": 3}
        order = {**told, "sockets": [listening.fileno()]}
    wire = await Wire.over(ours)
    wire.say({**order, "config": config.model_dump(mode="json")})
    words = []
    try:
        async with asyncio.timeout(BOUND_S):
            while (said := await wire.hear()) is not None:
                words.append(said["word"])
                wire.say({"wish": "stop"})
            return words, await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
        wire.close()
        owner.release()
