"""What the origin gets of an upload: one plain request, as the client meant it."""

from __future__ import annotations

import gzip

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.words import each_version, versions

TARGETS = [
    "/a%2Fb/%7Eu?x=%20+&y",
    "//d//s/../b",
    "/%2e%2e/x?x=[1]&y={z}|",
    "/a;v=1,2?q=%zz&&=",
    "/caf%C3%A9/%00?%",
    "/x?a=/b?c",
]


@pytest.mark.parametrize("target", TARGETS)
async def test_the_target_arrives_byte_for_byte(
    client: Client, origin: RecordingOrigin, target: str
) -> None:
    """P7, R19."""
    await client.create(6, sends=b"a", path=target)
    assert origin.requests[0].target == target


@each_version
async def test_the_fields_arrive_without_the_protocols_own(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R19, P7: order, spelling and repeats are kept."""
    fields = (
        ("X-First", "1"),
        ("Cookie", "a=b"),
        ("X-Repeat", "one"),
        ("Accept", "*/*"),
        ("X-Repeat", "two, three"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Authorization", "Bearer t"),
        ("Repr-Digest", "sha-256=:AAAA:"),
        ("Upload-Metadata", "name Zm9v"),
        ("Upload-Anything", "1"),
        ("Expect", "100-continue"),
        ("X-Empty", ""),
    )
    upload = await client.create(version, sends=b"abc", announce=3, fields=fields)
    assert upload.answer.status == 200
    got = origin.requests[0]
    assert (got.method, got.target, got.protocol) == ("POST", "/files", "HTTP/1.1")
    gone = {"Upload-Metadata", "Upload-Anything", "Expect"}
    kept = [field for field in fields if field[0] not in gone]
    names = {name.lower() for name, _ in kept}
    assert [field for field in got.fields if field[0].lower() in names] == kept
    assert not [name for name in got.names() if name.startswith("upload-")]
    assert got.one("Expect") is None
    assert got.one("Host") == "upload.test"
    assert got.one("Content-Length") == "3"


async def test_no_line_is_lost_when_a_name_is_spelled_in_two_ways(
    client: Client, origin: RecordingOrigin
) -> None:
    """P7."""
    fields = (("X-Repeat", "one"), ("x-REPEAT", "two"), ("X-Repeat", "three"))
    await client.create(9, sends=b"abc", fields=fields)
    assert origin.requests[0].all("X-Repeat") == ["one", "two", "three"]


@each_version
async def test_hop_by_hop_fields_stay_here(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """RFC 9110 "Connection"."""
    fields = (
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "5"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic x"),
        ("Proxy-Connection", "keep-alive"),
        ("X-Stays", "1"),
    )
    await client.create(version, sends=b"abc", fields=fields)
    got = origin.requests[0]
    for name in (
        "X-Hop",
        "Keep-Alive",
        "TE",
        "Proxy-Authorization",
        "Proxy-Connection",
    ):
        assert got.one(name) is None, name
    assert got.one("X-Stays") == "1"


@each_version
async def test_a_chunked_body_arrives_with_its_true_length(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R19."""
    await client.create(version, sends=b"a" * 1000, chunked=True)
    got = origin.requests[0]
    assert got.one("Transfer-Encoding") is None
    assert (got.one("Content-Length"), got.body) == ("1000", b"a" * 1000)


@each_version
async def test_a_resumed_body_arrives_with_its_true_length(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R19: not with that of the last fragment."""
    upload = await client.create(version, length=100, sends=b"a" * 40, then="cut")
    await upload.append(at=40, sends=b"b" * 60)
    assert origin.requests[0].all("Content-Length") == ["100"]


@each_version
async def test_a_compressed_body_stays_as_it_was_sent(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P7; 1.4: offsets count content-coded bytes."""
    body = gzip.compress(b"a" * 500, mtime=0)
    coding = (("Content-Encoding", "gzip"),)
    upload = await client.create(
        version, length=len(body), sends=body[:10], then="cut", fields=coding
    )
    assert await upload.ask_offset() == 10
    answer = await upload.append(at=10, sends=body[10:])
    assert answer.offset == len(body)
    got = origin.requests[0]
    assert (got.body, got.one("Content-Encoding")) == (body, "gzip")


@versions(3, 6)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "REPORT"])
async def test_the_method_is_that_of_the_creation(
    client: Client, origin: RecordingOrigin, version: int, method: str
) -> None:
    """R19."""
    upload = await client.create(
        version, length=10, sends=b"a" * 5, then="cut", method=method, path="/n?q"
    )
    await upload.append(at=5, sends=b"b" * 5)
    got = origin.requests[0]
    assert (got.method, got.target, got.body) == (method, "/n?q", b"aaaaabbbbb")


async def test_the_origin_learns_who_asks(
    client: Client, origin: RecordingOrigin
) -> None:
    """X-Forwarded-* are written afresh, the other family is dropped."""
    fields = (
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "spoofed.example"),
        ("Forwarded", "for=203.0.113.7"),
    )
    await client.create(9, sends=b"a", fields=fields)
    got = origin.requests[0]
    assert got.all("X-Forwarded-For") == ["127.0.0.1"]
    assert got.all("X-Forwarded-Proto") == ["http"]
    assert got.all("X-Forwarded-Host") == ["upload.test"]
    assert got.one("Forwarded") is None


@pytest.mark.configured(trusted_proxies=["127.0.0.1"])
async def test_what_a_trusted_front_says_is_extended(
    client: Client, origin: RecordingOrigin
) -> None:
    fields = (("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"))
    await client.create(9, sends=b"a", fields=fields)
    got = origin.requests[0]
    assert got.one("X-Forwarded-For") == "203.0.113.7, 127.0.0.1"
    assert got.one("X-Forwarded-Proto") == "https"


@pytest.mark.configured(origin={"preserve_host": False})
async def test_the_host_can_be_the_origins_own(
    client: Client, origin: RecordingOrigin
) -> None:
    await client.create(9, sends=b"a")
    got = origin.requests[0]
    assert got.one("Host") == f"127.0.0.1:{origin.port}"
    assert got.one("X-Forwarded-Host") == "upload.test"


async def test_bytes_that_are_not_text_arrive_or_are_refused(
    client: Client, origin: RecordingOrigin
) -> None:
    """P7: never dropped silently."""
    value = b"caf\xe9".decode("latin-1")
    upload = await client.create(9, sends=b"a", fields=(("X-Name", value),))
    if upload.answer.status == 400:
        assert origin.requests == []
    else:
        assert origin.requests[0].one("X-Name") == value
