"""Transfers that take more than one request: cut and resumed, in parts, by tus.

Blocking sockets and large ``sendall`` calls: on this side Python costs next to nothing,
and what is measured is the server's CPU and the time of whole transfers. The one
invariant: an answer that is not as expected ends the run.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from . import heads
from .load import LoadFailed

_BOUND_S: Final = 60.0
_CONTENT: Final = memoryview(bytes(64 * 1024) * 16)
_READ: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Heard:
    """A final response."""

    status: int
    fields: dict[str, str]
    """By name in lower case; of interim responses too, where they came."""

    @property
    def path(self) -> str:
        """Of the upload that it tells of."""
        _, _, rest = self.fields["location"].rpartition("://")
        return rest[rest.index("/") :]


class Wire:
    """One connection; use as a context."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _BOUND_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held = b""

    def say(self, head: bytes, size: int = 0) -> None:
        """A head and `size` bytes of content."""
        if size <= len(_CONTENT):
            self._socket.sendall(head + _CONTENT[:size])
            return
        self._socket.sendall(head)
        while size > 0:
            self._socket.sendall(_CONTENT[:size])
            size -= len(_CONTENT)

    def hear(self, *, expected: int, interim: bool = False) -> Heard:
        """The final response; with `interim` the first one of any kind.

        Raises:
            LoadFailed: it has another status, or none comes.
        """
        fields: dict[str, str] = {}
        while True:
            status, said = self._head()
            fields |= said
            if status >= 200 or interim:
                break
        if status != expected:
            raise LoadFailed(f"expected {expected}, got {status} {fields}")
        self._skip(int(fields.get("content-length", 0)) if status != 204 else 0)
        return Heard(status, fields)

    def ask(self, head: bytes, size: int = 0, *, expected: int) -> Heard:
        """One request and its final response. Raises LoadFailed."""
        self.say(head, size)
        return self.hear(expected=expected)

    def _head(self) -> tuple[int, dict[str, str]]:
        while b"\r\n\r\n" not in self._held:
            self._receive()
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        fields = {name.lower(): value.strip() for name, _, value in pairs}
        return int(first.split()[1]), fields

    def _skip(self, size: int) -> None:
        while len(self._held) < size:
            self._receive()
        self._held = self._held[size:]

    def _receive(self) -> None:
        chunk = self._socket.recv(_READ)
        if not chunk:
            raise LoadFailed("the connection was closed before an answer")
        self._held += chunk

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def waiting_upload(port: int, size: int = 1024) -> str:
    """The path of a new upload that has `size` bytes and waits for more."""
    with Wire(port) as wire:
        head = heads.upload(size, complete=False)
        return wire.ask(head, size, expected=201).path


def upload_whole(port: int, size: int, *, version: int = 6) -> None:
    """An upload in one request."""
    with Wire(port) as wire:
        wire.ask(heads.upload(size, version=version), size, expected=200)


def upload_in_parts(port: int, size: int, part: int) -> None:
    """An upload in requests of `part` bytes each, all on one connection."""
    with Wire(port) as wire:
        first = heads.upload(part, complete=part == size)
        path = wire.ask(first, part, expected=201 if part < size else 200).path
        for at in range(part, size, part):
            last = at + part >= size
            head = heads.append(path, at, min(part, size - at), complete=last)
            wire.ask(head, min(part, size - at), expected=200 if last else 201)


def upload_with_cuts(port: int, size: int, cuts: int) -> None:
    """An upload whose connection is closed `cuts` times on its way.

    After each cut the client asks how far it got, on a new connection, and goes on
    there, as a client does that has lost its network for a moment.
    """
    step = size // (cuts + 1)
    with Wire(port) as wire:
        wire.say(heads.upload(size), step)
        path = wire.hear(expected=104, interim=True).path
    for number in range(1, cuts + 1):
        with Wire(port) as wire:
            told = wire.ask(heads.offset(path), expected=204)
            at = int(told.fields["upload-offset"])
            wire.say(
                heads.append(path, at, size - at, complete=True),
                size - at if number == cuts else step * (number + 1) - at,
            )
            if number == cuts:
                wire.hear(expected=200)


def receive_only(port: int, size: int) -> str:
    """An upload of `size` bytes that is not ended, so that nothing is forwarded.

    Its path: whoever asked for it removes it (``cancel``).
    """
    with Wire(port) as wire:
        path = wire.ask(heads.upload(0, complete=False), expected=201).path
        wire.ask(heads.append(path, 0, size, complete=False), size, expected=201)
    return path


def cancel(port: int, path: str) -> None:
    """Removes an upload."""
    with Wire(port) as wire:
        wire.ask(heads.cancel(path), expected=204)


def receive_by_tus(port: int, size: int) -> str:
    """The same by the tus protocol: a creation and one append."""
    with Wire(port) as wire:
        length = [f"Upload-Length: {size}", "Content-Length: 0"]
        path = wire.ask(heads.tus("POST", "/files/", length), expected=201).path
        content = [
            "Upload-Offset: 0",
            f"Content-Length: {size}",
            "Content-Type: application/offset+octet-stream",
        ]
        wire.ask(heads.tus("PATCH", path, content), size, expected=204)
    return path


def cancel_by_tus(port: int, path: str) -> None:
    """Removes it."""
    with Wire(port) as wire:
        wire.ask(heads.tus("DELETE", path, []), expected=204)
