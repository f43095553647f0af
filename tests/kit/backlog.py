"""A port on which nobody is let in: who connects waits, and hears nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_FILLS = 2
"""Connections that a backlog of 0 takes at the most, before others wait."""


@contextmanager
def full_port(port: int = 0) -> Iterator[int]:
    """Such a port of this machine; `port`: that one, and not any."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind(("127.0.0.1", port))
        full.listen(0)
        for _ in range(_FILLS):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        yield full.getsockname()[1]
