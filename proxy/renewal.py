"""Certificates in use, renewed when their files are.

The files are looked at every few seconds, by time, size and number of each, through
links as programs that renew certificates set them. The one invariant: what is in use
goes on until what is to replace it has been tried and found whole; the log says once
for each change what became of it.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.certificates import Files, Unusable, client_context, expires, show
from proxy.certificates import server_context as made
from proxy.tasks import Spawn

LOOK_S: Final = 10.0
"""Seconds between two looks: soon enough for who has just renewed one, and three calls
of the system. Picked by hand."""

_Seen = tuple[tuple[int, int, int] | None, ...]


class Renewal:
    """What is looked at, and what is done about it."""

    def __init__(
        self, files: Files, renew: Callable[[], None], log: FilteringBoundLogger
    ) -> None:
        """`renew`: takes the files into use; raises Unusable and changes nothing."""
        self._files = files
        self.certificate = files.certificate
        """None where there is none, only authorities."""
        self._renew = renew
        self._log = log.bind(section=files.section)
        self._seen = _seen(files.all)
        self.expires_at: float | None = None
        """Until when the certificate in use is valid, in seconds of Unix time; None
        where there is none, or it does not say."""
        self._note()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Renew, if a file is not the one it was."""
        seen = _seen(self._files.all)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._renew()
        except Unusable as exc:
            self._log.error("certificate not renewed", error=str(exc))
            return
        self._note()
        self._log.info("certificate renewed", expires=_date(self.expires_at))

    def _note(self) -> None:
        """Look until when it is valid, and say so when that is over."""
        if self._files.certificate is None:
            return
        try:
            self.expires_at = expires(self._files.certificate)
        except (OSError, ValueError):
            # Replaced again just now: the next look finds it.
            self.expires_at = None
        if self.expires_at is not None and self.expires_at <= time.time():
            self._log.warning(
                "certificate expired",
                certificate=str(self._files.certificate),
                expired=_date(self.expires_at),
            )


class Renewals:
    """Those of one process, each looked at as long as it is in use."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._tasks: dict[Renewal, asyncio.Task[None]] = {}

    def settle(self, renewals: Iterable[Renewal]) -> None:
        """From now on it is these."""
        before, self._tasks = self._tasks, {}
        for one in renewals:
            kept = before.pop(one, None)
            self._tasks[one] = self._spawn(one.run()) if kept is None else kept
        for task in before.values():
            task.cancel()

    def look(self) -> None:
        """Look at all of them now."""
        for renewal in self._tasks:
            renewal.look()

    def ends(self) -> list[tuple[str, float | None]]:
        """The file of each certificate, and until when it is valid; see
        ``Renewal.expires_at``."""
        return [(str(one.certificate), one.expires_at) for one in self._tasks]


class Sealing:
    """The context for connections of clients, and its renewal."""

    def __init__(self, files: Files, log: FilteringBoundLogger) -> None:
        """Raises Unusable."""
        self._files = files
        self.context = made(files)
        """For the connections that come now."""
        self.renewal = Renewal(files, self._renew, log)

    def _renew(self) -> None:
        # Another one, and not the same one loaded again: it would be spoilt by a key
        # that does not fit.
        self.context = made(self._files)


def renewed_at_the_origin(
    context: ssl.SSLContext, files: Files, log: FilteringBoundLogger
) -> Renewal:
    """The renewal of what `context` shows an origin. Whom it believes stays."""

    def renew() -> None:
        client_context(files)
        show(context, files)

    return Renewal(files, renew, log)


def _seen(files: tuple[Path, ...]) -> _Seen:
    return tuple(_of(file) for file in files)


def _of(file: Path) -> tuple[int, int, int] | None:
    """None for a file that is not there."""
    try:
        told = file.stat()
    except OSError:
        return None
    return (told.st_mtime_ns, told.st_size, told.st_ino)


def _date(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
