"""Reading the head of a request: aiohttp's, checked, as a value of ours.

aiohttp refuses by itself: bytes that are no HTTP, bare CR, LF and NUL, folded lines, a
second `Host`, lengths that contradict each other, chunked and a length at once. What it
lets through and a gateway must not is refused here. Nothing is changed: target and
fields are the bytes that came. The one invariant: a head that was read can go to the
origin exactly as it is.

Source: RFC 9110; RFC 9112; the rules are named beside each check.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Final

from aiohttp import HttpVersion, HttpVersion10, HttpVersion11, web

from proxy.core.errors import ClientGone, Gone
from proxy.core.front import Front, Trust, front_of
from proxy.core.headers import forbidden_option
from proxy.core.target import ASTERISK, authority_of, is_authority
from proxy.core.upload import Field, Fields, Head, Reply

from .problems import problem_reply

ALLOW: Final[Field] = (b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
"""The methods of resources that we do not know: all but those refused here."""
LONGEST: Final = 2**63 - 1
"""Bytes of content that a length may tell: more is negative, or less, to who counts in
64 bits with a sign."""
_LOOK_LIKE_FRAMING: Final = frozenset({b"content_length", b"transfer_encoding"})
"""To an application behind CGI or WSGI these are the names with a hyphen (RFC 3875
"Protocol-Specific Meta-Variables")."""


class BadRequest(Exception):
    """A request that HTTP itself does not allow, or that we do not serve."""

    def __init__(
        self, status: int, name: str, detail: str, fields: Fields = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name
        self.detail = detail
        self.fields = fields
        self.head: Head | None = None
        """The head that was refused, as far as it could be read."""

    def reply(self) -> Reply:
        """The answer; the connection ends with it, since its framing is in doubt."""
        return problem_reply(
            self.status, self.name, self.detail, fields=self.fields, close=True
        )


def read_head(request: web.BaseRequest, limit: int) -> Head:
    """The head of `request`, of at most `limit` bytes.

    Raises:
        BadRequest: it cannot be served; the status says whose rule it breaks.
    """
    version, content = request.version, request.content
    _check_version(version)
    head = Head(
        request.method,
        request.raw_path,
        request.raw_headers,
        http_1_0=version == HttpVersion10,
        is_empty=content.is_eof() and not content.total_bytes,
    )
    try:
        _check_size(head, limit)
        _check_method(head)
        _check_framing(head)
        _check_fields(head)
        _check_target(head)
        _check_host(head)
        _check_expectation(head)
    except BadRequest as bad:
        bad.head = head
        raise
    return head


def front_of_request(request: web.BaseRequest, head: Head, trust: Trust) -> Front:
    """Who stands in front of `request`.

    Raises:
        ClientGone: the connection ended before it could be told whose it was.
    """
    remote = request.remote
    if remote is None:
        # Never taken for a unix socket, whose peer is trusted.
        raise ClientGone(Gone.CUT)
    unnamed_or_path = not remote or remote.startswith(("/", "@", "b'"))
    peer = None if unnamed_or_path else remote
    front = front_of(head, peer, request.scheme, trust)
    if not trust.certificates:
        return front
    return replace(front, certificate=_certificate(request))


def _certificate(request: web.BaseRequest) -> bytes:
    """What the client has shown when it began to speak TLS, in DER; empty: nothing."""
    sealed = request.get_extra_info("ssl_object")
    return b"" if sealed is None else sealed.getpeercert(binary_form=True) or b""


def _check_version(version: HttpVersion) -> None:
    """RFC 9110 "Protocol Version": we speak 1.0 and 1.1."""
    if version not in (HttpVersion11, HttpVersion10):
        major, minor = version
        raise BadRequest(
            505,
            "http-version-not-supported",
            f"HTTP/{major}.{minor} is not spoken here, only HTTP/1.1 and HTTP/1.0.",
        )


def _check_size(head: Head, limit: int) -> None:
    """RFC 6585: aiohttp bounds a line, and the number of lines, but not the whole."""
    size = len(head.method) + len(head.target) + len("  HTTP/1.1\r\n\r\n")
    size += len(": \r\n") * len(head.fields)
    size += sum(map(len, chain.from_iterable(head.fields)))
    if size > limit:
        raise BadRequest(
            431,
            "head-too-large",
            f"The head of the request has {size} bytes; at most {limit} are taken.",
        )


def _check_method(head: Head) -> None:
    """RFC 9110 "CONNECT": no tunnels."""
    if head.method == "CONNECT":
        raise BadRequest(501, "not-implemented", "CONNECT is not served here.")


def _check_framing(head: Head) -> None:
    """RFC 9112 "Transfer-Encoding": aiohttp drops every coding but the last unseen."""
    if head.has_any(_LOOK_LIKE_FRAMING):
        raise BadRequest(
            400, "bad-request", "A field looks like framing to some, and is none."
        )
    codings = head.value(b"transfer-encoding")
    if codings is None:
        _check_length(head)
        return
    if head.http_1_0:
        raise BadRequest(
            400, "bad-request", "HTTP/1.0 does not know Transfer-Encoding."
        )
    if codings.lower() != b"chunked":
        raise BadRequest(
            501,
            "not-implemented",
            "The only transfer coding understood here is chunked.",
        )


def _check_length(head: Head) -> None:
    """RFC 9110 "Content-Length": what cannot be counted everywhere is not passed on."""
    told = head.value(b"content-length")
    if told is None:
        return
    if told.startswith(b"0") and told != b"0":
        # 010 is ten by the RFC, and eight to who reads numbers as C does.
        raise BadRequest(
            400, "bad-request", "Content-Length has zeros before the number."
        )
    if int(told) > LONGEST:
        raise BadRequest(
            400,
            "bad-request",
            f"Content-Length is {told.decode()}; at most {LONGEST} is.",
        )


def _check_fields(head: Head) -> None:
    """Bytes that are not UTF-8 would vanish on the way to the origin (P7)."""
    for name, value in head.fields:
        if not value.isascii() and not _is_utf8(value):
            raise BadRequest(
                400,
                "bad-request",
                f"The field {name.decode('ascii')} is not UTF-8 and cannot be "
                "passed on as it is.",
            )
    option = forbidden_option(head.fields) if head.has(b"connection") else None
    if option is not None:
        raise BadRequest(
            400,
            "bad-request",
            f"Connection must not name {option.decode('utf-8')}, "
            "which is not about the connection.",
        )


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_target(head: Head) -> None:
    """RFC 9112 "Request Target": no fragment, and no scheme but http and https.

    A fragment would be part of the path for one reader and not for the next.
    """
    target = head.target
    if not target.isascii() or "#" in target:
        raise BadRequest(
            400, "bad-request", "A request-target has no fragment and only ASCII."
        )
    authority = authority_of(target)
    if authority is None:
        if target != ASTERISK and not target.startswith("/"):
            raise BadRequest(
                400, "bad-request", "The request-target is neither a path nor http."
            )
    elif not is_authority(authority):
        raise BadRequest(
            400, "bad-request", "The authority of the request-target is not valid."
        )


def _check_host(head: Head) -> None:
    """RFC 9112 "Request Target": one valid `Host`, without which only 1.0 may be."""
    hosts = head.lines(b"host")
    if not hosts and head.http_1_0:
        return
    if len(hosts) != 1 or not is_authority(hosts[0].decode("latin-1")):
        raise BadRequest(
            400, "bad-request", "Host must be there once and name a valid host."
        )


def _check_expectation(head: Head) -> None:
    """RFC 9110 "Expect": 100-continue is the only one there is; 1.0 knows none."""
    expectations = head.lines(b"expect")
    if expectations and not head.http_1_0 and not _only_continue(expectations):
        raise BadRequest(
            417, "expectation-failed", "The only expectation met here is 100-continue."
        )


def _only_continue(expectations: Iterable[bytes]) -> bool:
    return all(value.lower() == b"100-continue" for value in expectations)
