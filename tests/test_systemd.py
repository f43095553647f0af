"""What systemd hands over and is told: by the words, and by a process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.addresses import Descriptor, NamedDescriptors, TcpAddress
from proxy.sockets import CannotListen, listening_socket, resolved
from proxy.systemd import Notice, handed_over
from tests.kit.bounds import BOUND_S
from tests.kit.family import descendants, kill_all
from tests.kit.process import START_BOUND_S
from tests.kit.raw import Connection, request

LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "proxy", *sys.argv[2:]])
"""


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, {}),
        ({"LISTEN_PID": "6", "LISTEN_FDS": "2"}, {}),
        ({"LISTEN_PID": "7"}, {}),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "x"}, {}),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, {"unknown": [3, 4]}),
        (
            {"LISTEN_PID": "7", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "a:b:a"},
            {"a": [3, 5], "b": [4]},
        ),
    ],
)
def test_what_was_handed_over(
    told: dict[str, str], expected: dict[str, list[int]]
) -> None:
    assert handed_over(told, 7) == expected


def test_a_name_stands_for_all_its_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "3")
    monkeypatch.setenv("LISTEN_FDNAMES", "web:admin:web")
    tcp = TcpAddress("127.0.0.1", 0)
    found = resolved([tcp, NamedDescriptors("web")])
    assert found == [tcp, Descriptor(3), Descriptor(5)]
    with pytest.raises(CannotListen, match=r"fd:mail: no socket of that name .* web, "):
        resolved([NamedDescriptors("mail")])


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with (
        socket.socket() as idle,
        pytest.raises(CannotListen, match="the socket does not listen"),
    ):
        listening_socket(Descriptor(idle.fileno()))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Where a service manager hears notices."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"{tmp_path}/notify")
        sock.settimeout(START_BOUND_S)
        yield sock


def test_notices_are_words_on_lines(manager: socket.socket) -> None:
    notice = Notice({"NOTIFY_SOCKET": manager.getsockname()})
    notice.ready("serving x")
    assert manager.recv(999) == b"READY=1\nSTATUS=serving x"
    notice.reloading()
    assert manager.recv(999).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    notice.well()
    assert manager.recv(999) == b"WATCHDOG=1"
    notice.stopping()
    assert manager.recv(999).startswith(b"STOPPING=1")


def test_an_address_may_be_abstract() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("")  # the system chooses an abstract name
        sock.settimeout(BOUND_S)
        name = sock.getsockname().decode().replace("\0", "@")
        Notice({"NOTIFY_SOCKET": name}).well()
        assert sock.recv(999) == b"WATCHDOG=1"


def test_nobody_is_told_where_nobody_listens(tmp_path: Path) -> None:
    Notice({}).ready("x")
    Notice({"NOTIFY_SOCKET": f"{tmp_path}/nothing"}).ready("x")
    assert Notice({"WATCHDOG_USEC": "5000000"}).watchdog_s is None


@pytest.mark.parametrize(
    ("pid", "usec", "expected"),
    [
        ("7", "5000000", 5.0),
        ("", "500", 0.0005),
        ("8", "5000000", None),
        ("7", "", None),
    ],
)
def test_the_watchdog_is_fed_by_who_is_meant(
    pid: str, usec: str, expected: float | None
) -> None:
    told = {"NOTIFY_SOCKET": "/x", "WATCHDOG_PID": pid, "WATCHDOG_USEC": usec}
    assert Notice(told, 7).watchdog_s == expected


@asynccontextmanager
async def served(
    tmp_path: Path, manager: socket.socket, workers: int
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A process on a socket that was handed to it, and where that is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (tmp_path / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", LAUNCH, str(listener.fileno()), "serve"),
                *("--origin", "http://127.0.0.1:9", "--listen", "fd:web"),
                *("--spool", str(tmp_path / "spool")),
                pass_fds=[listener.fileno()],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "LISTEN_FDS": "1",
                    "LISTEN_FDNAMES": "web",
                    "NOTIFY_SOCKET": manager.getsockname(),
                    "WATCHDOG_USEC": "900000",
                    "UPLOAD_PROXY_ADMIN__LISTEN": "null",
                    "UPLOAD_PROXY_WORKERS": str(workers),
                },
            )
        try:
            yield process, address
        finally:
            if process.returncode is None:
                await kill_all(process.pid)
                await process.wait()


async def heard(manager: socket.socket, word: bytes) -> None:
    async with asyncio.timeout(START_BOUND_S):
        while True:
            said = await asyncio.to_thread(manager.recv, 999)
            if word in said.split(b"\n"):
                return


async def silence(manager: socket.socket) -> None:
    """Hear what was said before and on its way, then nothing: TimeoutError."""
    for _ in range(3):
        await asyncio.to_thread(manager.recv, 999)


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_service_from_its_start_to_its_end(
    tmp_path: Path, manager: socket.socket, workers: int
) -> None:
    async with served(tmp_path, manager, workers) as (process, address):
        await heard(manager, b"READY=1")
        client = await Connection.open(address)
        await client.send(request("GET", "/"))
        assert (await client.hear("GET")).status == 502
        await client.close()
        await heard(manager, b"WATCHDOG=1")
        process.send_signal(signal.SIGHUP)
        await heard(manager, b"RELOADING=1")
        await heard(manager, b"READY=1")
        process.send_signal(signal.SIGTERM)
        await heard(manager, b"STOPPING=1")
        async with asyncio.timeout(START_BOUND_S):
            assert await process.wait() == 0


async def test_the_watchdog_is_not_fed_when_no_worker_serves(
    tmp_path: Path, manager: socket.socket
) -> None:
    async with served(tmp_path, manager, 2) as (process, _):
        await heard(manager, b"WATCHDOG=1")
        for pid in descendants(process.pid):
            os.kill(pid, signal.SIGSTOP)
        manager.settimeout(2)
        with pytest.raises(TimeoutError):
            await silence(manager)
