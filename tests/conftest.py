"""What tests of whole conversations are given: an origin, a proxy before it, a client.

``proxy`` runs in the process of the test, over a spool of its own, with short times.
A test that needs other settings is marked with them, in the shape of the file:
``@pytest.mark.configured(uploads={"limits": {"max_size": 100}})``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .kit import effort  # noqa: F401, loads the profile of generated tests
from .kit.client import Client
from .kit.origin import RecordingOrigin

if TYPE_CHECKING:
    from proxy.app import App
    from proxy.register import Register
    from proxy.wire import Shortcut

pytest_plugins = ["tests.kit.not_run", "tests.kit.browser"]

StartProxy = Callable[..., Awaitable["App"]]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "configured(**settings): settings of the proxy, as in its file"
    )


@pytest.fixture
async def origin() -> AsyncIterator[RecordingOrigin]:
    recording = RecordingOrigin()
    await recording.start()
    yield recording
    await recording.stop()


@pytest.fixture(params=["ordinary", "shortcut"])
def each_way(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Shortcut | None:
    """Runs a test twice: with every body read through aiohttp, and with every body on
    the shortcut that long ones take, from the first byte that is missing."""
    from proxy import choices
    from proxy.wire import Shortcut

    way = Shortcut(least=1) if request.param == "shortcut" else None
    monkeypatch.setattr(choices, "shortcut", lambda config, log: way)
    return way


@pytest.fixture(params=["memory", "shared"])
def register(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Register]:
    """Runs a test twice: with open uploads in memory, and in a file of the spool."""
    from .kit.registers import kept

    with kept(request.param, tmp_path) as register:
        yield register


@pytest.fixture
async def running() -> AsyncIterator[list[App]]:
    """The proxies of this test that run; stopped at its end."""
    apps: list[App] = []
    yield apps
    for app in apps:
        await app.stop()


@pytest.fixture
def everywhere() -> dict[str, Any]:
    """Settings of every proxy, for directories that run tests another way."""
    return {}


@pytest.fixture
def start_proxy(
    origin: RecordingOrigin,
    tmp_path: Path,
    running: list[App],
    everywhere: dict[str, Any],
) -> StartProxy:
    """Starts proxies before `origin`, all over one spool."""
    # here, so that the tests of pure rules do not load the whole program
    from proxy.app import App
    from proxy.config import Config

    async def start(**settings: Any) -> App:
        basic = merged(base(origin, tmp_path), everywhere)
        app = App(Config.model_validate(merged(basic, settings)))
        await app.start()
        running.append(app)
        return app

    return start


@pytest.fixture
def restart_proxy(running: list[App], start_proxy: StartProxy) -> StartProxy:
    """Stops every proxy and starts one over the spool they leave."""

    async def restart(**settings: Any) -> App:
        while running:
            await running.pop().stop()
        return await start_proxy(**settings)

    return restart


@pytest.fixture
async def proxy(start_proxy: StartProxy, request: pytest.FixtureRequest) -> App:
    marker = request.node.get_closest_marker("configured")
    return await start_proxy(**(marker.kwargs if marker else {}))


@pytest.fixture
async def client(proxy: App) -> AsyncIterator[Client]:
    speaking = Client(proxy.addresses[0])
    yield speaking
    await speaking.close()


def base(origin: RecordingOrigin, directory: Path) -> dict[str, Any]:
    """Settings for tests: ephemeral ports, a spool of its own, short times."""
    return {
        "listen": "127.0.0.1:0",
        "admin": {"listen": None},
        "shutdown_grace": "1s",
        "origin": {"url": origin.address, "retry_for": "100ms"},
        "spool": {"directory": str(directory / "spool")},
        "log": {"level": "warning"},
    }


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`below` with everything that `above` says, group by group."""
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        both[key] = (
            merged(under, value)
            if isinstance(under, dict) and isinstance(value, dict)
            else value
        )
    return both
