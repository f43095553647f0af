"""Which fields go on, which come back, which are written by us."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.front import Family, Front
from proxy.core.headers import (
    HOP_BY_HOP,
    Passage,
    connection_options,
    forbidden_option,
    forwards_left,
    from_origin,
    harmless,
    passes_us_again,
    to_origin,
    upload_to_origin,
    veiled,
    with_credentials_of,
    with_forwards_left,
)
from proxy.core.upload import Fields, Head

PASSAGE = Passage(b"origin.test:3000", b"us")
FORWARDED = Passage(b"origin.test:3000", b"us", Family.FORWARDED)
STRANGER = Front("192.0.2.7", "192.0.2.7", "http", "h.test", trusted=False)
TRUSTED = Front("10.0.0.1", "192.0.2.7", "https", "shop.test", trusted=True)
HOST = (b"Host", b"h.test")


def head(*fields: tuple[bytes, bytes], **more: bool) -> Head:
    return Head("POST", "/", (HOST, *fields), **more)


def sent(
    *fields: tuple[bytes, bytes], front: Front = STRANGER, passage: Passage = PASSAGE
) -> Fields:
    return to_origin(head(*fields), front, passage, "id-1")


def values(fields: Fields, name: bytes) -> list[bytes]:
    return [value for key, value in fields if key.lower() == name.lower()]


def test_order_spelling_and_repeats_are_kept() -> None:
    fields = ((b"b", b"1"), (b"A", b"2"), (b"b", b"3"), (b"c", b""), (b"A", b"2"))
    assert sent(*fields)[1:6] == fields


def test_names_that_differ_in_case_stay_two_lines() -> None:
    assert sent((b"X-a", b"1"), (b"x-A", b"2"))[1:3] == ((b"X-a", b"1"), (b"x-A", b"2"))


def test_bytes_above_ascii_stay() -> None:
    assert (b"X", b"caf\xc3\xa9\xff") in sent((b"X", b"caf\xc3\xa9\xff"))


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP))
def test_fields_of_one_connection_stay_on_it(name: bytes) -> None:
    fields = ((name.title(), b"x"), (b"Kept", b"1"))
    assert not values(sent(*fields), name)
    assert from_origin(fields) == ((b"Kept", b"1"),)


def test_fields_that_connection_names_go_with_it() -> None:
    fields = ((b"Connection", b"close, X-One ,\tx-two"), (b"X-one", b"1"))
    more = ((b"X-Two", b"2"), (b"connection", b"x-three"), (b"X-Three", b"3"))
    assert connection_options(fields) == {b"close", b"x-one", b"x-two"}
    assert from_origin((*fields, *more)) == ()


@pytest.mark.parametrize(
    "option",
    [
        b"host",
        b"Content-Length",
        b"content-type",
        b"content-encoding",
        b"Upload-Offset",
        b"forwarded",
        b"X-Forwarded-For",
    ],
)
def test_connection_must_not_name_what_is_about_the_request(option: bytes) -> None:
    fields = ((b"Connection", b"close"), (b"Connection", b"x, " + option))
    assert forbidden_option(fields) == option.lower()


def test_connection_may_name_anything_else() -> None:
    assert forbidden_option(((b"Connection", b"keep-alive, TE, x-own"),)) is None
    assert forbidden_option((HOST,)) is None


def test_host_is_the_clients_unless_the_operator_wants_the_origins() -> None:
    assert sent()[0] == HOST
    passage = Passage(b"origin.test:3000", b"us", preserve_host=False)
    assert sent(passage=passage)[0] == (b"Host", b"origin.test:3000")


def test_a_request_without_a_host_gets_the_origins() -> None:
    old = Head("GET", "/", (), http_1_0=True)
    front = Front("192.0.2.7", "192.0.2.7", "http", "", trusted=False)
    fields = to_origin(old, front, PASSAGE, "id-1")
    assert fields[0] == (b"Host", b"origin.test:3000")
    assert not values(fields, b"x-forwarded-host")
    assert not values(fields, b"forwarded")
    told = to_origin(old, front, FORWARDED, "id-1")
    assert values(told, b"forwarded") == [b"for=192.0.2.7;proto=http"]


def test_the_authority_of_an_absolute_target_replaces_host() -> None:
    absolute = Head("GET", "http://other.test:81/x", (HOST,))
    assert to_origin(absolute, STRANGER, PASSAGE, "id")[0] == (
        b"Host",
        b"other.test:81",
    )


def test_forwarding_fields_are_written_afresh_for_a_stranger() -> None:
    fields = sent(
        (b"X-Forwarded-For", b"6.6.6.6"),
        (b"x-forwarded-proto", b"https"),
        (b"X-Forwarded-Prefix", b"/evil"),
        (b"Forwarded", b"for=6.6.6.6"),
    )
    assert values(fields, b"x-forwarded-for") == [b"192.0.2.7"]
    assert values(fields, b"x-forwarded-proto") == [b"http"]
    assert values(fields, b"x-forwarded-host") == [b"h.test"]
    assert not values(fields, b"x-forwarded-prefix")
    assert not values(fields, b"forwarded")


@pytest.mark.parametrize("front", [STRANGER, TRUSTED])
def test_what_only_an_application_takes_for_a_forwarding_field_stays_behind(
    front: Front,
) -> None:
    """CGI and WSGI make the same name of `X_Forwarded_For` and `X-Forwarded-For`."""
    for name in (b"X_Forwarded_For", b"x-forwarded_proto", b"X_FORWARDED-Host"):
        fields = sent((name, b"6.6.6.6"), (b"X_Other", b"1"), front=front)
        assert not values(fields, name.lower())
        assert values(fields, b"x_other") == [b"1"]


def test_forwarding_fields_are_extended_below_a_trusted_peer() -> None:
    fields = sent(
        (b"X-Forwarded-For", b"1.1.1.1, 192.0.2.7"),
        (b"X-Forwarded-For", b"10.9.9.9"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Prefix", b"/shop"),
        (b"Forwarded", b"for=6.6.6.6"),
        front=TRUSTED,
    )
    chain = b"1.1.1.1, 192.0.2.7, 10.9.9.9, 10.0.0.1"
    assert values(fields, b"x-forwarded-for") == [chain]
    assert values(fields, b"x-forwarded-proto") == [b"https"]
    assert values(fields, b"x-forwarded-host") == [b"shop.test"]
    assert values(fields, b"x-forwarded-prefix") == [b"/shop"]
    assert not values(fields, b"forwarded")


def test_the_other_family_works_the_same_way() -> None:
    claims = ((b"X-Forwarded-For", b"6.6.6.6"), (b"Forwarded", b"for=1.1.1.1"))
    afresh = sent(*claims, passage=FORWARDED)
    assert values(afresh, b"forwarded") == [b"for=192.0.2.7;proto=http;host=h.test"]
    assert not values(afresh, b"x-forwarded-for")
    extended = sent(*claims, front=TRUSTED, passage=FORWARDED)
    ours = b"for=10.0.0.1;proto=https;host=shop.test"
    assert values(extended, b"forwarded") == [b"for=1.1.1.1, " + ours]
    assert not values(extended, b"x-forwarded-for")


def test_a_peer_on_a_unix_socket_has_no_address_to_tell() -> None:
    unix = Front(None, "", "http", "h.test", trusted=True)
    assert not values(sent(front=unix), b"x-forwarded-for")
    given = sent((b"X-Forwarded-For", b"192.0.2.7"), front=unix)
    assert values(given, b"x-forwarded-for") == [b"192.0.2.7"]
    told = sent(front=unix, passage=FORWARDED)
    assert values(told, b"forwarded") == [b"for=unknown;proto=http;host=h.test"]


def test_an_ipv6_peer_is_told_without_its_zone() -> None:
    peer = Front("fe80::1%eth0", "fe80::1", "http", "[::1]:80", trusted=False)
    assert values(sent(front=peer), b"x-forwarded-for") == [b"fe80::1"]
    told = values(sent(front=peer, passage=FORWARDED), b"forwarded")
    assert told == [b'for="[fe80::1]";proto=http;host="[::1]:80"']


def test_a_host_that_forwarded_cannot_say_is_left_out_of_it() -> None:
    odd = Front("192.0.2.7", "192.0.2.7", "http", "[::1:::2]", trusted=False)
    told = values(sent(front=odd, passage=FORWARDED), b"forwarded")
    assert told == [b"for=192.0.2.7;proto=http"]


@pytest.mark.parametrize(
    ("shown", "trusted", "told"),
    [
        (None, False, [b":a:", b":b:"]),
        (None, True, [b":a:", b":b:"]),
        (b"", False, []),
        (b"", True, [b":a:", b":b:"]),
        (b"\0", False, [b":AA==:"]),
        (b"\0", True, [b":AA==:"]),
    ],
)
def test_a_certificate_is_told_by_us_or_by_a_front_that_is_trusted(
    shown: bytes | None, *, trusted: bool, told: list[bytes]
) -> None:
    front = replace(TRUSTED if trusted else STRANGER, certificate=shown)
    said = ((b"client-cert", b":a:"), (b"Client-Cert-Chain", b":b:"))
    fields = sent(*said, (b"Client_Cert", b":c:"), front=front)
    found = values(fields, b"client-cert") + values(fields, b"client-cert-chain")
    assert found == told
    assert bool(values(fields, b"client_cert")) is (shown is None)


def test_via_and_request_id_are_ours() -> None:
    fields = sent(
        (b"Via", b"1.1 front"), (b"X-Request-ID", b"6"), (b"x-request-id", b"")
    )
    assert values(fields, b"via") == [b"1.1 front", b"1.1 us"]
    assert values(fields, b"x-request-id") == [b"id-1"]
    old = to_origin(head(http_1_0=True), STRANGER, PASSAGE, "id-1")
    assert values(old, b"via") == [b"1.0 us"]


@pytest.mark.parametrize(
    ("via", "again"),
    [
        (b"1.1 us", True),
        (b"1.1 front, HTTP/1.1 us (comment)", True),
        (b"1.1 us-2, 1.0 usher", False),
        (b"us", False),
        (b", ,", False),
    ],
)
def test_a_request_that_comes_back_is_recognised(via: bytes, *, again: bool) -> None:
    assert passes_us_again(head((b"Via", via)), b"us") is again
    assert not passes_us_again(head(), b"us")


def test_expect_goes_on_only_when_it_is_to() -> None:
    expecting = head((b"Expect", b"100-continue"))
    assert not values(sent((b"Expect", b"100-continue")), b"expect")
    fields = to_origin(expecting, STRANGER, PASSAGE, "id-1", expect=True)
    assert values(fields, b"expect") == [b"100-continue"]


def test_content_length_stays_and_other_framing_does_not() -> None:
    fields = sent((b"content-length", b"5"), (b"Transfer-Encoding", b"chunked"))
    assert values(fields, b"content-length") == [b"5"]
    assert not values(fields, b"transfer-encoding")


def test_an_upload_loses_what_only_the_upload_protocol_says() -> None:
    creation = head(
        (b"Upload-Complete", b"?1"),
        (b"upload-draft-interop-version", b"6"),
        (b"Upload-Metadata", b"x"),
        (b"Expect", b"100-continue"),
        (b"Content-Length", b"5"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Content-Type", b"text/plain"),
        (b"Authorization", b"Basic x"),
    )
    fields = upload_to_origin(creation, STRANGER, PASSAGE, "id-1")
    assert [name for name, _ in fields] == [
        b"Host",
        b"Content-Type",
        b"Authorization",
        b"X-Forwarded-For",
        b"X-Forwarded-Proto",
        b"X-Forwarded-Host",
        b"Via",
        b"X-Request-ID",
    ]


def test_what_comes_back_has_no_framing_and_no_fields_of_one_connection() -> None:
    answer = (
        (b"Server", b"legacy"),
        (b"Set-Cookie", b"a=1"),
        (b"Connection", b"x-hop"),
        (b"X-Hop", b"1"),
        (b"Content-Length", b"5"),
        (b"Trailer", b"X-Sum"),
        (b"Set-Cookie", b"b=2"),
    )
    kept = ((b"Server", b"legacy"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"))
    assert from_origin(answer) == kept


def test_nothing_secret_stays_of_a_request_that_was_answered() -> None:
    """P11: what is not known to be harmless goes, the query with it."""
    fields = (
        (b"authorization", b"Basic x"),
        HOST,
        (b"Cookie", b"a"),
        (b"X-Api-Key", b"b"),
        (b"Content-Type", b"image/jpeg"),
        (b"X-Request-ID", b"1"),
    )
    kept = harmless(Head("POST", "/photos?signature=x", fields))
    assert kept == Head("POST", "/photos", (HOST, fields[4], fields[5]))


def test_what_could_be_a_secret_is_veiled_for_who_looks_at_it() -> None:
    """P11: that there was a field may be seen."""
    fields = ((b"authorization", b"Basic x"), HOST, (b"X-Api-Key", b"b"))
    seen = veiled(Head("POST", "/photos?signature=x", fields))
    veil = b"***"
    assert seen.target == "/photos?***"
    assert seen.fields == ((b"authorization", veil), HOST, (b"X-Api-Key", veil))
    assert veiled(Head("POST", "/photos", ())).target == "/photos"


def test_credentials_are_replaced_where_both_requests_have_them() -> None:
    creation = (
        (b"Cookie", b"a=1"),
        HOST,
        (b"authorization", b"old"),
        (b"Cookie", b"b=2"),
    )
    finishing = head((b"Authorization", b"new"), (b"cookie", b"c=3"))
    assert with_credentials_of(creation, finishing) == (
        (b"Cookie", b"c=3"),
        HOST,
        (b"authorization", b"new"),
    )


def test_credentials_of_one_request_only_are_left_alone() -> None:
    assert with_credentials_of((HOST,), head((b"Authorization", b"new"))) == (HOST,)
    creation = ((b"Authorization", b"old"), HOST)
    assert with_credentials_of(creation, head()) == creation


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (b"0", 0),
        (b"007", 7),
        (b"x", None),
        (b"-1", None),
        (b"", None),
        (b"1" * 10, None),
    ],
)
def test_max_forwards(value: bytes, left: int | None) -> None:
    assert forwards_left(head((b"Max-Forwards", value))) == left
    assert forwards_left(head()) is None


def test_max_forwards_is_counted_where_it_stands() -> None:
    fields = ((b"max-forwards", b"3"), HOST)
    assert with_forwards_left(fields, 2) == ((b"max-forwards", b"2"), HOST)
