"""What was stored, and what others said, cannot add a line to what we say (P11).

Records are written here as nobody would who keeps to the rules of a spool: by hand,
with a right checksum.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from proxy.core.upload import Answer, Head, Moment, State, Upload
from proxy.spool.clock import LifetimeClock, boot_id
from proxy.spool.disk import DiskSpool
from proxy.spool.owner import Owner
from tests.conftest import StartProxy
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Connection, request
from tests.relay.conftest import answering, serving
from tests.spool.samples import stored

EVIL: Final = "a\r\nX-Evil: 1\r\n\r\nHTTP/1.1 200 OK\r\n"
RIGHT: Final = Head("POST", "/files", ((b"Host", b"h"), (b"X-Name", b"1")))
REQUESTS: Final = {
    "a value": replace(RIGHT, fields=(*RIGHT.fields, (b"X", EVIL.encode()))),
    "a value with a bare LF": replace(RIGHT, fields=((b"Host", b"h\nX-Evil: 1"),)),
    "a value with a bare CR": replace(RIGHT, fields=((b"Host", b"h\rX-Evil: 1"),)),
    "a value with a NUL": replace(RIGHT, fields=((b"Host", b"h\0"),)),
    "a name": replace(RIGHT, fields=((b"Host", b"h"), (EVIL.encode(), b"x"))),
    "the method": replace(RIGHT, method="POST / HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET"),
    "the target": replace(RIGHT, target="/ HTTP/1.1\r\nX-Evil: 1\r\n\r\n"),
}
ANSWERS: Final = {
    "the reason": Answer(201, "Created\r\nX-Evil: 1", (), size=0),
    "a value": Answer(201, "Created", ((b"Location", EVIL.encode()),), size=0),
    "a value with a bare LF": Answer(201, "", ((b"X", b"a\nX-Evil: 1"),), size=0),
    "a value with a bare CR": Answer(201, "", ((b"X", b"a\rX-Evil: 1"),), size=0),
    "a name": Answer(201, "Created", ((b"X: y\r\nX-Evil", b"1"),), size=0),
}
STEERING: Final = "\x1b[2J\x1b]0;owned\x07\r\n\x9b31m\u202e"
"""What terminals obey: they clear the screen, change their title, turn a line round."""
CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


async def _saved(directory: Path, **changes: Any) -> Upload:
    """An upload of five bytes, as it lies in the spool of a proxy that has stopped."""
    spool = DiskSpool(directory / "spool", boot_id=boot_id())
    Owner(directory / "spool", {}).release()
    now = LifetimeClock(str(directory / "spool"), boot_id=boot_id()).now()
    if "answer" in changes:
        changes["answered_at"] = now
    usual = {"length": 5, "acknowledged": 5, "created_at": now, "fed_at": now}
    try:
        return await stored(spool, b"12345", **(usual | changes))
    finally:
        spool.close()


async def _answer_to_end(address: str, upload: Upload) -> bytes:
    """All that is answered to an empty append at the end."""
    fields = (
        ("Upload-Draft-Interop-Version", "8"),
        ("Upload-Offset", "5"),
        ("Upload-Complete", "?1"),
        ("Content-Type", "application/partial-upload"),
        ("Content-Length", "0"),
        ("Connection", "close"),
    )
    connection = await Connection.open(address)
    await connection.send(
        request("PATCH", f"/resumable_upload/{upload.token}", *fields)
    )
    said = await connection.ended()
    await connection.close()
    return said


def _lines(said: bytes) -> list[bytes]:
    """The lines of the first head in `said`, wherever somebody could see one end."""
    return re.split(rb"\r\n|\r|\n", said.partition(b"\r\n\r\n")[0])


@pytest.mark.parametrize("case", REQUESTS)
async def test_a_stored_request_that_is_no_head_is_not_sent(
    start_proxy: StartProxy, origin: RecordingOrigin, tmp_path: Path, case: str
) -> None:
    upload = await _saved(tmp_path, state=State.COMPLETE, request=REQUESTS[case])
    app = await start_proxy(log={"file": str(tmp_path / "log")})
    said = await _answer_to_end(app.addresses[0], upload)
    assert said.startswith(b"HTTP/1.1 404 "), said
    assert "has a line break inside of a line" in (tmp_path / "log").read_text()
    assert origin.requests == []


@pytest.mark.parametrize("case", ANSWERS)
async def test_a_stored_answer_that_is_no_head_is_not_given(
    start_proxy: StartProxy, tmp_path: Path, case: str
) -> None:
    upload = await _saved(tmp_path, state=State.RESPONDED, answer=ANSWERS[case])
    app = await start_proxy(log={"file": str(tmp_path / "log")})
    said = await _answer_to_end(app.addresses[0], upload)
    assert said.startswith(b"HTTP/1.1 500 ")
    assert not [line for line in _lines(said) if line.startswith(b"X-Evil")]


@pytest.mark.parametrize(
    "line",
    [
        b"Location: /a\rSet-Cookie: evil=1",
        b"Location: /a\0b",
        b"Location: /a\r\n Set-Cookie: evil=1",
        b"Set-Cookie\0: evil=1",
        b"X: y\rz: evil",
    ],
)
async def test_an_origin_cannot_add_lines_that_only_some_readers_see(
    start_proxy: StartProxy, line: bytes
) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(answer)) as url:
        app = await start_proxy(origin={"url": url})
        connection = await Connection.open(app.addresses[0])
        await connection.send(request("GET", "/a", ("Connection", "close")))
        said = await connection.ended()
        await connection.close()
    head = said.partition(b"\r\n\r\n")[0].replace(b"\r\n", b"")
    assert not {b"\r", b"\n", b"\0"} & {head[at : at + 1] for at in range(len(head))}
    assert not [line for line in _lines(said) if line.startswith(b"Set-Cookie")]


@pytest.mark.parametrize(
    "words", [("list",), ("list", "--json"), ("show",), ("purge", "--dry-run")]
)
async def test_a_record_cannot_steer_the_terminal_of_an_operator(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    steering = STEERING.encode()
    upload = await _saved(
        tmp_path,
        state=State.RESPONDED,
        request=Head(
            f"PO{STEERING}", f"/{STEERING}?{STEERING}", ((steering, steering),)
        ),
        answer=Answer(201, STEERING, ((steering, steering),), size=0),
        peer=STEERING,
        why=STEERING,
        history=(Moment(1.0, STEERING, 5, STEERING),),
    )
    name = () if "list" in words else ("--", upload.token)
    done = await asyncio.to_thread(
        subprocess.run,
        [
            *(sys.executable, "-m", "proxy", "uploads", words[0]),
            *("--spool", str(tmp_path / "spool"), *words[1:], *name),
        ],
        capture_output=True,
        timeout=30,
        check=True,
    )
    told = done.stdout.decode() + done.stderr.decode()
    assert upload.token[:6] in told
    assert CONTROL.findall(told) == []


@pytest.mark.parametrize("form", ["console", "json"])
async def test_a_client_cannot_steer_who_reads_the_log(
    start_proxy: StartProxy, tmp_path: Path, form: str
) -> None:
    log = tmp_path / "log"
    app = await start_proxy(log={"file": str(log), "level": "info", "format": form})
    connection = await Connection.open(app.addresses[0])
    said = (
        ("User-Agent", "a\tb\u00c2\u009b31m level=error \u00e2\u0080\u00ae"),
        ("X-Request-ID", "1\tforged=1"),
        ("Connection", "close"),
    )
    await connection.send(request("GET", '/a%0d%0a"=b', *said))
    await connection.ended()
    await connection.close()
    told = log.read_text()
    assert CONTROL.findall(told) == []
    assert "forged" not in told
    (line,) = [line for line in told.splitlines() if "/a%0d%0a" in line]
    assert line.count("info") == 1
