"""What the origin gets of a request, row by row."""

from __future__ import annotations

import pytest

from tests.kit.origin import RecordingOrigin
from tests.kit.raw import chunk, request

from .conftest import RunRelay, Settings

TARGETS = [
    "/a%2Fb/%7Eu?x=%20+&y",
    "//d//s",
    "/a/../b",
    "/%2e%2e/x",
    "/a%zz?%",
    "/p;v=1?x=[1]&y={z}|",
    "/[1]",
    "/a|b",
    "/x?",
    "/x??a=?b",
    "/%00",
    "/a\\b",
    '/"<x>',
    "/?http://other.test/x",
    "/a:b@c",
    "/" + "y" * 4000,
]


@pytest.mark.parametrize("target", TARGETS)
async def test_a_target_arrives_byte_for_byte(
    run_relay: RunRelay, origin: RecordingOrigin, target: str
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("GET", target))
    assert (await client.hear("GET")).status == 200
    await client.close()
    assert [seen.target for seen in origin.requests] == [target]


@pytest.mark.parametrize(
    "method",
    ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE", "PROPFIND", "M-SEARCH", "MKCOL"],
)
async def test_any_method_goes_through(
    run_relay: RunRelay, origin: RecordingOrigin, method: str
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request(method, "/x", ("Content-Length", "3")), b"abc")
    assert (await client.hear(method)).content == b"stored"
    await client.close()
    assert [(seen.method, seen.body) for seen in origin.complete] == [(method, b"abc")]


async def test_fields_arrive_in_order_with_repeats_and_nothing_is_added(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    fields = (("x-b", "1"), ("X-A", "2"), ("x-b", "3"), ("Cookie", "a=1; b=2"))
    await client.send(request("GET", "/", *fields, ("X-a", "4")))
    await client.hear("GET")
    await client.close()
    seen = origin.requests[0].fields
    assert seen == (
        ("Host", "upload.test"),
        *fields,
        ("X-a", "4"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "upload.test"),
        ("Via", "1.1 test-proxy"),
        ("X-Request-ID", "id-1"),
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND"])
@pytest.mark.parametrize("told", [(), (("Content-Length", "0"),)], ids=["", "told"])
async def test_no_content_is_told_as_the_client_tells_it(
    run_relay: RunRelay,
    origin: RecordingOrigin,
    method: str,
    told: tuple[tuple[str, str], ...],
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request(method, "/", *told))
    assert (await client.hear(method)).status == 200
    await client.close()
    seen = origin.requests[0]
    assert seen.one("content-length") == ("0" if told else None)
    assert seen.one("transfer-encoding") is None


async def test_a_field_in_utf8_arrives_as_it_is(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("GET", "/", ("X", "caf\xc3\xa9")))
    await client.hear("GET")
    await client.close()
    assert origin.requests[0].one("x") == "caf\xc3\xa9"


async def test_fields_of_one_connection_and_those_it_names_stay_behind(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    hop_by_hop = (
        ("Connection", "keep-alive, x-own"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic x"),
        ("TE", "trailers"),
        ("X-Own", "1"),
        ("Upgrade", "h2c"),
    )
    await client.send(request("GET", "/", *hop_by_hop, ("Authorization", "Basic y")))
    await client.hear("GET")
    await client.close()
    seen = origin.requests[0]
    assert seen.one("authorization") == "Basic y"
    assert not {name.lower() for name, _ in hop_by_hop} & set(seen.names())


@pytest.mark.parametrize("preserve", [True, False])
async def test_host_is_preserved_unless_switched_off(
    run_relay: RunRelay, origin: RecordingOrigin, *, preserve: bool
) -> None:
    between = await run_relay(origin.address, Settings(preserve_host=preserve))
    client = await between.connect()
    await client.send(request("GET", "/", ("Host", "Shop.test:80")))
    await client.hear("GET")
    await client.close()
    own = origin.address.removeprefix("http://")
    assert origin.requests[0].one("host") == ("Shop.test:80" if preserve else own)
    assert origin.requests[0].one("x-forwarded-host") == "Shop.test:80"


async def test_absolute_form_becomes_origin_form_and_its_authority_host(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("GET", "http://other.test:81//x?%7E", ("Host", "h.test")))
    assert (await client.hear("GET")).status == 200
    await client.close()
    assert origin.requests[0].target == "//x?%7E"
    assert origin.requests[0].one("host") == "other.test:81"


async def test_a_chain_below_a_trusted_peer_is_extended(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address, Settings(trusted="127.0.0.0/8"))
    client = await between.connect()
    told = (("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https"))
    await client.send(request("GET", "/", *told, ("Forwarded", "for=6.6.6.6")))
    await client.hear("GET")
    await client.close()
    assert origin.requests[0].one("x-forwarded-for") == "192.0.2.7, 127.0.0.1"
    assert origin.requests[0].one("x-forwarded-proto") == "https"
    assert origin.requests[0].one("forwarded") is None


async def test_claims_of_a_stranger_are_not_passed_on(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    claims = (("X-Forwarded-For", "6.6.6.6"), ("Forwarded", "for=6.6.6.6"))
    await client.send(request("GET", "/", *claims, ("X-Forwarded-Prefix", "/x")))
    await client.hear("GET")
    await client.close()
    assert origin.requests[0].one("x-forwarded-for") == "127.0.0.1"
    assert origin.requests[0].one("forwarded") is None
    assert origin.requests[0].one("x-forwarded-prefix") is None


@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_000])
@pytest.mark.parametrize("chunked", [True, False])
async def test_content_arrives_whole_in_the_framing_it_came_in(
    run_relay: RunRelay, origin: RecordingOrigin, size: int, *, chunked: bool
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    if chunked:
        pieces = [content[at : at + 70_000] for at in range(0, size, 70_000)]
        head = request("POST", "/", ("Transfer-Encoding", "chunked"))
        await client.send(head, *map(chunk, pieces), chunk(b""))
    else:
        head = request("POST", "/", ("Content-Length", str(size)))
        await client.send(head, content)
    assert (await client.hear()).status == 200
    await client.close()
    seen = origin.complete[0]
    assert seen.body == content
    assert seen.one("content-length") == (None if chunked else str(size))
    assert seen.one("transfer-encoding") == ("chunked" if chunked else None)


async def test_a_get_may_have_content(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("GET", "/", ("Content-Length", "3")), b"abc")
    assert (await client.hear("GET")).status == 200
    await client.close()
    assert origin.bodies == [b"abc"]


async def test_content_codings_are_not_touched(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    coded = b"this is no gzip at all"
    fields = (("Content-Encoding", "gzip"), ("Content-Length", str(len(coded))))
    await client.send(request("POST", "/", *fields), coded)
    assert (await client.hear()).status == 200
    await client.close()
    assert origin.bodies == [coded]
    assert origin.requests[0].one("content-encoding") == "gzip"
    assert origin.requests[0].one("accept-encoding") is None


async def test_trailers_are_dropped_and_not_announced(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    fields = (("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum"))
    trailers = b"0\r\nX-Sum: 1\r\n\r\n"
    await client.send(request("POST", "/", *fields), chunk(b"abc"), trailers)
    assert (await client.hear()).status == 200
    # the parser would give the last one to the next request: there is none
    assert await client.ended() == b""
    await client.close()
    assert origin.bodies == [b"abc"]
    assert not {"trailer", "x-sum"} & set(origin.requests[0].names())


async def test_an_upgrade_that_is_no_websocket_is_removed(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    settings = ("HTTP2-Settings", "AAMAAABkAAQAAP__")
    wanted = (("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), settings)
    await client.send(request("GET", "/", *wanted))
    assert (await client.hear("GET")).status == 200
    await client.close()
    assert not {"upgrade", "http2-settings"} & set(origin.requests[0].names())


async def test_an_upgrade_with_content_is_an_ordinary_request(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    wanted = (("Connection", "Upgrade"), ("Upgrade", "websocket"))
    await client.send(
        request("GET", "/", *wanted, ("Content-Length", "3")),
        b"abc",
        request("GET", "/2"),
    )
    assert (await client.hear("GET")).status == 200
    assert (await client.hear("GET")).status == 200
    await client.close()
    assert origin.requests[0].body == b"abc"
    assert origin.requests[0].one("upgrade") is None
    assert origin.requests[1].target == "/2"


async def test_pipelined_requests_are_answered_in_order(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    first = request("POST", "/1", ("Content-Length", "3")) + b"abc"
    await client.send(first + request("GET", "/2") + request("HEAD", "/3"))
    for method in ("POST", "GET", "HEAD"):
        assert (await client.hear(method)).status == 200
    await client.close()
    assert [seen.target for seen in origin.requests] == ["/1", "/2", "/3"]


async def test_http_1_0_is_served(run_relay: RunRelay, origin: RecordingOrigin) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    fields = (("Content-Length", "3"), ("Connection", "keep-alive"))
    await client.send(request("POST", "/", *fields, protocol="HTTP/1.0"), b"abc")
    answer = await client.hear()
    assert answer.one("connection") == "keep-alive"
    assert answer.content == b"stored"
    await client.send(b"GET /2 HTTP/1.0\r\n\r\n")
    assert (await client.hear("GET")).one("connection") == "close"
    assert await client.ended() == b""
    await client.close()
    assert origin.requests[0].one("via") == "1.0 test-proxy"
    assert origin.requests[1].one("host") == origin.address.removeprefix("http://")


@pytest.mark.parametrize(("given", "left"), [("1", "0"), ("10", "9"), ("x", "x")])
async def test_max_forwards_is_counted_down_for_options(
    run_relay: RunRelay, origin: RecordingOrigin, given: str, left: str
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("OPTIONS", "/x", ("Max-Forwards", given)))
    await client.hear("OPTIONS")
    await client.send(request("GET", "/x", ("Max-Forwards", given)))
    await client.hear("GET")
    await client.close()
    assert [seen.one("max-forwards") for seen in origin.requests] == [left, given]


@pytest.mark.parametrize(
    ("target", "fields"),
    [("*", ()), ("http://h.test", ()), ("/x", (("Max-Forwards", "0"),))],
)
async def test_options_about_us_are_answered_by_us(
    run_relay: RunRelay,
    origin: RecordingOrigin,
    target: str,
    fields: tuple[tuple[str, str], ...],
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("OPTIONS", target, *fields))
    answer = await client.hear("OPTIONS")
    assert (answer.status, answer.one("content-length")) == (200, "0")
    assert "PATCH" in (answer.one("allow") or "")
    await client.close()
    assert not origin.requests


async def test_a_request_that_comes_back_is_a_loop(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("GET", "/", ("Via", "1.1 test-proxy, 1.1 front")))
    assert (await client.hear("GET")).status == 508
    await client.send(request("GET", "/", ("Via", "1.1 another-proxy")))
    assert (await client.hear("GET")).status == 200
    await client.close()
    assert origin.requests[0].all("via") == ["1.1 another-proxy", "1.1 test-proxy"]
