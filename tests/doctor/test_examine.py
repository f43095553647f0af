"""An examination of the proxy itself, of servers that are none, and of nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.client.target import target
from proxy.doctor import checks
from proxy.doctor.examine import Plan, examine
from proxy.doctor.findings import Report, Verdict
from proxy.doctor.report import as_json, text
from tests.conftest import StartProxy
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.process import free_port

if TYPE_CHECKING:
    from proxy.app import App

PAGE = "https://app.example"


@pytest.fixture(autouse=True)
def hastily(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "INTERIM_S", 0.5)
    monkeypatch.setattr(checks, "_SLOWLY_S", 0.01)
    monkeypatch.setattr(checks, "_SETTLES_S", 0.1)


def by_check(report: Report) -> dict[str, Verdict]:
    return {finding.check: finding.verdict for finding in report.findings}


def plan(address: str, **more: object) -> Plan:
    return Plan(target(f"{address}/files"), **more)  # type: ignore[arg-type]


@pytest.mark.configured(cors={"allow_origins": [PAGE]})
async def test_the_proxy_alone_is_good(
    proxy: App, origin: RecordingOrigin, tmp_path: Path
) -> None:
    whole = plan(proxy.addresses[0], size=300_000, patience_s=0.2, origin=PAGE)
    report = await examine(whole)
    assert report.is_good, text(report)
    good = ("reach", "versions", "location", "104", "streaming", "size", "cors")
    verdicts = by_check(report)
    assert {check: verdicts[check] for check in good} == dict.fromkeys(
        good, Verdict.GOOD
    )
    assert [
        asked.method for asked in origin.requests if asked.method != "OPTIONS"
    ] == []
    assert list((tmp_path / "spool").rglob("*.record")) == []
    assert not re.search("[A-Za-z0-9_-]{40}", text(report))  # P11


async def test_only_when_it_is_told_to_does_it_complete_one(
    proxy: App, origin: RecordingOrigin
) -> None:
    report = await examine(plan(proxy.addresses[0], complete=True))
    assert by_check(report)["answer"] is Verdict.GOOD
    posts = [asked for asked in origin.requests if asked.method == "POST"]
    assert [bytes(asked.body) for asked in posts] == [b""]


@pytest.mark.configured(uploads={"limits": {"max_size": 280_000}})
async def test_a_limit_of_the_uploads_is_told_from_one_of_a_front(proxy: App) -> None:
    report = await examine(plan(proxy.addresses[0], size=300_000))
    (size,) = [one for one in report.findings if one.check == "size"]
    assert size.verdict is Verdict.BREAKS
    assert "the uploads' own limit (Upload-Limit: max-size=280000" in size.text
    assert ": 413 too-large after " in size.text


@pytest.mark.configured(uploads={"limits": {"max_append_size": 100_000}})
async def test_an_append_that_is_refused_is_a_finding(proxy: App) -> None:
    report = await examine(plan(proxy.addresses[0]))
    assert by_check(report)["streaming"] is Verdict.BREAKS


@pytest.mark.configured(interim_responses="never", uploads={"versions": [6, 10]})
async def test_what_only_could_be_better_is_a_note(proxy: App) -> None:
    report = await examine(plan(proxy.addresses[0]))
    verdicts = by_check(report)
    assert (verdicts["104"], verdicts["versions"]) == (Verdict.NOTE, Verdict.NOTE)
    assert report.is_good


async def test_pages_that_are_not_listed_cannot_upload(proxy: App) -> None:
    report = await examine(plan(proxy.addresses[0], origin=PAGE))
    assert by_check(report)["cors"] is Verdict.BREAKS


@pytest.mark.configured(uploads={"idle_timeout": "200ms"})
async def test_a_pause_that_ends_an_upload_is_timed(proxy: App) -> None:
    report = await examine(plan(proxy.addresses[0], patience_s=3.0))
    (pause,) = [one for one in report.findings if one.check == "pause"]
    assert pause.verdict is Verdict.NOTE
    assert any("uploads.idle_timeout" in setting for setting in pause.settings)


@pytest.mark.configured(location="absolute", public_url="http://127.0.0.1:9/elsewhere")
async def test_a_location_that_leads_nowhere_is_found(proxy: App) -> None:
    report = await examine(plan(proxy.addresses[0]))
    assert by_check(report)["location"] is Verdict.BREAKS
    assert not report.is_good


async def test_an_application_without_uploads_gets_no_creation(
    origin: RecordingOrigin,
) -> None:
    report = await examine(plan(origin.address))
    assert by_check(report)["uploads"] is Verdict.BREAKS
    assert {asked.method for asked in origin.requests} == {"OPTIONS"}


async def test_one_that_takes_a_creation_for_its_own_request_is_found_out(
    origin: RecordingOrigin,
) -> None:
    origin.will.extend([Reply(status=201)] * 12)
    report = await examine(plan(origin.address, anyway=True))
    assert by_check(report)["uploads"] is Verdict.BREAKS


async def test_nobody_is_a_finding() -> None:
    report = await examine(plan(f"http://127.0.0.1:{free_port()}"))
    assert by_check(report) == {"reach": Verdict.BREAKS}
    assert "1 thing breaks uploads" in text(report)


async def test_no_tls_where_it_was_expected(start_proxy: StartProxy) -> None:
    address = (await start_proxy()).addresses[0]
    report = await examine(plan(address.replace("http:", "https:")))
    assert not report.is_good


async def test_a_report_for_machines(proxy: App) -> None:
    report = await examine(plan(proxy.addresses[0]))
    told = json.loads(as_json(report))
    assert (told["good"], told["front"]) == (True, None)
    assert {one["check"] for one in told["findings"]} == set(by_check(report))
