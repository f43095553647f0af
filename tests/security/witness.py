"""An origin that keeps every byte it gets, and reads them by the letter of RFC 9112.

It answers a request when all of it is there. What it could read in two ways is kept as
unclear, and ends the connection. The one invariant: nothing is read leniently.
"""

from __future__ import annotations

import asyncio
from typing import Final

from tests.fuzz.strict import Sent, is_clear, sent
from tests.kit.bounds import BOUND_S

_ANSWER: Final = b"HTTP/1.1 200 Fine\r\nContent-Length: 6\r\n\r\nstored"
_TO_HEAD: Final = b"HTTP/1.1 200 Fine\r\nContent-Length: 6\r\n\r\n"


class Witness:
    """An HTTP/1.1 server on an ephemeral port of 127.0.0.1."""

    def __init__(self) -> None:
        self.requests: list[Sent] = []
        """Those that came whole, in the order in which they did."""
        self.unclear: list[bytes] = []
        """What could mean more than one thing."""
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._serving):
            task.cancel()
        async with asyncio.timeout(BOUND_S):
            ends = await asyncio.gather(*self._serving, return_exceptions=True)
        failures = [end for end in ends if isinstance(end, Exception)]
        assert not failures, failures

    def forget(self) -> None:
        """What comes from now on is looked at."""
        self.requests.clear()
        self.unclear.clear()

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        said = b""
        try:
            while piece := await reader.read(65536):
                said = await self._heard(said + piece, writer)
        except ConnectionError:
            pass  # the proxy ended it, as it may
        finally:
            writer.close()

    async def _heard(self, said: bytes, writer: asyncio.StreamWriter) -> bytes:
        """Answer the request in `said`; what is left, for one that is not all there."""
        if b"\r\n\r\n" not in said:
            return said
        if not is_clear(said):
            self.unclear.append(said)
            return b""
        for request in sent(said)[:1]:
            self.requests.append(request)
            if len(said) > request.size:
                # The proxy waits for an answer before it goes on: not its request.
                self.unclear.append(said)
            writer.write(_TO_HEAD if request.method == "HEAD" else _ANSWER)
            await writer.drain()
            return b""
        return said
