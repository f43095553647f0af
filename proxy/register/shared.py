"""Open uploads of several processes that are one proxy, in a file below the spool.

Each thing that is done is one transaction, so that of two processes only one can have
the last place. Whatever fails there, a disk, a lock or the file itself, fails nothing
else: it is said, no more is tried for a second, and what happens meanwhile is counted
when it is heard of again. The one invariant: nothing is waited for longer than
``table.WAIT_S``, and not again within a second.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import SpoolError
from proxy.core.upload import Token

from . import MOST_DEAD, NOTHING, Entry, Group, Kind, Sum
from .damage import is_damage, worded
from .table import Table

AHEAD: Final = 4 * 1024 * 1024
"""Bytes: to grant them takes as long as to store a twentieth of them."""
SLACK_S: Final = 30.0
"""Seconds by which an upload may seem to live longer: its deadline moves with every
part, and need not be written each time. As long as the sweep pauses."""
LATELY_S: Final = 5.0
"""So long it is not looked at again whether an upload is still known, when nothing of
it has changed: most are over by then. Much less than a round of the sweep takes."""
_MOST_LATELY: Final = 1000
_BOUND_CHECKS: Final = 1000
"""It is looked whether too many are remembered each time that so great a part of them
has been put: a bound on what they take, and on nobody."""
PAUSE_S: Final = 1.0
"""After a failure. Picked by hand."""
SAY_EVERY_S: Final = 60.0

_OF: Final = {
    Kind.ALL: "? = ''",
    Kind.CLIENT: "client = ? AND client != ''",
    Kind.PRINCIPAL: "principal = ? AND principal != ''",
}
"""The uploads of a group; said so that the indexes fit."""
_PUT: Final = (
    "INSERT INTO uploads (token, client, principal, size, deadline)"
    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (token) DO UPDATE SET"
    " client = excluded.client, principal = excluded.principal,"
    " size = excluded.size, deadline = excluded.deadline"
    " WHERE client != excluded.client OR principal != excluded.principal"
    " OR size != excluded.size"
    " OR excluded.deadline NOT BETWEEN deadline AND deadline + ?"
)
_LAST: Final = (
    "UPDATE uploads SET heard = (SELECT max(heard) FROM uploads) + 1 WHERE token = ?"
)
_DROP_OLDEST: Final = (
    "DELETE FROM uploads WHERE heard IN (SELECT heard FROM uploads ORDER BY heard"
    " LIMIT max(0, min(?, (SELECT uploads FROM sums WHERE kind = 0) - ?)))"
)
_DROP_DEAD: Final = (
    "DELETE FROM uploads WHERE heard IN (SELECT heard FROM uploads"
    " WHERE {which} AND deadline <= ? LIMIT ?)"
)
_FORGET_SUM: Final = "DELETE FROM sums WHERE kind = ? AND name = ?"
_SUM_UP: Final = (
    "INSERT INTO sums SELECT ?, ?, * FROM (SELECT count(*) AS uploads, sum(size),"
    " min(deadline) FROM uploads WHERE {which}) WHERE uploads > 0"
)


class SharedRegister:
    """See ``Register``."""

    def __init__(
        self, directory: str, log: FilteringBoundLogger, slack_s: float = SLACK_S
    ) -> None:
        """`directory`: of the spool. Nothing is made there before something is put or
        asked for."""
        self.most = 0
        self.ahead = AHEAD
        self._table = Table(directory)
        self._log = log
        self._slack_s = slack_s
        self._depth = 0
        self._is_in = False
        self._lately: dict[Token, tuple[Entry, float]] = {}
        """What we have put, and until when that is taken for granted."""
        self._puts = 0
        self._paused_until = 0.0
        self._silent_until = 0.0

    def alone(self) -> SharedRegister:
        return self

    def __enter__(self) -> None:
        if not self._depth and time.monotonic() >= self._paused_until:
            self._enter()
        self._depth += 1

    def _enter(self) -> None:
        try:
            self._table.enter()
        except (OSError, SpoolError, sqlite3.Error) as exc:
            self._failed(exc)
        except BaseException:  # a bug, or a signal: nobody knows how far it has come
            # Others need not wait for us.
            self._table.close()
            raise
        else:
            self._is_in = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth or not self._is_in:
            return
        self._is_in = False
        try:
            self._table.leave()
        except (OSError, SpoolError, sqlite3.Error) as failure:
            self._failed(failure)

    def sum(self, group: Group) -> Sum:
        asked = "SELECT uploads, size FROM sums WHERE kind = ? AND name = ?"
        with self:
            for uploads, size in self._read(int, asked, *group):
                return Sum(uploads, size)
        return NOTHING

    def size(self, token: Token) -> int:
        with self:
            asked = "SELECT size FROM uploads WHERE token = ?"
            for (size,) in self._read(int, asked, token):
                return int(size)
        return 0

    def put(self, entry: Entry) -> None:
        lately, until = self._lately.get(entry.token, (None, 0.0))
        now = time.monotonic()
        if lately is not None and now < until and self._is_the_same(lately, entry):
            return
        with self:
            self._write(_PUT, *entry, self._slack_s)
            self._puts += 1
            if self._puts % max(1, self.most // _BOUND_CHECKS) == 0:
                self._write(_DROP_OLDEST, MOST_DEAD, self.most)
            if len(self._lately) >= _MOST_LATELY:
                self._lately.clear()
            if self._is_in:
                self._lately[entry.token] = entry, now + LATELY_S

    def _is_the_same(self, known: Entry, entry: Entry) -> bool:
        later = entry.deadline - known.deadline
        return known[:4] == entry[:4] and 0 <= later <= self._slack_s

    def resize(self, token: Token, size: int) -> None:
        self._lately.pop(token, None)
        with self:
            self._write(
                "UPDATE uploads SET size = ? WHERE token = ? AND size != ?",
                *(size, token, size),
            )

    def drop(self, token: Token) -> None:
        is_known = self._lately.pop(token, None) is not None
        asked = "SELECT 1 FROM uploads WHERE token = ?"
        with self:
            if is_known or self._read(int, asked, token):
                self._write("DELETE FROM uploads WHERE token = ?", token)

    def drop_dead(self, group: Group, now: float) -> bool:
        dead = now - self._slack_s
        asked = "SELECT soonest FROM sums WHERE kind = ? AND name = ?"
        drop = _DROP_DEAD.format(which=_OF[group.kind])
        with self:
            for (soonest,) in self._read(float, asked, *group):
                if soonest > dead:
                    break
                self._lately.clear()
                if self._write(drop, group.name, dead, MOST_DEAD) == MOST_DEAD:
                    # What is soonest stays as it is.
                    return True
                self._sum_up(group)
        return False

    def _sum_up(self, group: Group) -> None:
        """Have its sum as it is: it may have been spoilt where no check is."""
        self._write(_FORGET_SUM, *group)
        self._write(_SUM_UP.format(which=_OF[group.kind]), *group, group.name)

    def oldest(self, group: Group, most: int) -> list[Token]:
        asked = (
            f"SELECT token FROM uploads WHERE {_OF[group.kind]} ORDER BY heard LIMIT ?"
        )
        with self:
            rows = self._read(str, asked, group.name, most)
            found = [Token(token) for (token,) in rows]
            for token in found:
                self._write(_LAST, token)
            if len(found) < most:
                # That is all of them. Who asks is about to refuse for their number.
                self._sum_up(group)
        return found

    def end(self) -> None:
        self._lately.clear()
        # Where another process still counts, it makes a new one, which is removed when
        # that is told that there is no bound any more.
        with suppress(OSError, SpoolError):
            self._table.remove()

    def close(self) -> None:
        self._table.close()

    def _read(self, kind: type, sql: str, *values: Any) -> list[Any]:
        """The rows that are asked for, of values of that kind; none where they cannot
        be read."""
        if self._is_in:
            try:
                rows = self._table.read(sql, *values)
                _check(rows, kind)
            except (OSError, sqlite3.Error) as exc:
                self._failed(exc)
            else:
                return rows
        return []

    def _write(self, sql: str, *values: Any) -> int:
        """Rows that were changed."""
        if self._is_in:
            try:
                return self._table.write(sql, *values)
            except (OSError, sqlite3.Error) as exc:
                self._failed(exc)
        return 0

    def _failed(self, exc: Exception) -> None:
        self._is_in = False
        self._lately.clear()
        self._table.abandon(damaged=is_damage(exc))
        now = time.monotonic()
        self._paused_until = now + PAUSE_S
        if now >= self._silent_until:
            self._silent_until = now + SAY_EVERY_S
            self._log.error("open uploads not counted", error=worded(exc))


def _check(rows: list[Any], kind: type) -> None:
    """Raises sqlite3.DatabaseError: a column may hold anything, once it is damaged."""
    if not all(isinstance(value, kind) for row in rows for value in row):
        raise sqlite3.DatabaseError(f"a value that is no {kind.__name__}")
