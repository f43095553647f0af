"""The two matrices of the protocol: statuses, and which response has which field.

M and S cells must hold, x cells must not; o and - leave it open, and nothing is
asserted beside what the rules' own tests say. Where a decision of ours stands against a
cell it is named beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.core.errors import Problem
from proxy.core.intents import (
    Answered,
    Appended,
    Cancelled,
    Created,
    LimitsTold,
    OffsetTold,
    Resumable,
)
from proxy.core.upload import Answer, Limits, Reply

from ..kit.words import VERSIONS, words
from .speech import TOKEN, by_name, interim, refuse, standing, write

VERSION = "Upload-Draft-Interop-Version"


def created(version: int) -> Reply:
    return write(version, Created(standing()))


def answered_creation(version: int) -> Reply:
    answer = Answer(202, "Accepted", ())
    return write(version, Answered(TOKEN, 100, answer, b"", by_creation=True))


def asked(version: int) -> Reply:
    return write(version, OffsetTold(standing()))


def appended(version: int) -> Reply:
    return write(version, Appended(standing()))


def answered_append(version: int) -> Reply:
    return write(version, Answered(TOKEN, 100, Answer(202, "Accepted", ()), b""))


def cancelled(version: int) -> Reply:
    return write(version, Cancelled())


def discovered(version: int) -> Reply:
    return write(version, LimitsTold(standing()))


def refusal(problem: Problem) -> Callable[[int], Reply]:
    def respond(version: int) -> Reply:
        return refuse(
            version,
            problem,
            standing=standing(),
            expected_offset=40,
            provided_offset=60,
            has_content=True,
        )

    return respond


mismatch = refusal(Problem.OFFSET_MISMATCH)
other_error = refusal(Problem.LENGTH_CONFLICT)

STATUSES: list[tuple[str, Callable[[int], Reply], list[int]]] = [
    ("creation-finished", answered_creation, [202] * 8),
    ("creation-partial", created, [201] * 8),
    ("append-finished", answered_append, [202] * 8),
    ("append-partial", appended, [201] * 4 + [204] * 4),
    ("HEAD", asked, [204] * 8),
    ("DELETE", cancelled, [204] * 8),
    ("mismatch", mismatch, [409] * 8),
    ("lengths-disagree", other_error, [400] * 8),
    ("overrun", refusal(Problem.OVERRUN), [400] * 8),
    ("over-limit", refusal(Problem.TOO_LARGE), [413] * 8),
    ("under-limit", refusal(Problem.TOO_SMALL), [400] * 8),
    ("unknown", refusal(Problem.UNKNOWN_UPLOAD), [404] * 8),
    ("forbidden-field", refusal(Problem.MALFORMED), [400] * 8),
    ("media-type", refusal(Problem.WRONG_MEDIA_TYPE), [415] * 8),
]


@pytest.mark.parametrize(
    ("respond", "statuses"), [pytest.param(r, s, id=name) for name, r, s in STATUSES]
)
def test_statuses(respond: Callable[[int], Reply], statuses: list[int]) -> None:
    assert [respond(version).status for version in VERSIONS] == statuses


FIELDS: list[tuple[Callable[[int], Reply], str, str]] = [
    (created, "Location", "MMMMMMMM"),
    (created, "Upload-Offset", "MMMMoooo"),
    (created, "open", "MMMMooSS"),
    (created, "Upload-Limit", "---oSMMM"),
    # from v7 on it is the app's own or none (R24)
    (answered_creation, "Location", "MMMMxxxx"),
    (answered_creation, "Upload-Offset", "MMMMoooo"),
    (answered_creation, "done", "ooooooSS"),
    (answered_creation, "open", "xxxx--xx"),
    (asked, "Upload-Offset", "MMMMMMMM"),
    (asked, "open", "MMMMMMMo"),
    (asked, "Upload-Length", "---MMMMo"),
    (asked, "Upload-Limit", "---ooMMM"),
    (asked, "Cache-Control", "SSSSSSSS"),
    (appended, "Upload-Offset", "MMMMoooo"),
    (appended, "open", "MMMMMMMM"),
    (appended, "Location", "xxxxxxxx"),
    (answered_append, "Upload-Offset", "MMMMoooo"),
    (answered_append, "done", "ooooMMMM"),
    (mismatch, "Upload-Offset", "MMMMMMMM"),
    (mismatch, "open", "----MoMM"),
    (other_error, "Upload-Offset", "MMMMoooo"),
    (other_error, "open", "----MMSS"),
    (discovered, "Upload-Limit", "---MMMMM"),
    (discovered, "Accept-Patch", "-----Moo"),
    *(
        (respond, VERSION, "MMMMMMMM")
        for respond in (
            created,
            answered_creation,
            asked,
            appended,
            answered_append,
            cancelled,
            discovered,
            mismatch,
            other_error,
        )
    ),
]


@pytest.mark.parametrize(
    ("respond", "name", "cells"),
    [pytest.param(*row, id=f"{row[0].__name__}-{row[1]}") for row in FIELDS],
)
def test_fields(respond: Callable[[int], Reply], name: str, cells: str) -> None:
    for version, cell in zip(VERSIONS, cells, strict=True):
        fields = by_name(respond(version).fields)
        row = words(version)
        if name in ("done", "open"):
            value = row.done if name == "done" else row.open
            there = fields.get(row.completeness) == value
        else:
            there = name in fields
        assert there or cell not in "MS", (version, fields)
        assert not there or cell != "x", (version, fields)


def test_every_104_has_the_version() -> None:
    for version in VERSIONS:
        told = interim(version, Resumable(TOKEN, Limits(), 10.0))
        assert told is not None
        assert told[VERSION] == str(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_no_response_has_the_field_of_the_other_polarity(version: int) -> None:
    other = "upload-complete" if version == 3 else "upload-incomplete"
    for respond in {row[0] for row in FIELDS}:
        names = {name.lower() for name in by_name(respond(version).fields)}
        assert other not in names
