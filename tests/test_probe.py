"""Asking a running proxy: real servers, on ephemeral ports and on sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer

import pytest

from proxy.addresses import Address, Descriptor, TcpAddress, UnixAddress
from proxy.probe import Told, Unreachable, ask, drained, in_flight

BOUND_S = 5.0

Answer = Callable[[str], tuple[int, str]]
"""From ``GET /livez`` to a status and content."""


def handler(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            status, content = answer(f"{self.command} {self.path}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        do_GET = do_POST = _answer  # noqa: N815 - the names it looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler


class _UnixServer(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, _ = super().get_request()
        return connection, ("local", 0)


@contextmanager
def serving(server: HTTPServer | _UnixServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(BOUND_S)
        server.server_close()


@contextmanager
def admin(answer: Answer) -> Iterator[TcpAddress]:
    server = HTTPServer(("127.0.0.1", 0), handler(answer))
    with serving(server):
        yield TcpAddress("127.0.0.1", server.server_port)


def alive(request: str) -> tuple[int, str]:
    return (200, "ok\n") if request == "GET /livez" else (404, "")


def nobody() -> TcpAddress:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return TcpAddress("127.0.0.1", taken.getsockname()[1])


def test_the_answer_is_told() -> None:
    with admin(alive) as address:
        assert ask(address, "GET", "/livez", BOUND_S) == Told(200, "ok")


def test_one_on_every_interface_is_asked_here() -> None:
    with admin(alive) as address:
        everywhere = TcpAddress("0.0.0.0", address.port)
        assert ask(everywhere, "GET", "/livez", BOUND_S).status == 200


def test_one_on_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "admin.sock")
    with serving(_UnixServer(path, handler(alive))):
        assert ask(UnixAddress(path), "GET", "/livez", BOUND_S).status == 200


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (nobody(), "Connection refused"),
        (UnixAddress("/nowhere/admin.sock"), "No such file or directory"),
    ],
)
def test_nobody_there(address: Address, reason: str) -> None:
    with pytest.raises(Unreachable) as unreachable:
        ask(address, "GET", "/livez", BOUND_S)
    assert str(unreachable.value).startswith(
        f"cannot reach the admin listener {address}: {reason}; is a proxy running"
    )
    assert unreachable.value.gone


def test_a_socket_that_was_handed_over_is_nowhere_to_be_found() -> None:
    with pytest.raises(Unreachable, match="only --admin can say") as unreachable:
        ask(Descriptor(3), "GET", "/livez", BOUND_S)
    assert not unreachable.value.gone


def test_somebody_who_does_not_answer_is_not_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = TcpAddress("127.0.0.1", silent.getsockname()[1])
        with pytest.raises(Unreachable, match=r"no answer within 0\.1s") as unreachable:
            ask(address, "GET", "/livez", 0.1)
    assert not unreachable.value.gone


def test_somebody_who_does_not_speak_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = TcpAddress("127.0.0.1", other.getsockname()[1])

        def greet() -> None:
            connection, _ = other.accept()
            connection.sendall(b"220 ready\r\n")
            connection.close()

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(Unreachable):
            ask(address, "GET", "/livez", BOUND_S)
        thread.join(BOUND_S)


@pytest.mark.parametrize(
    ("status", "content", "left"),
    [
        (200, '{"draining": true, "bodies": 1}', {"bodies": 1}),
        (200, "{}", {}),
        (200, "not JSON", None),
        (200, "[]", None),
        (404, '{"bodies": 0}', None),
    ],
)
def test_what_is_under_way_is_told_or_not(
    status: int, content: str, left: dict[str, int] | None
) -> None:
    with admin(lambda _: (status, content)) as address:
        assert in_flight(address, BOUND_S) == left


def test_draining_ends_when_nothing_is_under_way() -> None:
    counts = iter([2, 1, 0])

    def answer(_: str) -> tuple[int, str]:
        return 200, json.dumps({"bodies": next(counts), "forwards": 0})

    with admin(answer) as address:
        assert drained(address, BOUND_S, BOUND_S) == ""
    assert list(counts) == []


def test_draining_ends_when_the_proxy_has_gone() -> None:
    assert drained(nobody(), BOUND_S, BOUND_S) == ""


def test_draining_says_what_is_left_when_the_time_is_over() -> None:
    state = json.dumps({"bodies": 3, "forwards": 1, "requests": 0})
    with admin(lambda _: (200, state)) as address:
        left = drained(address, 0.05, BOUND_S)
    assert left == "still under way: bodies 3, forwards 1"


def test_a_proxy_that_is_slow_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = TcpAddress("127.0.0.1", silent.getsockname()[1])
        assert drained(address, 0.05, 0.05) == "the proxy is still there"


def test_a_proxy_that_does_not_tell_is_waited_for() -> None:
    with admin(alive) as address:
        assert drained(address, 0.05, BOUND_S) == "the proxy is still there"
