"""Listening sockets: what can be bound, and what an operator reads when one cannot."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from proxy import sockets
from proxy.addresses import Descriptor, TcpAddress, UnixAddress
from proxy.sockets import (
    CannotListen,
    Listenable,
    address_of,
    listening_socket,
    listening_sockets,
)


def test_a_free_port_is_found_and_told() -> None:
    with listening_socket(TcpAddress("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        assert address_of(sock) == f"http://127.0.0.1:{port}"
        socket.create_connection(("127.0.0.1", port), timeout=2).close()


@pytest.mark.parametrize("kind", ["tcp", "unix", "handed over"])
def test_where_descriptors_run_out_a_socket_rests(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the event loop asks for a thousand connections more."""

    def exhausted(self: socket.socket) -> tuple[socket.socket, Any]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with ExitStack() as opened:
        address: Listenable = TcpAddress("127.0.0.1", 0)
        if kind == "unix":
            address = UnixAddress(f"{tmp_path}/s")
        elif kind == "handed over":
            given = opened.enter_context(listening_socket(address))
            address = Descriptor(os.dup(given.fileno()))
        sock = opened.enter_context(listening_socket(address))
        monkeypatch.setattr(socket.socket, "accept", exhausted)
        with pytest.raises(OSError, match="Too many open files"):
            sock.accept()
        with pytest.raises(BlockingIOError):
            sock.accept()


def test_ipv6_stands_in_brackets() -> None:
    with listening_socket(TcpAddress("::1", 0)) as sock:
        assert address_of(sock) == f"http://[::1]:{sock.getsockname()[1]}"


def test_an_address_in_use_is_named() -> None:
    with listening_socket(TcpAddress("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(
            CannotListen,
            match=f"^cannot listen on 127.0.0.1:{port}: Address already in use; ",
        ):
            listening_socket(TcpAddress("127.0.0.1", port))


def test_a_unix_socket_is_bound(tmp_path: Path) -> None:
    path = f"{tmp_path}/s"
    with listening_socket(UnixAddress(path)) as sock:
        assert address_of(sock) == f"unix:{path}"


def test_the_socket_of_a_process_that_is_gone_is_replaced(tmp_path: Path) -> None:
    address = UnixAddress(f"{tmp_path}/s")
    listening_socket(address).close()
    with listening_socket(address) as sock, socket.socket(socket.AF_UNIX) as client:
        client.connect(address.path)
        assert address_of(sock) == str(address)


def test_the_socket_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    address = UnixAddress(f"{tmp_path}/s")
    with (
        listening_socket(address),
        pytest.raises(CannotListen, match="Address already in use"),
    ):
        listening_socket(address)


def test_a_file_in_the_place_of_a_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(CannotListen, match="Address already in use"):
        listening_socket(UnixAddress(str(path)))
    assert path.read_text() == "precious"


def test_a_socket_that_was_handed_over_is_taken() -> None:
    with listening_socket(TcpAddress("127.0.0.1", 0)) as ours:
        taken = listening_socket(Descriptor(ours.detach()))
        with taken:
            assert address_of(taken).startswith("http://127.0.0.1:")


def test_a_descriptor_that_is_no_socket_is_refused(tmp_path: Path) -> None:
    with (
        (tmp_path / "file").open("w") as file,
        pytest.raises(CannotListen, match=f"cannot listen on fd:{file.fileno()}: "),
    ):
        listening_socket(Descriptor(file.fileno()))


def test_two_that_share_a_port_both_listen_and_a_third_does_not() -> None:
    with listening_socket(TcpAddress("127.0.0.1", 0), shared=True) as sock:
        address = TcpAddress("127.0.0.1", sock.getsockname()[1])
        listening_socket(address, shared=True).close()
        with pytest.raises(CannotListen):
            listening_socket(address)


async def test_all_addresses_are_bound_or_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets, "PAUSE_S", 0.001)
    with listening_socket(TcpAddress("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = TcpAddress("127.0.0.1", 0)
        with pytest.raises(CannotListen):
            await listening_sockets(
                [free, TcpAddress("127.0.0.1", port)], [], shared=False
            )


async def test_an_address_that_is_soon_free_is_waited_for() -> None:
    """What a killed proxy has left behind may hold it for some moments."""
    taken = listening_socket(TcpAddress("127.0.0.1", 0))
    address = TcpAddress("127.0.0.1", taken.getsockname()[1])
    asyncio.get_running_loop().call_later(0.05, taken.close)
    (sock,) = await listening_sockets([address], [], shared=False)
    with sock:
        assert sock.getsockname()[1] == address.port
