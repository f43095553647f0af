"""The protocol's transcripts, line by line: what the client says and what it hears."""

from __future__ import annotations

import pytest

from proxy.core.errors import Problem, Refusal
from proxy.core.intents import (
    Answered,
    Append,
    Appended,
    AskOffset,
    Create,
    Created,
    OffsetTold,
    Refused,
    Resumable,
)
from proxy.core.upload import Answer, Head, Limits, Reply
from proxy.dialects.rufh import Rufh

from ..kit.words import MISMATCH
from .speech import (
    LOCATION,
    TOKEN,
    UPLOAD,
    by_name,
    dialects,
    document,
    locate,
    request,
    standing,
)

CREATED = Answer(201, "Created", ())
OK = Answer(200, "OK", ())


def chosen(head: Head) -> Rufh:
    dialect = dialects().choose(head)
    assert isinstance(dialect, Rufh)
    return dialect


def hears(reply: Reply, status: int, **lines: str) -> None:
    """`reply` has the status and these fields, which are named with underscores."""
    fields = by_name(reply.fields)
    expected = {name.replace("_", "-"): value for name, value in lines.items()}
    assert reply.status == status
    assert expected.items() <= fields.items()


def test_v3_urlsession_interrupted() -> None:
    creation = request(
        "POST /photos",
        "Content-Type: image/jpeg",
        "Content-Length: 100",
        "Upload-Incomplete: ?0",
        "Upload-Draft-Interop-Version: 3",
    )
    dialect = chosen(creation)
    intent = dialect.read(creation)
    assert isinstance(intent, Create)
    assert (intent.finishing, intent.content_length, intent.interims) == (
        True,
        100,
        True,
    )
    told = dialect.interim(Resumable(TOKEN, Limits(), 60.0), locate)
    assert told is not None
    assert by_name(told) == {
        "Location": LOCATION,
        "Upload-Draft-Interop-Version": "3",
    }

    asking = request(
        f"HEAD {UPLOAD}", "Content-Type: image/jpeg", "Upload-Draft-Interop-Version: 3"
    )
    dialect = chosen(asking)
    assert dialect.read(asking) == AskOffset(TOKEN)
    hears(
        dialect.write(OffsetTold(standing(40)), locate),
        204,
        Upload_Offset="40",
        Upload_Incomplete="?1",
        Cache_Control="no-store",
        Upload_Draft_Interop_Version="3",
    )

    rest = request(
        f"PATCH {UPLOAD}",
        "Content-Type: image/jpeg",
        "Content-Length: 60",
        "Upload-Offset: 40",
        "Upload-Incomplete: ?0",
        "Upload-Draft-Interop-Version: 3",
    )
    dialect = chosen(rest)
    last = dialect.read(rest)
    assert isinstance(last, Append)
    assert (last.offset, last.content_length, last.finishing) == (40, 60, True)
    # the transcript also shows a Location; only answers to creations get one (R24)
    hears(
        dialect.write(Answered(TOKEN, 100, CREATED, b""), locate),
        201,
        Upload_Offset="100",
        Upload_Incomplete="?0",
        Upload_Draft_Interop_Version="3",
    )


def test_v6_urlsession_interrupted() -> None:
    creation = request(
        "POST /photos",
        "Content-Type: image/jpeg",
        "Content-Length: 100",
        "Upload-Complete: ?1",
        "Upload-Draft-Interop-Version: 6",
    )
    told = chosen(creation).interim(
        Resumable(TOKEN, Limits(max_size=500), 60.0), locate
    )
    assert told is not None
    assert by_name(told)["Upload-Limit"] == "max-size=500, expires=60"

    asking = request(
        f"HEAD {UPLOAD}",
        "Content-Type: image/jpeg",
        "Content-Length: 0",
        "Upload-Draft-Interop-Version: 6",
    )
    dialect = chosen(asking)
    assert dialect.read(asking) == AskOffset(TOKEN)
    hears(
        dialect.write(OffsetTold(standing(40)), locate),
        204,
        Upload_Offset="40",
        Upload_Complete="?0",
        Upload_Length="100",
        Upload_Limit="max-size=1000, expires=3600",
    )

    rest = request(
        f"PATCH {UPLOAD}",
        "Content-Type: application/partial-upload",
        "Content-Length: 60",
        "Upload-Offset: 40",
        "Upload-Complete: ?1",
        "Upload-Draft-Interop-Version: 6",
    )
    dialect = chosen(rest)
    last = dialect.read(rest)
    assert isinstance(last, Append)
    assert (last.offset, last.content_length, last.finishing) == (40, 60, True)
    hears(
        dialect.write(Answered(TOKEN, 100, CREATED, b""), locate),
        201,
        Upload_Offset="100",
        Upload_Complete="?1",
    )


@pytest.mark.parametrize("version", [5, 6])
def test_v5_v6_tus_js_in_two_chunks(version: int) -> None:
    naming = f"Upload-Draft-Interop-Version: {version}"
    creation = request(
        "POST /files",
        naming,
        "Upload-Complete: ?0",
        "Upload-Length: 10",
        "Content-Length: 0",
    )
    dialect = chosen(creation)
    intent = dialect.read(creation)
    assert isinstance(intent, Create)
    assert (intent.finishing, intent.announced_length) == (False, 10)
    hears(
        dialect.write(Created(standing(0, length=10)), locate),
        201,
        Location=LOCATION,
        Upload_Offset="0",
        Upload_Complete="?0",
    )
    for offset, says in ((0, "?0"), (5, "?1")):
        part = request(
            f"PATCH {UPLOAD}",
            naming,
            "Content-Type: application/partial-upload",
            "Content-Length: 5",
            f"Upload-Offset: {offset}",
            f"Upload-Complete: {says}",
        )
        read = chosen(part).read(part)
        assert isinstance(read, Append)
        assert (read.offset, read.finishing) == (offset, says == "?1")
    hears(
        dialect.write(Appended(standing(5, length=10)), locate),
        201,
        Upload_Offset="5",
        Upload_Complete="?0",
    )
    hears(
        dialect.write(Answered(TOKEN, 10, OK, b""), locate),
        200,
        Upload_Offset="10",
        Upload_Complete="?1",
    )


def test_v9_wrong_offset() -> None:
    head = request(
        f"PATCH {UPLOAD}",
        "Upload-Draft-Interop-Version: 9",
        "Upload-Offset: 60",
        "Upload-Complete: ?1",
        "Content-Type: application/partial-upload",
    )
    dialect = chosen(head)
    intent = dialect.read(head)
    assert isinstance(intent, Append)
    assert (intent.offset, intent.finishing) == (60, True)
    refusal = Refusal(
        Problem.OFFSET_MISMATCH,
        "The upload continues elsewhere.",
        standing=standing(50),
        expected_offset=50,
        provided_offset=60,
    )
    reply = dialect.write(Refused(refusal), locate)
    hears(
        reply,
        409,
        Upload_Offset="50",
        Upload_Complete="?0",
        Content_Type="application/problem+json",
    )
    explained = document(reply)
    assert explained["type"] == MISMATCH
    assert (explained["expected-offset"], explained["provided-offset"]) == (50, 60)
    assert explained["status"] == 409
