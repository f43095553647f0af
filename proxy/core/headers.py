"""Fields on their way through: which go to the origin, which come back, which are ours.

A field goes on as it was spelled, in its order and with its repeats, unless it belongs
to one connection only, is a claim about who stands in front, or is ours to write.
Framing is the business of whoever sends. The one invariant: what the origin learns from
a forwarding field was written by us or by a peer that is trusted.

Source: RFC 9110 "Connection", "Via", "Max-Forwards"; RFC 7239; RFC 9440.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from forwarded import ForwardedError, Node, build

from .front import Family, Front, requested_host
from .upload import Field, Fields, Head
from .values import replace

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields of one connection, in lower case. `Trailer` among them, because trailers are
dropped and must then not be announced."""

_NOT_AN_OPTION: Final = frozenset({b"forwarded", b"host"})
_NOT_AN_OPTION_PREFIX: Final = (b"content-", b"upload-", b"x-forwarded-")
_TELL_NO_SECRET: Final = frozenset(
    {
        b"host",
        b"content-type",
        b"content-encoding",
        b"content-language",
        b"content-disposition",
        b"user-agent",
        b"x-request-id",
    }
)
_VEIL: Final = b"***"
_OURS: Final = frozenset({b"host", b"x-request-id"})
_X_FORWARDED: Final = b"x-forwarded-"
_WRITTEN: Final = {
    Family.X_FORWARDED: frozenset(
        {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}
    ),
    Family.FORWARDED: frozenset({b"forwarded"}),
}
_DROPPED: Final = {
    family: HOP_BY_HOP | _OURS | written for family, written in _WRITTEN.items()
}
_CERTIFICATE: Final = b"client-cert"
_OF_CERTIFICATES: Final = frozenset({_CERTIFICATE, b"client-cert-chain"})
_NO_OPTIONS: Final = frozenset[bytes]()
_EXPECT: Final = frozenset({b"expect"})
_NOT_FROM_ORIGIN: Final = HOP_BY_HOP | {b"content-length"}
_NOT_OF_UPLOADS: Final = _EXPECT | {b"content-length"}


@dataclass(frozen=True, slots=True)
class Passage:
    """How requests go on to the origin, as the operator decided it."""

    authority: bytes
    """Host and port of the origin."""
    pseudonym: bytes
    """Our name in `Via`; another process has another one, or a chain of two of us would
    look like a loop."""
    family: Family = Family.X_FORWARDED
    preserve_host: bool = True
    """The origin gets the client's `Host`; otherwise its own authority."""


def connection_options(fields: Fields) -> frozenset[bytes]:
    """The names that `Connection` lists, in lower case."""
    lines = [value for name, value in fields if name.lower() == b"connection"]
    if not lines:
        return _NO_OPTIONS
    return frozenset(
        option.strip(b" \t").lower() for line in lines for option in line.split(b",")
    )


def forbidden_option(fields: Fields) -> bytes | None:
    """A name that `Connection` must not list, or None when all is well.

    Whoever lists one wants a field to vanish that says what the request is, where it
    goes, or whom it comes from.
    """
    for option in connection_options(fields):
        if option in _NOT_AN_OPTION or option.startswith(_NOT_AN_OPTION_PREFIX):
            return option
    return None


def from_origin(fields: Fields) -> Fields:
    """What of the origin's answer goes on to the client, without framing."""
    options = connection_options(fields)
    return _without(fields, _NOT_FROM_ORIGIN | options if options else _NOT_FROM_ORIGIN)


def to_origin(
    head: Head, front: Front, passage: Passage, request_id: str, *, expect: bool = False
) -> Fields:
    """What the origin gets of a request that is passed through.

    `Content-Length` stays where the client sent it; other framing is the sender's. With
    `expect`, so does `Expect`: the request waits for the origin's word on its content.
    """
    left_out: frozenset[bytes] = frozenset() if expect else _EXPECT
    kept = _kept(head, front, passage.family, left_out)
    return _to_origin(head, kept, front, passage, request_id)


def upload_to_origin(
    head: Head, front: Front, passage: Passage, request_id: str
) -> Fields:
    """What the origin gets of a request that became an upload, without framing."""
    kept = [
        field
        for field in _kept(head, front, passage.family, _NOT_OF_UPLOADS)
        if not field[0].lower().startswith(b"upload-")
    ]
    return _to_origin(head, kept, front, passage, request_id)


def lost_to_uploads(name: bytes) -> bool:
    """True for a field (its name in lower case) that no request of an upload has."""
    return name in HOP_BY_HOP | _NOT_OF_UPLOADS or name.startswith(b"upload-")


def harmless(request: Head) -> Head:
    """What may be kept of a request that the origin has answered: nothing secret.

    The query may be signed, and any field may hold a key; those that stay are listed.
    """
    fields = [field for field in request.fields if field[0].lower() in _TELL_NO_SECRET]
    return replace(request, target=request.path, fields=tuple(fields))


def veiled(request: Head) -> Head:
    """A request for somebody to look at, who may know which fields there were: what
    could be a secret is three asterisks."""
    fields = tuple(
        (name, value if name.lower() in _TELL_NO_SECRET else _VEIL)
        for name, value in request.fields
    )
    path, query, _ = request.target.partition("?")
    target = path + query + (_VEIL.decode() if query else "")
    return replace(request, target=target, fields=fields)


def with_credentials_of(fields: Fields, head: Head) -> Fields:
    """`fields` with the Authorization and Cookie of `head`, where both have them.

    One that only `fields` have stays: the client saw no reason to send it again. One
    that only `head` has is not added: the creation did without.
    """
    for name in (b"authorization", b"cookie"):
        fresh = head.lines(name)
        if fresh:
            fields = _replaced(fields, name, fresh)
    return fields


def passes_us_again(head: Head, pseudonym: bytes) -> bool:
    """True when `Via` says that the request has gone through this very process."""
    via = head.value(b"via")
    if via is None:
        return False
    return any(pseudonym in member.split()[1:2] for member in via.split(b","))


def forwards_left(head: Head) -> int | None:
    """What `Max-Forwards` allows; None when it is absent, or says nothing sensible."""
    value = head.value(b"max-forwards")
    if value is None or not value.isdigit() or len(value) > 9:
        return None
    return int(value)


def with_forwards_left(fields: Fields, count: int) -> Fields:
    """`fields` with `Max-Forwards` set to `count`, where it stands."""
    return _replaced(fields, b"max-forwards", [str(count).encode()])


def _kept(
    head: Head, front: Front, family: Family, left_out: frozenset[bytes]
) -> list[Field]:
    """The fields of `head` that go on as they are, without those in `left_out`."""
    dropped = _DROPPED[family]
    if head.has(b"connection"):
        dropped |= connection_options(head.fields)
    return [
        field
        for field in head.fields
        if (name := field[0].lower()) not in dropped
        and name not in left_out
        and not _is_claim(name, front, family)
    ]


def _to_origin(
    head: Head, kept: list[Field], front: Front, passage: Passage, request_id: str
) -> Fields:
    return (
        (b"Host", _host(head, passage)),
        *kept,
        *_forwarding(head, front, passage.family),
        *_shown(front),
        (b"Via", (b"1.0 " if head.http_1_0 else b"1.1 ") + passage.pseudonym),
        (b"X-Request-ID", request_id.encode("ascii")),
    )


def _host(head: Head, passage: Passage) -> bytes:
    requested = requested_host(head) if passage.preserve_host else ""
    return requested.encode("latin-1") or passage.authority


def _is_claim(name: bytes, front: Front, family: Family) -> bool:
    """True for a forwarding field that must not go on: other family, untrusted, or
    spelled so that only an application behind CGI or WSGI takes it for one. Likewise
    for what is said of certificates, where that is ours to say."""
    if b"_" in name:
        meant = name.replace(b"_", b"-")
        return meant.startswith(_X_FORWARDED) or (
            meant in _OF_CERTIFICATES and front.certificate is not None
        )
    if name in _OF_CERTIFICATES and front.certificate is not None:
        return bool(front.certificate) or not front.trusted
    if name == b"forwarded":
        return family is not Family.FORWARDED
    if not name.startswith(_X_FORWARDED):
        return False
    return family is not Family.X_FORWARDED or not front.trusted


def _forwarding(head: Head, front: Front, family: Family) -> Fields:
    if family is Family.FORWARDED:
        chain = [*_chain(head, front, b"forwarded"), _element(front).encode("latin-1")]
        return ((b"Forwarded", b", ".join(chain)),)
    chain = list(_chain(head, front, b"x-forwarded-for"))
    if front.peer is not None:
        chain.append(front.peer.partition("%")[0].encode("ascii"))
    written = [(b"X-Forwarded-For", b", ".join(chain))] if chain else []
    written.append((b"X-Forwarded-Proto", front.scheme.encode("ascii")))
    if front.host:
        written.append((b"X-Forwarded-Host", front.host.encode("latin-1")))
    return tuple(written)


def _shown(front: Front) -> Fields:
    """The certificate that the peer has shown, for an origin that is to know it.

    Source: RFC 9440 "Client-Cert HTTP Header Field".
    """
    if not front.certificate:
        return ()
    return ((b"Client-Cert", b":%s:" % b64encode(front.certificate)),)


def _chain(head: Head, front: Front, name: bytes) -> list[bytes]:
    """What stood in the field before us, when its sender is trusted."""
    return [line for line in head.lines(name) if line] if front.trusted else []


def _element(front: Front) -> str:
    """Our element of `Forwarded`."""
    peer = None if front.peer is None else front.peer.partition("%")[0]
    node = Node(name="unknown") if peer is None else Node(ip=ip_address(peer))
    element: dict[str, str | Node] = {"for": node, "proto": front.scheme}
    if front.host:
        try:
            return build([{**element, "host": front.host}])
        except ForwardedError:
            pass  # a host we take and RFC 7239 does not: say the rest
    return build([element])


def _without(fields: Fields, names: frozenset[bytes]) -> Fields:
    return tuple([field for field in fields if field[0].lower() not in names])


def _replaced(fields: Fields, name: bytes, values: Sequence[bytes]) -> Fields:
    """`fields` with the lines of `name` replaced, where the first of them stood."""
    result: list[Field] = []
    fresh: Sequence[bytes] | None = values
    for field in fields:
        if field[0].lower() != name:
            result.append(field)
        elif fresh is not None:
            result += [(field[0], value) for value in fresh]
            fresh = None
    return tuple(result)
