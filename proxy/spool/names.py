"""Names made durable: syncs of directories, shared by all who wait at the same time.

A sync of a directory covers every name in it, so one is enough for many: while one is
in the air, whoever comes gathers for the next, which leaves when that has landed.
The one invariant: the sync that somebody is told of has begun after they asked.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, wait
from threading import Lock

from . import files


class Names:
    """The syncs of directories, for all threads of the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._gathering: dict[str, Future[None]] = {}
        self._flying: dict[str, Future[None]] = {}

    def sync(self, path: str) -> None:
        """Make the names in the directory durable, as they are now. Blocks.

        Raises:
            OSError: they may not be; it is the same for all who share the sync.
        """
        with self._lock:
            flight = self._gathering.get(path)
            leads = flight is None
            if flight is None:
                flight = self._gathering[path] = Future()
            ahead = self._flying.get(path)
        if not leads:
            _hear(flight)
            return
        if ahead is not None:
            wait([ahead])
        self._fly(path, flight)

    def _fly(self, path: str, flight: Future[None]) -> None:
        with self._lock:
            self._flying[path] = self._gathering.pop(path)
        try:
            files.sync_directory(path)
        except BaseException as exc:  # who waits must hear of it, whatever it is
            self._land(path)
            flight.set_exception(exc)
            raise
        self._land(path)
        flight.set_result(None)

    def _land(self, path: str) -> None:
        # before those who wait hear of it: the next to leave puts itself here
        with self._lock:
            del self._flying[path]


def _hear(flight: Future[None]) -> None:
    failure = flight.exception()
    if isinstance(failure, OSError):
        # of its own: each thread takes the path out of what it raises, see `failures`
        raise OSError(failure.errno, os.strerror(failure.errno or 0))
    flight.result()
