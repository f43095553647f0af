"""The client in the terminal: it knows its bytes, and where its connection is cut.

It speaks as a phone of today does: one POST that says it is complete, then HEAD and
PATCH after each cut. What it learns of the upload comes from the wire alone.
"""

from __future__ import annotations

import json
from typing import Final

from rich.progress import Progress, TaskID

from proxy.client.target import Target, target
from proxy.client.wire import ANSWER_S, Connection, Lines, NoAnswer, Said

SIZE: Final = 64 * 1024 * 1024
CUTS: Final = (27 * 1024 * 1024, 50 * 1024 * 1024)
"""Where the connection is lost: somewhere in the middle, and once more later on."""
_CHUNK: Final = 256 * 1024
_VERSION: Final = ("Upload-Draft-Interop-Version", "6")
"""What the iPhones of today speak."""


class Phone:
    """Uploads `body`, of SIZE bytes, to `url`."""

    def __init__(self, url: str, body: bytes, progress: Progress, bar: TaskID) -> None:
        self._target = target(url)
        self._body = body
        self._progress = progress
        self._bar = bar
        self._cuts = list(CUTS)
        self.saved = 0
        """Bytes that the resumed requests did not have to send again."""
        self.result = ""
        """What the origin answered."""

    async def run(self) -> None:
        upload = await self._begin()
        while not self.result:
            await self._resume(upload)

    async def _begin(self) -> Target:
        """The POST, cut on its way; the 104 has told where the upload lives."""
        connection = await Connection.open(self._target)
        try:
            await connection.begin("POST", self._target.path, _rest_from(0))
            upload = _location(await connection.hear_head(ANSWER_S))
            self._say(f"104 {upload.url[:60]}…")
            await self._send_until_cut(0, connection)
        finally:
            await connection.close()
        return upload

    async def _resume(self, upload: Target) -> None:
        offset = await self._ask(upload)
        self.saved += offset
        connection = await Connection.open(upload)
        resuming = (
            ("Upload-Offset", str(offset)),
            ("Content-Type", "application/partial-upload"),
        )
        try:
            await connection.begin("PATCH", upload.path, _rest_from(offset) + resuming)
            if await self._send_until_cut(offset, connection):
                return
            await connection.end()
            answer = await connection.hear("PATCH")
        finally:
            await connection.close()
        self._say(f"{answer.status} from the origin, {len(answer.content)} bytes")
        self.result = json.loads(answer.content)["sha256"]

    async def _ask(self, upload: Target) -> int:
        """How far it got."""
        connection = await Connection.open(upload)
        try:
            await connection.begin("HEAD", upload.path, (_VERSION,))
            await connection.end()
            answer = await connection.hear("HEAD")
        finally:
            await connection.close()
        offset = _offset(answer)
        self._say(f"HEAD says {offset / 2**20:.1f} MiB are there; going on from there")
        return offset

    async def _send_until_cut(self, offset: int, connection: Connection) -> bool:
        """Send what is left, or as much as goes before the next cut; True: cut."""
        cut = self._cuts.pop(0) if self._cuts else SIZE
        for start in range(offset, cut, _CHUNK):
            end = min(start + _CHUNK, cut)
            await connection.send(self._body[start:end])
            self._progress.update(self._bar, completed=end)
        if cut < SIZE:
            self._say(f"connection lost after {cut / 2**20:.0f} MiB")
        return cut < SIZE

    def _say(self, text: str) -> None:
        self._progress.console.print(f"  [dim]{text}[/dim]", highlight=False)


def _rest_from(offset: int) -> Lines:
    """Fields of a request whose content is the body from `offset` to its end."""
    length = ("Content-Length", str(SIZE - offset))
    return (_VERSION, ("Upload-Complete", "?1"), length)


def _location(answer: Said | None) -> Target:
    """Raises:
    NoAnswer: it tells none.
    """
    url = answer and answer.value("Location")
    if not url:
        raise NoAnswer("no 104 with a Location")
    return target(url)


def _offset(answer: Said) -> int:
    """Raises:
    NoAnswer: it tells none.
    """
    told = answer.value("Upload-Offset")
    if told is None:
        raise NoAnswer(f"{answer.status} without Upload-Offset")
    return int(told)
