"""The proxy itself, in every version, from outside; and an application without it."""

from __future__ import annotations

import pytest

from proxy.client.target import target
from proxy.conformance import suite
from proxy.conformance.probes import transfers
from proxy.conformance.report import text
from proxy.conformance.results import Report, Verdict
from proxy.conformance.rules import Level
from proxy.conformance.speaker import Place
from proxy.conformance.suite import Plan, run
from proxy.conformance.versions import VERSIONS
from tests.conftest import StartProxy
from tests.kit.origin import RecordingOrigin, Reply

ON_PURPOSE = {("R60", 6), ("R60", 7), ("R60", 8)}
"""An empty finishing append to a finished upload gets the stored answer in every
version, though up to v8 the drafts want it refused: it comes from a client that lost
the answer, and can change nothing."""


def held_against(report: Report) -> set[tuple[str, int | None]]:
    assert report.versions == tuple(VERSIONS), text(report)
    failed = {
        (one.rule.name, one.version)
        for one in report.results
        if one.verdict is Verdict.FAIL
    }
    assert failed == ON_PURPOSE, text(report)
    assert not [one for one in report.results if one.verdict is Verdict.NOT_RUN]
    return {
        (one.rule.name, one.version)
        for one in report.results
        if one.verdict is Verdict.NOT_OFFERED
    }


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds for an interim; what takes time is done side by side."""
    monkeypatch.setattr(transfers, "PROGRESS_S", 0.2)
    monkeypatch.setattr(suite, "AT_ONCE", 16)
    return 0.5


async def test_every_rule_holds(start_proxy: StartProxy, quickly: float) -> None:
    limits = {
        "max_size": 200_000,
        "max_append_size": 100_000,
        "min_append_size": 4,
        "min_size": 4,
    }
    proxy = await start_proxy(uploads={"limits": limits})
    place = Place(target(f"{proxy.addresses[0]}/files"), interim_s=quickly)
    report = await run(Plan(place))
    not_offered = {name for name, _ in held_against(report)}
    assert not_offered <= {"R66", "R67", "R73"}, text(report)


async def test_what_is_chosen_is_judged_alone(
    start_proxy: StartProxy, quickly: float
) -> None:
    proxy = await start_proxy(uploads={"versions": [6]})
    place = Place(target(f"{proxy.addresses[0]}/files"), interim_s=quickly)
    report = await run(Plan(place, rules=("R53", "R19")))
    assert [(one.rule.name, one.version) for one in report.results] == [
        ("R19", None),
        ("R53", 6),
    ]
    assert report.results[1].level is Level.MUST
    assert 10 in report.unspoken


async def test_the_resources_of_an_application_are_not_cancelled(
    start_proxy: StartProxy, origin: RecordingOrigin, quickly: float
) -> None:
    proxy = await start_proxy(uploads={"versions": [6]})
    origin.will.extend([Reply(201, (("Location", "/photos/7"),))] * 100)
    secret = (("X-Key", "secret"),)
    place = Place(target(f"{proxy.addresses[0]}/files"), fields=secret, interim_s=0.3)
    report = await run(Plan(place))
    assert {asked.method for asked in origin.requests} == {"POST", "OPTIONS"}
    failed = [one for one in report.results if one.breaks]
    assert {one.rule.name for one in failed} == {"R24", "R60"}
    assert "secret" not in text(report)


async def test_an_application_without_uploads_is_not_judged(
    origin: RecordingOrigin,
) -> None:
    origin.will.extend([Reply(201, (("Location", "/photos/7"),))] * 20)
    report = await run(Plan(Place(target(origin.address), interim_s=0.05)))
    assert (report.versions, report.is_good) == ((), False)
    assert {asked.method for asked in origin.requests} == {"POST"}
