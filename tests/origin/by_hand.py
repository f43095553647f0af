"""An origin whose connections a test serves by hand, step by step.

It runs in another thread, so that it can act while the loop stands still: nothing that
it does then is heard here before the request has left.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.kit.bounds import BOUND_S

from .conftest import StoredBytes
from .keeping import ANSWER, BODY


class Crossing(StoredBytes):
    """A body that is read only after the origin has acted on the connection.

    The loop stands still meanwhile: the connection was looked at before, and what the
    origin does now is not heard before the request has been sent.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__(BODY)
        self._act = act

    def read(self, offset: int, size: int) -> bytes:
        act, self._act = self._act, lambda: None
        act()
        return super().read(offset, size)


class ByHand:
    """An origin whose connections are served by hand, in another thread."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.tls: ssl.SSLContext | None = None
        self.connections: list[socket.socket] = []
        self.requests: list[bytes] = []

    def accept(self) -> None:
        accepted, _ = self._listener.accept()
        accepted.settimeout(BOUND_S)
        if self.tls is not None:
            accepted = self.tls.wrap_socket(accepted, server_side=True)
        self.connections.append(accepted)

    def take(self) -> None:
        """One request, whole."""
        request = b""
        while not request.endswith(b"\r\n\r\n" + BODY):
            piece = self.connections[-1].recv(65536)
            if not piece:
                return
            request += piece
        self.requests.append(request)

    def answer(self) -> None:
        self.connections[-1].sendall(ANSWER)

    def serve(self) -> None:
        self.accept()
        self.take()
        self.answer()

    def close(self) -> None:
        self.connections[-1].close()

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connections[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def say_408(self) -> None:
        self.connections[-1].sendall(
            b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
        )
        self.close()


@contextmanager
def by_hand() -> Iterator[ByHand]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(BOUND_S)
        origin = ByHand(listener)
        yield origin
        for connection in origin.connections:
            connection.close()


@contextmanager
def meanwhile(*steps: Callable[[], None]) -> Iterator[None]:
    def run() -> None:
        for step in steps:
            step()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(BOUND_S)
    assert not thread.is_alive()
