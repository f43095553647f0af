"""tus-js-client at work in a Node process of its own.

``node/upload.js`` makes one upload and tells what happens; here it is started, told to
abort, and heard to its end. The one invariant: no process outlives its block.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

import pytest

from tests.kit.origin import RecordingOrigin

from . import needs

SCRIPT: Final = needs.HERE / "node" / "upload.js"

ENDS_WITHIN_S: Final = 15.0
"""Seconds in which an upload of some MiB has to end, the start of Node included."""

CONTENT: Final = Random(5).randbytes(1_000_000)
"""Of the file that is uploaded."""

each_protocol = pytest.mark.parametrize("protocol", ["ietf-draft-03", "ietf-draft-05"])
each_chunking = pytest.mark.parametrize(
    "chunking", [{}, {"chunkSize": 300_000}], ids=["one-part", "chunks"]
)

Source = Literal["buffer", "file", "stream"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How an upload ended for its client."""

    how: str
    """`success`, `error` or `aborted`."""
    url: str | None
    """Its URL; None: it never had one."""
    requests: list[dict[str, Any]]
    """Method, status, completeness said and offset heard of every answered request."""
    message: str | None
    """What tus-js-client says of an error."""

    @property
    def methods(self) -> list[str]:
        return [request["method"] for request in self.requests]

    @property
    def statuses(self) -> list[int]:
        return [request["status"] for request in self.requests]


class Running:
    """An upload that goes on."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def abort(self) -> Ended:
        """``upload.abort()``."""
        return await self._say("abort")

    async def terminate(self) -> Ended:
        """``upload.abort(true)``, which deletes the upload at the server."""
        return await self._say("terminate")

    async def ended(self) -> Ended:
        """Wait for its end.

        Raises:
            AssertionError: the script failed.
        """
        async with asyncio.timeout(ENDS_WITHIN_S):
            output, errors = await self._process.communicate()
        lines = [json.loads(line) for line in output.splitlines()]
        last = lines[-1] if lines else {}
        assert "ended" in last, (output, errors.decode())
        return Ended(
            last["ended"], last.get("url"), last["requests"], last.get("message")
        )

    async def _say(self, word: str) -> Ended:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        return await self.ended()


@asynccontextmanager
async def uploading(
    path: Path,
    source: Source = "buffer",
    *,
    storage: Path | None = None,
    **options: Any,
) -> AsyncIterator[Running]:
    """An upload of the file at `path`, begun.

    source: what tus-js-client is given: the file's bytes, a stream of the file, or a
    stream of unknown length. storage: where it remembers URLs, and looks for one. The
    options are its own, in its spelling.
    """
    node = needs.node("tus-js-client")
    job = {
        "path": str(path),
        "source": source,
        "storage": storage and str(storage),
        "options": options,
    }
    process = await asyncio.create_subprocess_exec(
        node,
        str(SCRIPT),
        json.dumps(job),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def upload(path: Path, source: Source = "buffer", **options: Any) -> Ended:
    """The same, to its end."""
    async with uploading(path, source, **options) as running:
        return await running.ended()


def assert_arrived(ended: Ended, origin: RecordingOrigin) -> None:
    """The client is content, and the origin got the file, once."""
    assert ended.how == "success", ended.message
    assert origin.bodies == [CONTENT]
    assert len(origin.requests) == 1
