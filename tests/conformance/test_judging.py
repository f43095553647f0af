"""What is made of what was said: stories written down, and the verdicts on them."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.client.wire import Said
from proxy.conformance.exchange import Exchange, boolean, integer, limits
from proxy.conformance.judging import judged
from proxy.conformance.raw import responses
from proxy.conformance.results import Verdict
from proxy.conformance.rules import RULES, Level
from proxy.conformance.versions import VERSIONS

PASS, FAIL, NOT_OFFERED = Verdict.PASS, Verdict.FAIL, Verdict.NOT_OFFERED
MUST, SHOULD = Level.MUST, Level.SHOULD
SILENT = Exchange("HEAD /u", why="the connection ended without an answer")


def said(status: int, **fields: object) -> Said:
    lines = tuple((key.replace("_", "-"), str(to)) for key, to in fields.items())
    return Said(status, lines)


def heard(
    status: int, *interims: Said, content: int = 0, early: int = 0, **fields: object
) -> Exchange:
    return Exchange("POST /f", content, said(status, **fields), interims, early)


def interim(version: int, **fields: object) -> Said:
    return said(104, Upload_Draft_Interop_Version=version, Location="/u/1", **fields)


def located(one: str, other: str) -> dict[str, Exchange]:
    return {
        "created": heard(201, Location=f"http://h{one}"),
        "another": heard(201, Location=f"http://h{other}"),
    }


OPEN: dict[str, Any] = {"Upload_Complete": "?0"}
DONE: dict[str, Any] = {"Upload_Complete": "?1"}


@pytest.mark.parametrize(
    ("rule", "version", "story", "verdict"),
    [
        ("R12", 6, {"created": heard(201, interim(6))}, PASS),
        ("R12", 6, {"created": heard(201, interim(5))}, MUST),
        ("R12", 6, {"created": heard(201)}, NOT_OFFERED),
        ("R21", 8, {"created": heard(201, interim(8), Upload_Limit="a=1")}, MUST),
        ("R22", 6, {"created": heard(201, interim(6))}, MUST),
        (
            "R23",
            6,
            {"created": heard(201, content=9, Location="/u", Upload_Offset=9, **OPEN)},
            PASS,
        ),
        (
            "R23",
            6,
            {"created": heard(201, content=9, Location="/u", Upload_Offset=8, **OPEN)},
            MUST,
        ),
        ("R23", 6, {"created": heard(200, content=9, Location="/u", **OPEN)}, MUST),
        ("R23", 7, {"created": heard(200, Location="/u")}, SHOULD),
        ("R23", 9, {"created": heard(201, Location="/u")}, SHOULD),
        ("R23", 3, {"created": SILENT}, MUST),
        ("R24", 6, {"whole": heard(404)}, Verdict.NOT_RUN),
        ("R24", 9, {"whole": heard(200, **DONE)}, PASS),
        ("R25", 6, {}, NOT_OFFERED),
        (
            "R25",
            6,
            {
                "cut": Exchange("", 50),
                "asked": heard(204, Upload_Offset=50, **OPEN),
                "rest": heard(200),
            },
            PASS,
        ),
        (
            "R25",
            6,
            {
                "cut": Exchange("", 50),
                "asked": heard(204, Upload_Offset=20, **OPEN),
                "rest": heard(200),
            },
            SHOULD,
        ),
        (
            "R25",
            6,
            {
                "cut": Exchange("", 50),
                "asked": heard(204, Upload_Offset=50, **DONE),
                "rest": heard(200),
            },
            MUST,
        ),
        (
            "R25",
            6,
            {"cut": Exchange("", 50), "asked": heard(204, Upload_Offset=60, **OPEN)},
            MUST,
        ),
        (
            "R64",
            6,
            {"sent": Exchange("", 9), "asked": heard(204, Upload_Offset=9, **OPEN)},
            Verdict.NOT_RUN,
        ),
        (
            "R64",
            6,
            {"sent": Exchange("", 9), "asked": heard(204, Upload_Offset=8, **OPEN)},
            MUST,
        ),
        (
            "R64",
            9,
            {"sent": Exchange("", 9), "asked": heard(204, Upload_Offset=9, **OPEN)},
            PASS,
        ),
        ("R93", 9, located("/files?id=" + "a1" * 11, "/files?id=" + "b2" * 11), PASS),
        (
            "R93",
            9,
            located("/the-public-endpoint-of-us/7", "/the-public-endpoint-of-us/8"),
            SHOULD,
        ),
        ("R93", 9, located("/u/" + "0" * 24 + "7", "/u/" + "0" * 24 + "8"), SHOULD),
        ("R65", 8, {"created": heard(201, said(100), interim(8))}, PASS),
        ("R65", 8, {"created": heard(201, interim(8))}, MUST),
        ("R73", 6, {"cancelled": heard(405)}, PASS),
        ("R73", 6, {"cancelled": heard(501)}, MUST),
        ("R73", 6, {"cancelled": heard(204)}, NOT_OFFERED),
        ("R80", 8, {"options": heard(200), "without version": heard(200)}, MUST),
        (
            "R94",
            7,
            {
                "created": heard(201, Upload_Limit="max-size=1, expires=9"),
                "asked": heard(204),
            },
            SHOULD,
        ),
        ("R94", 7, {"created": heard(201), "asked": heard(204)}, NOT_OFFERED),
        (
            "R101",
            6,
            {"refused": heard(409), "behind": heard(204, Upload_Offset=0)},
            PASS,
        ),
        ("R101", 6, {"refused": heard(409)}, PASS),
        ("R101", 6, {"refused": heard(409), "behind": heard(404)}, MUST),
        ("R101", 6, {}, Verdict.NOT_RUN),
    ],
)
def test_verdicts(
    rule: str, version: int, story: dict[str, Exchange], verdict: Verdict | Level
) -> None:
    """A level stands for a failure of that level."""
    result = judged(RULES[rule], VERSIONS[version], story)
    if isinstance(verdict, Level):
        assert (result.verdict, result.level) == (FAIL, verdict), result
        assert result.expected
        assert result.exchange is not None
    else:
        assert result.verdict is verdict, result


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("?1", True),
        (" ?0 ", False),
        ("?1;x=1", True),
        ("1", None),
        ("?1, ?1", None),
        ("", None),
        (None, None),
    ],
)
def test_completeness_is_read_strictly(text: str | None, means: bool | None) -> None:
    assert boolean(text, VERSIONS[6]) is means
    if means is not None:
        assert boolean(text, VERSIONS[3]) is not means


@pytest.mark.parametrize(
    ("text", "means"),
    [("12", 12), ("-1", -1), ("1;a=b", 1), ("1.0", None), ("1" * 16, None), ("", None)],
)
def test_integers_are_read_strictly(text: str, means: int | None) -> None:
    assert integer(text) == means


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("max-size=1, min-size=0", {"max-size": 1, "min-size": 0}),
        ("min-size=0", {"min-size": 0}),
        ("107374182400", None),
        ("max-size=?1", None),
        ("", None),
    ],
)
def test_limits_are_a_dictionary_of_integers(
    text: str, means: dict[str, int] | None
) -> None:
    assert limits(said(200, Upload_Limit=text)) == means


def test_everything_that_came_is_told_apart() -> None:
    came = (
        b"HTTP/1.1 104 Upload Resumption Supported\r\nLocation: /u\r\n\r\n"
        b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nno"
        b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
        b"HTTP/1.1 204 Fine\r\n\r\n"
        b"what is no HTTP"
    )
    finals = responses(came)
    assert [one.status for one in finals] == [409, 200, 204]
    assert finals[0].content == b"no"
    assert [one.status for one in finals[0].interims] == [104]
