"""Forms, read by readers that others wrote: what an application would get of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from unittest import mock

from aiohttp import BodyPartReader, MultipartReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from python_multipart import MultipartParser
from python_multipart.multipart import parse_options_header
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Field,
    File,
    MultipartDecoder,
    NeedData,
    Preamble,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form."""

    name: str
    content: bytes
    filename: str | None = None
    media_type: str | None = None


def boundary_of(media_type: bytes) -> bytes:
    kind, parameters = parse_options_header(media_type)
    assert kind == b"multipart/form-data"
    return parameters[b"boundary"]


def by_python_multipart(media_type: bytes, content: bytes) -> list[Part]:
    """As Starlette and FastAPI read it."""
    parts: list[Part] = []
    lines: dict[str, bytes] = {}
    name, value, body = bytearray(), bytearray(), bytearray()
    ended: list[bool] = []

    def begin() -> None:
        lines.clear()
        body.clear()

    def line() -> None:
        lines[name.decode().lower()] = bytes(value)
        name.clear()
        value.clear()

    def end() -> None:
        _, said = parse_options_header(lines["content-disposition"])
        filename = said.get(b"filename")
        kind = lines.get("content-type")
        parts.append(
            Part(
                said[b"name"].decode(),
                bytes(body),
                None if filename is None else filename.decode(),
                None if kind is None else kind.decode(),
            )
        )

    parser = MultipartParser(
        boundary_of(media_type),
        {
            "on_part_begin": begin,
            "on_header_field": lambda data, a, b: name.extend(data[a:b]),
            "on_header_value": lambda data, a, b: value.extend(data[a:b]),
            "on_header_end": line,
            "on_part_data": lambda data, a, b: body.extend(data[a:b]),
            "on_part_end": end,
            "on_end": lambda: ended.append(True),
        },
    )
    assert parser.write(content) == len(content)
    parser.finalize()
    assert ended == [True]
    return parts


def by_werkzeug(media_type: bytes, content: bytes) -> list[Part]:
    """As Flask reads it."""
    decoder = MultipartDecoder(boundary_of(media_type))
    decoder.receive_data(content)
    decoder.receive_data(None)
    parts: list[Part] = []
    while not isinstance(event := decoder.next_event(), Epilogue):
        match event:
            case Preamble(data):
                assert data == b""
            case Field(name, headers):
                parts.append(Part(name, b"", None, headers.get("Content-Type")))
            case File(name, filename, headers):
                parts.append(Part(name, b"", filename, headers.get("Content-Type")))
            case Data(data):
                last = parts.pop()
                whole = last.content + data
                parts.append(Part(last.name, whole, last.filename, last.media_type))
            case NeedData():
                raise AssertionError("the form has no end")
    return parts


def by_aiohttp(media_type: bytes, content: bytes) -> list[Part]:
    """As an application on aiohttp reads it."""
    return asyncio.run(_by_aiohttp(media_type, content))


async def _by_aiohttp(media_type: bytes, content: bytes) -> list[Part]:
    loop = asyncio.get_running_loop()
    stream = StreamReader(mock.create_autospec(BaseProtocol), 2**16, loop=loop)
    stream.feed_data(content)
    stream.feed_eof()
    parts: list[Part] = []
    form = MultipartReader({"Content-Type": media_type.decode("latin-1")}, stream)
    while (part := await form.next()) is not None:
        assert isinstance(part, BodyPartReader)
        body, kind = bytes(await part.read()), part.headers.get("Content-Type")
        parts.append(Part(part.name or "", body, part.filename, kind))
    return parts


READERS: Final[dict[str, Callable[[bytes, bytes], list[Part]]]] = {
    "python-multipart": by_python_multipart,
    "werkzeug": by_werkzeug,
    "aiohttp": by_aiohttp,
}
