"""What a connection has said, by the letter of RFC 9112, up to the first doubt.

It is the measure for what may reach the origin, so it shares nothing with the proxy and
forgives little: where a recipient may go on and may also refuse, both are right, and
what is refused is simply not seen by the origin. The one invariant: after anything that
two readers could take differently, nothing more counts as sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

_START: Final = re.compile(rb"([!-~]+) ([!-~]+) HTTP/1\.([01])")
_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\r\n]*)?\r\n")

_WITHOUT_CONTENT: Final = {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"}
"""Methods that make no upload, whatever their fields say."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request, as everybody must read it."""

    method: str
    target: str
    lines: tuple[tuple[bytes, bytes], ...]
    """Names in lower case."""
    body: bytes
    size: int = 0
    """Bytes that all of it takes on the wire."""

    def values(self, name: bytes) -> list[bytes]:
        """Of every line of the field `name`, which is in lower case."""
        return [value for key, value in self.lines if key == name]

    @property
    def is_part(self) -> bool:
        """It says of itself that more of its upload follows.

        Said twice the field is no boolean, and what is none says nothing (RFC 9651
        "Parsing Structured Fields").
        """
        said = [value for name, value in self.lines if name == b"upload-complete"]
        return said == [b"?0"] and self.method not in _WITHOUT_CONTENT


def sent(said: bytes) -> list[Sent]:
    """The requests in `said`."""
    found: list[Sent] = []
    rest = said
    while True:
        # RFC 9112 "Message Parsing": an empty line before a request is passed over
        rest = rest.lstrip(b"\r\n")
        head, end, rest = rest.partition(b"\r\n\r\n")
        request = _parsed(head) if end else None
        if request is None:
            return found
        body = _body(request, rest)
        if body is None:
            return found
        content, size = body
        whole = len(head) + len(end) + size
        found.append(replace(request, body=content, size=whole))
        rest = rest[size:]


def is_clear(said: bytes) -> bool:
    """Whether the head that `said` begins with is one, and tells in one way where its
    request ends."""
    request = _parsed(said.partition(b"\r\n\r\n")[0])
    return request is not None and _framing(request) is not None


def _parsed(head: bytes) -> Sent | None:
    start, *lines = head.split(b"\r\n")
    first = _START.fullmatch(start)
    pairs = [_LINE.fullmatch(line) for line in lines]
    if first is None or not all(pairs):
        return None
    fields = tuple((pair[1].lower(), pair[2]) for pair in pairs if pair)
    return Sent(first[1].decode(), _origin_form(first[2].decode()), fields, b"")


def _origin_form(target: str) -> str:
    return target.removeprefix("http://h") or "/"


def _framing(request: Sent) -> int | Literal["chunked"] | None:
    """Bytes of the content, or how it tells that itself; None when in doubt."""
    lengths = request.values(b"content-length")
    codings = request.values(b"transfer-encoding")
    if codings:
        is_chunked = [coding.lower() for coding in codings] == [b"chunked"]
        return "chunked" if is_chunked and not lengths else None
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        return None
    return int(lengths[0])


def _body(request: Sent, rest: bytes) -> tuple[bytes, int] | None:
    """The content in `rest` and how much of that it takes; None when in doubt, or not
    all there."""
    framing = _framing(request)
    if framing is None:
        return None
    if framing == "chunked":
        return _chunks(rest)
    return (rest[:framing], framing) if len(rest) >= framing else None


def _chunks(rest: bytes) -> tuple[bytes, int] | None:
    content, at = b"", 0
    while chunk := _CHUNK.match(rest, at):
        start, size = chunk.end(), int(chunk[1], 16)
        if size == 0:
            return _trailers(rest, content, start)
        if rest[start + size : start + size + 2] != b"\r\n":
            return None
        content += rest[start : start + size]
        at = start + size + 2
    return None


def _trailers(rest: bytes, content: bytes, at: int) -> tuple[bytes, int] | None:
    while not rest.startswith(b"\r\n", at):
        line, end, _ = rest[at:].partition(b"\r\n")
        if not end or not _LINE.fullmatch(line):
            return None
        at += len(line) + 2
    return content, at + 2
