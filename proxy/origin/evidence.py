"""What the origin's kernel has taken of all that was sent on a connection.

Asked after a request that got no answer: could the origin have seen it? Linux counts
the bytes that were acknowledged, and every FIN tells what had come by then. So of a
request without one acknowledged byte before an orderly end the origin's program has
read nothing: whoever is through with a connection reads no more from it. A reset proves
nothing, for it may overtake the acknowledgement of what was read already. The one
invariant: where the kernel does not count, there is no evidence.

Source: RFC 4898 "tcpEStatsAppHCThruOctetsAcked"; ``struct tcp_info`` of linux/tcp.h.
"""

from __future__ import annotations

import socket
import struct
import sys
from asyncio.trsock import TransportSocket
from dataclasses import dataclass
from typing import Final

_COUNTS: Final = struct.Struct("=24xI92xQ16xI")
"""Segments sent and not acknowledged, at 24; bytes acknowledged, at 120; bytes not even
sent yet, at 144."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What the other kernel has taken."""

    accepted: int
    """Bytes it has acknowledged since the connection began, and maybe one for SYN."""
    all_of_it: bool
    """Nothing is on its way."""


def taken(sock: TransportSocket) -> Taken | None:
    """What the other end of `sock` has taken; None when that cannot be told."""
    if sys.platform != "linux":
        return None
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS.size)
    except OSError:
        return None  # a unix socket
    if len(told) < _COUNTS.size:
        return None  # pragma: no cover - Linux before 4.6
    unacked, accepted, unsent = _COUNTS.unpack(told)
    return Taken(accepted, not unacked and not unsent)
