"""Outcomes as responses: exactly these fields, in every version."""

from __future__ import annotations

import pytest

from proxy.core.intents import (
    Answered,
    Appended,
    Cancelled,
    Created,
    LimitsTold,
    OffsetTold,
)
from proxy.core.upload import Answer, Field, Limits, Reply

from ..kit.words import each_version, words
from .speech import LOCATION, TOKEN, by_name, standing, write

ALLOW = "HEAD, GET, PATCH, DELETE, OPTIONS"


def version_field(version: int) -> dict[str, str]:
    return {"Upload-Draft-Interop-Version": str(version)}


def open_(version: int) -> dict[str, str]:
    return {words(version).completeness: words(version).open}


def done(version: int) -> dict[str, str]:
    return {words(version).completeness: words(version).done}


def limits(version: int, sizes: str = "max-size=1000") -> dict[str, str]:
    lifetime = words(version).lifetime
    return {"Upload-Limit": f"{sizes}, {lifetime}=3600"} if lifetime else {}


@each_version
def test_r23_a_partial_creation(version: int) -> None:
    reply = write(version, Created(standing(40)))
    assert (reply.status, reply.content, reply.close) == (201, b"", False)
    assert by_name(reply.fields) == {
        **version_field(version),
        "Location": LOCATION,
        "Upload-Offset": "40",
        **open_(version),
        "Upload-Length": "100",
        **limits(version),
    }


@each_version
def test_r35_an_empty_partial_creation_of_unknown_length(version: int) -> None:
    reply = write(version, Created(standing(0, length=None)))
    fields = by_name(reply.fields)
    assert fields["Upload-Offset"] == "0"
    assert "Upload-Length" not in fields


@each_version
def test_r40_an_open_upload(version: int) -> None:
    reply = write(version, OffsetTold(standing(40)))
    assert (reply.status, reply.content) == (204, b"")
    assert by_name(reply.fields) == {
        **version_field(version),
        "Upload-Offset": "40",
        **open_(version),
        "Upload-Length": "100",
        **limits(version),
        "Cache-Control": "no-store",
    }


@each_version
def test_r41_a_finished_upload(version: int) -> None:
    fields = by_name(write(version, OffsetTold(standing(100, finished=True))).fields)
    assert fields["Upload-Offset"] == "100"
    assert fields[words(version).completeness] == words(version).done


@each_version
def test_r40_without_limits_the_field_is_there_all_the_same(version: int) -> None:
    told = standing(40, length=None, limits=Limits())
    fields = by_name(write(version, OffsetTold(told)).fields)
    assert "Upload-Length" not in fields
    expected = limits(version, "min-size=0").get("Upload-Limit")
    assert fields.get("Upload-Limit") == expected


@each_version
def test_r59_a_partial_append(version: int) -> None:
    reply = write(version, Appended(standing(40)))
    assert reply.status == words(version).part_status
    assert by_name(reply.fields) == {
        **version_field(version),
        "Upload-Offset": "40",
        **open_(version),
    }


@each_version
def test_r70_a_cancelled_upload(version: int) -> None:
    assert write(version, Cancelled()) == Reply(
        204, ((b"Upload-Draft-Interop-Version", b"%d" % version),)
    )


@each_version
def test_r84_limits_of_an_upload(version: int) -> None:
    reply = write(version, LimitsTold(standing(40)))
    assert reply.status == 200
    told = limits(version) or {"Upload-Limit": "max-size=1000"}
    assert by_name(reply.fields) == {
        **version_field(version),
        **told,
        "Accept-Patch": "application/partial-upload",
        "Allow": ALLOW,
    }


ANSWER = Answer(
    418, "Short and stout", ((b"X-B", b"2"), (b"x-a", b"1"), (b"X-B", b"3"))
)


def answered(
    version: int | str, answer: Answer = ANSWER, *, by_creation: bool
) -> Reply:
    return write(version, Answered(TOKEN, 100, answer, b"content", by_creation))


@each_version
def test_r61_the_answer_to_an_append_is_the_origins(version: int) -> None:
    reply = answered(version, by_creation=False)
    assert (reply.status, reply.reason) == (418, "Short and stout")
    assert (reply.content, reply.close) == (b"content", False)
    assert reply.fields[:3] == ANSWER.fields
    assert by_name(reply.fields[3:]) == {
        **version_field(version),
        "Upload-Offset": "100",
        **done(version),
    }


@each_version
def test_r24_the_answer_to_a_creation_has_a_location_until_v6(version: int) -> None:
    fields = by_name(answered(version, by_creation=True).fields[3:])
    assert fields.pop("Location", None) == (LOCATION if version <= 6 else None)
    assert fields == {
        **version_field(version),
        "Upload-Offset": "100",
        **done(version),
    }


@each_version
@pytest.mark.parametrize("by_creation", [True, False])
def test_r24_the_origins_own_location_stands(version: int, by_creation: bool) -> None:
    own: Field = (b"location", b"/photos/7")
    answer = Answer(201, "Created", (own,))
    fields = answered(version, answer, by_creation=by_creation).fields
    assert [field for field in fields if field[0].lower() == b"location"] == [own]


@each_version
def test_r24_what_the_origin_says_of_uploads_is_replaced(version: int) -> None:
    lies = (
        (b"upload-offset", b"7"),
        (b"Upload-Complete", b"?0"),
        (b"Upload-Incomplete", b"?1"),
        (b"UPLOAD-LIMIT", b"max-size=1"),
        (b"Upload-Length", b"7"),
        (b"Upload-Draft-Interop-Version", b"99"),
        (b"X-Upload-Id", b"its own"),
    )
    answer = Answer(200, "OK", lies)
    assert by_name(answered(version, answer, by_creation=False).fields) == {
        "X-Upload-Id": "its own",
        **version_field(version),
        "Upload-Offset": "100",
        **done(version),
    }


@pytest.mark.parametrize(
    "outcome",
    [
        Created(standing()),
        Appended(standing()),
        OffsetTold(standing()),
        LimitsTold(standing()),
        Cancelled(),
        Answered(TOKEN, 100, ANSWER, b""),
    ],
    ids=lambda v: f"R15-{type(v).__name__}",
)
def test_r15_the_newest_words_without_the_version(outcome: Created) -> None:
    spoken, unspoken = write(10, outcome), write(10, outcome, spoken=False)
    without = [f for f in spoken.fields if f[0] != b"Upload-Draft-Interop-Version"]
    assert len(without) == len(spoken.fields) - 1
    assert unspoken == write("rfc", outcome)
    assert list(unspoken.fields) == without
