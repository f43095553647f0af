"""A client of resumable uploads that reads like the protocol, in every version.

    upload = await client.create(6, length=100, sends=b"a" * 40, then="cut")
    assert await upload.ask_offset() == 40
    answer = await upload.append(at=40, sends=b"b" * 60)
    assert answer.complete is True

Each request has a connection of its own, as after a broken network. A request says what
its version prescribes, unless a test puts other words in its mouth. The one invariant:
whatever was left open is reset by ``close``.
"""

from __future__ import annotations

from ssl import SSLContext
from typing import Literal
from urllib.parse import urlsplit

from .answer import VERSION_FIELD, Answer
from .bounds import until
from .raw import Connection, Lines, chunk, request
from .words import NEWEST, Words, words

Leaving = Literal["cut", "reset", "stall"]
"""How a transfer is left before its end: FIN, RST, or silence on an open connection."""


class Client:
    """Speaks to one server; closes at the end whatever it left open."""

    def __init__(self, address: str, tls: SSLContext | None = None) -> None:
        """`tls`: how https is spoken; None: as who shows no certificate."""
        self.address = address
        self._tls = tls
        self._connections: list[Connection] = []

    async def connect(self) -> Connection:
        connection = await Connection.open(self.address, self._tls)
        self._connections.append(connection)
        return connection

    async def close(self) -> None:
        for connection in self._connections:
            await connection.reset()

    async def ask(
        self,
        method: str,
        target: str,
        *fields: tuple[str, str],
        sends: bytes = b"",
        version: int = NEWEST,
        protocol: str = "HTTP/1.1",
    ) -> Answer:
        """One request with exactly these fields, and what comes back.

        `version` is only how the answer is read; it adds no field.
        """
        connection = await self.connect()
        await connection.send(
            request(method, target, *fields, protocol=protocol), sends
        )
        response = await connection.hear(method)
        await connection.close()
        return Answer(response, words(version))

    async def create(
        self,
        version: int,
        *,
        last: bool = True,
        length: int | None = None,
        sends: bytes = b"",
        then: Leaving | None = None,
        chunked: bool = False,
        announce: int | None = None,
        method: str = "POST",
        path: str = "/files",
        fields: Lines = (),
        interim: bool = True,
    ) -> Upload:
        """Create an upload with this first part.

        length: the Content-Length, by default what is sent. announce: the
        Upload-Length. then: how the transfer is left once the bytes are out; None: it
        is ended properly and answered. interim: the 104 is waited for before anything
        is left.
        """
        spoken = words(version)
        head = (
            (VERSION_FIELD, str(version)),
            (spoken.completeness, spoken.done if last else spoken.open),
            *_lengths(length, sends, announce, chunked=chunked),
            *fields,
        )
        connection = await self.connect()
        await connection.send(request(method, path, *head))
        if then is None:
            await connection.send(_content(sends, chunked=chunked))
            answer = Answer(await connection.hear(method), spoken)
            await connection.close()
            return Upload(self, version, answer, connection)
        said = Answer(await connection.hear_interim(), spoken) if interim else None
        await _leave(connection, sends, then, chunked=chunked)
        return Upload(self, version, said, connection)


class Upload:
    """An upload as its client knows it."""

    def __init__(
        self,
        client: Client,
        version: int,
        said: Answer | None,
        transfer: Connection,
    ) -> None:
        self._client = client
        self.version = version
        self.transfer = transfer
        """The connection of the creation."""
        self._said = said

    @property
    def answer(self) -> Answer:
        """The final response to the creation, or its 104 where it was left."""
        assert self._said is not None, "nothing was heard"
        return self._said

    @property
    def url(self) -> str:
        """Where the upload lives: told by the first 104, else by the final response."""
        told = self.answer.interims or [self.answer]
        assert told[0].location is not None, told[0].fields
        return told[0].location

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def words(self) -> Words:
        return words(self.version)

    def speaking(self, version: int) -> Upload:
        """The same upload for a client of another version (R12)."""
        return Upload(self._client, version, self._said, self.transfer)

    def at(self, client: Client) -> Upload:
        """The same upload, whose next requests are sent where `client` sends its."""
        return Upload(client, self.version, self._said, self.transfer)

    async def head(self, *fields: tuple[str, str], method: str = "HEAD") -> Answer:
        """Ask where the upload stands."""
        return await self.ask(method, *fields)

    async def ask_offset(self) -> int:
        """The offset, from an answer that must be a good one (R40)."""
        answer = await self.head()
        assert answer.status == 204, (answer.status, answer.fields)
        assert answer.offset is not None
        return answer.offset

    async def finished(self) -> Answer:
        """Where it stands, once it is complete: asked again and again until then."""

        async def done() -> Answer | None:
            answer = await self.head()
            return answer if answer.complete else None

        return await until(done)

    async def cancel(self, *fields: tuple[str, str]) -> Answer:
        return await self.ask("DELETE", *fields)

    async def ask(
        self, method: str, *fields: tuple[str, str], sends: bytes = b""
    ) -> Answer:
        """One request on the upload's URL: the version field and exactly these."""
        spoken = ((VERSION_FIELD, str(self.version)), *fields)
        return await self._client.ask(
            method, self.path, *spoken, sends=sends, version=self.version
        )

    async def append(
        self,
        *,
        at: int,
        last: bool = True,
        sends: bytes = b"",
        length: int | None = None,
        chunked: bool = False,
        announce: int | None = None,
        fields: Lines = (),
    ) -> Answer:
        """Add a part, and what comes back."""
        head = self.append_fields(at=at, last=last)
        lengths = _lengths(length, sends, announce, chunked=chunked)
        content = _content(sends, chunked=chunked)
        return await self.ask("PATCH", *head, *lengths, *fields, sends=content)

    async def begin(
        self,
        *,
        at: int,
        then: Leaving,
        last: bool = True,
        sends: bytes = b"",
        length: int | None = None,
        chunked: bool = False,
    ) -> Connection:
        """Begin to add a part and leave it so; the connection it was sent on."""
        head = self.append_fields(at=at, last=last)
        lengths = _lengths(length, sends, None, chunked=chunked)
        fields = ((VERSION_FIELD, str(self.version)), *head, *lengths)
        connection = await self._client.connect()
        await connection.send(request("PATCH", self.path, *fields))
        await _leave(connection, sends, then, chunked=chunked)
        return connection

    def append_fields(self, *, at: int, last: bool = True) -> Lines:
        """What an append of this version says of itself, the version apart."""
        spoken = self.words
        head = [
            ("Upload-Offset", str(at)),
            (spoken.completeness, spoken.done if last else spoken.open),
        ]
        if spoken.media_type is not None:
            head.append(("Content-Type", spoken.media_type))
        return tuple(head)


def _lengths(
    length: int | None, sends: bytes, announce: int | None, *, chunked: bool
) -> Lines:
    framing = (
        ("Transfer-Encoding", "chunked")
        if chunked
        else ("Content-Length", str(len(sends) if length is None else length))
    )
    return (
        (framing,) if announce is None else (framing, ("Upload-Length", str(announce)))
    )


def _content(sends: bytes, *, chunked: bool) -> bytes:
    """The content as it goes over the wire, with its proper end."""
    if not chunked:
        return sends
    return (chunk(sends) if sends else b"") + b"0\r\n\r\n"


async def _leave(
    connection: Connection, sends: bytes, then: Leaving, *, chunked: bool
) -> None:
    """Send what there is to send, without its proper end, and leave."""
    await connection.send(chunk(sends) if chunked and sends else sends)
    if then == "cut":
        connection.finish()
    elif then == "reset":
        await connection.reset()
