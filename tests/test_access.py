"""The line of every request, as an operator reads it: what is there, and how loud."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxy.app import App
from proxy.config import Config
from proxy.log import logger
from tests.conftest import base, merged
from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import request


class Lines:
    """What has been logged."""

    def __init__(self) -> None:
        self.out = io.StringIO()

    def of(self, event: str, **about: Any) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.out.getvalue().splitlines()]
        return [
            line
            for line in lines
            if line["event"] == event
            and all(line.get(key) == value for key, value in about.items())
        ]

    async def one(self, event: str, **about: Any) -> dict[str, Any]:
        """The one such line, as soon as it has been written."""

        async def written() -> dict[str, Any] | None:
            found = self.of(event, **about)
            assert len(found) < 2, found
            return found[0] if found else None

        return await until(written)


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
async def client(
    origin: RecordingOrigin,
    tmp_path: Path,
    lines: Lines,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Client]:
    marker = request.node.get_closest_marker("configured")
    settings = merged(base(origin, tmp_path), {"origin": {"response_timeout": "1s"}})
    settings = merged(settings, marker.kwargs if marker else {})
    app = App(Config.model_validate(settings), logger("debug", "json", lines.out))
    await app.start()
    speaking = Client(app.addresses[0])
    yield speaking
    await speaking.close()
    await app.stop()


async def test_a_request_passed_through(client: Client, lines: Lines) -> None:
    connection = await client.connect()
    await connection.send(request("GET", "/a/b?secret=1", ("User-Agent", "phone/1")))
    answer = await connection.hear("GET")
    line = await lines.one("request")
    assert line["level"] == "info"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/a/b", 200)
    assert (line["client"], line["user_agent"]) == ("127.0.0.1", "phone/1")
    assert line["request_id"] == answer.one("x-request-id")
    assert line["duration_s"] >= 0
    assert "op" not in line


async def test_an_upload_can_be_found_by_request_client_and_token(
    client: Client, lines: Lines
) -> None:
    upload = await client.create(9, sends=b"a" * 40, fields=(("Cookie", "secret"),))
    line = await lines.one("request")
    token = upload.path.rpartition("/")[2]
    assert (line["op"], line["version"], line["upload"]) == ("create", 9, token[:6])
    began = await lines.one("upload", change="body_attached")
    assert began["request_id"] == line["request_id"]
    assert (began["method"], began["client"]) == ("POST", "127.0.0.1")
    assert [of["state"] for of in lines.of("upload")] == [
        "receiving",
        "complete",
        "forwarding",
        "responded",
    ]


async def test_nothing_that_opens_a_door_is_logged(
    client: Client, lines: Lines
) -> None:
    """P11: neither tokens, wherever they stand in a path, nor credentials."""
    fields = (("Authorization", "Bearer very-secret"), ("Cookie", "id=very-secret"))
    upload = await client.create(9, last=False, sends=b"a" * 40, fields=fields)
    token = upload.path.rpartition("/")[2]
    await upload.head()
    connection = await client.connect()
    for path in (f"/elsewhere/{token}", f"{upload.path}.json", f"{upload.path}%20"):
        seen = ("User-Agent", f"saw {upload.path}")
        await connection.send(request("GET", path, seen))
        await connection.hear("GET")
    await lines.one("request", path=f"/elsewhere/{token[:6]}…")
    assert token not in lines.out.getvalue()
    assert "very-secret" not in lines.out.getvalue()


async def test_a_user_in_an_absolute_target_is_not_logged(
    client: Client, lines: Lines
) -> None:
    """P11."""
    connection = await client.connect()
    await connection.send(request("GET", "http://user:very-secret@upload.test/x"))
    await connection.hear("GET")
    await lines.one("request")
    assert "very-secret" not in lines.out.getvalue()


async def test_a_cut_says_so_and_which_upload_it_cut(
    client: Client, lines: Lines
) -> None:
    upload = await client.create(9, length=100, sends=b"a" * 40, then="cut")
    line = await lines.one("request")
    token = upload.path.rpartition("/")[2]
    assert (line["status"], line["broke_off"]) == (499, "cut")
    assert (line["upload"], line["bytes_in"]) == (token[:6], 40)


async def test_what_was_no_http_is_told(client: Client, lines: Lines) -> None:
    """Such as a front that speaks TLS to a plain port."""
    connection = await client.connect()
    await connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    await connection.ended()
    line = await lines.one("request")
    assert (line["status"], line["problem"], line["level"]) == (
        400,
        "bad-request",
        "info",
    )
    assert line["why"]
    assert line["peer"] == "127.0.0.1"


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\nAuthorization: very-secret\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nCookie: very-secret" + b"x" * 70_000 + b"\r\n",
        b"FROB /?key=very-secret HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
)
async def test_what_cannot_be_parsed_is_not_quoted(
    client: Client, lines: Lines, head: bytes
) -> None:
    """P11."""
    connection = await client.connect()
    await connection.send(head)
    await connection.ended()
    await lines.one("request")
    assert "very-secret" not in lines.out.getvalue()


async def test_a_head_we_do_not_take_says_why(client: Client, lines: Lines) -> None:
    connection = await client.connect()
    await connection.send(b"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n")
    await connection.ended()
    line = await lines.one("request")
    assert (line["status"], line["level"]) == (501, "info")
    assert line["why"] == "CONNECT is not served here."
    assert len(line["request_id"]) == 32


async def test_an_origin_that_is_down_is_a_warning_of_ours(
    client: Client, origin: RecordingOrigin, lines: Lines
) -> None:
    await origin.stop()
    connection = await client.connect()
    await connection.send(request("GET", "/"))
    assert (await connection.hear("GET")).status == 502
    line = await lines.one("request")
    assert (line["level"], line["problem"]) == ("warning", "connection-refused")


async def test_an_error_of_the_application_is_its_own(
    client: Client, origin: RecordingOrigin, lines: Lines
) -> None:
    origin.then(Reply(500))
    connection = await client.connect()
    await connection.send(request("GET", "/"))
    assert (await connection.hear("GET")).status == 500
    line = await lines.one("request")
    assert line["level"] == "info"
    assert "problem" not in line


async def test_an_unknown_outcome_is_an_error_that_says_whose(
    client: Client, origin: RecordingOrigin, lines: Lines
) -> None:
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"", once=gate))
    upload = await client.create(9, sends=b"a" * 40)
    assert upload.answer.status == 502
    line = await lines.one("upload", change="origin_lost")
    assert (line["level"], line["state"]) == ("error", "unknown")
    asked = await lines.one("request")
    assert (asked["level"], asked["problem"]) == ("error", "outcome-unknown")
    assert line["request_id"] == asked["request_id"]
    gate.set()


@pytest.mark.configured(routes=[{"name": "photos", "match": {"paths": "/photos/*"}}])
async def test_where_there_are_routes_every_line_names_one(
    client: Client, lines: Lines
) -> None:
    """Also that of a request on an upload, which takes none itself."""
    there = await client.create(9, path="/photos/1", last=False, sends=b"a")
    await there.append(at=1, sends=b"b")
    await there.head()
    await there.cancel()
    await client.create(9, path="/files", sends=b"a")
    for path in ("/photos/1", "/files"):
        await client.ask("GET", path)

    async def all_told() -> list[dict[str, Any]] | None:
        told = lines.of("request")
        return told if len(told) == 7 else None

    told = await until(all_told)
    assert sorted((line["method"], line["route"]) for line in told) == [
        ("DELETE", "photos"),
        ("GET", "default"),
        ("GET", "photos"),
        ("HEAD", "photos"),
        ("PATCH", "photos"),
        ("POST", "default"),
        ("POST", "photos"),
    ]
    token = there.path.rpartition("/")[2][:6]
    assert {line["route"] for line in lines.of("upload", upload=token)} == {"photos"}


async def test_where_there_are_none_no_line_names_one(
    client: Client, lines: Lines
) -> None:
    await client.create(9, sends=b"a")
    assert "route" not in await lines.one("request")
    assert all("route" not in line for line in lines.of("upload"))
