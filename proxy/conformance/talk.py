"""A request under way: content is sent, responses are heard, and it ends or is cut.

The one invariant: whatever happens to it comes out as an ``Exchange``, and its
connection is closed then.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from proxy.client.wire import Connection, NoAnswer, Said

from .exchange import Exchange

ANSWER_S: Final = 15.0
"""Seconds for an answer, the application's among them."""


@dataclass(slots=True)
class Talk:
    """A request under way."""

    connection: Connection
    method: str
    asked: str
    sent: int = 0
    interims: list[Said] = field(default_factory=list)
    before_content: int = 0
    said: Said | None = None

    async def send(self, content: bytes) -> None:
        """More content; what is not taken any more is not sent."""
        if not self.sent:
            self.before_content = len(self.interims)
        try:
            await self.connection.send(content)
        except NoAnswer:
            return  # it may have answered before
        self.sent += len(content)

    async def listen(self, bound_s: float, until: int | None = None) -> None:
        """Interims as they come, for `bound_s` seconds, or until one of a status."""
        end = time.monotonic() + bound_s
        while self.said is None and (left := end - time.monotonic()) > 0:
            try:
                head = await self.connection.hear_head(left)
            except NoAnswer:
                return
            if head is None:
                return
            if head.status >= 200:
                self.said = head
                return
            self.interims.append(head)
            if head.status == until:
                return

    async def finish(self) -> Exchange:
        """The answer."""
        why = ""
        try:
            if self.said is None:
                said = await self.connection.hear(self.method, ANSWER_S)
                self.interims += said.interims
                self.said = said
        except NoAnswer as exc:
            why = str(exc)
        finally:
            await self.connection.close()
        return self.so_far(why)

    async def cut(self) -> Exchange:
        """No more of it."""
        await self.connection.close()
        return self.so_far("cut off here")

    def so_far(self, why: str = "nothing was said yet") -> Exchange:
        """What there is of it by now."""
        interims = tuple(self.interims)
        before = self.before_content if self.sent else len(interims)
        return Exchange(self.asked, self.sent, self.said, interims, before, why)
