"""What systemd hands over, and what it is told, by the environment and a datagram.

Both are plain protocols that other service managers speak as well; without the
variables nothing here does anything. The one invariant: what was meant for another
process, such as the one that started us, is left alone.

Source: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Final

FIRST: Final = 3
"""The first descriptor that is handed over."""
UNNAMED: Final = "unknown"
"""What systemd calls a descriptor without a name."""
PATIENCE_S: Final = 0.2
"""Seconds that one word may wait for room in the other's queue, with all else."""
_US: Final = 1_000_000


def handed_over(
    environment: Mapping[str, str] = os.environ, pid: int | None = None
) -> dict[str, list[int]]:
    """The descriptors that were handed to this process, by their names, in order.

    `pid`: of this process; None: ask the system.
    """
    if environment.get("LISTEN_PID") != str(os.getpid() if pid is None else pid):
        return {}
    count = environment.get("LISTEN_FDS", "")
    numbers = range(FIRST, FIRST + int(count) if count.isdecimal() else FIRST)
    names = environment.get("LISTEN_FDNAMES", "")
    called = names.split(":") if names else [UNNAMED] * len(numbers)
    found: dict[str, list[int]] = {}
    for number, name in zip(numbers, called, strict=False):
        found.setdefault(name, []).append(number)
    return found


class Notice:
    """Tells the service manager how we are, where there is one that wants to know."""

    def __init__(
        self, environment: Mapping[str, str] = os.environ, pid: int | None = None
    ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        meant = environment.get("WATCHDOG_PID", "")
        ours = not meant or meant == str(os.getpid() if pid is None else pid)
        told = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s: float | None = None
        """Seconds within which it wants to hear that we are well, again and again; None
        when it does not."""
        if ours and self._address is not None and told.isdecimal() and int(told):
            self.watchdog_s = int(told) / _US

    def ready(self, status: str) -> None:
        """Started, or done with a reload; `status` is for people."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """What `ready` ends has begun."""
        since_boot = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={since_boot}")

    def stopping(self) -> None:
        self._tell("STOPPING=1", "STATUS=stopping")

    def well(self) -> None:
        """We are: what the watchdog waits for."""
        self._tell("WATCHDOG=1")

    def _tell(self, *words: str) -> None:
        if self._address is None:
            return
        told = "\n".join(words).encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_S)
            try:
                sock.sendto(told, self._address)
            except OSError:
                # Nobody listens any more, or is too busy to: nothing of ours depends
                # on its being heard, and the next word comes soon.
                return


def _address(told: str) -> str | None:
    """Where notices go; None when nobody wants any."""
    if told.startswith("/"):
        return told
    return "\0" + told[1:] if told.startswith("@") else None
