"""An origin that keeps its connections open, and what is sent to it.

It counts, since what is asked of it is on how many connections requests came; each is
small and has the same answer, unless a test has another in mind.
"""

from __future__ import annotations

import asyncio
import ssl

import trustme

from tests.relay.conftest import read_request

from .conftest import CREATION, Posting, StoredBytes, whole

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b"abc"


async def post(to: Posting, body: bytes = BODY) -> bytes:
    return await whole(await to.post(CREATION, StoredBytes(body)))


class Counting:
    """An origin that answers every request, and counts connections and requests."""

    def __init__(self, answer: bytes = ANSWER) -> None:
        self.answer = answer
        self.connections = 0
        self.requests = 0

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        while True:
            head = await read_request(reader)
            _, _, length = head.lower().partition(b"content-length: ")
            await reader.readexactly(int(length.split(b"\r", 1)[0]))
            self.requests += 1
            writer.write(self.answer)


def sealed() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server and of a client that believes it."""
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    return theirs, ours
