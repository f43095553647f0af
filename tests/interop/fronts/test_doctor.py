"""Fronts with settings that break uploads: found, with what is to be set."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from proxy.client.target import target
from proxy.doctor import checks
from proxy.doctor.examine import Plan, examine
from proxy.doctor.findings import Finding, Report, Verdict
from tests.conftest import StartProxy
from tests.kit.sealed import authority

from . import fronts
from .fronts import Place, place_in, running

Change = tuple[str, str]


@pytest.fixture(autouse=True)
def hastily(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one machine everything is near."""
    monkeypatch.setattr(checks, "INTERIM_S", 0.5)
    monkeypatch.setattr(checks, "_SLOWLY_S", 0.03)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority of the tests, for whoever asks OpenSSL."""
    file = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    made = tmp_path / "front"
    made.mkdir()
    return place_in(made)


pytestmark = pytest.mark.usefixtures("trusted")


def changed(
    prepare: Callable[[Place], list[str]], name: str, change: Change, place: Place
) -> list[str]:
    """The command of a front whose file has been changed."""
    command = prepare(place)
    file, (before, after) = place.directory / name, change
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
    return command


async def examined(
    start_proxy: StartProxy,
    place: Place,
    prepare: Callable[[Place], list[str]],
    size: int | None = None,
) -> Report:
    await start_proxy(
        listen=f"127.0.0.1:{place.upstream}", trusted_proxies=["127.0.0.1/32"]
    )
    with running(prepare, place) as address:
        return await examine(Plan(target(f"{address}/files"), size=size))


def finding(report: Report, check: str) -> Finding:
    (one,) = [one for one in report.findings if one.check == check]
    return one


async def test_a_front_as_its_file_says_is_good(
    start_proxy: StartProxy, place: Place
) -> None:
    report = await examined(start_proxy, place, fronts.debian_nginx, size=2_000_000)
    assert report.is_good, report
    assert report.front == "nginx"
    assert finding(report, "streaming").verdict is Verdict.GOOD
    assert finding(report, "tls").text.startswith("TLSv1.3")


async def test_a_front_that_collects(start_proxy: StartProxy, place: Place) -> None:
    change = ("proxy_request_buffering off;", "proxy_request_buffering on;")
    prepare = partial(changed, fronts.debian_nginx, "nginx.conf", change)
    report = await examined(start_proxy, place, prepare)
    found = finding(report, "streaming")
    assert found.verdict is Verdict.BREAKS
    assert found.settings[0].startswith("nginx: proxy_request_buffering off;")


async def test_a_front_with_a_body_cap(start_proxy: StartProxy, place: Place) -> None:
    change = ("client_max_body_size 0;", "client_max_body_size 1m;")
    prepare = partial(changed, fronts.debian_nginx, "nginx.conf", change)
    report = await examined(start_proxy, place, prepare, size=2_000_000)
    found = finding(report, "size")
    assert found.verdict is Verdict.BREAKS
    assert "a front answers 413" in found.text
    assert found.settings[0] == "nginx: client_max_body_size 0;"


@pytest.mark.parametrize("nginx", [fronts.debian_nginx, fronts.newer_nginx])
async def test_a_front_that_takes_the_104_for_the_answer(
    start_proxy: StartProxy, place: Place, nginx: Callable[[Place], list[str]]
) -> None:
    change = ("proxy_set_header X-Upload-Interim never;", "")
    prepare = partial(changed, nginx, "nginx.conf", change)
    report = await examined(start_proxy, place, prepare)
    found = finding(report, "104")
    assert found.verdict is Verdict.BREAKS
    assert "X-Upload-Interim never" in found.settings[0]


async def test_a_front_that_swallows_the_104(
    start_proxy: StartProxy, place: Place
) -> None:
    change = ("proxy_100_continue: true", "proxy_100_continue: false")
    prepare = partial(changed, fronts.envoy, "envoy.yaml", change)
    report = await examined(start_proxy, place, prepare)
    found = finding(report, "104")
    assert (report.front, found.verdict) == ("Envoy", Verdict.NOTE)
    assert "proxy_100_continue: true" in found.settings[0]
    assert report.is_good


async def test_a_front_that_changes_the_host(
    start_proxy: StartProxy, place: Place
) -> None:
    change = ("X-Forwarded-Host $http_host", "X-Forwarded-Host wrong.invalid")
    prepare = partial(changed, fronts.debian_nginx, "nginx.conf", change)
    report = await examined(start_proxy, place, prepare)
    found = finding(report, "location")
    assert found.verdict is Verdict.BREAKS
    assert any("$http_host" in setting for setting in found.settings)


async def test_a_certificate_that_is_not_believed(
    start_proxy: StartProxy, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    report = await examined(start_proxy, place, fronts.debian_nginx)
    assert finding(report, "tls").verdict is Verdict.BREAKS
