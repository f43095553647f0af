"""Origins at fault, as raw bytes: who waits for one always hears how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp.http import HttpProcessingError

from proxy.core.errors import OriginError, OriginLost
from proxy.core.upload import Head
from proxy.origin import AnswerStream
from proxy.origin.hearing import Hearing
from tests.kit.bounds import BOUND_S
from tests.relay.conftest import read_request, serving

from .conftest import CREATION, FIELDS, OpenOrigin, Posting, StoredBytes, whole
from .keeping import BODY, Counting
from .test_outcomes import reset

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SILENCE_S = 0.2

Ask = Callable[[Posting], Awaitable[AnswerStream]]
Then = Callable[[asyncio.StreamWriter], None]


class Saying:
    """An origin that says one thing at once, and does another when told to."""

    def __init__(self, first: bytes, then: Then) -> None:
        self._first = first
        self._then = then
        self.goes_on = asyncio.Event()

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(reader)
        writer.write(self._first)
        await self.goes_on.wait()
        self._then(writer)
        if not writer.is_closing():
            await reader.read()


def is_silent(writer: asyncio.StreamWriter) -> None:
    pass


def says_no_chunk(writer: asyncio.StreamWriter) -> None:
    writer.write(b"zz\r\n")


async def upload(to: Posting) -> AnswerStream:
    return await to.post(CREATION, StoredBytes(BODY))


async def passed_through(to: Posting) -> AnswerStream:
    return await to.exchange(Head("GET", "/", FIELDS), None)


each_way = pytest.mark.parametrize("ask", [upload, passed_through])


@each_way
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (CHUNKED + b"2\r\nok\r\n", says_no_chunk),
        (CHUNKED + b"2\r\nok\r\n", is_silent),
        (CHUNKED + b"2\r\nok\r\nzz\r\n", is_silent),
        (CHUNKED + b"zz\r\n", is_silent),
        (OK + b"\r\nso far", is_silent),
        (OK + b"\r\nso far", reset),
        (OK + b"Content-Length: 9\r\n\r\nso far", reset),
    ],
)
async def test_content_that_comes_to_no_end_is_broken_off(
    open_origin: OpenOrigin, ask: Ask, first: bytes, then: Then
) -> None:
    """Neither waited for without end nor taken for whole."""
    origin = Saying(first, then)
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        stream = await ask(open_origin(url, response_timeout_s=SILENCE_S))
        origin.goes_on.set()
        assert stream.answer.status == 200
        with pytest.raises(OriginError):
            await whole(stream)


@each_way
@pytest.mark.parametrize("interims", [CONTINUE, 3 * CONTINUE])
async def test_silence_after_an_interim_response_is_not_waited_for_without_end(
    open_origin: OpenOrigin, ask: Ask, interims: bytes
) -> None:
    async with (
        serving(Saying(interims, is_silent)) as url,
        asyncio.timeout(BOUND_S),
    ):
        with pytest.raises(OriginLost, match="http_response_timeout"):
            await ask(open_origin(url, response_timeout_s=SILENCE_S))


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (OK + b"Content-Length: 2\r\n\r\nok, and more", b"ok"),
        (CHUNKED + b"2\r\nok\r\n0\r\n\r\nand more", b"ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok" + OK + b"\r\n", b"ok"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", b""),
        (
            b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"",
        ),
        (CONTINUE + OK + b"Content-Length: 2\r\n\r\nok, and more", b"ok"),
    ],
)
async def test_an_answer_stands_whatever_follows_it(
    open_origin: OpenOrigin, answer: bytes, content: bytes
) -> None:
    """Else an upload that was answered would count as of unknown outcome."""
    origin = Counting(answer)
    async with serving(origin) as url:
        to = open_origin(url)
        for _ in range(2):
            assert await whole(await upload(to)) == content
    assert (origin.connections, origin.requests) == (2, 2)


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 2", b"Transfer-Encoding: chunked"]
)
async def test_who_announces_content_where_there_is_none_is_not_asked_again(
    open_origin: OpenOrigin, framing: bytes
) -> None:
    """On that connection: the content may come yet, and be taken for an answer."""
    origin = Counting(b"HTTP/1.1 204 No Content\r\n" + framing + b"\r\n\r\n")
    async with serving(origin) as url:
        to = open_origin(url)
        for _ in range(2):
            assert (await upload(to)).answer.status == 204
    assert (origin.connections, origin.requests) == (2, 2)


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 000 So", b"HTTP/1.1 099 So", b"HTTP/1.1 200 O\0K"]
)
@each_way
async def test_what_cannot_be_passed_on_is_no_answer(
    open_origin: OpenOrigin, ask: Ask, line: bytes
) -> None:
    origin = Saying(line + b"\r\nContent-Length: 0\r\n\r\n", is_silent)
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        with pytest.raises(OriginLost, match="http_protocol_error"):
            await ask(open_origin(url))


@each_way
@pytest.mark.parametrize(
    "codings",
    [
        (b"gzip, chunked",),
        (b"gzip", b"chunked"),
        (b"chunked", b"gzip"),
        (b"gzip",),
        (b"chunked, identity",),
        (b"chunked;q=1",),
        (b"xchunked",),
    ],
    ids=b" and ".join,
)
async def test_content_in_a_coding_that_nobody_asked_for_is_none(
    open_origin: OpenOrigin, ask: Ask, codings: tuple[bytes, ...]
) -> None:
    """Who gets it would not be told, and take it for something else."""
    lines = b"".join([b"Transfer-Encoding: %b\r\n" % one for one in codings])
    origin = Saying(OK + lines + b"\r\n2\r\nok\r\n0\r\n\r\n", is_silent)
    origin.goes_on.set()
    async with serving(origin) as url:
        to = open_origin(url)
        stream = await ask(to)
        assert stream.answer.status == 200
        with pytest.raises(OriginError, match="http_protocol_error"):
            await whole(stream)
        assert to.held.idle == 0


@each_way
@pytest.mark.parametrize(
    "said", [b"Chunked", b"identity, chunked", b"chunked,\tchunked", b", chunked"]
)
async def test_what_means_chunked_alone_is_chunked(
    open_origin: OpenOrigin, ask: Ask, said: bytes
) -> None:
    head = OK + b"Transfer-Encoding: " + said + b"\r\n\r\n"
    origin = Saying(head + b"2\r\nok\r\n0\r\n\r\n", is_silent)
    origin.goes_on.set()
    async with serving(origin) as url:
        assert await whole(await ask(open_origin(url))) == b"ok"


@each_way
async def test_a_coding_of_no_content_matters_to_nobody(
    open_origin: OpenOrigin, ask: Ask
) -> None:
    said = b"HTTP/1.1 304 So\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    origin = Saying(said, is_silent)
    origin.goes_on.set()
    async with serving(origin) as url:
        stream = await ask(open_origin(url))
        assert (stream.answer.status, await whole(stream)) == (304, b"")


def _heard(*packets: bytes) -> Hearing:
    """By a connection of nobody's."""
    hearing = Hearing(asyncio.get_running_loop())
    hearing.set_response_params(read_until_eof=True)
    for packet in packets:
        hearing.data_received(packet)
    return hearing


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (b"HTTP/1.1 204 No Content\r\nX-Said: ", 204),
        (b"HTTP/1.1 102 Wait\r\n\r\n1", 102),
    ],
)
async def test_a_packet_in_the_middle_is_never_taken_for_a_head(
    before: bytes, code: int
) -> None:
    hearing = _heard(before, b"HTTP/1.1 200 OK\r\n\r\nwords of a client")
    message, _ = await asyncio.wait_for(hearing.read(), BOUND_S)
    assert message.code == code
    with pytest.raises(HttpProcessingError):
        await asyncio.wait_for(hearing.read(), BOUND_S)


@pytest.mark.parametrize("said", [b"SSH-2.0-x\r\n\r\nwords", b"HTTP/1.1 x\r\n\r\n"])
async def test_what_is_no_head_is_none_by_itself_either(said: bytes) -> None:
    with pytest.raises(HttpProcessingError):
        await _heard(said).read()


async def test_another_protocol_is_handed_on_as_it_comes() -> None:
    """Blank lines, which end heads, are nothing there; and many are as few."""

    class Pipe:
        def __init__(self) -> None:
            self.came: list[bytes] = []

        def feed_data(self, data: bytes) -> tuple[bool, bytes]:
            self.came.append(data)
            return False, b""

    pipe = Pipe()
    hearing = _heard(b"HTTP/1.1 101 So\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    hearing.data_received(b"\r\n\r\n" * 2)
    hearing.set_parser(pipe, None)
    hearing.data_received(b"\r\n\r\n" * 1000)
    assert pipe.came == [b"\r\n\r\n" * 2, b"\r\n\r\n" * 1000]
