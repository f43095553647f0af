"""One request over a socket, in pieces, and how much of its content lies in its bytes.

Sockets that block, no event loop: nothing happens here but what is written. The one
invariant: ``content_in`` counts what a reader of so many bytes has of the content, in
the middle of a chunk as well.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tests.kit.answer import VERSION_FIELD
from tests.kit.raw import chunk, request
from tests.kit.words import words

from .choices import LARGEST, MOST, Cut

BOUND_S: Final = 20.0
"""Seconds that anything on a socket may take."""
LENGTH: Final = MOST * LARGEST + 1
"""Bytes of every upload; no cut ever reaches the last one."""


class Odd(Exception):
    """The proxy did what it may not; in words."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A response's head."""

    status: int
    fields: dict[str, str]
    """By name in lower case."""


def connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port), BOUND_S)


def hear(connection: socket.socket) -> Heard:
    """The next head; what follows it stays unread.

    Raises:
        ConnectionError: the connection ended instead.
    """
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        # a byte at a time: these are few, and nothing after the head is taken
        piece = connection.recv(1)
        if not piece:
            raise ConnectionError(f"ended after {said!r}")
        said += piece
    start, *lines = said.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    fields = {name.lower(): value.strip() for name, _, value in pairs}
    return Heard(int(start.split(" ")[1]), fields)


def ask(address: str, method: str, path: str, *fields: tuple[str, str]) -> Heard:
    """One request without content, and the final response's head."""
    with connected(address) as connection:
        connection.sendall(request(method, path, *fields))
        while (heard := hear(connection)).status < 200:
            pass
        return heard


class Transfer:
    """A creation or an append that will be left."""

    def __init__(
        self, address: str, path: str, cut: Cut, content: bytes, at: int | None
    ) -> None:
        """`at`: the offset of an append; None: a creation."""
        self.cut = cut
        self.location: str | None = None
        """The upload's URL; None: not told yet, or an append."""
        self._creates = at is None
        self._at_once = cut.at_once and not cut.waits
        self._head = _head(path, cut, at)
        self._stream, self._segments = _framed(content, cut)
        self._stop = round(len(self._stream) * cut.part)
        self.connection = connected(address)

    def begin(self) -> None:
        """Send the head, and hear what there is to hear before the content."""
        if self._at_once:
            return
        self.connection.sendall(self._head)
        if self.cut.waits and self._creates:
            self.location = hear(self.connection).fields["location"]
        if self.cut.waits and self.cut.expects:
            heard = hear(self.connection)
            if heard.status != 100:
                raise Odd(f"{heard} came, not 100")

    def send(self) -> None:
        """What is to be sent of the content, piece by piece, or all of the request."""
        if self._at_once:
            self.connection.sendall(self._head + self._stream[: self._stop])
            return
        for start in range(0, self._stop, self.cut.piece):
            end = min(start + self.cut.piece, self._stop)
            self.connection.sendall(self._stream[start:end])

    def learn(self) -> None:
        """Hear the URL of the upload, if that has not been."""
        while self._creates and self.location is None:
            self.location = hear(self.connection).fields.get("location")

    @property
    def sent(self) -> int:
        """Bytes of content in all that is to be sent."""
        return self.content_in(len(self._head) + self._stop)

    def content_in(self, received: int) -> int:
        """Bytes of content in the first `received` bytes of the connection."""
        end = received - len(self._head)
        return sum(max(0, min(end, stop) - start) for start, stop in self._segments)


def _head(path: str, cut: Cut, at: int | None) -> bytes:
    spoken = words(cut.version)
    fields = [
        (VERSION_FIELD, str(cut.version)),
        (spoken.completeness, spoken.done if cut.finishing else spoken.open),
        ("Transfer-Encoding", "chunked")
        if cut.chunked
        else ("Content-Length", str(_announced(cut, at or 0))),
    ]
    if at is not None:
        fields.append(("Upload-Offset", str(at)))
        if spoken.media_type is not None:
            fields.append(("Content-Type", spoken.media_type))
    if cut.expects:
        fields.append(("Expect", "100-continue"))
    if not cut.interims:
        fields.append(("X-Upload-Interim", "never"))
    return request("POST" if at is None else "PATCH", path, *fields)


def _announced(cut: Cut, at: int) -> int:
    """A Content-Length that is never reached; the last part settles the whole length,
    so that it has to be the same each time."""
    return LENGTH - at if cut.finishing else cut.content + 1


def _framed(content: bytes, cut: Cut) -> tuple[bytes, list[tuple[int, int]]]:
    """What follows the head, without an end, and where in it the content lies."""
    if not cut.chunked:
        return content, [(0, len(content))]
    stream, segments = bytearray(), []
    for start in range(0, len(content), cut.piece):
        piece = content[start : start + cut.piece]
        stream += chunk(piece)
        segments.append((len(stream) - 2 - len(piece), len(stream) - 2))
    return bytes(stream), segments
