"""What is made of what was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.doctor import judge
from proxy.doctor.findings import Finding, Report, Verdict
from proxy.doctor.seen import (
    Cut,
    Ending,
    Interims,
    Located,
    Long,
    Secure,
    Shared,
    Silence,
)

GOOD, NOTE, UNKNOWN, BREAKS = Verdict
DAY = 86_400.0
URL = "https://a.example/files"


@pytest.mark.parametrize(
    ("seen", "verdict", "word"),
    [
        (None, NOTE, "not encrypted"),
        (Secure("TLSv1.1", None), NOTE, "refuse"),
        (Secure("TLSv1.3", None), GOOD, "TLSv1.3"),
        (Secure("TLSv1.3", 60 * DAY), GOOD, "60 days"),
        (Secure("TLSv1.2", 3 * DAY), NOTE, "3 days"),
    ],
)
def test_tls(seen: Secure | None, verdict: Verdict, word: str) -> None:
    _says(judge.tls(seen, now=0.0), verdict, word)


@pytest.mark.parametrize(
    ("told", "verdict"), [((), UNKNOWN), ((3, 6), NOTE), (range(3, 11), GOOD)]
)
def test_versions(told: tuple[int, ...], verdict: Verdict) -> None:
    assert judge.versions(told).verdict is verdict


THERE = Located(URL, URL + "/1", True, True, 204)


@pytest.mark.parametrize(
    ("seen", "verdict", "word"),
    [
        (None, BREAKS, "no Location"),
        (THERE, GOOD, "reachable"),
        (replace(THERE, same_server=False), GOOD, "another server"),
        (replace(THERE, same_scheme=False), NOTE, "another scheme"),
        (replace(THERE, status=404), BREAKS, "404"),
        (replace(THERE, status=None, why="refused"), BREAKS, "refused"),
    ],
)
def test_location(seen: Located | None, verdict: Verdict, word: str) -> None:
    _says(judge.location(seen, "nginx"), verdict, word)


@pytest.mark.parametrize(
    ("seen", "verdict", "word"),
    [
        (Interims(0.01, True, 201), GOOD, "10 ms"),
        (Interims(1.5, True, 201), NOTE, "late"),
        (Interims(2.5, False, 201), NOTE, "too late for a cut"),
        (Interims(None, False, 201), NOTE, "no 104"),
        (Interims(None, False, 413), BREAKS, "413"),
        (Interims(0.1, True, None, mistaken=True), BREAKS, "for the answer"),
        (Interims(None, False, None, mistaken=True), BREAKS, "never answered"),
    ],
)
def test_interims(seen: Interims, verdict: Verdict, word: str) -> None:
    _says(judge.interims(seen, ""), verdict, word)


@pytest.mark.parametrize(
    ("seen", "verdict", "word"),
    [
        (Cut(100, 100), GOOD, "100 of 100"),
        (Cut(100, 60), NOTE, "60 of 100"),
        (Cut(100, 0), BREAKS, "collects"),
        (Cut(100, None), BREAKS, "nothing tells"),
        (Cut(50, 0, 413), BREAKS, "413"),
    ],
)
def test_cut(seen: Cut, verdict: Verdict, word: str) -> None:
    _says(judge.cut(seen, "nginx"), verdict, word)


@pytest.mark.parametrize(
    ("seen", "verdict", "word"),
    [
        (Long(9, 9, 201, from_proxy=True), GOOD, "9 bytes"),
        (Long(9, 3, None, from_proxy=False), BREAKS, "ended after 3 of 9"),
        (Long(9, 0, 413, from_proxy=False), BREAKS, "a front answers 413"),
        (Long(9, 0, 413, True, "max-size=5"), BREAKS, "own limit (Upload-Limit: max"),
        (Long(9, 9, 507, True, None, "no-room"), BREAKS, "server: 507 no-room after 9"),
    ],
)
def test_long(seen: Long, verdict: Verdict, word: str) -> None:
    _says(judge.long(seen, "nginx"), verdict, word)


@pytest.mark.parametrize(
    ("status", "problem", "key"),
    [
        (413, "too-large", "uploads.limits"),
        (413, "", "uploads.limits"),
        (429, "too-many-uploads", "auth.max_bytes"),
        (507, "no-room", "spool.quota"),
        (507, "storage", None),
        (503, "", None),
    ],
)
def test_the_bound_that_is_named_is_that_of_the_answer(
    status: int, problem: str, key: str | None
) -> None:
    said = judge.long(Long(9, 9, status, True, "max-age=5", problem), "").settings
    assert any(key in setting for setting in said) if key else said == ()


def test_the_url_of_an_upload_is_not_told_as_a_whole() -> None:
    """P11."""
    url = "https://a.example/resumable_upload/" + "RMFt" + "x" * 39
    for status in (204, 404):
        for same in (True, False):
            seen = Located(URL, url, same, True, status)
            text = judge.location(seen, "").text
            assert "https://a.example/resumable_upload/RMFt... " in text.replace(
                ",", " "
            )
            assert "xxx" not in text


def test_a_cap_that_was_not_tried_is_not_known() -> None:
    _says(judge.cap("max-size=5"), UNKNOWN, "max-size=5")
    _says(judge.cap(None), UNKNOWN, "no limit is told")


@pytest.mark.parametrize(
    ("seen", "verdict", "word"),
    [
        (Silence(70, None), GOOD, "70 s"),
        (Silence(70, 60.04), NOTE, "ended after 60.0 s"),
        (Silence(70, 20.0, 408), NOTE, "408"),
    ],
)
def test_silence(seen: Silence, verdict: Verdict, word: str) -> None:
    _says(judge.silence(seen, "Apache"), verdict, word)


@pytest.mark.parametrize(
    ("seen", "verdict", "word"),
    [
        (Ending(200, 3.0, from_proxy=True), GOOD, "3.0 s"),
        (Ending(504, 15.0, from_proxy=True), GOOD, "504"),
        (Ending(504, 15.0, from_proxy=False), BREAKS, "a front answered 504"),
        (Ending(None, 60.0, from_proxy=False), BREAKS, "ended after 60.0 s"),
    ],
)
def test_ending(seen: Ending, verdict: Verdict, word: str) -> None:
    _says(judge.ending(seen, ""), verdict, word)


def test_a_page_needs_all_of_it() -> None:
    preflight = {
        "access-control-allow-origin": "https://app.example",
        "access-control-allow-methods": "POST, patch",
        "access-control-allow-headers": "Upload-Offset, Upload-Complete",
    }
    answer = {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "*",
    }
    whole = Shared("https://app.example", preflight, 200, answer)
    _says(judge.shared(whole), GOOD, "may upload")
    without = replace(whole, preflight={}, preflight_status=404, answer={})
    text = judge.shared(without).text
    for lack in ("404", "PATCH", "upload-offset is not allowed", "not exposed"):
        assert lack in text


def test_only_what_breaks_uploads_makes_it_a_failure() -> None:
    findings = [Finding("x", verdict, "") for verdict in Verdict]
    assert Report("", "", tuple(findings[:-1])).is_good
    assert not Report("", "", tuple(findings)).is_good


def _says(finding: Finding, verdict: Verdict, word: str) -> None:
    assert finding.verdict is verdict, finding
    assert word in finding.text, finding
