"""What comes from the origin, on its way to aiohttp's parser.

Where an origin is at fault, aiohttp's client protocol waits for ever in some places,
and in others loses what it has heard. Here each head is parsed before what follows it,
a mistake in content is told to who reads that, silence after an interim response is
silence, and a reset is no end. What follows a whole answer ends the connection, since
the next request would take it for its own. The one invariant: after each byte, who
waits has been told how it ends, or a time is running.

Source: RFC 9112 "Handling Incomplete Messages", "Message Body Length"; RFC 9110
"Informational 1xx".
"""

from __future__ import annotations

import asyncio
from http.client import NO_CONTENT, SWITCHING_PROTOCOLS
from typing import Final

from aiohttp import ClientPayloadError
from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import set_exception
from aiohttp.http import HttpProcessingError, RawResponseMessage
from aiohttp.streams import StreamReader

_END_OF_HEAD: Final = b"\r\n\r\n"
"""Before a head, to the parser, two empty lines that mean nothing."""


class Hearing(ResponseHandler):
    """One connection, read: of uploads, and of what is passed through."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._is_its_turn = False
        """The request has been sent, as far as it will be."""
        self._goes_on_to_answer = False
        """What was said last was an interim response."""
        self._answered_by: object = self
        """Of the parsers, of which each request gets its own, the one that has parsed a
        final head; none has at first."""
        self.is_reset = False
        """Who was writing to it has been told that it was, or may have been: who reads
        will not be."""

    def start_timeout(self) -> None:
        self._is_its_turn = True
        super().start_timeout()

    def feed_data(
        self, data: tuple[RawResponseMessage, StreamReader], size: int = 0
    ) -> None:
        if self._has_answered():
            self._end_unasked()
            return
        message = data[0]
        code = message.code
        self._goes_on_to_answer = code < 200 and code != SWITCHING_PROTOCOLS
        if code >= 200:
            self._answered_by = self._parser
        if code == NO_CONTENT and _says_content(message):
            # Whoever says so may send it, in front of the next answer.
            self.force_close()
        super().feed_data(data, size)
        if not _is_understood(message) and code >= 200 and not data[1].is_eof():
            self._end_because("a transfer coding that nobody asked for")

    def data_received(self, data: bytes) -> None:
        # The parser forgets a head, and content that is whole, when a mistake follows
        # them in the same piece.
        begin = 0
        while self._awaits_head():
            if self._has_answered():
                if begin < len(data):
                    self._end_unasked()
                return
            end = data.find(_END_OF_HEAD, begin) + len(_END_OF_HEAD)
            if end < len(_END_OF_HEAD) or end == len(data):
                break
            self._parse(data[begin:end])
            begin = end
        if self.exception() is None:
            self._parse(data[begin:])
            self._check_end()

    def connection_lost(self, exc: BaseException | None) -> None:
        wrong = ConnectionResetError() if exc is None and self.is_reset else exc
        if wrong is not None:
            # To the parser the end of the connection may be that of the content.
            self._break_off(wrong)
        super().connection_lost(exc)

    def _awaits_head(self) -> bool:
        """What comes next belongs to a head."""
        if self.exception() is not None or self._upgraded or self._payload_parser:
            return False
        return self._payload is None or self._payload.is_eof()

    def _has_answered(self) -> bool:
        """The final head has come for what was asked last."""
        return self._answered_by is self._parser

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        wrong = self.exception()
        if wrong is not None:
            self._break_off(wrong)
        elif self._goes_on_to_answer and self._is_its_turn:
            # The time has ended with the interim response, as with an answer.
            self.start_timeout()

    def _check_end(self) -> None:
        """Where the answer has just come to its end: was it that of the piece?

        The parser keeps the beginning of a head to itself, and the next request gets
        another parser, which would take the rest of it.
        """
        if self._should_close or not (self._has_answered() and self._awaits_head()):
            return
        assert self._parser is not None, "it has just parsed"
        try:
            # Within a head they end it, or are a mistake.
            ended, _, _ = self._parser.feed_data(_END_OF_HEAD)
        except HttpProcessingError:
            self._end_unasked()
        else:
            if ended:
                self._end_unasked()

    def _end_unasked(self) -> None:
        """Something was said that answers nothing."""
        self._end_because("more than was asked for")

    def _end_because(self, why: str) -> None:
        """Hear no more; who reads content that is not whole is told so."""
        self.set_exception(HttpProcessingError(message=why))
        if self.transport is not None:
            self.transport.close()

    def _break_off(self, why: BaseException) -> None:
        """Tell who reads the content, unless that is whole."""
        payload = self._payload
        if payload is not None and not payload.is_eof():
            wrong = isinstance(why, HttpProcessingError)
            set_exception(payload, why if wrong else ClientPayloadError(str(why)), why)


def _is_understood(message: RawResponseMessage) -> bool:
    """Its content is what the parser takes it for.

    Other codings than chunked may be sent only to who names them in `TE`, as we never
    do, and the parser knows none: the client would get coded bytes, and not be told.
    `identity` was once a word for none. Chunked twice is read once, as it is meant.

    Source: RFC 9112 "Transfer-Encoding", "TE"; RFC 2616 "Transfer Codings".
    """
    lines = message.headers.getall("Transfer-Encoding", ())
    if not lines or lines == ["chunked"]:
        return True
    codings = [one.strip(" \t").lower() for line in lines for one in line.split(",")]
    other = set(codings) - {"", "identity", "chunked"}
    return not other and message.chunked == ("chunked" in codings)


def _says_content(message: RawResponseMessage) -> bool:
    length = message.headers.get("Content-Length", "0")
    return message.chunked or length.strip("0") != ""
