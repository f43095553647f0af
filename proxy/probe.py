"""Asking a running proxy from outside, at its admin listener: is it alive, drain it.

For ``healthcheck`` and ``drain``, which run as processes of their own, in containers
every few seconds: nothing is imported that takes time. The one invariant: every wait
has a bound, and a proxy that cannot be reached is an answer, not a traceback.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Final, assert_never

from proxy.addresses import (
    Address,
    Descriptor,
    NamedDescriptors,
    TcpAddress,
    UnixAddress,
)

DEFAULT_ADMIN: Final = TcpAddress("127.0.0.1", 9090)
"""Where the admin listener is unless the configuration says otherwise."""
PAUSE_S: Final = 0.2
"""Seconds between two looks at a proxy that drains; picked by hand."""
_OF_NO_PROXY: Final = frozenset({400, 404, 405, 501})
"""Statuses that the admin listener has for nothing that is asked here."""
_ON_THIS_MACHINE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Unreachable(Exception):
    """Nobody answers at the admin listener; caught in ``cli``, which exits with 1."""

    def __init__(self, admin: Address, reason: str, *, gone: bool = False) -> None:
        hint = (
            "; is a proxy running, and is that its admin.listen? --admin ADDR or -c "
            "FILE says another"
        )
        super().__init__(
            f"cannot reach the admin listener {admin}: {reason}{hint if gone else ''}"
        )
        self.gone = gone
        """Nobody is there; not just slow."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the admin listener answered."""

    status: int
    text: str

    def __str__(self) -> str:
        told = f": {self.text}" if self.text else ""
        if self.status in _OF_NO_PROXY:
            told = "; that is not its admin listener: see admin.listen"
        return f"the proxy answers {self.status}{told}"


def ask(admin: Address, method: str, path: str, timeout_s: float) -> Told:
    """The answer of the admin listener to one request.

    Raises:
        Unreachable: the connection was refused or ended, or nothing came in time.
    """
    connection = _connection(admin, timeout_s)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return Told(answer.status, answer.read().decode(errors="replace").strip())
    except TimeoutError as exc:
        raise Unreachable(admin, f"no answer within {timeout_s:g}s") from exc
    except (OSError, HTTPException) as exc:
        raise Unreachable(admin, _reason(exc), gone=True) from exc
    finally:
        connection.close()


def _reason(exc: Exception) -> str:
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return str(text)


def _connection(admin: Address, timeout_s: float) -> HTTPConnection:
    match admin:
        case TcpAddress(host, port):
            # one that listens on every interface is asked on this machine's own
            where = _ON_THIS_MACHINE.get(host, host)
            return HTTPConnection(where, port, timeout=timeout_s)
        case UnixAddress(path):
            return _UnixConnection(path, timeout_s)
        case Descriptor() | NamedDescriptors():
            reason = "where a socket listens that was handed over, only --admin can say"
            raise Unreachable(admin, reason)
        case _:  # pragma: no cover
            assert_never(admin)


class _UnixConnection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def in_flight(admin: Address, timeout_s: float) -> Mapping[str, int] | None:
    """What a draining proxy still has under way, by kind; None when it does not tell.

    Raises:
        Unreachable: it has gone, or is slow.
    """
    told = ask(admin, "GET", "/drain", timeout_s)
    try:
        state = json.loads(told.text)
    except json.JSONDecodeError:
        return None
    if told.status != 200 or not isinstance(state, dict):
        return None
    return {name: n for name, n in state.items() if type(n) is int}


def drained(admin: Address, wait_s: float, timeout_s: float) -> str:
    """Waits up to `wait_s` until nothing is under way any more, or the proxy has gone.

    Empty when it is so; else what is still under way, in words.
    """
    end = time.monotonic() + wait_s
    while True:
        try:
            left = in_flight(admin, timeout_s)
        except Unreachable as exc:
            if exc.gone:
                return ""
            left = None
        if left is not None and not any(left.values()):
            return ""
        if time.monotonic() >= end:
            return _in_words(left)
        time.sleep(PAUSE_S)  # the listener answers, it does not call


def _in_words(left: Mapping[str, int] | None) -> str:
    if left is None:
        return "the proxy is still there"
    return "still under way: " + ", ".join(
        f"{name} {n}" for name, n in left.items() if n
    )
