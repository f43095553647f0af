"""What the shortcut takes of aiohttp, and that it is missed where it is not there."""

from __future__ import annotations

import pytest

from proxy.wire import lacking, shortcut


async def test_this_aiohttp_has_all_it_takes() -> None:
    assert lacking() == ""


@pytest.mark.parametrize("name", ["_parser", "_loop", "_read_bufsize"])
async def test_a_connection_of_another_shape_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    slots = {key: None for key in shortcut._CONNECTION if key != name}
    monkeypatch.setattr(shortcut, "RequestHandler", type("Handler", (), slots))
    assert lacking() == f"RequestHandler.{name}"


@pytest.mark.parametrize("name", ["_read_nowait", "total_bytes"])
async def test_a_content_of_another_shape_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    slots = {key: None for key in shortcut._CONTENT if key != name}
    monkeypatch.setattr(shortcut, "StreamReader", type("Reader", (), slots))
    assert lacking() == f"StreamReader.{name}"


async def test_a_request_of_another_shape_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shortcut, "_REQUEST", {"_head", "_message"})
    assert lacking() == "BaseRequest._head"
    monkeypatch.undo()
    monkeypatch.setattr(shortcut, "RawRequestMessage", object)
    assert lacking() == "RawRequestMessage._replace"


async def test_a_parser_of_another_shape_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def parser(protocol: object, loop: object) -> None: ...

    monkeypatch.setattr(shortcut, "HttpRequestParser", parser)
    assert lacking() == "the parser written in C"
    parser.__module__ = "aiohttp._http_parser"
    assert lacking().startswith("HttpRequestParser: ")
