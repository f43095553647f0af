"""Connections that cannot be accepted for want of descriptors: left waiting, and told.

The event loop accepts as many connections in one turn as there may be, and where there
is no descriptor for one it asks for the next all the same: a thousand times in a turn,
each told with its trace, and each begun anew a second later. Here it hears of the first
failure alone, and rests for that second. The one invariant: who waits is not turned
away, as another process, or this one, may have a descriptor soon.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

REST_S: Final = 0.5
"""Seconds in which nothing is asked for after a failure: longer than a turn of the
loop, and shorter than the second after which that tries again."""
SAY_EVERY_S: Final = 60.0
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""After these the loop rests."""


class ListeningSocket(socket.socket):
    """One that is asked in vain once, and then as if nobody waited."""

    _rests_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises OSError: as for any socket."""
        if time.monotonic() < self._rests_until:
            raise BlockingIOError
        try:
            return super().accept()
        except OSError as exc:
            if exc.errno in _EXHAUSTED:
                self._rests_until = time.monotonic() + REST_S
            raise


class Unaccepted:
    """Hears what the event loop has to tell, see ``loop.set_exception_handler``."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._silent_until = 0.0

    def __call__(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """Say that clients wait, once a minute; the rest is the loop's own affair."""
        exc, message = context.get("exception"), str(context.get("message"))
        if isinstance(exc, OSError) and message.startswith("socket.accept()"):
            self._say(exc)
        elif isinstance(exc, ValueError) and "_start_serving" in message:
            return  # its second is over, and nobody listens there any more
        else:
            loop.default_exception_handler(context)

    def _say(self, exc: OSError) -> None:
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SAY_EVERY_S
            self._log.error("connections not accepted", error=exc.strerror)
