"""Bodies long enough for the shortcut, cut wherever something changes on the way.

Once as they come by default, once with the shortcut turned off, and fetched from after
every piece, as in a crowd on slow links and in one on fast ones: nobody can tell.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from proxy.app import App
from proxy.wire import Shortcut, shortcut
from proxy.wire.crowd import Crowd, Fetched
from proxy.wire.shortcut import BUFFER, LEAST, SMALLEST_SHARE
from tests.conftest import StartProxy
from tests.kit.answer import VERSION_FIELD
from tests.kit.bounds import until
from tests.kit.client import Client, Leaving, Upload
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import request
from tests.kit.words import words

LENGTH = 3 * LEAST
BODY = (bytes(range(251)) * (LENGTH // 251 + 1))[:LENGTH]
"""Its pattern ends where no buffer does."""
BOUNDARIES = sorted(
    {0, LENGTH - 1, LENGTH - LEAST, 2 * LEAST + 7}
    | {
        size + more
        for size in (SMALLEST_SHARE, 256 * 1024, BUFFER, LEAST)
        for more in (-1, 0, 1)
    }
)
VERSION = 6

each_boundary = pytest.mark.parametrize("size", BOUNDARIES)


def _rests(self: Crowd, body: Fetched, *_: float) -> bool:
    self.rest(body)
    return True


def _queues(self: Crowd, body: Fetched, *_: float) -> bool:
    self.queue(body)
    return True


_OF_A_CROWD = {"rests": _rests, "queues": _queues}


@pytest.fixture(params=["auto", "off", "auto, rests", "auto, queues"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    fast_receive, _, kind = str(request.param).partition(", ")
    if kind:
        monkeypatch.setattr(Crowd, "admit", _OF_A_CROWD[kind])
    return fast_receive


@pytest.fixture
async def proxy(start_proxy: StartProxy, way: str) -> App:
    return await start_proxy(fast_receive=way)


@pytest.fixture(autouse=True)
def entered(monkeypatch: pytest.MonkeyPatch) -> list[Shortcut]:
    """Grows with every body that takes the shortcut."""
    seen: list[Shortcut] = []
    joined = Shortcut.joined

    def noted(self: Shortcut) -> None:
        seen.append(self)
        joined(self)

    monkeypatch.setattr(Shortcut, "joined", noted)
    return seen


async def begun(client: Client, tmp_path: Path, size: int) -> Upload:
    """An upload of which `size` bytes are stored, and more are awaited."""
    upload = await client.create(
        VERSION, length=LENGTH, sends=BODY[:size], then="stall"
    )

    await until(partial(has, tmp_path, size))
    return upload


async def has(tmp_path: Path, size: int) -> bool | None:
    """True when so many bytes are stored."""
    (body,) = (tmp_path / "spool").rglob("*.body")
    return True if body.stat().st_size >= size else None


async def goes_on(upload: Upload, size: int, origin: RecordingOrigin) -> None:
    """The upload has exactly these bytes, and takes the rest."""
    assert await upload.ask_offset() == size
    answer = await upload.append(at=size, sends=BODY[size:])
    assert (answer.status, answer.complete) == (200, True)
    assert origin.bodies == [BODY]


@each_boundary
@pytest.mark.parametrize("then", ["cut", "reset", "stall"])
async def test_a_cut(
    client: Client,
    tmp_path: Path,
    origin: RecordingOrigin,
    size: int,
    then: Leaving,
) -> None:
    """P2, P6: by FIN, by RST, and by the newest request."""
    upload = await begun(client, tmp_path, size)
    if then == "cut":
        upload.transfer.finish()
        assert await upload.transfer.ended() == b""
    elif then == "reset":
        await upload.transfer.reset()
    await goes_on(upload, size, origin)


@each_boundary
async def test_a_client_that_says_it_and_leaves(
    client: Client, origin: RecordingOrigin, size: int
) -> None:
    """P2: nobody waited until its bytes had come."""
    upload = await client.create(VERSION, length=LENGTH, sends=BODY[:size], then="cut")
    assert await upload.transfer.ended() == b""
    await goes_on(upload, size, origin)


@pytest.mark.parametrize("size", BOUNDARIES[::4])
async def test_the_proxy_stops(
    client: Client,
    tmp_path: Path,
    origin: RecordingOrigin,
    restart_proxy: StartProxy,
    way: str,
    size: int,
) -> None:
    upload = await begun(client, tmp_path, size)
    client.address = (await restart_proxy(fast_receive=way)).addresses[0]
    assert await upload.transfer.ended() == b""
    await goes_on(upload, size, origin)


@pytest.mark.parametrize("missing", [1, LEAST - 1, LEAST, LEAST + 1, LENGTH])
async def test_a_body_that_ends_is_answered_and_the_next_request_too(
    client: Client, origin: RecordingOrigin, missing: int
) -> None:
    """In the packet of the last byte; and so again on the same connection."""
    connection = await client.connect()
    for turn in (1, 2):
        await connection.send(_creation(), BODY[: LENGTH - missing])
        assert (await connection.hear_interim()).status == 104
        await connection.send(BODY[LENGTH - missing :] + request("GET", "/next"), b"")
        assert (await connection.hear()).content == b"stored"
        assert (await connection.hear("GET")).content == b"stored"
        assert origin.bodies == [BODY, b""] * turn


async def test_the_shortcut_is_taken_unless_it_is_off(
    client: Client, entered: list[Shortcut], way: str
) -> None:
    upload = await client.create(VERSION, length=LENGTH, then="stall")
    await upload.transfer.send(BODY)
    assert (await upload.transfer.hear()).status == 200
    assert len(entered) == (way == "auto")


async def test_another_http_library_means_the_ordinary_way(
    start_proxy: StartProxy,
    running: list[App],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    entered: list[Shortcut],
) -> None:
    monkeypatch.setattr(shortcut, "_CONNECTION", ("_parser_of_old",))
    log = {"level": "debug", "format": "json"}
    app = await start_proxy(log=log)
    assert '"lacking": "RequestHandler._parser_of_old"' in capsys.readouterr().err
    client = Client(app.addresses[0])
    upload = await client.create(VERSION, length=LENGTH, then="stall")
    await upload.transfer.send(BODY)
    assert (await upload.transfer.hear()).status == 200
    assert not entered
    await client.close()
    await running.pop().stop()  # it logs to what is captured here


async def test_the_client_is_told_to_go_on_and_where_it_stands(
    client: Client, origin: RecordingOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R65, R66: 100 and 104 before the body, and 104 with progress in its midst."""
    monkeypatch.setattr("proxy.progress.PAUSES_S", (0.1, 60.0))
    connection = await client.connect()
    await connection.send(_creation(("Expect", "100-continue")))
    said = [await connection.hear_interim() for _ in range(2)]
    assert sorted(interim.status for interim in said) == [100, 104]
    await connection.send(BODY[:LEAST])
    progress = await connection.hear_interim()
    assert progress.one("Upload-Offset") == str(LEAST)
    await connection.send(BODY[LEAST:])
    assert (await connection.hear()).status == 200
    assert origin.bodies == [BODY]


async def test_the_log_tells_how_many_bytes_came(
    start_proxy: StartProxy,
    running: list[App],
    capsys: pytest.CaptureFixture[str],
    way: str,
) -> None:
    log = {"level": "info", "format": "json"}
    app = await start_proxy(fast_receive=way, log=log)
    client = Client(app.addresses[0])
    upload = await client.create(VERSION, length=LENGTH, then="stall")
    await upload.transfer.send(BODY)
    await upload.transfer.hear()
    await client.close()
    await running.pop().stop()  # its last line has been written
    assert f'"bytes_in": {LENGTH}' in capsys.readouterr().err


def _creation(*fields: tuple[str, str]) -> bytes:
    spoken = words(VERSION)
    return request(
        "POST",
        "/files",
        (VERSION_FIELD, str(VERSION)),
        (spoken.completeness, spoken.done),
        ("Content-Length", str(LENGTH)),
        *fields,
    )
