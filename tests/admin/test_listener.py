"""What operators and containers hear on the admin listener."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession, web

from proxy.admin.listener import AdminHandler
from proxy.choices import admin_hosts
from proxy.config import Config
from proxy.metrics import catalogue
from proxy.metrics.exposition import Page, exposed
from proxy.reloaded import Reloaded, Result


@dataclass
class Process:
    draining: bool = False
    writable: bool = True
    roomy: bool = True
    hangs: bool = False
    counts: dict[str, int] = field(default_factory=lambda: {"bodies": 2})
    serves: bool = True
    outcome: Reloaded = field(default_factory=lambda: Reloaded(Result.APPLIED))

    async def in_flight(self) -> dict[str, int]:
        return self.counts

    async def serving(self) -> bool:
        return self.serves

    async def spool_writable(self) -> bool:
        if self.hangs:
            await asyncio.Event().wait()
        return self.writable

    def spool_above_floor(self) -> bool:
        return self.roomy

    async def metrics(self, accept: str) -> Page:
        return exposed({catalogue.DRAINING.name: [([], 0)]}, accept)

    async def reload(self) -> Reloaded:
        return self.outcome

    def drain(self) -> None:
        self.draining = True


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
async def admin(process: Process) -> AsyncIterator[ClientSession]:
    runner = web.ServerRunner(web.Server(AdminHandler(process)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with ClientSession(f"http://{host}:{port}") as session:
        yield session
    await runner.cleanup()


async def ask(admin: ClientSession, path: str, method: str = "GET") -> tuple[int, str]:
    async with admin.request(method, path) as answer:
        assert answer.status == 404 or answer.headers["Cache-Control"] == "no-store"
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("host", "hosts", "status"),
    [
        ("evil.example:9090", frozenset[str](), 403),
        ("localhost:9090", frozenset[str](), 200),
        ("uploads.example", frozenset({"uploads.example"}), 200),
        ("evil.example:9090", None, 200),
    ],
)
async def test_figures_are_not_told_to_a_name_that_was_made_to_point_here(
    process: Process, host: str, hosts: frozenset[str] | None, status: int
) -> None:
    runner = web.ServerRunner(web.Server(AdminHandler(process, hosts=hosts)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = "http://{}:{}".format(*runner.addresses[0][:2])
    async with ClientSession(address, headers={"Host": host}) as session:
        for path in ("/metrics", "/drain"):
            assert (await ask(session, path))[0] == status
        for path in ("/livez", "/readyz"):
            assert (await ask(session, path))[0] == 200
    await runner.cleanup()


@pytest.mark.parametrize(
    ("listen", "hosts"),
    [
        ("127.0.0.1:9090", frozenset({"a.example"})),
        ("[::1]:9090", frozenset({"a.example"})),
        ("0.0.0.0:9090", None),
        ("unix:/run/a.sock", None),
    ],
)
def test_names_count_where_only_this_machine_gets(
    listen: str, hosts: frozenset[str] | None
) -> None:
    told = {"listen": listen, "hosts": "a.example"}
    config = Config.model_validate({"origin": {"url": "http://a"}, "admin": told})
    assert admin_hosts(config) == hosts


async def test_alive_looks_at_nothing_but_the_loop(
    admin: ClientSession, process: Process
) -> None:
    process.writable = False
    process.draining = True
    assert await ask(admin, "/livez") == (200, "ok\n")


async def test_ready_when_the_spool_is_writable_and_nobody_drains(
    admin: ClientSession,
) -> None:
    assert await ask(admin, "/readyz") == (200, "ok\n")
    assert await ask(admin, "/readyz?verbose") == (
        200,
        "[+] workers\n[+] draining\n[+] spool\n[+] floor\nok\n",
    )


async def test_not_ready_says_why(admin: ClientSession, process: Process) -> None:
    process.writable = False
    assert await ask(admin, "/readyz") == (
        503,
        "[-] spool: it cannot be written\nnot ready\n",
    )


async def test_not_ready_while_no_worker_serves(
    admin: ClientSession, process: Process
) -> None:
    process.serves = False
    assert await ask(admin, "/readyz") == (
        503,
        "[-] workers: none of them serves\nnot ready\n",
    )


async def test_not_ready_below_the_floor(
    admin: ClientSession, process: Process
) -> None:
    process.roomy = False
    assert await ask(admin, "/readyz") == (
        503,
        "[-] floor: too little is free on the disk\nnot ready\n",
    )


async def test_a_spool_that_hangs_is_not_writable(
    admin: ClientSession, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.admin.listener.PROBE_TIMEOUT_S", 0.01)
    process.hangs = True
    assert (await ask(admin, "/readyz"))[0] == 503


async def test_draining_makes_it_unready_and_tells_what_is_in_flight(
    admin: ClientSession,
) -> None:
    assert await ask(admin, "/drain") == (200, '{"draining": false, "bodies": 2}\n')
    assert await ask(admin, "/drain", "POST") == (
        200,
        '{"draining": true, "bodies": 2}\n',
    )
    assert await ask(admin, "/readyz") == (
        503,
        "[-] draining: it is being drained\nnot ready\n",
    )


@pytest.mark.parametrize("path", ["/drain", "/reload"])
async def test_a_page_in_a_browser_is_no_operator(
    admin: ClientSession, process: Process, path: str
) -> None:
    """Whoever looks at it may be on this machine."""
    asked = admin.post(path, headers={"Origin": "https://evil.test"})
    async with asked as response:
        assert response.status == 403
    assert not process.draining


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("POST", "/livez", 405, "GET, HEAD"),
        ("DELETE", "/readyz", 405, "GET, HEAD"),
        ("PUT", "/drain", 405, "GET, HEAD, POST"),
        ("GET", "/reload", 405, "POST"),
        ("GET", "/metricks", 404, None),
    ],
)
async def test_everything_else_is_refused(
    admin: ClientSession, method: str, path: str, status: int, allow: str | None
) -> None:
    async with admin.request(method, path) as answer:
        assert answer.status == status
        assert answer.headers.get("Allow") == allow


async def test_head_is_answered_without_content(admin: ClientSession) -> None:
    assert await ask(admin, "/livez", "HEAD") == (200, "")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Reloaded(Result.APPLIED, ("a: 1 -> 2",)), 200),
        (Reloaded(Result.WRONG, errors=("a: b",)), 422),
        (Reloaded(Result.REFUSED, errors=("a: b",)), 409),
    ],
)
async def test_a_reload_is_told_in_full(
    admin: ClientSession, process: Process, outcome: Reloaded, expected: int
) -> None:
    process.outcome = outcome
    status, text = await ask(admin, "/reload", "POST")
    assert status == expected
    assert json.loads(text) == {
        "result": outcome.result.value,
        "changes": list(outcome.changes),
        "errors": list(outcome.errors),
    }
