"""The origin of the model, and what else outlives the lives of the proxy.

A request that has left is the origin's: a process that dies then takes nothing back.
The one invariant: the model is told of a request before anybody else hears of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from proxy.core.errors import OriginCut, OriginError, OriginLost, OriginUnreached
from proxy.core.forms import Around
from proxy.core.upload import Answer, Head, Token
from proxy.spool import Reader

from .disk import Disk
from .promise import Promise

Fate = Literal["answers", "breaks off", "unreached", "gone", "cut", "lost"]
"""What becomes of a request to the origin; "gone": the connection that there was."""

_SLOW_S = 30.0
"""How long an origin takes that takes its time."""


@dataclass(frozen=True)
class Deed:
    """What the origin does with one request."""

    fate: Fate = "answers"
    slow: bool = False


class Shore:
    """What outlives the proxy: the promises made to clients, and the origin."""

    def __init__(self, *, repeatable: bool) -> None:
        self.repeatable = repeatable
        self.promises: dict[Token, Promise] = {}
        self.deeds: list[Deed] = []
        """What the origin does next; without any it answers at once."""
        self.wrong: AssertionError | None = None
        """What the origin should not have got."""


class Origin:
    """Takes complete uploads, and does with them what is next."""

    def __init__(self, shore: Shore, disk: Disk) -> None:
        self._shore = shore
        self._disk = disk

    async def connect(self, size: int, route: str) -> Origin:
        self._disk.act()
        deeds = self._shore.deeds
        if deeds and deeds[0].fate == "unreached":
            await self._happens(deeds.pop(0))
        return self

    async def send(self, head: Head, body: Reader, around: Around) -> _Stream:
        shore = self._shore
        self._disk.act()
        deed = shore.deeds.pop(0) if shore.deeds else Deed()
        promise = list(shore.promises.values())[int(head.path[1:])]
        got = body.read(0, body.size + 1)
        complete = deed.fate in ("answers", "breaks off", "lost")
        if deed.fate not in ("unreached", "gone"):
            self._check(promise, got, complete=complete)
        await self._happens(deed)
        promise.answer = b"answer to " + got if deed.fate == "answers" else None
        return _Stream(promise.answer)

    def close(self) -> None:
        pass

    async def _happens(self, deed: Deed) -> None:
        if deed.slow:
            # in the time of the loop, which passes only when it is told to
            await asyncio.sleep(_SLOW_S)
        self._disk.act()
        failure = _FAILURES.get(deed.fate)
        if failure is not None:
            raise failure(deed.fate)

    def _check(self, promise: Promise, body: bytes, *, complete: bool) -> None:
        try:
            promise.reaches_origin(body, complete=complete)
        except AssertionError as exc:
            self._shore.wrong = exc
            raise


_FAILURES: dict[Fate, type[OriginError]] = {
    "unreached": OriginUnreached,
    "gone": OriginUnreached,
    "cut": OriginCut,
    "lost": OriginLost,
}


class _Stream:
    """An answer with `content`; None: it breaks off."""

    answer = Answer(200, "OK", ())

    def __init__(self, content: bytes | None) -> None:
        self._content = content
        self.length = None if content is None else b"%d" % len(content)

    async def chunks(self) -> AsyncIterator[bytes]:
        if self._content is None:
            yield b"half"
            raise OriginCut("the answer broke off")
        yield self._content

    async def close(self) -> None:
        pass
