"""Where we listen: a TCP address, a unix socket, or a socket that we were handed.

Only the written form and its parts live here, no sockets, and nothing is imported that
takes time: ``healthcheck`` runs every few seconds and needs no more than this. The one
invariant: ``parse_address(str(address)) == address``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Final

ADDRESS_EXAMPLES: Final = (
    "127.0.0.1:8080, [::1]:8080, unix:/run/upload-proxy.sock or fd:3"
)
UNIX_PATH_LIMIT: Final = 107
"""Bytes of a unix socket's path: sun_path of Linux holds 108, with the closing NUL."""
FIRST_DESCRIPTOR: Final = 3
"""0, 1 and 2 are the standard streams; sockets that are handed over start here."""

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]{0,254}", re.ASCII)
"""Of a descriptor: systemd allows more, of which nobody has need."""
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TcpAddress:
    host: str
    """A name or an IP address; IPv6 without brackets."""
    port: int
    """0 to 65535; 0 lets the system choose a free one."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    path: str
    """Absolute path of the socket."""

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class Descriptor:
    number: int
    """A listening socket that was open when we were started, such as systemd's."""

    def __str__(self) -> str:
        return f"fd:{self.number}"


@dataclass(frozen=True, slots=True)
class NamedDescriptors:
    name: str
    """What systemd calls one or more listening sockets that it hands over
    (FileDescriptorName; without it, the name of the socket unit)."""

    def __str__(self) -> str:
        return f"fd:{self.name}"


Address = TcpAddress | UnixAddress | Descriptor | NamedDescriptors


def parse_address(text: str) -> Address:
    """The address that `text` spells.

    Raises:
        ValueError: it spells none; the message says in a few words what is wrong.
    """
    if text.startswith("unix:"):
        return UnixAddress(unix_path(text))
    if text.startswith("fd:"):
        return _handed_over(text.removeprefix("fd:"))
    if "://" in text:
        raise ValueError("an address has no scheme and no path")
    host, colon, port = text.rpartition(":")
    if not colon or not host or host == "*":
        number = text.lstrip("*:")
        if _PORT.fullmatch(number):
            raise ValueError(
                f'write "127.0.0.1:{number}" for this machine only, '
                f'"0.0.0.0:{number}" for every interface'
            )
        raise ValueError("it needs a host and a port")
    return TcpAddress(_host(host), port_number(port))


def meet(one: Address, other: Address) -> bool:
    """True when both could be the same socket, or listen side by side on one port.

    A name may mean any address of its host, and is looked up only when it is listened
    on: here it is itself, or what every address is.
    """
    if not (isinstance(one, TcpAddress) and isinstance(other, TcpAddress)):
        return one == other
    if one.port != other.port or one.port == 0:
        return False
    if one.host.lower() == other.host.lower():
        return True
    first, second = _ip(one.host), _ip(other.host)
    if first is not None and second is not None and first.version != second.version:
        return False
    return any(ip is not None and ip.is_unspecified for ip in (first, second))


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def unix_path(text: str) -> str:
    """The path in ``unix:/path``.

    Raises:
        ValueError: the path is relative, or longer than a socket's path may be.
    """
    path = text.removeprefix("unix:")
    if path.startswith("//"):
        raise ValueError(f'write "unix:/{path.lstrip("/")}", with one slash')
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise ValueError("after unix: comes the absolute path of a socket")
    if len(os.fsencode(path)) > UNIX_PATH_LIMIT:
        raise ValueError(
            f"the path of a socket has at most {UNIX_PATH_LIMIT} bytes, "
            f"this one has {len(os.fsencode(path))}"
        )
    return path


def port_number(text: str) -> int:
    """A port, 0 to 65535.

    Raises:
        ValueError: it is none.
    """
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise ValueError(f'the port is a number from 0 to 65535, not "{text}"')
    return int(text)


def _handed_over(text: str) -> Descriptor | NamedDescriptors:
    if _NAME.fullmatch(text):
        return NamedDescriptors(text)
    if not _PORT.fullmatch(text) or int(text) < FIRST_DESCRIPTOR:
        raise ValueError(
            f"after fd: comes a number from {FIRST_DESCRIPTOR} on or a name"
        )
    return Descriptor(int(text))


def _host(text: str) -> str:
    if text.startswith("[") and text.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ipaddress.AddressValueError:
            raise ValueError(f"{text} is no IPv6 address") from None
    if ":" in text:
        raise ValueError("an IPv6 address stands in brackets")
    if not _HOST.fullmatch(text):
        raise ValueError(f'"{text}" is no host')
    return text
