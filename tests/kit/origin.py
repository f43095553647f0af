"""An origin that writes down every request, and does with it what a test tells it.

What it does is one small value (``Reply``, ``Early``, ``Silence``, ``Reset``); the next
request takes the next one of ``will``, or ``Reply()`` when there is none. The one
invariant: a request is in ``requests`` as soon as its head was read, and counts as
``complete`` only when all of its content was.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from .bounds import BOUND_S
from .raw import Lines, chunk

Framing = Literal["length", "chunked", "close", "none"]
"""How the end of an answer is told."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Read the whole request, then answer."""

    status: int = 200
    fields: Lines = ()
    body: bytes = b"stored"
    reason: str = "Fine"
    framing: Framing = "length"
    once: asyncio.Event | None = None
    """Answer only when this is set."""
    cut_after: int | None = None
    """Bytes of the framed body after which the connection ends; None: all is sent."""
    half: asyncio.Event | None = None
    """Send only half of the body until this is set."""
    interims: tuple[int, ...] = ()
    """Statuses of interim responses before the final one."""


@dataclass(frozen=True, slots=True)
class Early:
    """Answer once `after` bytes of content have been read, then close."""

    after: int
    reply: Reply
    linger: bool = True
    """Read on until the proxy closes, as servers do whose answers are to be heard;
    False: close at once, which resets the connection when more was on its way."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Take the request and never answer."""

    after: int | None = None
    """Bytes of content after which nothing more is read; None: all is read."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection once `after` bytes of content were read; None: after all."""

    after: int | None = None


Behaviour = Reply | Early | Silence | Reset


@dataclass(slots=True)
class Request:
    """A request as it arrived."""

    method: str
    target: str
    protocol: str
    fields: Lines
    body: bytes = b""
    complete: bool = False
    """All of its content arrived."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing more of it will come."""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        lines = self.all(name)
        assert len(lines) < 2, f"{name} came {len(lines)} times: {lines}"
        return lines[0] if lines else None

    def names(self) -> list[str]:
        return [name.lower() for name, _ in self.fields]


class RecordingOrigin:
    """A raw HTTP/1.1 server on an ephemeral port of 127.0.0.1."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[Request] = []
        self.will: deque[Behaviour] = deque()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._news = asyncio.Condition()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def complete(self) -> list[Request]:
        return [request for request in self.requests if request.complete]

    @property
    def bodies(self) -> list[bytes]:
        """The content of every request that came whole."""
        return [request.body for request in self.complete]

    def then(self, *behaviours: Behaviour) -> None:
        """What to do with the next requests, in order."""
        self.will.extend(behaviours)

    async def start(self) -> None:
        """Listen; on the same port as before when it was stopped."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on, and end those there are.

        Raises:
            Exception: whatever went wrong in the origin itself.
        """
        if self._server is None:
            return
        self._server.close()
        self._server = None
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        async with asyncio.timeout(BOUND_S):
            ends = await asyncio.gather(*serving, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def choose(self, request: Request) -> Behaviour:
        """What is done with `request`, whose head has just come."""
        return self.will.popleft() if self.will else Reply()

    def took(self, request: Request) -> None:
        """Nothing more of `request` will come, and nothing was answered yet."""

    async def begun(self, count: int = 1, *, bound_s: float = BOUND_S) -> Request:
        """Wait until the heads of `count` requests have arrived; the last of them."""
        async with self._news, asyncio.timeout(bound_s):
            await self._news.wait_for(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def received(self, count: int = 1, *, bound_s: float = BOUND_S) -> Request:
        """Wait until `count` requests have arrived whole; the last of them."""
        async with self._news, asyncio.timeout(bound_s):
            await self._news.wait_for(lambda: len(self.complete) >= count)
        return self.complete[count - 1]

    async def holds(self, size: int, *, bound_s: float = BOUND_S) -> Request:
        """Wait until the newest request has at least `size` bytes of content here."""
        async with self._news, asyncio.timeout(bound_s):
            await self._news.wait_for(
                lambda: bool(self.requests) and len(self.requests[-1].body) >= size
            )
        return self.requests[-1]

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the proxy ended the connection, as it may
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """One request and its answer; True when the connection can be used again."""
        request = _parse_head(await reader.readuntil(b"\r\n\r\n"))
        behaviour = self.choose(request)
        self.requests.append(request)
        await self._tell()
        try:
            whole = await self._content(reader, request, _stops_after(behaviour))
        finally:
            request.ended.set()
            self.took(request)
        match behaviour:
            case Silence():
                await reader.read(-1) if whole else await asyncio.Event().wait()
                return False
            case Reset():
                _reset(writer)
                return False
            case Early(_, reply, linger):
                await _answer(writer, reply, request.method)
                while linger and await reader.read(65536):
                    pass
                return False
            case Reply():
                if behaviour.once is not None:
                    await behaviour.once.wait()
                return await _answer(writer, behaviour, request.method)

    async def _content(
        self, reader: asyncio.StreamReader, request: Request, stop: int | None
    ) -> bool:
        """Read the content, as far as `stop`; True when all of it came."""
        if request.one("transfer-encoding") is not None:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                request.body += await reader.readexactly(size)
                await reader.readexactly(2)
                await self._tell()
            await reader.readexactly(2)
        length = int(request.one("content-length") or len(request.body))
        wanted = length if stop is None else min(stop, length)
        while room := wanted - len(request.body):
            piece = await reader.read(min(room, 65536))
            if not piece:
                raise asyncio.IncompleteReadError(request.body, wanted)
            request.body += piece
            await self._tell()
        request.complete = len(request.body) == length
        await self._tell()
        return request.complete

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


def _stops_after(behaviour: Behaviour) -> int | None:
    return None if isinstance(behaviour, Reply) else behaviour.after


def _parse_head(head: bytes) -> Request:
    request_line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, protocol = request_line.split(" ")
    pairs = (line.partition(":") for line in lines)
    fields = tuple((name, value.strip(" \t")) for name, _, value in pairs)
    return Request(method, target, protocol, fields)


async def _answer(writer: asyncio.StreamWriter, reply: Reply, method: str) -> bool:
    """Send `reply`; True when the connection can be used again."""
    framing: dict[str, Lines] = {
        "length": (("Content-Length", str(len(reply.body))),),
        "chunked": (("Transfer-Encoding", "chunked"),),
        "close": (("Connection", "close"),),
        "none": (),
    }
    lines = [f"HTTP/1.1 {status} Interim\r\n" for status in reply.interims]
    lines.append(f"HTTP/1.1 {reply.status} {reply.reason}")
    lines += [
        f"{name}: {value}" for name, value in (*reply.fields, *framing[reply.framing])
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    body = reply.body
    if reply.framing == "chunked":
        body = (chunk(body) if body else b"") + b"0\r\n\r\n"
    if method != "HEAD" and reply.framing != "none":
        body = body[: reply.cut_after]
        middle = len(body) // 2 if reply.half else 0
        writer.write(body[:middle])
        if reply.half is not None:
            await reply.half.wait()
        writer.write(body[middle:])
    await writer.drain()
    return reply.framing != "close" and reply.cut_after is None


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
