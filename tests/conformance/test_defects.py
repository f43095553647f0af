"""Servers that are wrong in one way each: it is found, and nothing else is."""

from __future__ import annotations

import pytest

from proxy.client.target import target
from proxy.client.wire import Said
from proxy.conformance import speaker
from proxy.conformance.exchange import Exchange
from proxy.conformance.probes import transfers
from proxy.conformance.report import text
from proxy.conformance.results import Report, Verdict
from proxy.conformance.rules import Level
from proxy.conformance.speaker import Place
from proxy.conformance.suite import Plan, run

from . import small_server as small


@pytest.fixture(autouse=True)
def hastily(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "PROGRESS_S", 0.05)
    monkeypatch.setattr(speaker, "COMPLETES_S", 0.5)


async def held_against(url: str, *rules: str) -> Report:
    place = Place(target(url), interim_s=0.05, size=1024)
    plan = Plan(place, versions=(8,), told=True)
    if rules:
        plan = Plan(place, versions=(8,), rules=rules, told=True)
    return await run(plan)


def failed(report: Report) -> set[str]:
    return {one.rule.name for one in report.results if one.breaks}


async def test_who_is_right_fails_nothing() -> None:
    async with small.small_server() as url:
        report = await held_against(url)
    assert report.is_good, text(report)
    assert not [one for one in report.results if one.verdict is Verdict.FAIL], text(
        report
    )
    assert not [one for one in report.results if one.verdict is Verdict.NOT_RUN]


@pytest.mark.parametrize(
    ("defect", "rules"),
    [
        (small.OFFSET_PAST_A_CUT, {"R25", "R63"}),
        (small.NO_OFFSET_WITH_409, {"R53"}),
        (small.ANY_OFFSET, {"R53"}),
        (small.NO_COMPLETENESS, {"R40", "R59", "R61"}),
        (small.NOT_CANCELLED, set()),
        (small.STRANGE_104, {"R13", "R14", "R15"}),
        (small.OVERRUN, {"R56"}),
        (small.OLDER_GOES_ON, {"R45"}),
        (small.TWO_LOCATIONS, {"R90"}),
    ],
)
async def test_a_defect_is_found(defect: str, rules: set[str]) -> None:
    looked_at = ("R13", "R14", "R15", "R25", "R40", "R45", "R53", "R56", "R59")
    async with small.small_server(defect) as url:
        report = await held_against(url, *looked_at, "R61", "R63", "R70", "R90")
    assert rules <= failed(report), text(report)
    assert report.is_good is not bool(rules)


async def test_what_is_only_asked_for_softly_is_told_and_breaks_nothing() -> None:
    """R70 in version 8: a cancelled upload SHOULD be gone."""
    async with small.small_server(small.NOT_CANCELLED) as url:
        report = await held_against(url, "R70")
    (result,) = report.results
    assert (result.verdict, result.level) == (Verdict.FAIL, Level.SHOULD)
    assert report.is_good


async def test_without_a_104_what_needs_one_is_not_offered() -> None:
    async with small.small_server(small.NO_104) as url:
        report = await held_against(url, "R12", "R21", "R25", "R53")
    verdicts = {one.rule.name: one.verdict for one in report.results}
    assert verdicts == {
        "R12": Verdict.NOT_OFFERED,
        "R21": Verdict.NOT_OFFERED,
        "R25": Verdict.NOT_OFFERED,
        "R53": Verdict.PASS,
    }


@pytest.mark.parametrize(
    "location",
    ["/u/\x7f", "http://a..b/u", "http://[::1/u", "http://\xe9/"],
)
async def test_a_location_that_nobody_can_ask_ends_nothing(location: str) -> None:
    async with small.small_server(f"Location: {location}") as url:
        report = await held_against(url, "R40", "R12")
    verdicts = {one.rule.name: one.verdict for one in report.results}
    assert verdicts == {"R12": Verdict.PASS, "R40": Verdict.NOT_RUN}


async def test_a_document_too_deep_to_be_read_is_none() -> None:
    deep = Exchange("POST /", said=Said(400, (), b"[" * 500_000))
    assert deep.problem == ""


async def test_versions_that_are_not_echoed_are_not_judged() -> None:
    async with small.small_server() as url:
        place = Place(target(url), interim_s=0.05, size=1024)
        report = await run(Plan(place, rules=("R23",)))
    assert report.versions == (8,)
    assert set(report.unspoken) == {3, 4, 5, 6, 7, 9, 10}
