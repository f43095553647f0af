"""What stands around a request to keep aiohttp from being clever."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import ClientRequest, ClientResponse
from aiohttp.http_writer import StreamWriter
from multidict import CIMultiDict

from proxy.origin.contents import PassedContent, Source, _rescue_answer
from proxy.origin.sessions import middlewares


async def test_without_a_wait_for_100_there_is_nothing_to_bound() -> None:
    """Should aiohttp ever keep it elsewhere, requests go out all the same."""
    answer = cast("ClientResponse", object())

    async def send(request: ClientRequest) -> ClientResponse:
        return answer

    patience = middlewares(CIMultiDict(), expect=True)[1]
    request = cast("ClientRequest", SimpleNamespace())
    assert await patience(request, send) is answer


def test_content_on_its_way_is_never_asked_for_again() -> None:
    content = PassedContent(cast("Source", None), 1.0)
    assert content.consumed
    with pytest.raises(TypeError):
        content.decode()


def test_a_rescue_of_nothing_is_no_harm() -> None:
    """Writing failed, and there is nothing to be read either."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        told = {"socket": ours}
        transport = SimpleNamespace(get_extra_info=told.get)
        _rescue_answer(
            cast("asyncio.WriteTransport", transport), cast("StreamWriter", None)
        )
