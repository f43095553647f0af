"""Where the label `listener` comes from: the address at which a connection came in.

A connection knows the address that its client reached, which is another one than the
listener's where that takes all addresses of the machine; then the port tells.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

UNKNOWN: Final = "unknown"
"""The connection ended before it could be told where it had come in."""


class Listeners:
    """The listeners of one process, by name."""

    def __init__(self, named: Iterable[tuple[socket.socket, str]] = ()) -> None:
        """`named`: the sockets that listen, each with the address that clients ask."""
        self._names = {
            _key(sock.getsockname()): address.removeprefix("http://")
            for sock, address in named
        }
        self._only = next(iter(self._names.values())) if len(self._names) == 1 else None

    @property
    def names(self) -> list[str]:
        return list(self._names.values())

    def of(self, request: web.BaseRequest) -> str:
        """The name of the listener that `request` came to."""
        if self._only is not None:
            return self._only
        transport = request.transport
        if transport is None:
            return UNKNOWN
        return self._names.get(_key(transport.get_extra_info("sockname")), UNKNOWN)


def _key(address: Any) -> Any:
    """What a listener and its connections have in common: the path of a unix socket, or
    the port. Two listeners with one port on different addresses share a name."""
    return address[1] if isinstance(address, tuple) else address
