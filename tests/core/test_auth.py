"""What an auth server is asked, and what its answer means."""

from __future__ import annotations

import pytest

from proxy.core.auth import (
    Place,
    Source,
    Verdict,
    asker,
    is_the_same,
    principal,
    question,
    verdict,
    without_content,
)
from proxy.core.upload import Field, Head

USER = Source(Place.ANSWER, "x-auth-user")
TENANT = Source(Place.ANSWER, "x-auth-tenant")
SECRET = Source(Place.REQUEST, "authorization")


def request(*fields: Field) -> Head:
    return Head("POST", "/files?a=1", fields)


@pytest.mark.parametrize(
    ("statuses", "means"),
    [
        ((200, 201, 204, 299), Verdict.PASSES),
        ((300, 302, 304, 400, 401, 403, 404, 407, 499), Verdict.REFUSES),
        ((408, 425, 429), Verdict.LATER),
        ((101, 199, 500, 502, 503, 599, 999), Verdict.SAYS_NOTHING),
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


def test_a_principal_is_all_of_its_fields_together() -> None:
    one = principal([USER, TENANT], request(), ((b"X-Auth-User", b"alice"),))
    assert one == principal([USER, TENANT], request(), ((b"x-auth-USER", b"alice"),))
    both = ((b"X-Auth-User", b"alice"), (b"X-Auth-Tenant", b"a"))
    crossed = ((b"X-Auth-User", b"a"), (b"X-Auth-Tenant", b"alice"))
    others = [
        principal([USER, TENANT], request(), both),
        principal([USER, TENANT], request(), crossed),
        principal([USER], request(), ((b"X-Auth-User", b"alice"),)),
        principal([SECRET], request((b"Authorization", b"alice")), ()),
    ]
    assert len({one, *others}) == 5
    assert not is_the_same(one, others[0])
    assert not is_the_same(one, "")
    assert is_the_same(one, str(one))


def test_who_says_nothing_is_nobody() -> None:
    assert principal([USER, SECRET], request((b"Cookie", b"a")), ()) == ""
    assert principal([USER], request(), ((b"X-Auth-User", b""),)) == ""
    # what the client says is not what the auth server says, and the other way round
    assert principal([USER], request((b"X-Auth-User", b"alice")), ()) == ""
    assert principal([SECRET], request(), ((b"Authorization", b"alice"),)) == ""


def test_values_cannot_reach_into_each_other() -> None:
    first = ((b"X-Auth-User", b"a\x000\x00"), (b"X-Auth-Tenant", b"b"))
    other = ((b"X-Auth-User", b"a"), (b"X-Auth-Tenant", b"\x000\x00b"))
    told = [principal([USER, TENANT], request(), fields) for fields in (first, other)]
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
