"""The origin's answer: its head is here, its content still comes."""

from __future__ import annotations

from typing import Protocol

from aiohttp.connector import Connection
from aiohttp.streams import StreamReader

from proxy.core.errors import OriginLost
from proxy.core.headers import from_origin
from proxy.core.upload import Answer, Fields, first_of

from .failures import FOREIGN, broken_off


class Response(Protocol):
    """An answer as it was parsed, from aiohttp's client or from a ``Channel``."""

    @property
    def status(self) -> int: ...

    @property
    def reason(self) -> str | None: ...

    @property
    def raw_headers(self) -> Fields: ...

    @property
    def content(self) -> StreamReader: ...

    @property
    def connection(self) -> Connection | None:
        """The client's connection; None when it has no use beyond the answer."""

    def close(self) -> None:
        """Let go of it, and of the connection unless all of it has come."""


class Chunks:
    """The content of an answer, as it comes.

    Not a generator: for the few chunks that most answers have, the event loop's care
    for those costs more than the reading.
    """

    def __init__(self, content: StreamReader, first: bytes = b"") -> None:
        """`first`: what has been read of `content` already."""
        self._content = content
        self._first = first

    def __aiter__(self) -> Chunks:
        return self

    async def __anext__(self) -> bytes:
        """The next bytes.

        Raises:
            OriginError: it broke off.
        """
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            chunk = await self._content.readany()
        except FOREIGN as exc:
            raise broken_off(exc) from exc
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """See ``Stream``. Who has the answer closes it."""


class AnswerStream:
    """One answer. Whoever has it closes it, in every case."""

    def __init__(self, response: Response, *, may_switch: bool = False) -> None:
        """`may_switch`: the request has asked for another protocol.

        Raises:
            OriginLost: the answer cannot be passed on: aiohttp is lenient with origins,
                and a field or the reason holds what would end its line, or the status
                is that of no final answer. The response is closed.
        """
        fields: Fields = response.raw_headers
        status, reason = response.status, response.reason or ""
        said = b"".join([value for _, value in fields])
        wrong = ""
        if b"\n" in said or b"\r" in said or b"\0" in said:
            wrong = "a field of the answer has two lines"
        elif "\n" in reason or "\r" in reason or "\0" in reason:
            wrong = "the reason of the answer has two lines"
        elif status < 200 and not (may_switch and status == 101):
            wrong = f"{status} is no answer"
        if wrong:
            response.close()
            raise OriginLost(f"http_protocol_error: {wrong}")
        self.response = response
        self.answer = Answer(status, reason, from_origin(fields))
        """Status and end-to-end fields; its size is not known yet."""
        self.length = first_of(fields, b"content-length")
        """The `Content-Length` the origin sent, None without one."""
        self._first = b""

    def check(self) -> None:
        """To be asked by who would rather have no answer than one without content.

        Raises:
            OriginError: its content broke before any of it came; it is closed.
        """
        content = self.response.content
        wrong = content.exception()
        if wrong is not None and not content.total_bytes:
            self.response.close()
            raise broken_off(wrong) from wrong

    async def begun(self) -> bytes:
        """Wait for the first bytes of the content, which stay in it; empty: none come.

        Raises:
            OriginError: it broke off before.
        """
        async for chunk in self.chunks():
            self._first = chunk
            break
        return self._first

    def at_once(self) -> bytes:
        """All of the content, when all of it has come already; otherwise empty."""
        content = self.response.content
        if not content.is_eof() or content.exception() is not None:
            return b""
        return self._first + content.read_nowait()

    def chunks(self) -> Chunks:
        """The content, as it comes."""
        return Chunks(self.response.content, self._first)

    async def close(self) -> None:
        """Nothing more is wanted; a connection with content still on it is closed."""
        self.response.close()
