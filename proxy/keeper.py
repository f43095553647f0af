"""The content of an answer, kept for replay as far as it goes (R60, R61).

Keeping never stands in the way of passing on: content that is too long, or that the
spool does not take, still goes to whoever waits, and a replay will say that it was not
kept. The one invariant: what ``finish`` calls kept is all of the content, and nothing
else.
"""

from __future__ import annotations

from proxy.core.errors import SpoolError
from proxy.core.upload import Token
from proxy.spool import Spool, Writer


class Keeper:
    """Keeps the content of an answer for replay, up to a bound."""

    def __init__(self, spool: Spool, token: Token, bound: int) -> None:
        self._spool = spool
        self._token = token
        self._bound = bound
        self._writer: Writer | None = None
        self._kept = True
        self.size = 0
        """Bytes of the content so far, kept or not."""

    def keep(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if not self._kept:
            return
        if self.size > self._bound:
            self._kept = False
            return
        try:
            if self._writer is None:
                self._writer = self._spool.answer_writer(self._token)
            self._writer.write(chunk)
        except SpoolError:
            # The answer still goes to who waits; a replay will say it was not kept.
            self._kept = False

    async def finish(self) -> bool:
        """True when all of the content is kept."""
        if self._writer is not None:
            try:
                if self._kept:
                    await self._writer.sync()
            except SpoolError:
                self._kept = False
            self._writer.close()
            if not self._kept:
                await self.drop()
        return self._kept

    def close(self) -> None:
        """Let go of the file, however it ended. May be called twice."""
        if self._writer is not None:
            self._writer.close()

    async def drop(self) -> None:
        """Keep nothing after all."""
        self._kept = False
        if self._writer is None:
            return
        self._writer.close()
        try:
            await self._spool.drop_answer(self._token)
        except SpoolError:
            # It goes with the upload; the record will not call it kept.
            return
