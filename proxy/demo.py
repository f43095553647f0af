"""The demonstration: an origin, the proxy, an upload that is cut twice and resumed.

Everything runs in this process, on loopback, over a spool that is removed afterwards.
The origin knows nothing of resumable uploads: it takes a POST and answers with the size
and the SHA-256 of what it got. The run succeeds only when it got one request, whose
bytes are those that were sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from proxy.app import App
from proxy.config import Config

SIZE: Final = 64 * 1024 * 1024
CUTS: Final = (27 * 1024 * 1024, 50 * 1024 * 1024)
"""Where the connection is lost: somewhere in the middle, and once more later on."""
CHUNK: Final = 256 * 1024
VERSION: Final = 6
"""The interop version that today's iPhones speak."""
WAIT_S: Final = 30.0


@dataclass
class Origin:
    """An upload endpoint as there are many: one POST, one answer."""

    received: list[str] = field(default_factory=list)
    """SHA-256 of each body, in order."""

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        digest, size = hashlib.sha256(), 0
        async for chunk in request.content.iter_any():
            digest.update(chunk)
            size += len(chunk)
        self.received.append(digest.hexdigest())
        answer = {"bytes": size, "sha256": digest.hexdigest()}
        return web.json_response(answer, status=201)


@dataclass(frozen=True)
class Answer:
    status: int
    fields: dict[str, str]
    """Names in lower case."""


class Lost(Exception):
    """The connection was cut, as the script of the demonstration wants it."""


class Connection:
    """One connection of the client: a request is sent, answers are read."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> Connection:
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def send(self, content: bytes | memoryview) -> None:
        self._writer.write(content)
        await self._writer.drain()

    async def answer(self) -> Answer:
        """The next response, an interim one too; its content is not read."""
        async with asyncio.timeout(WAIT_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.split("\r\n")
        pairs = (line.split(":", 1) for line in lines if line)
        fields = {name.lower(): value.strip() for name, value in pairs}
        return Answer(int(status.split()[1]), fields)

    async def content(self, answer: Answer) -> bytes:
        return await self._reader.readexactly(int(answer.fields["content-length"]))

    def close(self) -> None:
        self._writer.close()


class Phone:
    """The client: it knows its bytes, and where it is cut."""

    def __init__(self, url: str, body: bytes, progress: Progress, bar: TaskID) -> None:
        self._url = url
        self._body = body
        self._progress = progress
        self._bar = bar
        self._cuts = list(CUTS)
        self.saved = 0
        """Bytes that the resumed requests did not have to send again."""
        self.result = ""
        """What the origin answered."""

    async def run(self) -> None:
        location = await self._begin()
        while not self.result:
            await self._resume(location)

    async def _begin(self) -> str:
        """The POST, cut on its way; the 104 has told where the upload lives."""
        connection = await Connection.open(self._url)
        await connection.send(self._head("POST", self._url, offset=0))
        resumable = await connection.answer()
        self._say(f"104 {resumable.fields['location'][:60]}…")
        try:
            await self._send_from(0, connection)
        except Lost:
            return resumable.fields["location"]
        finally:
            connection.close()
        raise AssertionError("the demonstration cuts its first request")

    async def _resume(self, location: str) -> None:
        offset = await self._ask(location)
        self.saved += offset
        connection = await Connection.open(self._url)
        try:
            await connection.send(self._head("PATCH", location, offset=offset))
            await self._send_from(offset, connection)
            answer = await connection.answer()
            while answer.status < 200:
                answer = await connection.answer()
            content = await connection.content(answer)
        except Lost:
            return
        finally:
            connection.close()
        self._say(f"{answer.status} from the origin, {len(content)} bytes")
        self.result = json.loads(content)["sha256"]

    async def _ask(self, location: str) -> int:
        """How far it got."""
        connection = await Connection.open(self._url)
        try:
            await connection.send(self._head("HEAD", location, offset=None))
            answer = await connection.answer()
        finally:
            connection.close()
        offset = int(answer.fields["upload-offset"])
        self._say(f"HEAD says {offset / 2**20:.1f} MiB are there; going on from there")
        return offset

    async def _send_from(self, offset: int, connection: Connection) -> None:
        cut = self._cuts.pop(0) if self._cuts else SIZE
        body = memoryview(self._body)
        for start in range(offset, cut, CHUNK):
            end = min(start + CHUNK, cut)
            await connection.send(body[start:end])
            self._progress.update(self._bar, completed=end)
        if cut < SIZE:
            self._say(f"connection lost after {cut / 2**20:.0f} MiB")
            raise Lost

    def _head(self, method: str, url: str, *, offset: int | None) -> bytes:
        parts = urlsplit(url)
        lines = [
            f"{method} {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"Upload-Draft-Interop-Version: {VERSION}",
        ]
        if offset is not None:
            lines += ["Upload-Complete: ?1", f"Content-Length: {SIZE - offset}"]
        if method == "PATCH":
            lines += [
                f"Upload-Offset: {offset}",
                "Content-Type: application/partial-upload",
            ]
        return "\r\n".join([*lines, "", ""]).encode()

    def _say(self, text: str) -> None:
        self._progress.console.print(f"  [dim]{text}[/dim]", highlight=False)


def run(*, keep: bool) -> int:
    """Run the demonstration; with `keep` the proxy stays up until Ctrl-C. An exit
    code."""
    try:
        return asyncio.run(_run(keep=keep))
    except KeyboardInterrupt:
        return 0


async def _run(*, keep: bool) -> int:
    console = Console(file=sys.stdout)
    origin = Origin()
    with tempfile.TemporaryDirectory(prefix="upload-proxy-demo-") as directory:
        runner = web.ServerRunner(web.Server(origin))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address, port = runner.addresses[0][:2]
        app = App(_config(f"http://{address}:{port}", directory))
        await app.start()
        try:
            passed = await _upload(app.addresses[0], origin, console)
            if passed and keep:
                await _stay(app.addresses[0], console)
        finally:
            await app.stop()
            await runner.cleanup()
    return 0 if passed else 1


def _config(origin: str, directory: str) -> Config:
    return Config.model_validate(
        {
            "listen": "127.0.0.1:0",
            "admin": None,
            "origin": {"url": origin},
            "spool": {"directory": directory},
            "log": {"level": "warning"},
        }
    )


async def _upload(url: str, origin: Origin, console: Console) -> bool:
    body = os.urandom(SIZE)
    console.print(
        f"Uploading {SIZE // 2**20} MiB through {url}; the connection is lost twice."
    )
    columns = (TextColumn("  "), BarColumn(), DownloadColumn(binary_units=True))
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("upload", total=SIZE)
        phone = Phone(f"{url}/photos", body, progress, bar)
        await phone.run()
    return _verdict(phone, hashlib.sha256(body).hexdigest(), origin, console)


def _verdict(phone: Phone, sent: str, origin: Origin, console: Console) -> bool:
    passed = origin.received == [sent] and phone.result == sent
    if passed:
        console.print(
            f"[green]The origin got one request, SHA-256 {sent[:16]}…, as sent.[/green]"
        )
    else:
        console.print(f"[red]Expected one body {sent}, got {origin.received}.[/red]")
    console.print(
        f"{phone.saved} bytes ({phone.saved / 2**20:.1f} MiB) were not sent twice: "
        "what starting over after each cut would have sent again.",
        highlight=False,
        soft_wrap=True,
    )
    return passed


async def _stay(url: str, console: Console) -> None:
    console.print(
        f"""
The proxy stays up at {url}; Ctrl-C ends it. In another terminal:

  # a part of an upload: 201, with the upload's URL in Location
  printf 'first half, ' | curl -i -X POST {url}/notes --data-binary @- \\
    -H 'Upload-Draft-Interop-Version: 6' -H 'Upload-Complete: ?0'

  # how far did it get? (put the Location in)
  curl -I -H 'Upload-Draft-Interop-Version: 6' LOCATION

  # the rest: the origin gets one POST and answers
  printf 'second half' | curl -i -X PATCH LOCATION --data-binary @- \\
    -H 'Upload-Draft-Interop-Version: 6' -H 'Upload-Complete: ?1' \\
    -H 'Upload-Offset: 12' -H 'Content-Type: application/partial-upload'
""",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    await asyncio.Event().wait()
