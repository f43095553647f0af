"""The file that processes share: opened, locked, made anew when in doubt.

SQLite keeps it, without a log, a sync or a lock of its own: nothing in it is a promise,
the sweep fills it again. Its write-ahead log would be as fast, but has a mapped file:
that kills the process when the disk fails. So all who come have our lock first, and
leave a mark while they write; whoever finds one has the lock that the writer died with,
and begins anew. The one invariant: without the mark the file holds whole transactions
only.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from proxy.core.errors import SpoolError
from proxy.spool import files
from proxy.spool.locks import RangeLocks

from . import place
from .schema import SCHEMA, VERSION

WAIT_S: Final = 0.1
"""Seconds that others have for what they are doing there, some 50 µs each; meanwhile
nothing else is done here."""
_PAUSE_S: Final = 0.0001
_MARK: Final = b"\1"
_PRAGMAS: Final = (
    "page_size=1024",
    "synchronous=off",
    "journal_mode=memory",
    # tokens and addresses go with their upload
    "secure_delete=on",
)
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Table:
    """The file below the spool's `directory`, made when it is first entered.

    Everything but `close` raises OSError, SpoolError or sqlite3.Error when it cannot be
    done, and then `abandon` has to follow.
    """

    def __init__(self, directory: str) -> None:
        self._spool = directory
        self._directory = place.directory(directory)
        self._path = place.uploads(directory)
        self._lock_path = place.lock(directory)
        self._locks: RangeLocks | None = None
        self._mark = -1
        """Descriptor of the file with the lock, whose one byte is the mark."""
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """What `_db` has open."""
        self._writes = False

    def enter(self) -> None:
        """Have it to ourselves, until `leave`. Waits for `WAIT_S` at most."""
        self._lock(time.monotonic() + WAIT_S)
        in_doubt = os.pread(self._mark, 1, 0) == _MARK
        if in_doubt or self._db is None or self._file != self._found():
            self._open(anew=in_doubt)
        self._asked("BEGIN")

    def read(self, sql: str, *values: Any) -> list[Any]:
        """The rows that are asked for."""
        return self._asked(sql, *values).fetchall()

    def write(self, sql: str, *values: Any) -> int:
        """Rows that were changed."""
        self._begin_to_write()
        return self._asked(sql, *values).rowcount

    def leave(self) -> None:
        """Let others in, with all that was written here."""
        self._asked("COMMIT")
        self._unlock()

    def abandon(self, *, damaged: bool) -> None:
        """Undo what was written, as far as that can be told, and give all back.

        `damaged`: nothing in it can be relied on any more.
        """
        with suppress(OSError, sqlite3.Error, SpoolError):
            if damaged:
                files.remove(self._path)
                self._writes = True
            elif self._db is not None and self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._unlock()
        self.close()

    def remove(self) -> None:
        """There is no need for it any more. Waits for `WAIT_S` at most; where somebody
        does not leave it, it stays."""
        try:
            if Path(self._lock_path).exists():
                self._lock(time.monotonic() + WAIT_S)
                place.forget_ours(self._spool)
        finally:
            self.close()

    def close(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
        if self._locks is not None:
            self._locks.close()
            os.close(self._mark)
        self._db, self._locks, self._file, self._writes = None, None, None, False

    def _lock(self, end: float) -> None:
        """Waits no longer than until `end`."""
        self._lock_what_is_there(end)
        while not os.fstat(self._mark).st_nlink:
            # Somebody has removed it: whoever comes next has another one.
            self.close()
            self._lock_what_is_there(end)

    def _lock_what_is_there(self, end: float) -> None:
        if self._locks is None:
            files.make_directory(self._directory)
            mark = os.open(self._lock_path, _FLAGS, files.PRIVATE_FILE)
            try:
                self._locks = RangeLocks(self._lock_path)
            except SpoolError:
                os.close(mark)
                raise
            self._mark = mark
        while not self._locks.try_lock(0):
            if time.monotonic() >= end:
                raise SpoolError("another process does not leave it")
            # of all the process: others need it for less than a task takes to wait
            time.sleep(_PAUSE_S)

    def _unlock(self) -> None:
        """Raises OSError: the mark stays, and the next one begins anew."""
        if self._writes:
            os.pwrite(self._mark, b"\0", 0)
            self._writes = False
        if self._locks is not None:
            self._locks.unlock(0)

    def _begin_to_write(self) -> None:
        if not self._writes:
            os.pwrite(self._mark, _MARK, 0)
            self._writes = True

    def _asked(self, sql: str, *values: Any) -> sqlite3.Cursor:
        assert self._db is not None
        return self._db.execute(sql, values)

    def _open(self, *, anew: bool) -> None:
        """Have the file that is there; a new one where there is none."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if anew:
            files.remove(self._path)
        self._connect()
        if not self._is_ours():
            files.remove(self._path)
            self._connect()
        if not self._is_ours():
            raise SpoolError("it is another one")

    def _connect(self) -> None:
        """Raises OSError, sqlite3.Error."""
        if self._db is not None:
            self._db.close()
            self._db = None
        is_new = self._create()
        self._file = self._found()
        db = self._db = sqlite3.connect(
            f"{Path(self._path).as_uri()}?nolock=1", uri=True, isolation_level=None
        )
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        if is_new:
            self._begin_to_write()
            db.executescript(SCHEMA)

    def _create(self) -> bool:
        """Make the file; False when it is there."""
        try:
            os.close(files.create(self._path))
        except FileExistsError:
            return False
        return True

    def _is_ours(self) -> bool:
        """It has our schema."""
        assert self._db is not None
        try:
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError:
            return False
        return bool(version == VERSION)

    def _found(self) -> tuple[int, int] | None:
        """The file that has the name now; None: there is none. Raises OSError."""
        try:
            found = os.lstat(self._path)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise FileExistsError("something else stands in its place")
        return found.st_dev, found.st_ino
