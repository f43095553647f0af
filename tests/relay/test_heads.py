"""Requests that HTTP does not allow, or that a gateway does not serve, row by row."""

from __future__ import annotations

import json

import pytest

from tests.kit.origin import RecordingOrigin
from tests.kit.raw import request

from .conftest import HEAD_LIMIT, RunRelay

CHUNKED = ("Transfer-Encoding", "chunked")

REFUSED = {
    "host absent": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "host twice": (request("GET", "/", ("Host", "a"), ("Host", "b")), 400),
    "host empty": (request("GET", "/", ("Host", "")), 400),
    "host invalid": (request("GET", "/", ("Host", "a/b@c")), 400),
    "host in 1.0": (request("GET", "/", ("Host", "a b"), protocol="HTTP/1.0"), 400),
    "user in authority": (request("GET", "http://u:p@h.test/"), 400),
    "another scheme": (request("GET", "ftp://h.test/x"), 400),
    "fragment": (request("GET", "/a#b"), 400),
    "target not ascii": (b"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "asterisk with GET": (request("GET", "*"), 400),
    "connect": (request("CONNECT", "h.test:443"), 501),
    "trace": (request("TRACE", "/"), 405),
    "http/2": (request("GET", "/", protocol="HTTP/2.0"), 505),
    "http/0.9": (request("GET", "/", protocol="HTTP/0.9"), 505),
    "gzip, chunked": (
        request("POST", "/", ("Transfer-Encoding", "gzip, chunked")),
        501,
    ),
    "codings twice": (
        request("POST", "/", ("Transfer-Encoding", "gzip"), CHUNKED),
        400,
    ),
    "chunked in 1.0": (request("POST", "/", CHUNKED, protocol="HTTP/1.0"), 400),
    "both framings": (request("POST", "/", CHUNKED, ("Content-Length", "3")), 400),
    "length +3": (request("POST", "/", ("Content-Length", "+3")), 400),
    "length 0_3": (request("POST", "/", ("Content-Length", "0_3")), 400),
    "length 3, 3": (request("POST", "/", ("Content-Length", "3, 3")), 400),
    "length twice": (
        request("POST", "/", ("Content-Length", "3"), ("Content-Length", "3")),
        400,
    ),
    "length 2^64": (request("POST", "/", ("Content-Length", str(2**64))), 400),
    "length 010": (request("POST", "/", ("Content-Length", "010")), 400),
    "length 2^63": (request("POST", "/", ("Content-Length", str(2**63))), 400),
    "length_": (request("POST", "/", ("Content_Length", "3")), 400),
    "coding_": (request("POST", "/", ("Transfer_Encoding", "chunked")), 400),
    "bare cr": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
    "bare lf": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "nul": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
    "folded line": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    "space before colon": (b"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400),
    "unknown method": (request("FOO", "/"), 501),
    "not http": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "not utf-8": (b"GET / HTTP/1.1\r\nHost: a\r\nX-Name: caf\xe9\r\n\r\n", 400),
    "long line": (request("GET", "/", ("X", "y" * 9000)), 431),
    "long target": (request("GET", "/" + "y" * 9000), 431),
    "connection: host": (request("GET", "/", ("Connection", "close, Host")), 400),
    "connection: upload-*": (request("GET", "/", ("Connection", "Upload-Offset")), 400),
    "connection: type": (request("GET", "/", ("Connection", "content-type")), 400),
    "connection: length": (request("GET", "/", ("Connection", "content-length")), 400),
    "connection: forwarded": (request("GET", "/", ("Connection", "forwarded")), 400),
    "connection: xff": (request("GET", "/", ("Connection", "x-forwarded-for")), 400),
    "another expectation": (request("GET", "/", ("Expect", "200-ok")), 417),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_head_gets_a_problem_and_the_end_of_the_connection(
    run_relay: RunRelay, origin: RecordingOrigin, case: str
) -> None:
    said, status = REFUSED[case]
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(said)
    answer = await client.hear("GET")
    assert answer.protocol == "HTTP/1.1"
    assert answer.status == status
    assert answer.one("connection") == "close"
    assert answer.one("content-type") == "application/problem+json"
    assert answer.one("cache-control") == "no-store"
    problem = json.loads(answer.content)
    assert problem["status"] == status
    assert problem["type"].startswith("urn:resumable-upload-proxy:problem:")
    assert problem["detail"].endswith(".")
    assert await client.ended() == b""
    await client.close()
    assert not origin.requests


async def test_the_field_that_cannot_be_passed_on_is_named(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(REFUSED["not utf-8"][0])
    assert "X-Name" in json.loads((await client.hear("GET")).content)["detail"]
    await client.close()


async def test_a_method_that_is_not_allowed_comes_with_those_that_are(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("TRACE", "/"))
    assert "GET" in ((await client.hear("TRACE")).one("allow") or "")
    await client.close()


async def test_the_whole_head_is_bounded_too(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    line = ("X", "y" * 995)  # a thousand bytes with what stands around it
    fits = request("GET", "/", *[line] * (HEAD_LIMIT // 1000))
    assert len(fits) <= HEAD_LIMIT
    await client.send(fits)
    assert (await client.hear("GET")).status == 200
    await client.send(request("GET", "/", *[line] * (HEAD_LIMIT // 1000 + 1)))
    assert (await client.hear("GET")).status == 431
    assert await client.ended() == b""
    await client.close()
    assert len(origin.requests) == 1


async def test_http_1_0_has_no_expectations(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    fields = (("Expect", "the worst"), ("Content-Length", "3"))
    await client.send(request("POST", "/", *fields, protocol="HTTP/1.0"), b"abc")
    answer = await client.hear()
    assert (answer.status, answer.interims) == (200, ())
    await client.close()
    assert origin.requests[0].one("expect") is None


async def test_a_field_in_utf8_is_fine(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("GET", "/", ("X", "caf\xc3\xa9")))
    assert (await client.hear("GET")).status == 200
    await client.close()
