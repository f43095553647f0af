"""What an auth server is asked, and what its answer means."""

from __future__ import annotations

import hashlib

import pytest

from proxy.core.auth import (
    NOBODY,
    Place,
    Principal,
    Source,
    Verdict,
    asker,
    principal,
    question,
    verdict,
    without_content,
    without_credentials,
)
from proxy.core.upload import Field, Fields, Head

USER = Source(Place.ANSWER, "x-auth-user")
TENANT = Source(Place.ANSWER, "x-auth-tenant")
SECRET = Source(Place.REQUEST, "authorization")


KEY = b"k" * 32


def whose(sources: list[Source], head: Head, answer: Fields) -> Principal:
    return principal(sources, head, answer, KEY)


def request(*fields: Field) -> Head:
    return Head("POST", "/files?a=1", fields)


@pytest.mark.parametrize(
    ("statuses", "means"),
    [
        ((200, 201, 204, 299), Verdict.PASSES),
        ((300, 302, 307, 400, 401, 403, 404, 407, 499), Verdict.REFUSES),
        ((408, 425, 429), Verdict.LATER),
        ((101, 199, 304, 500, 502, 503, 599, 999), Verdict.SAYS_NOTHING),
    ],
)
def test_only_a_clear_yes_is_one(statuses: tuple[int, ...], means: Verdict) -> None:
    assert {verdict(status) for status in statuses} == {means}


def test_a_question_is_the_request_without_what_is_only_its_own() -> None:
    head = request(
        (b"Host", b"client.example"),
        (b"X-Forwarded-URI", b"/forged"),
        (b"x-forwarded-method", b"GET"),
        (b"If-Match", b"*"),
        (b"Range", b"bytes=0-"),
        (b"Cookie", b"a=1"),
        (b"Cookie", b"b=2"),
    )
    asked = question(head, "/auth?x", b"auth:1", method="PUT", uri="/files")
    assert (asked.method, asked.target) == ("GET", "/auth?x")
    assert asked.fields == (
        (b"Host", b"auth:1"),
        (b"Cookie", b"a=1"),
        (b"Cookie", b"b=2"),
        (b"X-Forwarded-Method", b"PUT"),
        (b"X-Forwarded-Uri", b"/files"),
    )
    asked = question(head, "/auth", None, method="PUT", uri="/files")
    assert asked.lines(b"host") == [b"client.example"]


@pytest.mark.parametrize(
    "name",
    [
        b"X-Original-URL",
        b"X-Original-URI",
        b"x-original-method",
        b"X_Original_URL",
        b"X-Original_Method",
        b"X-Rewrite-URL",
        b"X-Envoy-Original-Path",
        b"X-Forwarded-Path",
        b"X_Forwarded_Uri",
        b"X-Auth-Request-Redirect",
        b"X-HTTP-Method-Override",
    ],
)
def test_only_we_tell_what_is_asked_about(name: bytes) -> None:
    """Auth servers take one of them for what is, and let /public through."""
    base = (b"Cookie", b"a=1")
    head = request(base, (name, b"/public"))
    asked = question(head, "/auth", None, method="PUT", uri="/files")
    assert asked.fields[:-2] == (base,)
    assert asker(head) == asker(request(base))
    # unless it is what the operator goes by
    source = Source(Place.REQUEST, name.lower().decode())
    assert asker(head, [source]) != asker(request(base), [source])


def test_a_principal_is_all_of_its_fields_together() -> None:
    one = whose([USER, TENANT], request(), ((b"X-Auth-User", b"alice"),))
    assert one == whose([USER, TENANT], request(), ((b"x-auth-USER", b"alice"),))
    both = ((b"X-Auth-User", b"alice"), (b"X-Auth-Tenant", b"a"))
    crossed = ((b"X-Auth-User", b"a"), (b"X-Auth-Tenant", b"alice"))
    others = [
        whose([USER, TENANT], request(), both),
        whose([USER, TENANT], request(), crossed),
        whose([USER], request(), ((b"X-Auth-User", b"alice"),)),
        whose([SECRET], request((b"Authorization", b"alice")), ()),
    ]
    assert len({one, *others}) == 5
    assert one.is_that_of(one.keyed)
    assert not one.is_that_of(others[0].keyed)
    assert not one.is_that_of("")
    assert not NOBODY.is_that_of(one.keyed)


def test_a_principal_cannot_be_tried_without_the_key() -> None:
    alice = ((b"X-Auth-User", b"alice"),)
    one, other = (principal([USER], request(), alice, key) for key in (KEY, b"other"))
    assert one.keyed != other.keyed
    assert not other.is_that_of(one.keyed)
    # As releases without a key have recorded it; from there uploads are known still.
    before = hashlib.sha256(b"principal\0answer:x-auth-user\0005\0alice").hexdigest()[
        :32
    ]
    assert before not in (one.keyed, other.keyed)
    assert one.is_that_of(before)
    assert other.is_that_of(before)


def test_who_says_nothing_is_nobody() -> None:
    assert whose([USER, SECRET], request((b"Cookie", b"a")), ()) is NOBODY
    assert whose([USER], request(), ((b"X-Auth-User", b""),)) is NOBODY
    # what the client says is not what the auth server says, and the other way round
    assert whose([USER], request((b"X-Auth-User", b"alice")), ()) is NOBODY
    assert whose([SECRET], request(), ((b"Authorization", b"alice"),)) is NOBODY


def test_values_cannot_reach_into_each_other() -> None:
    first = ((b"X-Auth-User", b"a\x000\x00"), (b"X-Auth-Tenant", b"b"))
    other = ((b"X-Auth-User", b"a"), (b"X-Auth-Tenant", b"\x000\x00b"))
    told = [whose([USER, TENANT], request(), fields) for fields in (first, other)]
    assert told[0] != told[1]


def test_whoever_may_be_somebody_else_is_asked_about() -> None:
    base = [(b"Authorization", b"a"), (b"X-Api-Key", b"k")]
    same = [(b"X-Request-ID", b"1"), (b"content-type", b"a/b"), *base]
    assert asker(request(*base)) == asker(request(*same))
    for field in ((b"X-Api-Key", b"j"), (b"Cookie", b"c"), (b"authorization", b"b")):
        assert asker(request(*base)) != asker(request(*base, field))
    one, other = request((b"a", b"bc")), request((b"ab", b"c"))
    assert asker(one) != asker(other)


def test_an_answer_whose_content_is_left_out_says_nothing_of_it() -> None:
    fields = ((b"Content-Type", b"a/b"), (b"content-encoding", b"gzip"), (b"A", b"b"))
    assert without_content(fields) == ((b"A", b"b"),)


def test_a_refusal_brings_no_cookies() -> None:
    fields: Fields = ((b"Set-Cookie", b"a=b"), (b"WWW-Authenticate", b"Basic"))
    assert without_credentials(fields) == fields[1:]


def test_an_upload_is_nobody_elses() -> None:
    somebody = Principal("a" * 32, "b" * 32)
    assert NOBODY.is_nobody
    assert not somebody.is_nobody
    assert somebody.is_that_of("a" * 32)
    assert somebody.is_that_of("b" * 32)
    assert not somebody.is_that_of("c" * 32)
