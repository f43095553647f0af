"""A small file that shows when it is not what was written: a format number, a checksum.

One line of JSON with both, then the content, a second line of JSON. The checksum covers
the format number too, so that a flipped bit never looks like a newer format. Every
later format keeps the first line as it is here: that is how an older release tells a
newer file from a broken one.

One more byte may follow, outside the checksum: whether the file, and the name that it
stands under, are known to be durable. It is turned in place, and matters to the running
boot only: what is found after a power loss is on the disk.
"""

from __future__ import annotations

import re
from hashlib import blake2b

PLAIN = 1
"""The format that every release reads."""
ROUTED = 2
"""The same, of an upload with a route. A release that knows none leaves it alone, and
does not send it to the one origin that it knows."""
FORMAT = 3
"""The newest that this one reads: the same, of an upload that is not for whoever has
its URL, or was not let through. A release that asks nobody leaves it alone."""

LIMIT = 8 * 1024 * 1024
"""Bytes of one file; picked by hand, far above what a request head can be."""

UNSURE = b"?"
"""Follows what is sealed, until its name is durable."""
SURE = b"."
"""In its place from then on; without either nothing of the file was durable when it was
written, or a release has written it that knew neither."""
_HOLLOW = b"\0"
"""What a power loss may have made of that, at the worst."""

START = 128
"""Bytes in which the first line surely ends."""

_START = b'{"format":'
_FIRST_LINE = re.compile(rb'\{"format":([0-9]{1,9}),"blake2b":"([0-9a-f]{32})"\}\n')


class Unreadable(Exception):
    """The bytes are not what was once sealed."""


class Torn(Unreadable):
    """Some of it was never written: a power loss came before it was synced."""


class TooNew(Unreadable):
    """They were sealed by a newer release, in a format this one does not know."""


def seal(content: bytes, number: int = PLAIN) -> bytes:
    """The file that holds `content`."""
    digits = b"%d" % number
    return b'{"format":%b,"blake2b":"%b"}\n%b' % (
        digits,
        _checksum(digits, content),
        content,
    )


def unseal(sealed: bytes) -> bytes:
    """The content that was sealed.

    Raises:
        Unreadable: changed, too long or never sealed.
        Torn, TooNew
    """
    if len(sealed) > LIMIT:
        raise Unreadable(f"longer than {LIMIT} bytes")
    first_line = _first_line(sealed)
    digits, checksum = first_line.groups()
    content = sealed[first_line.end() :]
    if _checksum(digits, content) != checksum:
        raise _broken(sealed, f"the checksum of {len(content)} bytes is wrong")
    if not PLAIN <= int(digits) <= FORMAT:
        raise TooNew(f"format {int(digits)}, this release reads {FORMAT}")
    return content


def opened(content: bytes) -> tuple[bytes, bytes]:
    """What was sealed, of all that the file holds, and what follows it: ``UNSURE``,
    ``SURE`` or nothing."""
    for ending in (UNSURE, SURE):
        if content.endswith(ending):
            return content[: -len(ending)], ending
    return content.removesuffix(_HOLLOW), b""


def checksum(start: bytes) -> str:
    """The checksum as the first line tells it; the content is not looked at.

    Raises:
        Unreadable: there is no such line.
    """
    return _first_line(start)[2].decode()


def _first_line(sealed: bytes) -> re.Match[bytes]:
    first_line = _FIRST_LINE.match(sealed)
    if first_line is None:
        raise _broken(sealed, f"the first line of {len(sealed)} bytes is not ours")
    return first_line


def _broken(sealed: bytes, how: str) -> Unreadable:
    """Torn when it looks like one of ours that ends too early, or has holes."""
    cut = _START.startswith(sealed[: len(_START)]) and not sealed.endswith(b"\n")
    return Torn(how) if cut or b"\0" in sealed else Unreadable(how)


def _checksum(digits: bytes, content: bytes) -> bytes:
    seen = blake2b(digits + b"\n", digest_size=16)
    seen.update(content)
    return seen.hexdigest().encode()
