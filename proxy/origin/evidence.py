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

_UNACKED: Final = struct.Struct("=I")
_UNACKED_AT: Final = 24
"""Segments sent and not acknowledged."""
_ACKED: Final = struct.Struct("=Q")
_ACKED_AT: Final = 120
_UNSENT: Final = struct.Struct("=I")
_UNSENT_AT: Final = 144
"""Bytes not even sent yet."""
_LENGTH: Final = 148


@dataclass(frozen=True, slots=True)
class Taken:
    """What the other kernel has taken."""

    accepted: int
    """Bytes it has acknowledged since the connection began, and maybe one for SYN."""
    all_of_it: bool
    """Nothing is on its way."""


def taken(sock: TransportSocket) -> Taken | None:
    """What the other end of `sock` has taken; None when that cannot be told."""
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return None
    told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LENGTH)
    if len(told) < _LENGTH:
        return None  # pragma: no cover - Linux before 4.6
    (accepted,) = _ACKED.unpack_from(told, _ACKED_AT)
    (unacked,) = _UNACKED.unpack_from(told, _UNACKED_AT)
    (unsent,) = _UNSENT.unpack_from(told, _UNSENT_AT)
    return Taken(accepted, not unacked and not unsent)
