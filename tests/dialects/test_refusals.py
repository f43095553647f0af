"""Refusals as responses: status, fields and document, in every version."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.errors import Denial, Problem
from proxy.core.lifecycle import Event
from proxy.core.upload import Answer, Limits, Reply
from proxy.dialects import problems

from ..kit.words import (
    COMPLETED,
    INCONSISTENT,
    MISMATCH,
    VERSIONS,
    each_version,
    words,
)
from .speech import LIMITS, by_name, document, refuse, standing

TITLES = {
    MISMATCH: "Upload offset does not match",
    COMPLETED: "Upload is already completed",
    INCONSISTENT: "Upload lengths are inconsistent",
}
OWN = "urn:resumable-upload-proxy:problem:"
DOCUMENT = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}


def told(version: int, reply: Reply) -> dict[str, str]:
    """The fields beside those that every refusal has."""
    fields = by_name(reply.fields)
    assert fields.pop("Upload-Draft-Interop-Version") == str(version)
    for name, value in DOCUMENT.items():
        assert fields.pop(name) == value
    return fields


def open_(version: int, *, only_from: int = 3) -> dict[str, str]:
    row = words(version)
    return {row.completeness: row.open} if version >= only_from else {}


@each_version
def test_r53_a_wrong_offset(version: int) -> None:
    reply = refuse(
        version,
        Problem.OFFSET_MISMATCH,
        standing=standing(50),
        expected_offset=50,
        provided_offset=60,
        has_content=True,
    )
    assert reply.status == 409
    assert told(version, reply) == {"Upload-Offset": "50", **open_(version)}
    assert document(reply) == {
        "type": MISMATCH if version >= 6 else OWN + "offset-mismatch",
        "title": TITLES[MISMATCH] if version >= 6 else "Wrong offset of an append",
        "status": 409,
        "detail": "A sentence.",
        "expected-offset": 50,
        "provided-offset": 60,
    }


@each_version
def test_r54_lengths_that_disagree(version: int) -> None:
    reply = refuse(version, Problem.LENGTH_CONFLICT, standing=standing(40))
    assert reply.status == 400
    assert told(version, reply) == {"Upload-Offset": "40", **open_(version)}
    assert document(reply) == {
        "type": INCONSISTENT if version >= 7 else OWN + "length-conflict",
        "title": TITLES[INCONSISTENT] if version >= 7 else "Upload lengths disagree",
        "status": 400,
        "detail": "A sentence.",
    }


@each_version
def test_r26_lengths_that_disagree_before_there_is_an_upload(version: int) -> None:
    reply = refuse(version, Problem.LENGTH_CONFLICT)
    assert reply.status == 400
    assert told(version, reply) == open_(version, only_from=9)
    expected = INCONSISTENT if version >= 7 else OWN + "length-conflict"
    assert document(reply)["type"] == expected


@each_version
@pytest.mark.parametrize("event", [None, Event.OVERRAN_FATAL])
@pytest.mark.parametrize("known", [True, False])
def test_r56_an_overrun_tells_no_offset_of_an_upload_it_killed(
    version: int, event: Event | None, known: bool
) -> None:
    where = standing(100) if known else None
    reply = refuse(version, Problem.OVERRUN, standing=where, event=event)
    assert reply.status == 400
    if version >= 7:
        assert told(version, reply) == open_(version)
        assert document(reply)["type"] == INCONSISTENT
    else:
        kept = {"Upload-Offset": "100", **open_(version)} if known else {}
        assert told(version, reply) == kept
        assert document(reply)["type"] == OWN + "overrun"


@each_version
@pytest.mark.parametrize("where", [None, standing(40)], ids=["no-standing", "standing"])
def test_r42_r50_an_unknown_upload(version: int, where: Any) -> None:
    reply = refuse(version, Problem.UNKNOWN_UPLOAD, standing=where)
    assert reply.status == 404
    assert told(version, reply) == open_(version, only_from=9)
    assert document(reply)["type"] == OWN + "unknown-upload"


@each_version
def test_r17_a_method_that_is_not_allowed(version: int) -> None:
    reply = refuse(version, Problem.METHOD_NOT_ALLOWED)
    assert reply.status == 405
    assert told(version, reply) == {
        "Allow": "HEAD, GET, PATCH, DELETE, OPTIONS",
        **open_(version, only_from=9),
    }


@each_version
def test_r51_a_wrong_media_type(version: int) -> None:
    reply = refuse(version, Problem.WRONG_MEDIA_TYPE, standing=standing(40))
    assert reply.status == 415
    assert told(version, reply) == {
        "Upload-Offset": "40",
        **open_(version),
        "Accept-Patch": "application/partial-upload",
    }


@each_version
def test_r6_r7_a_malformed_append(version: int) -> None:
    reply = refuse(version, Problem.MALFORMED, standing=standing(40))
    assert reply.status == 400
    assert told(version, reply) == {"Upload-Offset": "40", **open_(version)}
    assert document(reply)["type"] == OWN + "malformed"


@each_version
def test_r9_r34_a_malformed_creation(version: int) -> None:
    reply = refuse(version, Problem.MALFORMED)
    assert reply.status == 400
    assert told(version, reply) == open_(version, only_from=9)


LIMIT_STATUS = {Problem.TOO_LARGE: 413, Problem.TOO_SMALL: 400}


@each_version
@pytest.mark.parametrize("problem", LIMIT_STATUS, ids=lambda p: f"R57-R58-{p}")
def test_limits_of_an_upload_are_told_with_its_lifetime(
    version: int, problem: Problem
) -> None:
    reply = refuse(version, problem, standing=standing(40), limits=Limits())
    assert reply.status == LIMIT_STATUS[problem]
    expected = {"Upload-Offset": "40", **open_(version)}
    if version >= 6:
        lifetime = words(version).lifetime
        expected["Upload-Limit"] = f"max-size=1000, {lifetime}=3600"
    assert told(version, reply) == expected


@each_version
@pytest.mark.parametrize("problem", LIMIT_STATUS, ids=lambda p: f"R29-R32-{p}")
def test_limits_of_a_creation_are_told_without_a_lifetime(
    version: int, problem: Problem
) -> None:
    reply = refuse(version, problem, limits=LIMITS)
    assert reply.status == LIMIT_STATUS[problem]
    expected = open_(version, only_from=9)
    if version >= 6:
        expected["Upload-Limit"] = "max-size=1000"
    assert told(version, reply) == expected


def test_limits_that_nobody_knows_are_not_told() -> None:
    assert "Upload-Limit" not in told(10, refuse(10, Problem.TOO_LARGE))


@each_version
@pytest.mark.parametrize(
    ("problem", "status"),
    [
        pytest.param(Problem.STORAGE, 507, id="R38-storage"),
        pytest.param(Problem.NO_ROOM, 507, id="R38-no-room"),
        pytest.param(Problem.UNAVAILABLE, 503, id="R38-unavailable"),
        pytest.param(Problem.ORIGIN_DOWN, 503, id="P5-origin-down"),
        pytest.param(Problem.ROUTE_MISSING, 503, id="route-missing"),
        pytest.param(Problem.AUTH_DOWN, 503, id="auth-down"),
        pytest.param(Problem.TOO_MANY, 429, id="too-many"),
    ],
)
def test_what_will_be_better_later(version: int, problem: Problem, status: int) -> None:
    reply = refuse(version, problem, standing=standing(40), retry_after_s=10)
    assert reply.status == status
    assert told(version, reply) == {
        "Upload-Offset": "40",
        **open_(version),
        "Retry-After": "10",
    }
    first = refuse(version, problem, retry_after_s=10)
    assert told(version, first) == {**open_(version, only_from=9), "Retry-After": "10"}


@each_version
def test_an_answer_that_is_no_longer_kept_leaves_its_status(version: int) -> None:
    reply = refuse(
        version,
        Problem.ANSWER_NOT_KEPT,
        standing=standing(100, finished=True),
        original_status=201,
    )
    assert reply.status == 410
    row = words(version)
    said = row.done if version <= 6 else row.open
    assert told(version, reply) == {"Upload-Offset": "100", row.completeness: said}
    assert document(reply)["original-status"] == 201
    assert document(reply)["type"] == OWN + "answer-not-kept"


@each_version
def test_an_unknown_outcome_stays_open(version: int) -> None:
    reply = refuse(version, Problem.OUTCOME_UNKNOWN, standing=standing(100))
    assert reply.status == 502
    assert told(version, reply) == {"Upload-Offset": "100", **open_(version)}
    assert document(reply)["type"] == OWN + "outcome-unknown"


Row = tuple[int, str, bool]
"""Status, problem type, and whether the completeness says "done"."""

_ALREADY = OWN + "already-finished"
FINISHED: dict[tuple[int, bool, bool], Row] = {
    # version, at the total, with content
    **{(v, False, c): (409, _ALREADY, True) for v in (3, 4, 5) for c in (True, False)},
    **{(v, True, c): (400, _ALREADY, True) for v in (3, 4, 5) for c in (True, False)},
    **{(6, t, c): (400, COMPLETED, True) for t in (True, False) for c in (True, False)},
    **{
        (7, t, c): (400, COMPLETED, False) for t in (True, False) for c in (True, False)
    },
    **{(8, t, True): (400, INCONSISTENT, False) for t in (True, False)},
    **{(8, t, False): (410, COMPLETED, False) for t in (True, False)},
    **{(v, False, c): (409, MISMATCH, False) for v in (9, 10) for c in (True, False)},
    **{(v, True, True): (400, INCONSISTENT, False) for v in (9, 10)},
    **{(v, True, False): (400, _ALREADY, False) for v in (9, 10)},
}


@pytest.mark.parametrize(
    "case", FINISHED, ids=lambda c: f"R60-v{c[0]}-{'at' if c[1] else 'off'}-{c[2]}"
)
def test_r60_an_append_to_a_finished_upload(case: tuple[int, bool, bool]) -> None:
    version, at_total, has_content = case
    status, problem_type, done = FINISHED[case]
    provided = 100 if at_total else 60
    reply = refuse(
        version,
        Problem.ALREADY_FINISHED,
        standing=standing(100, finished=True),
        expected_offset=100,
        provided_offset=provided,
        has_content=has_content,
    )
    row = words(version)
    assert reply.status == status
    said = row.done if done else row.open
    assert told(version, reply) == {"Upload-Offset": "100", row.completeness: said}
    both = {"expected-offset": 100, "provided-offset": provided}
    assert document(reply) == {
        "type": problem_type,
        "title": TITLES.get(problem_type, "Upload is already finished"),
        "status": status,
        "detail": "A sentence.",
        **(both if status == 409 else {}),
    }


def test_r60_every_case_is_there() -> None:
    assert len(FINISHED) == len(VERSIONS) * 4


@pytest.mark.parametrize("problem", Problem)
def test_r15_the_newest_words_without_the_version(problem: Problem) -> None:
    told_of: dict[str, Any] = {"standing": standing(40), "retry_after_s": 5}
    unspoken = refuse(10, problem, spoken=False, **told_of)
    assert unspoken == refuse("rfc", problem, **told_of)
    assert "Upload-Draft-Interop-Version" not in by_name(unspoken.fields)


@each_version
@pytest.mark.parametrize("problem", Problem)
def test_every_refusal_is_explained(version: int, problem: Problem) -> None:
    reply = refuse(version, problem, standing=standing(40))
    explained = document(reply)
    assert explained["status"] == reply.status
    titles = {problems.KINDS[problem].title, *TITLES.values()}
    assert explained["title"] in titles
    assert DOCUMENT.items() <= by_name(reply.fields).items()


@each_version
def test_who_was_not_let_through_hears_the_auth_servers_answer(version: int) -> None:
    """With the state of the upload, and none of the fields that only we may set."""
    fields = ((b"WWW-Authenticate", b"Basic"), (b"Upload-Offset", b"7"))
    denial = Denial(Answer(401, "Unauthorized", fields), b"who are you?")
    reply = refuse(version, Problem.NOT_AUTHORISED, denial=denial)
    assert (reply.status, reply.content) == (401, b"who are you?")
    told = by_name(reply.fields)
    assert told["WWW-Authenticate"] == "Basic"
    assert "Upload-Offset" not in told
