"""Who stands in front: the client, as the part of the chain that we trust saw it.

Forwarding fields are claims. They are believed only when the peer of the connection is
trusted, only of the one family that was configured, and only as far to the left as
trusted proxies reach; the first address that is none is the client. With no trusted
proxies nothing is parsed at all. A peer on a unix socket is trusted: whoever may open
that file is an administrator's choice.

Source: RFC 7239 "Security Considerations".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from forwarded import Client, client_from_forwarded, client_from_x_forwarded

from .target import authority_of, is_authority, resolved
from .upload import Head
from .values import replace

Network = IPv4Network | IPv6Network

_SCHEMES: Final = ("http", "https")
_UNIX_PEER: Final = "100::"
"""Stands for a unix socket where the walk wants an address: one of the discard prefix
(RFC 6666), which no client can have, so trusting it trusts nobody else."""
_UNIX_NETWORK: Final = IPv6Network(_UNIX_PEER)
_ONE_CLIENT_BITS: Final = 64
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+;=:@%-]+)+", re.ASCII)
"""A path of plain segments. What begins with two slashes would name another host."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}", re.ASCII)


class Family(StrEnum):
    """The forwarding fields that are believed and written; the other are dropped."""

    X_FORWARDED = "x-forwarded"
    """`X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix`."""
    FORWARDED = "forwarded"
    """`Forwarded` (RFC 7239)."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose forwarding fields are believed, and which."""

    networks: tuple[Network, ...] = ()
    family: Family = Family.X_FORWARDED
    certificates: bool = False
    """The origin is told which certificate a client has shown."""


@dataclass(frozen=True, slots=True)
class Front:
    """The client's side of one request."""

    peer: str | None
    """Address of the connection's other end; None for a unix socket."""
    client: str
    """Address of the client; empty when the chain does not tell."""
    scheme: str
    """``http`` or ``https``, as the client used it."""
    host: str
    """Host and port as the client used them; empty when it named none."""
    trusted: bool
    """The peer is trusted, hence what it said in forwarding fields."""
    prefix: str = ""
    """What the front took off the path, such as ``/app``; empty when that is nothing,
    or it does not tell."""
    certificate: bytes | None = None
    """What the peer has shown by TLS, verified, in DER; empty: nothing. None where the
    origin is not to be told."""


def front_of(head: Head, peer: str | None, scheme: str, trust: Trust) -> Front:
    """The front of a request that came from `peer` over a connection of `scheme`."""
    host = requested_host(head)
    if peer is not None and not _is_trusted(peer, trust.networks):
        return Front(peer, peer, scheme, host, trusted=False)
    prefix = _prefix(head, trust)
    client = _client(head, peer, trust)
    if client is None:
        return Front(peer, "", scheme, host, trusted=True, prefix=prefix)
    address = "" if client.node.ip is None else str(client.node.ip)
    if address == _UNIX_PEER:
        address = ""
    told_scheme = (client.proto or "").lower()
    return Front(
        peer,
        address,
        told_scheme if told_scheme in _SCHEMES else scheme,
        client.host if client.host and is_authority(client.host) else host,
        trusted=True,
        prefix=prefix,
    )


def requested_host(head: Head) -> str:
    """Host and port of the request itself; empty when it names none (HTTP/1.0).

    The authority of an absolute-form target goes before `Host` (RFC 9112).
    """
    authority = authority_of(head.target)
    if authority is not None:
        return authority
    return (head.value(b"host") or b"").decode("latin-1")


def given_request_id(head: Head, front: Front) -> str | None:
    """The request id that a trusted front proxy gave; None when we have to make one."""
    value = head.value(b"x-request-id")
    if not front.trusted or value is None or not _REQUEST_ID.fullmatch(value):
        return None
    return value.decode("ascii")


def who_counts(client: str) -> str:
    """Whom limits for each client count as one: the address, of IPv6 its first 64 bits.

    Empty for an empty `client`, which is nobody in particular. Whoever has one address
    of an IPv6 network has all of it.

    Source: RFC 4291 "Interface Identifiers".
    """
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, _ONE_CLIENT_BITS), strict=False))


def _is_trusted(peer: str, networks: tuple[Network, ...]) -> bool:
    if not networks:
        return False
    address = ip_address(peer.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        # what a dual-stack socket says for an IPv4 peer
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _client(head: Head, peer: str | None, trust: Trust) -> Client | None:
    remote = _UNIX_PEER if peer is None else peer
    trusted = trust.networks if peer is not None else (*trust.networks, _UNIX_NETWORK)
    if trust.family is Family.FORWARDED:
        return client_from_forwarded(
            _lines(head, b"forwarded"), remote, trusted=trusted
        )
    chain = _lines(head, b"x-forwarded-for")
    protos, hosts = (
        _lines(head, b"x-forwarded-proto"),
        _lines(head, b"x-forwarded-host"),
    )
    client = client_from_x_forwarded(
        chain, remote, proto=protos, host=hosts, trusted=trusted
    )
    if client is None or chain:
        return client
    # A trusted peer that tells how it was asked, and not by whom: it is its own client.
    return replace(client, proto=_last(protos), host=_last(hosts))


def _prefix(head: Head, trust: Trust) -> str:
    """What the nearest front says in `X-Forwarded-Prefix`; `Forwarded` cannot say it.

    Only the last member is believed, as with scheme and host: those before it may be
    the client's own words.
    """
    if trust.family is not Family.X_FORWARDED:
        return ""
    told = (_last(_lines(head, b"x-forwarded-prefix")) or "").rstrip("/")
    plain = _PREFIX.fullmatch(told) and resolved(told) == told
    return told if plain else ""


def _last(lines: list[str]) -> str | None:
    """The member a list field ends with: what the nearest sender said; None without."""
    return lines[-1].rpartition(",")[2].strip() or None if lines else None


def _lines(head: Head, name: bytes) -> list[str]:
    return [line.decode("latin-1") for line in head.lines(name)]
