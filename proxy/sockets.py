"""Listening sockets, from the addresses of the configuration.

We bind them ourselves, before anything is served, so that an address in use is one
clear error, and so that a socket that was handed over is treated like one of our own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from proxy.accepting import ListeningSocket
from proxy.addresses import (
    Address,
    Descriptor,
    NamedDescriptors,
    TcpAddress,
    UnixAddress,
)
from proxy.systemd import handed_over

Listenable = TcpAddress | UnixAddress | Descriptor
"""What stands for one socket; see `resolved`."""
BACKLOG: Final = 4096
"""Connections that may wait to be accepted; the kernel cuts it to its own bound, which
is as many unless it was told otherwise. Of more, TCP has to try again, after a second
and then less and less often."""


TRIES: Final = 10
PAUSE_S: Final = 0.25
"""How often an address in use is tried, and the seconds between: what a killed proxy
has left behind, such as a worker that was just starting, is gone within moments."""


class CannotListen(Exception):
    """An address cannot be listened on; the message names it, and says why and what
    helps."""

    def __init__(self, address: Address, exc: OSError, *, admin: bool = False) -> None:
        """`admin`: it is that of operators, which another key names."""
        words = f"cannot listen on {address}: {_reason(exc)}"
        hint = _hint(address, exc, _ADMIN if admin else _PUBLIC)
        words = f"admin.listen: {words}" if admin else words
        super().__init__(f"{words}; {hint}" if hint else words)
        self.in_use = exc.errno == errno.EADDRINUSE


_PUBLIC: Final = "--listen or in the file"
_ADMIN: Final = "admin.listen or UPLOAD_PROXY_ADMIN__LISTEN"
"""By what an address is chosen."""


def _reason(exc: OSError) -> str:
    if isinstance(exc, socket.gaierror) or not exc.errno:
        return exc.strerror or str(exc)  # numbers of the resolver are none of errno
    return os.strerror(exc.errno)


def _hint(address: Address, exc: OSError, by: str) -> str:
    """What to do next; empty when nothing better is known than what is wrong. `by`:
    what chooses another one."""
    if isinstance(exc, socket.gaierror):
        return "write a name that this machine knows, or an address such as 0.0.0.0"
    match address, exc.errno:
        case TcpAddress(port=port), errno.EADDRINUSE:
            return (
                f"`ss -ltnp sport = :{port}` shows who does: stop that one, or choose "
                f"another port by {by}; two proxies may share one with reuse_port"
            )
        case UnixAddress(), errno.EADDRINUSE:
            return "stop who listens there, or choose another path"
        case TcpAddress(), errno.EADDRNOTAVAIL:
            return "this machine has no such address; 0.0.0.0 is every one it has"
        case TcpAddress(port=port), errno.EACCES:
            return (
                f"port {port} needs a right (CAP_NET_BIND_SERVICE), or a socket that "
                "systemd hands over (config/upload-proxy.socket); 8080 needs none"
            )
        case UnixAddress(path), errno.EACCES | errno.ENOENT | errno.EROFS:
            directory = os.path.dirname(path) or "."
            return f"{directory} has to be there, and writable for this user"
        case Descriptor(), errno.EBADF:
            return "nobody has handed over a socket by that number"
        case _:
            return ""


def listening_socket(
    address: Listenable, *, shared: bool = False, admin: bool = False
) -> socket.socket:
    """A socket that listens on `address`.

    `shared`: other processes of this user that say so, too, may listen there as well.
    `admin`: it is that of operators.

    Raises:
        CannotListen: the address is in use, not ours, or not allowed.
    """
    try:
        match address:
            case TcpAddress():
                return _tcp(address, shared=shared)
            case UnixAddress():
                return _unix(address.path)
            case Descriptor():
                return _handed_over(address.number)
    except OSError as exc:
        raise CannotListen(address, exc, admin=admin) from exc


def resolved(addresses: Iterable[Address]) -> list[Listenable]:
    """`addresses`, with each name replaced by the descriptors that have it.

    Raises:
        CannotListen: no socket of that name was handed over.
    """
    given = handed_over()
    found: list[Listenable] = []
    for address in addresses:
        if not isinstance(address, NamedDescriptors):
            found.append(address)
            continue
        if address.name not in given:
            there = ", ".join(given) or "none"
            missing = OSError(
                f"no socket of that name was handed over; there is {there}"
            )
            raise CannotListen(address, missing)
        found.extend(Descriptor(number) for number in given[address.name])
    return found


async def listening_sockets(
    public: Iterable[Listenable], admin: Iterable[Listenable], *, shared: bool
) -> list[socket.socket]:
    """One for each address of clients, then for each of operators, all of them or none;
    one in use is waited for.

    Raises:
        CannotListen: see ``listening_socket``.
    """
    bound: list[socket.socket] = []
    try:
        for addresses, is_admin in ((public, False), (admin, True)):
            for address in addresses:
                # one by one: what is bound so far is closed if the next one fails
                sock = await _soon(address, shared=shared, admin=is_admin)
                bound.append(sock)
    except (CannotListen, asyncio.CancelledError):
        for sock in bound:
            sock.close()
        raise
    return bound


async def _soon(address: Listenable, *, shared: bool, admin: bool) -> socket.socket:
    for _ in range(TRIES):
        try:
            return listening_socket(address, shared=shared, admin=admin)
        except CannotListen as exc:
            if not exc.in_use:
                raise
        await asyncio.sleep(PAUSE_S)
    return listening_socket(address, shared=shared, admin=admin)


def takes_tls(sock: socket.socket) -> bool:
    """False for a unix socket: who connects there is on this machine, and what stands
    in front of us does not expect TLS there."""
    return sock.family != socket.AF_UNIX


def address_of(sock: socket.socket, *, tls: bool = False) -> str:
    """What a client asks to reach `sock`: ``http://host:port`` or ``unix:/path``.

    `tls`: it is spoken wherever it can be.
    """
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if sock.family == socket.AF_INET6 else name[0]
    return f"{'https' if tls else 'http'}://{host}:{name[1]}"


def _tcp(address: TcpAddress, *, shared: bool) -> socket.socket:
    found = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, kind, protocol, _, where = found[0]
    sock = ListeningSocket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _unix(path: str) -> socket.socket:
    sock = ListeningSocket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            sock.bind(path)
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE or not _left_over(path):
                raise
            Path(path).unlink()
            sock.bind(path)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _left_over(path: str) -> bool:
    """True for the socket of a process that is gone: nobody answers on it."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _handed_over(number: int) -> socket.socket:
    sock = ListeningSocket(fileno=number)
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.detach()
        raise OSError("the socket does not listen")
    sock.setblocking(False)
    return sock
