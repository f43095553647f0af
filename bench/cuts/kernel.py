"""What the kernel knows of the other end of a connection on this machine.

It is asked by netlink (``sock_diag``), as ``ss`` does. The one invariant: what
``read_by_peer`` says is never more than what the process at the other end has read.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

_SOCK_DIAG: Final = 4
"""The netlink family, NETLINK_SOCK_DIAG."""
_BY_FAMILY: Final = 20
_REQUEST: Final = 1
_ERROR: Final = 2
_INFO: Final = 2
"""INET_DIAG_INFO: the attribute that holds struct tcp_info."""
_ANY_STATE: Final = 0xFFFFFFFF
_NO_COOKIE: Final = 0xFFFFFFFF
_HEADER: Final = struct.Struct("=LHHLL")
_ASKED: Final = struct.Struct("=BBBBL")
_TOLD: Final = struct.Struct("=BBBB48xLLLLL")
_ATTRIBUTE: Final = struct.Struct("=HH")
_BYTES_RECEIVED: Final = 128
"""Where tcpi_bytes_received lies in struct tcp_info (linux/tcp.h)."""


class NoSuchSocket(Exception):
    """The kernel has no such connection, or no more."""


@dataclass(frozen=True, slots=True)
class Ends:
    """A TCP connection over IPv4, seen from the end that is asked about."""

    own: tuple[str, int]
    peer: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Received:
    """What had come to one end."""

    all: int
    """Bytes in order that its kernel has taken, since the connection began."""
    unread: int
    """Bytes of them that its process had not read."""


class Kernel:
    """Answers about connections."""

    def __init__(self) -> None:
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)

    def close(self) -> None:
        self._netlink.close()

    def read_by_peer(self, connection: socket.socket) -> int:
        """Bytes that the process at the other end of `connection` has surely read.

        Two looks: what had come by the first, without what was unread at the second.
        What comes or is read in between makes it less, never more.
        """
        ends = Ends(connection.getpeername(), connection.getsockname())
        before, after = self.received(ends), self.received(ends)
        return max(0, before.all - after.unread)

    def received(self, ends: Ends) -> Received:
        """What has come to `ends.own`.

        Raises:
            NoSuchSocket
        """
        content = _ASKED.pack(
            socket.AF_INET, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _ANY_STATE
        ) + _name(ends)
        size = _HEADER.size + len(content)
        self._netlink.send(_HEADER.pack(size, _BY_FAMILY, _REQUEST, 1, 0) + content)
        answer = self._netlink.recv(65536)
        if _HEADER.unpack_from(answer)[1] == _ERROR:
            raise NoSuchSocket(f"{ends}")
        unread = _TOLD.unpack_from(answer, _HEADER.size)[5]
        info = _attribute(answer, _HEADER.size + _TOLD.size, _INFO)
        return Received(struct.unpack_from("=Q", info, _BYTES_RECEIVED)[0], unread)


def _name(ends: Ends) -> bytes:
    """struct inet_diag_sockid."""
    ports = struct.pack("!HH", ends.own[1], ends.peer[1])
    own, peer = (socket.inet_aton(host) for host, _ in (ends.own, ends.peer))
    addresses = own.ljust(16, b"\0") + peer.ljust(16, b"\0")
    return ports + addresses + struct.pack("=LLL", 0, _NO_COOKIE, _NO_COOKIE)


def _attribute(answer: bytes, at: int, kind: int) -> bytes:
    """The content of the first attribute of this kind."""
    while at < len(answer):
        size, found = _ATTRIBUTE.unpack_from(answer, at)
        if found == kind:
            return answer[at + _ATTRIBUTE.size : at + size]
        at += (size + 3) & ~3
    raise NoSuchSocket("the kernel tells nothing of it")
