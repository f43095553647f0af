"""Whatever a client says, requests go to the configured origin; admin stays apart."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from proxy.addresses import UnixAddress
from proxy.sockets import listening_socket
from tests.conftest import StartProxy
from tests.kit.answer import VERSION_FIELD
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Connection, Response, request

ELSEWHERE: Final = "127.0.0.1:{port}"
WAYS: Final[dict[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    "Host": ("/a", (("Host", ELSEWHERE),)),
    "an absolute target": (f"http://{ELSEWHERE}/a", ()),
    "an absolute target with https": (f"https://{ELSEWHERE}/a", ()),
    "a URL in the path": (f"/http://{ELSEWHERE}/a", ()),
    "two slashes": (f"//{ELSEWHERE}/a", ()),
    "an at sign in the path": (f"/@{ELSEWHERE}/a", ()),
    "X-Forwarded-Host": ("/a", (("X-Forwarded-Host", ELSEWHERE),)),
    "X-Forwarded-Server": ("/a", (("X-Forwarded-Server", ELSEWHERE),)),
    "X-Forwarded-For": ("/a", (("X-Forwarded-For", ELSEWHERE),)),
    "Forwarded": ("/a", (("Forwarded", f'host="{ELSEWHERE}"'),)),
    "X-Original-URL": ("/a", (("X-Original-URL", f"http://{ELSEWHERE}/"),)),
    "X-Rewrite-URL": ("/a", (("X-Rewrite-URL", f"http://{ELSEWHERE}/"),)),
    "Proxy": ("/a", (("Proxy", f"http://{ELSEWHERE}"),)),
    "Referer and Origin": (
        "/a",
        (("Referer", f"http://{ELSEWHERE}"), ("Origin", f"http://{ELSEWHERE}")),
    ),
    "Authorization": ("/a", (("Authorization", f"Bearer http://{ELSEWHERE}"),)),
    "Location": ("/a", (("Location", f"http://{ELSEWHERE}"),)),
}
UPLOAD: Final = ((VERSION_FIELD, "8"), ("Upload-Complete", "?1"))


class Elsewhere:
    """A server that nobody has any business with."""

    def __init__(self) -> None:
        self.met = 0
        """Connections that came."""

    async def start(self) -> int:
        """Its port."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _meet(
        self, _: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.met += 1
        writer.close()

    def stop(self) -> None:
        self._server.close()


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    server = Elsewhere()
    yield server
    server.stop()


@pytest.mark.parametrize("trusted", [[], ["127.0.0.1"]], ids=["stranger", "front"])
@pytest.mark.parametrize("way", WAYS)
async def test_no_request_goes_where_a_client_says(
    start_proxy: StartProxy,
    origin: RecordingOrigin,
    elsewhere: Elsewhere,
    way: str,
    trusted: list[str],
) -> None:
    """Passed through, and as an upload; from a stranger, and through a front that
    passes on what it was told."""
    port = await elsewhere.start()
    target, fields = WAYS[way]
    said = tuple((name, value.format(port=port)) for name, value in fields)
    app = await start_proxy(trusted_proxies=trusted)
    for more in ((), UPLOAD):
        connection = await Connection.open(app.addresses[0])
        length = (("Content-Length", "0"),)
        await connection.send(
            request("POST", target.format(port=port), *said, *more, *length)
        )
        assert (await connection.hear()).status == 200
        await connection.close()
    assert len(origin.complete) == 2
    assert elsewhere.met == 0


async def _asked(address: str, method: str, target: str) -> Response:
    connection = await Connection.open(address)
    fields = (("Host", "localhost"), *UPLOAD, ("Content-Length", "0"))
    await connection.send(request(method, target, *fields))
    answer = await connection.hear(method)
    await connection.close()
    return answer


@pytest.mark.parametrize(
    "path",
    [
        *("/livez", "/readyz", "/drain", "/reload", "/metrics"),
        *("/uploads", "/uploads/now", "/uploads/purge"),
    ],
)
async def test_what_is_for_operators_is_the_origins_to_clients(
    start_proxy: StartProxy, origin: RecordingOrigin, path: str
) -> None:
    app = await start_proxy(admin={"listen": "127.0.0.1:0"})
    for method in ("GET", "POST"):
        await _asked(app.addresses[0], method, path)
    assert [one.target for one in origin.requests] == [path, path]
    assert app.admin_address is not None
    drained = await _asked(app.admin_address, "GET", "/drain")
    assert json.loads(drained.content)["draining"] is False


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "HEAD", "DELETE"])
@pytest.mark.parametrize("path", ["/files", "/resumable_upload/" + "A" * 43, "/a"])
async def test_what_is_for_clients_is_not_there_for_operators(
    start_proxy: StartProxy, origin: RecordingOrigin, path: str, method: str
) -> None:
    app = await start_proxy(admin={"listen": "127.0.0.1:0"})
    assert app.admin_address is not None
    assert (await _asked(app.admin_address, method, path)).status == 404
    assert origin.requests == []


def test_a_unix_socket_lets_in_whom_the_umask_does(tmp_path: Path) -> None:
    """Who may write to it may connect, and is trusted: by default only our user."""
    path = tmp_path / "socket"
    with listening_socket(UnixAddress(str(path))):
        assert path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH) == 0
