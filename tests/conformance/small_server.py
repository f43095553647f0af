"""A server of version 8 that is right, and wrong in one way when it is told to.

One request for each connection, uploads in memory. The one invariant: without a defect
it fails nothing, so that what a defect fails is its own.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

VERSION = "upload-draft-interop-version"
LIMIT = "Upload-Limit: min-size=0"
OFFSET_PAST_A_CUT = "tells more than it has"
NO_OFFSET_WITH_409 = "409 without Upload-Offset"
NO_104 = "no 104"
ANY_OFFSET = "accepts a wrong offset"
NO_COMPLETENESS = "forgets Upload-Complete"
NOT_CANCELLED = "keeps what was cancelled"
STRANGE_104 = "104 without a version in the request"
OVERRUN = "takes more than the length"
OLDER_GOES_ON = "an older transfer goes on beside a newer one"
TWO_LOCATIONS = "another Location in the final response"


@dataclass(slots=True)
class Upload:
    offset: int = 0
    length: int | None = None
    done: bool = False
    turn: int = 0
    """Of the newest request: older ones append no more."""


@dataclass(slots=True)
class Request:
    method: str
    path: str
    protocol: str
    fields: dict[str, list[str]]
    reader: asyncio.StreamReader

    def one(self, name: str) -> str | None:
        """The Item without its parameters; None when it is not exactly one."""
        lines = self.fields.get(name, [])
        return lines[0].partition(";")[0].strip() if len(lines) == 1 else None

    def number(self, name: str) -> int | None:
        told = self.one(name) or ""
        return int(told) if told.isdigit() else None

    async def content(self) -> AsyncIterator[int]:
        """Sizes of its pieces; ends early when the client has gone."""
        if self.one("transfer-encoding") == "chunked":
            while size := int(await self.reader.readline(), 16):
                await self.reader.readexactly(size + 2)
                yield size
            return
        left = self.number("content-length") or 0
        while left:
            piece = await self.reader.read(min(left, 4096))
            if not piece:
                raise ConnectionResetError
            left -= len(piece)
            yield len(piece)


@dataclass(slots=True)
class SmallServer:
    defect: str = ""
    uploads: dict[str, Upload] = field(default_factory=dict)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            fields: dict[str, list[str]] = {}
            for line in lines:
                name, _, value = line.partition(":")
                fields.setdefault(name.lower(), []).append(value.strip())
            method, path, protocol = first.split(" ")
            request = Request(method, path, protocol, fields, reader)
            status, told = await self._answer(request, writer)
            _say(writer, status, "Content-Length: 0", "Connection: close", *told)
            if writer.can_write_eof():
                writer.write_eof()
            while await reader.read(4096):
                pass  # what was refused, so that it does not reset the answer
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # a client that is gone
        finally:
            writer.close()

    async def _answer(
        self, request: Request, writer: asyncio.StreamWriter
    ) -> tuple[int, list[str]]:
        if request.method == "OPTIONS":
            return 200, [LIMIT, "Accept-Patch: application/partial-upload"]
        if request.path == "/files":
            return await self._create(request, writer)
        upload = self.uploads.get(request.path)
        if upload is None:
            return 404, []
        upload.turn += 1
        if request.method == "DELETE":
            if self.defect != NOT_CANCELLED:
                del self.uploads[request.path]
            return 204, []
        if request.method == "PATCH":
            return await self._append(request, upload)
        return 204, [*self._state(upload), LIMIT, "Cache-Control: no-store"]

    async def _create(
        self, request: Request, writer: asyncio.StreamWriter
    ) -> tuple[int, list[str]]:
        if request.one("upload-complete") not in ("?0", "?1"):
            async for _ in request.content():
                pass
            return 200, []
        length = request.number("upload-length")
        announced = request.number("content-length")
        last = request.one("upload-complete") == "?1"
        if last and announced is not None:
            if length not in (None, announced):
                return 400, []
            length = announced
        if length is not None and (announced or 0) > length:
            return 400, []
        path = f"/files/{secrets.token_hex(16)}"
        upload = self.uploads[path] = Upload(length=length)
        where = f"Location: http://{request.one('host')}{path}"
        if self.defect.startswith("Location: "):
            where = self.defect
        known = request.one(VERSION) == "8" or self.defect == STRANGE_104
        if known and request.protocol == "HTTP/1.1" and self.defect != NO_104:
            _say(writer, 104, where, LIMIT, "Upload-Draft-Interop-Version: 8")
        if request.one("expect"):
            _say(writer, 100)
        status, told = await self._take(request, upload, last=last)
        if self.defect == TWO_LOCATIONS:
            where += "x"
        echo = "Upload-Draft-Interop-Version: 8"
        spoken = request.one(VERSION) == "8"
        return (201 if status == 204 else status), [
            *([where, LIMIT, echo] if spoken else [where, LIMIT]),
            *told,
        ]

    async def _append(self, request: Request, upload: Upload) -> tuple[int, list[str]]:
        offset, says = request.number("upload-offset"), request.one("upload-complete")
        kind = (request.one("content-type") or "").lower()
        if offset is None or says not in ("?0", "?1"):
            return 400, self._state(upload)
        if kind != "application/partial-upload":
            return 415, self._state(upload)
        if upload.done:
            return 400, ["Upload-Complete: ?0"]
        if offset != upload.offset and self.defect != ANY_OFFSET:
            if self.defect == NO_OFFSET_WITH_409:
                return 409, []
            return 409, self._state(upload)
        last, announced = says == "?1", request.number("content-length")
        length = request.number("upload-length")
        if length is not None and upload.length not in (None, length):
            return 400, self._state(upload)
        end = None if announced is None else offset + announced
        if last and end is not None and upload.length not in (None, end):
            return 400, self._state(upload)
        return await self._take(request, upload, last=last)

    async def _take(
        self, request: Request, upload: Upload, *, last: bool
    ) -> tuple[int, list[str]]:
        turn = upload.turn
        async for size in request.content():
            if turn != upload.turn and self.defect != OLDER_GOES_ON:
                raise ConnectionResetError
            upload.offset += size
            length = upload.offset if upload.length is None else upload.length
            if upload.offset > length and self.defect != OVERRUN:
                self.uploads = {
                    path: one for path, one in self.uploads.items() if one is not upload
                }
                return 400, []
        if last and upload.length not in (None, upload.offset):
            return 400, self._state(upload)
        upload.done = last
        return (200 if last else 204), self._state(upload)

    def _state(self, upload: Upload) -> list[str]:
        more = 1 if self.defect == OFFSET_PAST_A_CUT else 0
        told = [f"Upload-Offset: {upload.offset + more}"]
        if self.defect != NO_COMPLETENESS:
            told.append(f"Upload-Complete: ?{int(upload.done)}")
        if upload.length is not None:
            told.append(f"Upload-Length: {upload.length}")
        return told


def _say(writer: asyncio.StreamWriter, status: int, *lines: str) -> None:
    if not writer.is_closing():
        text = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} So", *lines))
        writer.write(text.encode("latin-1") + b"\r\n")


@asynccontextmanager
async def small_server(defect: str = "") -> AsyncIterator[str]:
    """The URL of one that is wrong in that way."""
    server = await asyncio.start_server(SmallServer(defect).serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/files"
    finally:
        server.close()
