"""The lifetime clock: seconds that go on through sleep and restarts, and never jump.

While the machine runs it follows CLOCK_BOOTTIME, which counts suspended time and heeds
nobody who sets the time of day. The distance between the two is kept in a file, per
boot, so that all processes of one boot agree. Only the gap between two boots is taken
from the wall clock. The one invariant: within one boot nothing moves this clock but
time.

``clock.start`` is how it stood at the first start in a boot, and on the disk for sure;
``clock`` how it stood lately. Power loss may tear the second: no loop waits for that.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from proxy.core.errors import SpoolError

from . import envelope, files
from .ballast import Ballast
from .failures import translated

_START = "clock.start"
_LATELY = "clock"
_LOCK = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_id(path: str = _BOOT_ID) -> str:
    """Names the running boot of the machine.

    Where the system does not tell (no Linux, or a sandbox without /proc) it names this
    process instead: each start is then treated as a reboot. Bodies are cut back to what
    was acknowledged, which breaks no promise, and one spool must not be shared by
    several processes.
    """
    try:
        return Path(path).read_text("ascii").strip()
    except OSError:
        return f"process-{uuid.uuid4()}"


boottime: Callable[[], float] = partial(
    time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
)
"""Seconds since the machine started, suspended ones included; Linux only.

Elsewhere the monotonic clock, which may stand still while the machine sleeps."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """What the file keeps: how this clock ran in one boot, and when it was saved."""

    boot: str
    ahead_s: float
    """Seconds this clock is ahead of the boot's."""
    now_s: float
    """What it showed when it was saved."""
    wall_s: float
    """What the wall clock showed then, seconds of the epoch."""


class LifetimeClock:
    """The clock of the spool in `directory`, which must be there.

    The first one of a spool starts at the time of day: should the files ever get lost,
    the next clock starts near to where this one was, and no upload seems much older or
    younger than it is.

    Raises:
        SpoolError: a file cannot be read or written, or is of a newer release.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        boot_id: str,
        boottime: Callable[[], float] = boottime,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._ballast = Ballast(directory)
        self._boot_id = boot_id
        self._boottime = boottime
        self._wall = wall
        self.damage: str | None = None
        """Why what was saved last could not be gone on with, for the log; None when it
        could, or when there was nothing."""
        with self._alone():
            last = self._read(_LATELY) or self._read(_START)
            self._ahead_s = self._resumed(last)
            if last is None or last.boot != boot_id:
                self._write(_START, sync=True)
                self._write(_LATELY, sync=True)
                files.sync_directory(str(directory))

    def now(self) -> float:
        """Seconds of the lifetime clock."""
        return self._boottime() + self._ahead_s

    def save(self) -> None:
        """Keep the moment for the next boot; does not wait for the disk.

        Raises:
            SpoolError: the moment that was saved before still stands.
        """
        with self._alone():
            self._write(_LATELY, sync=False)

    def _resumed(self, last: _Moment | None) -> float:
        """Seconds to be ahead of the boot's clock."""
        if last is None:
            return self._wall() - self._boottime()
        if last.boot == self._boot_id:
            return last.ahead_s
        passed_s = max(0.0, self._wall() - last.wall_s)
        return last.now_s + passed_s - self._boottime()

    def _read(self, name: str) -> _Moment | None:
        try:
            sealed = files.read(f"{self._directory}/{name}", envelope.LIMIT + 1)
            return _Moment(**json.loads(envelope.unseal(sealed)))
        except FileNotFoundError:
            return None
        except envelope.TooNew as exc:
            raise SpoolError(f"the clock is of a newer release: {exc}") from exc
        except (envelope.Unreadable, TypeError, ValueError) as exc:
            self.damage = f"the file {name} cannot be read: {exc}"
            return None

    def _write(self, name: str, *, sync: bool) -> None:
        moment = _Moment(self._boot_id, self._ahead_s, self.now(), self._wall())
        content = json.dumps(asdict(moment)).encode() + b"\n"
        sealed = envelope.seal(content)
        path = f"{self._directory}/{name}"
        self._ballast.spend(partial(files.replace, path, sealed, sync=sync))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time: the first one of a boot decides for all."""
        with translated("the lifetime clock cannot be kept"):
            path = f"{self._directory}/clock.lock"
            lock = os.open(path, _LOCK, files.PRIVATE_FILE)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)
