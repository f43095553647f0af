"""Any head and any outcome: nothing raises, and no part ever passes as a whole."""

from __future__ import annotations

import http_sf
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.errors import Problem, Refusal
from proxy.core.intents import (
    Answered,
    Append,
    Appended,
    Create,
    Created,
    LimitsTold,
    OffsetTold,
    Refused,
    Resumable,
)
from proxy.core.upload import Answer, Fields, Head, Limits, Standing
from proxy.dialects import Dialects, fields
from proxy.dialects.profiles import PROFILES
from proxy.dialects.rufh import Rufh

from ..kit.words import VERSIONS
from .speech import TOKEN, UPLOAD, UPLOADS, by_name, dialects, document, locate

WITHOUT_CONTENT = {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"}

VALUES = st.one_of(
    st.sampled_from(
        [b"?1", b"?0", b" ?0 ", b"?1;a", b"0", b"5", b"10", b"-1", b"3", b"6", b"11"]
    ),
    st.integers(min_value=0, max_value=12).map(lambda n: b"%d" % n),
    st.binary(max_size=12),
)
NAMES = st.sampled_from(
    [
        b"Upload-Complete",
        b"upload-complete",
        b"Upload-Incomplete",
        b"Upload-Offset",
        b"Upload-Length",
        b"Upload-Draft-Interop-Version",
        b"Content-Type",
        b"X-HTTP-Method-Override",
    ]
)
LINES = st.one_of(
    st.tuples(NAMES, VALUES),
    st.just((b"Content-Type", b"application/partial-upload")),
    st.just((b"X-HTTP-Method-Override", b"PATCH")),
    st.tuples(st.just(b"Upload-Offset"), st.just(b"40")),
)
FRAMINGS = st.sampled_from(
    [
        (),
        ((b"Content-Length", b"0"),),
        ((b"Content-Length", b"60"),),
        ((b"Transfer-Encoding", b"chunked"),),
    ]
)
METHODS = st.sampled_from(["POST", "PUT", "PATCH", *sorted(WITHOUT_CONTENT), "MKCOL"])
TARGETS = st.sampled_from(
    ["/photos", UPLOAD, UPLOADS, UPLOADS + "x", "*", "http://h/photos", "h:443", ""]
)


@st.composite
def heads(draw: st.DrawFn) -> Head:
    lines = tuple(draw(st.lists(LINES, max_size=6)))
    return Head(
        draw(METHODS), draw(TARGETS), lines + draw(FRAMINGS), draw(st.booleans())
    )


CHOOSERS = st.builds(
    lambda versions, rfc: dialects(tuple(versions), rfc=rfc),
    st.sets(st.sampled_from(VERSIONS)),
    st.booleans(),
)


def says_part(head: Head) -> bool:
    """True when a field of either polarity says that more follows."""
    complete = fields.boolean(head.value(b"upload-complete"))
    incomplete = fields.boolean(head.value(b"upload-incomplete"))
    return complete is False or incomplete is True


@given(heads(), CHOOSERS)
def test_a_part_is_never_taken_for_a_whole(head: Head, chooser: Dialects) -> None:
    dialect = chooser.choose(head)
    intent = None if dialect is None else dialect.read(head)
    there = head.path.startswith(UPLOADS)
    if intent is None:
        assert dialect is None
        assert not there
        assert head.method in WITHOUT_CONTENT or not says_part(head)
    if isinstance(intent, Create | Append) and intent.finishing:
        assert not says_part(head)
    if isinstance(intent, Create):
        assert not there
        assert head.method not in WITHOUT_CONTENT


@given(heads(), CHOOSERS)
def test_no_104_without_the_requests_own_version(head: Head, chooser: Dialects) -> None:
    dialect = chooser.choose(head)
    if dialect is None:
        return
    told = dialect.interim(Resumable(TOKEN, Limits(), 5.0), locate)
    if told is None:
        return
    version = by_name(told)["Upload-Draft-Interop-Version"]
    assert fields.integer(head.value(b"upload-draft-interop-version")) == int(version)
    assert not head.http_1_0


SIZES = st.integers(min_value=0, max_value=fields.MAX_INTEGER)
LIMITS = st.builds(
    Limits, st.none() | SIZES, SIZES, st.none() | SIZES, SIZES, st.floats(0, 1e9)
)
STANDINGS = st.builds(
    Standing,
    st.just(TOKEN),
    SIZES,
    st.booleans(),
    st.none() | SIZES,
    LIMITS,
    st.floats(0, 1e12),
)
ROWS = st.sampled_from(sorted(PROFILES, key=str)).map(PROFILES.__getitem__)
RUFHS = st.builds(Rufh, ROWS, st.just(UPLOADS), st.booleans(), st.booleans())


def value_of(told: Fields, name: bytes) -> bytes | None:
    return Head("", "", told).value(name)


Told = Created | Appended | OffsetTold | LimitsTold
KINDS = st.sampled_from([Created, Appended, OffsetTold, LimitsTold])


def check_limits(text: bytes) -> None:
    members = http_sf.parse(text, tltype="dictionary")
    assert isinstance(members, dict)
    assert members
    assert all(type(member[0]) is int for member in members.values())  # type: ignore[index]


@given(RUFHS, STANDINGS, KINDS)
def test_what_is_told_can_be_read_again(
    rufh: Rufh, standing: Standing, kind: type[Told]
) -> None:
    told = rufh.write(kind(standing), locate).fields
    limits = value_of(told, b"upload-limit")
    if limits is not None:
        check_limits(limits)
    if kind is LimitsTold:
        return
    assert fields.count(value_of(told, b"upload-offset")) == standing.offset
    field = rufh.profile.completeness
    done = fields.boolean(value_of(told, field.key)) is field.finished
    assert done is standing.finished
    version = fields.integer(value_of(told, b"upload-draft-interop-version"))
    named = rufh.profile.version if rufh.spoken else None
    assert version == (fields.NoValue.ABSENT if named is None else named)


REFUSALS = st.builds(
    Refusal,
    st.sampled_from(Problem),
    st.text(),
    st.none() | STANDINGS,
    st.none(),
    st.none() | SIZES,
    st.none() | SIZES,
    st.booleans(),
    st.none() | st.integers(100, 599),
    st.none() | SIZES,
    st.none() | LIMITS,
)


@given(RUFHS, REFUSALS)
def test_every_refusal_can_be_told(rufh: Rufh, refusal: Refusal) -> None:
    reply = rufh.write(Refused(refusal), locate)
    assert 400 <= reply.status < 600
    assert document(reply)["detail"] == refusal.detail
    told = by_name(reply.fields)
    assert told["Content-Type"] == "application/problem+json"
    limits = told.get("Upload-Limit")
    if limits is not None:
        check_limits(limits.encode())
    if refusal.standing is None or refusal.problem is Problem.UNKNOWN_UPLOAD:
        assert "Upload-Offset" not in told


OWN_FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b"Location", b"Upload-Offset", b"upload-complete", b"X-A"]),
        st.sampled_from([b"1", b"?0"]),
    ),
    max_size=5,
).map(tuple)


@given(RUFHS, OWN_FIELDS, SIZES, st.booleans(), st.binary())
def test_the_origins_answer_stays_itself(
    rufh: Rufh, own: Fields, total: int, by_creation: bool, content: bytes
) -> None:
    answer = Answer(207, "Multi-Status", own)
    reply = rufh.write(Answered(TOKEN, total, answer, content, by_creation), locate)
    assert (reply.status, reply.reason, reply.content) == (207, "Multi-Status", content)
    theirs = [field for field in own if field[0] in (b"X-A", b"Location")]
    assert list(reply.fields[: len(theirs)]) == theirs
    assert fields.count(value_of(reply.fields, b"upload-offset")) == total
    field = rufh.profile.completeness
    assert fields.boolean(value_of(reply.fields, field.key)) is field.finished
