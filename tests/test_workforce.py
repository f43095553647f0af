"""The workers of a supervisor, when the machine has none to spare."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy import workforce
from proxy.config import Config
from proxy.log import logger
from proxy.spool.owner import Foothold
from proxy.workforce import Workforce

SERVES = r"""
import socket, sys
wire = socket.socket(fileno=int(sys.argv[1]))
wire.sendall(b'{"word": "serving"}\n')
while (said := wire.recv(65536)) and b'"stop"' not in said:
    pass
"""

ANSWERS = r"""
import socket, sys
wire = socket.socket(fileno=int(sys.argv[1]))
wire.sendall(b'{"word": "serving"}\n')
while (said := wire.recv(65536)) and b'"stop"' not in said:
    for _ in range(said.count(b'"wish": "counts"')):
        wire.sendall(b'{"word": "counts", "counts": {"requests": 1}}\n')
"""


class Machine:
    """Starts a process, or has none to spare, as the script says; then it has."""

    def __init__(self, *script: bool) -> None:
        self.script: Iterator[bool] = iter(script)
        self.asked = 0
        self.started: list[asyncio.subprocess.Process] = []
        self.program = SERVES
        self.go = asyncio.Event()
        """Processes are held up until this is set."""
        self.go.set()

    async def spawn(self, wire: int, kept: list[int]) -> asyncio.subprocess.Process:
        self.asked += 1
        await self.go.wait()
        for number in kept:
            os.fstat(number)  # it is open still
        if not next(self.script, True):
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", self.program, str(wire), pass_fds=[wire]
        )
        self.started.append(process)
        return process


@asynccontextmanager
async def at_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    machine: Machine,
    *sockets: socket.socket,
) -> AsyncIterator[Workforce]:
    monkeypatch.setattr(workforce, "_spawned", machine.spawn)
    monkeypatch.setattr(workforce, "FIRST_PAUSE_S", 0.01)
    config = Config.model_validate(
        {
            "origin": {"url": "http://127.0.0.1:9"},
            "spool": {"directory": str(tmp_path)},
            "shutdown_grace": "100ms",
            "workers": 2,
        }
    )
    workers = Workforce(config, share=3, lost=lambda: None, log=logger("error", "json"))
    workers.start([*sockets], Foothold(str(tmp_path), lock=0))
    try:
        yield workers
    finally:
        await workers.stop(5)


async def until_asked(machine: Machine, workers: Workforce, times: int) -> None:
    """... so many times, and both places are filled: an empty one is not renewed."""
    async with asyncio.timeout(10):
        while machine.asked < times or workers.serving < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_worker_that_cannot_be_started_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(False, False, False)
    async with at_work(tmp_path, monkeypatch, machine) as workers:
        await until_asked(machine, workers, 5)


async def test_renewing_goes_on_after_a_worker_that_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(True, True, False)
    async with at_work(tmp_path, monkeypatch, machine) as workers:
        await until_asked(machine, workers, 2)
        workers.renew()
        await until_asked(machine, workers, 4)
        workers.renew()
        await until_asked(machine, workers, 6)


async def test_one_that_is_started_while_all_are_stopped_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    async with at_work(tmp_path, monkeypatch, machine) as workers:
        await until_asked(machine, workers, 2)
        workers.renew()
        await until_asked(machine, workers, 3)
    assert len(machine.started) >= 3
    assert all(process.returncode is not None for process in machine.started)


async def test_a_socket_is_open_until_whoever_is_being_started_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    machine.go.clear()
    sock = socket.create_server(("127.0.0.1", 0))
    async with at_work(tmp_path, monkeypatch, machine, sock) as workers:
        async with asyncio.timeout(10):
            while not machine.asked:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        stopping = asyncio.create_task(workers.stop(5))
        await asyncio.sleep(0)
        assert sock.fileno() >= 0
        machine.go.set()
        await stopping
    assert sock.fileno() == -1
    # the other place was not filled any more
    assert (machine.asked, len(machine.started)) == (1, 1)
    assert machine.started[0].returncode == 0


@pytest.mark.parametrize(
    "says",
    [
        "b'no object\\n'",
        "b'[1]\\n'",
        "b'{}\\n'",
        """b'{"word": "counts"}\\n'""",
        "b'x' * 3000000 + b'\\n'",
    ],
)
async def test_what_makes_no_sense_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    """Else its place would be kept by nobody."""
    machine = Machine()
    machine.program = SERVES.replace("wire.send", f"wire.sendall({says})\nwire.send")
    async with at_work(tmp_path, monkeypatch, machine) as workers:
        await until_asked(machine, workers, 2)
        machine.started[0].kill()
        await until_asked(machine, workers, 3)


async def test_a_place_is_kept_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    async with at_work(tmp_path, monkeypatch, machine) as workers:
        await until_asked(machine, workers, 2)
        lost = iter([RuntimeError("a bug of ours")])

        def fails() -> None:
            for failure in lost:
                raise failure

        monkeypatch.setattr(workers, "_lost", fails)
        machine.started[0].kill()
        await until_asked(machine, workers, 3)


async def test_one_that_hangs_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.watch.ROUND_S", 0.02)
    monkeypatch.setattr("proxy.watch.START_WITHIN", 10_000)
    machine = Machine()
    machine.program = ANSWERS
    async with at_work(tmp_path, monkeypatch, machine) as workers:
        await until_asked(machine, workers, 2)
        await _answered(workers)
        machine.started[0].send_signal(signal.SIGSTOP)
        await until_asked(machine, workers, 3)
        await machine.started[0].wait()
        assert machine.started[1].returncode is None


async def test_one_that_hangs_and_has_been_replaced_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it holds would be out of reach for good; and it is one that is lost."""
    monkeypatch.setattr(workforce, "LATE_S", 0.1)
    machine = Machine()
    lost = asyncio.Event()
    async with at_work(tmp_path, monkeypatch, machine) as workers:
        await until_asked(machine, workers, 2)
        monkeypatch.setattr(workers, "_lost", lost.set)
        hangs = machine.started[0]
        hangs.send_signal(signal.SIGSTOP)
        workers.renew()
        async with asyncio.timeout(10):
            assert await hangs.wait() == -signal.SIGKILL
            await lost.wait()
        await until_asked(machine, workers, 4)
        # the other one has stopped in order, or will
        assert workers.died == 1


async def test_one_that_dies_after_it_has_been_replaced_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    machine.program = SERVES + "sys.exit(3)"
    lost = asyncio.Semaphore(0)
    async with at_work(tmp_path, monkeypatch, machine) as workers:
        await until_asked(machine, workers, 2)
        monkeypatch.setattr(workers, "_lost", lost.release)
        workers.renew()
        async with asyncio.timeout(10):
            for _ in range(2):
                await lost.acquire()
        assert workers.died == 2


async def test_one_that_is_not_needed_after_all_stops_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It serves, and whoever it serves has a right to that."""
    machine = Machine()
    async with at_work(tmp_path, monkeypatch, machine) as workers:
        await until_asked(machine, workers, 2)
        machine.go.clear()
        workers.renew()
        async with asyncio.timeout(10):
            while machine.asked < 3:  # noqa: ASYNC110 - the machine has no event
                await asyncio.sleep(0.01)
            machine.started[0].kill()
            while not workers.died:  # noqa: ASYNC110 - a count has no event
                await asyncio.sleep(0.01)
        machine.go.set()
        await until_asked(machine, workers, 5)
        async with asyncio.timeout(10):
            assert await machine.started[2].wait() == 0


async def _answered(workers: Workforce) -> None:
    async with asyncio.timeout(10):
        while await workers.count() != [{"requests": 1}] * 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
