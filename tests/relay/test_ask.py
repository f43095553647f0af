"""Questions of ours to the origin, on behalf of a client (R81)."""

from __future__ import annotations

import pytest

from proxy.core.errors import OriginError
from proxy.core.front import Front
from proxy.core.headers import Passage
from proxy.core.upload import Head
from proxy.origin import Origin
from proxy.relay import ASKED_BOUND, Relay
from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin, Reply

FRONT = Front("192.0.2.7", "192.0.2.7", "http", "h.test", trusted=False)
QUESTION = Head(
    "OPTIONS",
    "/files?x",
    (
        (b"Host", b"h.test"),
        (b"Max-Forwards", b"3"),
        (b"Upload-Complete", b"?1"),
        (b"Content-Length", b"3"),
    ),
)


async def _ask(url: str) -> tuple[int, bytes]:
    origin = Origin(url, connect_timeout_s=1.0, response_timeout_s=BOUND_S)
    relay = Relay(origin, Passage(origin.authority, b"us"), idle_timeout_s=1.0)
    try:
        answer, content = await relay.ask(QUESTION, FRONT, "id-1")
    finally:
        await origin.close()
    return answer.status, content


async def test_the_answer_comes_whole(origin: RecordingOrigin) -> None:
    origin.then(Reply(207, (), b"x" * ASKED_BOUND, framing="chunked"))
    assert await _ask(origin.address) == (207, b"x" * ASKED_BOUND)
    seen = origin.requests[0]
    assert (seen.method, seen.target) == ("OPTIONS", "/files?x")
    assert seen.one("max-forwards") == "2"
    assert not {"upload-complete", "content-length"} & set(seen.names())


async def test_an_answer_without_bounds_is_none(origin: RecordingOrigin) -> None:
    origin.then(Reply(200, (), b"x" * (ASKED_BOUND + 1)))
    with pytest.raises(OriginError, match="more than"):
        await _ask(origin.address)


async def test_an_origin_that_is_down(origin: RecordingOrigin) -> None:
    await origin.stop()
    with pytest.raises(OriginError, match="connection_refused"):
        await _ask(origin.address)
