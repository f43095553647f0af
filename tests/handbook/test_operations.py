"""The operator's page: what it shows of a terminal is run, and says what it shows.

One proxy for all of it, started by the line that is shown first, over a spool with the
uploads of the page. Addresses and tokens are those of the test, all else stays as it
stands there; the steps follow each other as on the page.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.interop.fronts.fronts import Place, debian_nginx, running
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Reset, Silence
from tests.kit.process import ProxyProcess, free_port
from tests.kit.sealed import authority

from .blocks import DOCS, changed
from .consoles import Came, fence, masked, screens, typed

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]

PAGE: Final = "operations.md"
CHECK, SERVE, SERVE_ORIGIN = (
    line.partition("  ")[0] for line in fence(PAGE, "upload-proxy check").splitlines()
)
UNKNOWN, INTERRUPTED, RECEIVING, RESPONDED = "U_u4AZ", "l90IV2", "wy7465", "1kRVzr"
PHOTO: Final = b"photo" * 680_000
EXIT_CODES: Final = {
    f"upload-proxy uploads resend --yes {INTERRUPTED}": 1,
    "upload-proxy doctor https://uploads.example.com/files --size 2MiB": 1,
}
"""Of what is shown to fail; everything else ends with 0."""


class Shown(ProxyProcess):
    """The proxy, started by a line of the page."""

    def __init__(self, directory: Path, line: str, settings: dict[str, Any]) -> None:
        super().__init__(directory, settings)
        self.line = line

    @property
    def _arguments(self) -> list[str]:
        _, *words = shlex.split(self.line.replace("config.yaml", str(self.file)))
        return [sys.executable, "-m", "proxy", *words]

    @property
    def environment(self) -> dict[str, str]:
        """What says to the commands where it is."""
        return {
            "UPLOAD_PROXY_LISTEN": self.address.removeprefix("http://"),
            "UPLOAD_PROXY_ADMIN__LISTEN": self.admin_address.removeprefix("http://"),
            "UPLOAD_PROXY_SPOOL__DIRECTORY": str(self.spool),
        }


@dataclass(slots=True)
class Desk:
    """Where the operator sits."""

    directory: Path
    proxy: Shown
    origin: RecordingOrigin
    speaker: Client
    here: dict[str, str] = field(default_factory=dict)
    """Words of the page, and what they are in this run."""

    async def types(self, command: str) -> Came:
        environment = {
            **self.proxy.environment,
            "SSL_CERT_FILE": str(self.directory / "ca.pem"),
        }
        return await typed(changed(command, self.here), self.directory, environment)

    async def does(self, begins: str) -> list[Came]:
        """Run a block, which has to say what the page says."""
        done = []
        for screen in screens(fence(PAGE, begins)):
            came = await self.types(screen.command)
            assert came.code == EXIT_CODES.get(screen.command, 0), came
            assert masked(came.said) == masked(changed(screen.said, self.here))
            done.append(came)
        return done


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp("desk")
    for one in (directory, *directory.parents[:2]):
        one.chmod(0o755)  # who works for nginx may be another user, of fewer rights
    authority().cert_pem.write_to_path(str(directory / "ca.pem"))
    origin = RecordingOrigin()
    await origin.start()
    settings = {
        "origin": {"url": origin.address, "retry_for": "100ms"},
        "spool": {"memory_threshold": 0},
        "trusted_proxies": ["127.0.0.1/32"],
        "log": {"file": str(directory / "proxy.log")},
    }
    proxy = Shown(directory, SERVE, settings)
    speaker = Client(proxy.address)
    try:
        await proxy.start()
        yield Desk(directory, proxy, origin, speaker)
    finally:
        await speaker.close()
        await proxy.end()
        await origin.stop()


async def test_a_front_that_breaks_uploads_is_examined(desk: Desk) -> None:
    """Which is waiting mostly; so the file is checked meanwhile."""
    front = desk.directory / "front"
    front.mkdir()
    port = int(desk.proxy.address.rpartition(":")[2])
    with running(collecting, Place(front, free_port(), port)) as address:
        desk.here["https://uploads.example.com"] = address
        desk.here["uploads.example.com"] = address.removeprefix("https://")
        checked, _ = await asyncio.gather(
            desk.types(CHECK), desk.does("$ upload-proxy doctor")
        )
    assert checked.code == 0, checked
    assert desk.origin.address in checked.said


def collecting(place: Place) -> list[str]:
    """The file of nginx, without what it says of content."""
    command = debian_nginx(place)
    file = place.directory / "nginx.conf"
    taken = {"proxy_request_buffering off;": "", "client_max_body_size 0;": ""}
    file.write_text(changed(file.read_text(), taken))
    return command


async def test_uploads_are_looked_at_and_changed(desk: Desk) -> None:
    await prepare(desk)
    await desk.does("$ upload-proxy uploads list")
    await desk.does(f"$ upload-proxy uploads show {UNKNOWN}")
    desk.origin.then(Silence())  # what is answered has no body to be exported
    sent = len(desk.origin.complete)
    await desk.does("$ upload-proxy uploads resend")
    again = await desk.origin.received(sent + 1)
    assert again.body == PHOTO
    await desk.does("$ upload-proxy uploads purge")
    (exported,) = await desk.does("$ upload-proxy uploads export")
    assert hashlib.sha256(PHOTO).hexdigest() in exported.said
    assert (desk.directory / "photo.jpg").read_bytes() == PHOTO


async def prepare(desk: Desk) -> None:
    """The uploads of the page, oldest first."""
    speaker, origin = desk.speaker, desk.origin
    fields = (("Content-Type", "image/jpeg"), ("Authorization", "Bearer secret"))
    first = await named(
        lambda: speaker.create(
            8,
            length=len(PHOTO),
            sends=PHOTO[:1_250_000],
            then="stall",
            path="/photos?key=secret",
            fields=fields,
        )
    )
    await arrived(desk, first, 1_250_000)
    offset = await first.ask_offset()  # ends the part that hangs
    origin.then(Reset())
    assert (await first.append(at=offset, sends=PHOTO[offset:])).status == 502
    second = await named(
        lambda: speaker.create(8, last=False, sends=b"a" * 40_000, announce=90_000)
    )
    third = await speaker.create(
        6, length=7_050_000, sends=b"a" * 5_030_000, then="stall"
    )
    origin.then(Reply(201, (), b"made"))
    fourth = await speaker.create(8, sends=b"a" * 812)
    shown = (UNKNOWN, INTERRUPTED, RECEIVING, RESPONDED)
    for name, upload in zip(shown, (first, second, third, fourth), strict=True):
        desk.here[name] = token(upload)[:6]
    await arrived(desk, third, 5_030_000)


async def named(create: Callable[[], Awaitable[Upload]]) -> Upload:
    """An upload whose name can be typed anywhere: it does not begin with a dash."""
    while token(upload := await create()).startswith("-"):
        await upload.cancel()
    return upload


async def arrived(desk: Desk, upload: Upload, size: int) -> None:
    """Wait until the spool has so many bytes of it."""

    async def there() -> bool | None:
        (body,) = desk.proxy.spool.rglob(f"{token(upload)}.body")
        return True if body.stat().st_size == size else None

    await until(there)


def token(upload: Upload) -> str:
    return upload.path.rpartition("/")[2]


async def test_the_log_is_renamed_and_begun_anew(desk: Desk) -> None:
    """By the steps of logrotate, with the signal sent by ``kill``."""
    shown = fence(PAGE, "/var/log/upload-proxy/proxy.log {")
    (sends,) = re.findall(r"systemctl kill --signal=SIG(\w+) \S+", shown)
    log, old = desk.directory / "proxy.log", desk.directory / "proxy.log.1"
    came = await desk.types(f"mv {log} {old} && kill -{sends} {desk.proxy.pid}")
    assert came == Came(0, "")

    async def anew() -> bool | None:
        return True if log.exists() else None

    async def written() -> bool | None:
        return True if "/after" in log.read_text() else None

    await until(anew)
    await desk.speaker.ask("GET", "/after")
    await until(written)
    assert "/after" not in old.read_text()


async def test_a_changed_configuration_is_taken_into_use(desk: Desk) -> None:
    there = f"http://127.0.0.1:{free_port()}"
    desk.here['"http://127.0.0.1:3000"'] = f'"{desk.origin.address}"'
    desk.here['"http://127.0.0.1:4000"'] = f'"{there}"'
    settings = json.loads(desk.proxy.file.read_text())
    settings["origin"]["url"] = there
    settings["uploads"] = {"limits": {"max_size": 1 << 30}}
    desk.proxy.file.write_text(json.dumps(settings))
    await desk.does("$ upload-proxy reload")


async def test_an_origin_is_enough_to_serve(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the text has of health and stopping, on a proxy with nothing to do."""
    origin = {"http://127.0.0.1:3000": desk.origin.address}
    alone = Shown(tmp_path, changed(SERVE_ORIGIN, origin), {})
    for name, meant in alone.environment.items():
        monkeypatch.setenv(name, meant)
    page = (DOCS / PAGE).read_text()
    sitting = Desk(desk.directory, alone, desk.origin, desk.speaker)
    try:
        await alone.start()
        for command in ("upload-proxy healthcheck", "upload-proxy drain --wait 60s"):
            assert f"`{command}`" in page
            came = await sitting.types(command)
            assert came.code == 0, came
        alone.signal(signal.SIGTERM)
        assert await alone.exited() == 0
    finally:
        await alone.end()
