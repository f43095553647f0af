"""Where the label `listener` comes from: the address at which a connection came in.

A connection knows the address that its client reached, which is another one than the
listener's where that takes all addresses of the machine; then the port tells.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiohttp import web

UNKNOWN: Final = "unknown"
"""The connection ended before it could be told where it had come in, or has not come
through its handshake yet."""
ALL: Final = "all"
"""Of several, where it is their sum that counts."""


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
        return self.at(request.transport)

    def at(self, transport: asyncio.BaseTransport | None) -> str:
        """The name of the listener at which that connection came in."""
        if self._only is not None:
            return self._only
        if transport is None:
            return UNKNOWN
        return self._names.get(_key(transport.get_extra_info("sockname")), UNKNOWN)

    @property
    def together(self) -> str:
        """The name of all of them: that of the only one, if there are no others."""
        return self._only or ALL

    def counted(
        self, most: int, connections: Iterable[asyncio.BaseTransport | None]
    ) -> Mapping[str, int]:
        """How many of `most` connections came in where; those that are not among
        `connections` are nowhere yet."""
        if self._only is not None:
            return {self._only: most}
        found = Counter(self.at(one) for one in connections)
        found[UNKNOWN] += max(0, most - found.total())
        return dict.fromkeys(self.names, 0) | {
            name: count for name, count in found.items() if count
        }


def _key(address: Any) -> Any:
    """What a listener and its connections have in common: the path of a unix socket, or
    the port. Two listeners with one port on different addresses share a name."""
    return address[1] if isinstance(address, tuple) else address
