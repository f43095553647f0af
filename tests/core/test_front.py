"""Whose word counts about who stands in front."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from proxy.core.front import (
    Family,
    Front,
    Trust,
    front_of,
    given_request_id,
    requested_host,
    who_counts,
)
from proxy.core.upload import Head

TEN = Trust((ip_network("10.0.0.0/8"), ip_network("fd00::/8")))
TEN_FORWARDED = Trust(TEN.networks, Family.FORWARDED)


def head(*fields: tuple[bytes, bytes], target: str = "/") -> Head:
    return Head("GET", target, ((b"Host", b"h.test"), *fields))


def x_forwarded(chain: bytes, *more: tuple[bytes, bytes]) -> Head:
    return head((b"X-Forwarded-For", chain), *more)


PROTO = (b"X-Forwarded-Proto", b"https")
HOST = (b"X-Forwarded-Host", b"shop.test:8443")


@pytest.mark.parametrize("trust", [Trust(), TEN, TEN_FORWARDED])
def test_a_stranger_is_the_client_whatever_it_claims(trust: Trust) -> None:
    claims = x_forwarded(b"10.0.0.1", PROTO, HOST, (b"Forwarded", b"for=10.0.0.1"))
    front = front_of(claims, "192.0.2.7", "http", trust)
    assert front == Front("192.0.2.7", "192.0.2.7", "http", "h.test", trusted=False)


def test_with_nobody_trusted_a_peer_in_a_private_network_is_a_stranger() -> None:
    assert not front_of(x_forwarded(b"1.2.3.4"), "10.0.0.1", "http", Trust()).trusted


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        (b"192.0.2.7", "192.0.2.7"),
        (b"1.1.1.1, 192.0.2.7, 10.9.9.9", "192.0.2.7"),
        (b"192.0.2.7:4711", "192.0.2.7"),
        (b"2001:db8::7", "2001:db8::7"),
        (b"", "10.0.0.1"),
        (b"10.3.3.3, 10.2.2.2", "10.3.3.3"),
        (b"192.0.2.7, junk", ""),
        (b"192.0.2.7, unknown", ""),
    ],
)
def test_the_first_untrusted_address_from_the_right_is_the_client(
    chain: bytes, client: str
) -> None:
    front = front_of(x_forwarded(chain), "10.0.0.1", "http", TEN)
    assert front.trusted
    assert front.client == client


def test_scheme_and_host_come_from_the_same_trusted_peer() -> None:
    front = front_of(x_forwarded(b"192.0.2.7", PROTO, HOST), "10.0.0.1", "http", TEN)
    assert (front.scheme, front.host) == ("https", "shop.test:8443")


@pytest.mark.parametrize(
    ("proto", "host", "scheme", "told"),
    [
        (b"https", b"shop.test", "https", "shop.test"),
        (b"gopher, https", b"a.test,shop.test", "https", "shop.test"),
        (b"", b"", "http", "h.test"),
    ],
)
def test_a_trusted_peer_that_tells_how_it_was_asked_and_not_by_whom(
    proto: bytes, host: bytes, scheme: str, told: str
) -> None:
    lines = ((b"X-Forwarded-Proto", proto), (b"X-Forwarded-Host", host))
    front = front_of(head(*lines), "10.0.0.1", "http", TEN)
    assert front == Front("10.0.0.1", "10.0.0.1", scheme, told, trusted=True)


@pytest.mark.parametrize(
    ("told", "prefix"),
    [
        (b"/app", "/app"),
        (b"/app/", "/app"),
        (b"/a/b-c", "/a/b-c"),
        (b"/claimed, /app", "/app"),
        (b"/", ""),
        (b"", ""),
        (b"app", ""),
        (b"//evil.test", ""),
        (b"/\\evil.test", ""),
        (b"/a/../b", ""),
        (b"/%2e%2e/b", ""),
        (b"/a?b", ""),
        (b"/a b", ""),
        (b"/caf\xc3\xa9", ""),
        (b"https://evil.test", ""),
    ],
)
def test_a_prefix_is_a_plain_path_that_the_nearest_front_took_off(
    told: bytes, prefix: str
) -> None:
    field = (b"X-Forwarded-Prefix", told)
    assert front_of(head(field), "10.0.0.1", "http", TEN).prefix == prefix
    behind = x_forwarded(b"junk", field)
    assert front_of(behind, "10.0.0.1", "http", TEN).prefix == prefix


def test_a_prefix_of_a_stranger_or_of_the_other_family_is_not_believed() -> None:
    claim = head((b"X-Forwarded-Prefix", b"/app"))
    assert front_of(claim, "192.0.2.7", "http", TEN).prefix == ""
    assert front_of(claim, "10.0.0.1", "http", TEN_FORWARDED).prefix == ""


@pytest.mark.parametrize("host", [b"a/b", b"", b"caf\xc3\xa9"])
def test_what_cannot_be_a_scheme_or_a_host_is_not_believed(host: bytes) -> None:
    told = x_forwarded(
        b"192.0.2.7", (b"X-Forwarded-Proto", b"gopher"), (b"X-Forwarded-Host", host)
    )
    front = front_of(told, "10.0.0.1", "http", TEN)
    assert (front.scheme, front.host) == ("http", "h.test")


def test_only_the_configured_family_is_believed() -> None:
    both = x_forwarded(
        b"1.1.1.1",
        PROTO,
        (b"Forwarded", b'for="[2001:db8::7]:1";proto=http;host=f.test'),
    )
    assert front_of(both, "10.0.0.1", "http", TEN).client == "1.1.1.1"
    front = front_of(both, "10.0.0.1", "https", TEN_FORWARDED)
    assert front == Front("10.0.0.1", "2001:db8::7", "http", "f.test", trusted=True)


@pytest.mark.parametrize("peer", ["::ffff:10.0.0.1", "fd00::1%eth0"])
def test_other_ways_to_write_a_trusted_peer(peer: str) -> None:
    assert front_of(x_forwarded(b"192.0.2.7"), peer, "http", TEN).client == "192.0.2.7"


@pytest.mark.parametrize(
    ("chain", "client"),
    [(b"192.0.2.7", "192.0.2.7"), (b"192.0.2.7, 10.1.1.1", "192.0.2.7"), (b"", "")],
)
def test_a_peer_on_a_unix_socket_is_trusted(chain: bytes, client: str) -> None:
    front = front_of(x_forwarded(chain, PROTO), None, "http", TEN)
    assert front.peer is None
    assert front.trusted
    assert front.client == client


def test_whoever_claims_the_address_that_stands_for_unix_sockets_gains_nothing() -> (
    None
):
    front = front_of(x_forwarded(b"1.1.1.1, 100::"), "10.0.0.1", "http", TEN)
    assert front.client == ""
    front = front_of(x_forwarded(b"1.1.1.1, 100::, 192.0.2.7"), None, "http", TEN)
    assert front.client == "192.0.2.7"


def test_the_authority_of_the_target_goes_before_host() -> None:
    absolute = head(target="http://other.test:81/x")
    assert requested_host(absolute) == "other.test:81"
    assert front_of(absolute, "192.0.2.7", "http", TEN).host == "other.test:81"


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("somebody", "somebody"),
    ],
)
def test_an_ipv6_network_counts_as_one_client(client: str, counted: str) -> None:
    assert who_counts(client) == counted


def test_http_1_0_may_name_no_host() -> None:
    assert requested_host(Head("GET", "/", (), http_1_0=True)) == ""


@pytest.mark.parametrize(
    ("value", "trusted", "given"),
    [
        (b"abc-1._Z", True, "abc-1._Z"),
        (b"x" * 128, True, "x" * 128),
        (b"abc", False, None),
        (b"x" * 129, True, None),
        (b"", True, None),
        (b"a b", True, None),
    ],
)
def test_a_request_id_is_taken_from_a_trusted_peer(
    value: bytes, given: str | None, *, trusted: bool
) -> None:
    front = Front("10.0.0.1", "10.0.0.1", "http", "h.test", trusted)
    assert given_request_id(head((b"X-Request-Id", value)), front) == given


def test_without_a_request_id_none_is_taken() -> None:
    front = Front(None, "", "http", "h.test", trusted=True)
    assert given_request_id(head(), front) is None
