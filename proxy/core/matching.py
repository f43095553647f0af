"""Which requests may become uploads: the operator's list, and whether a head fits it.

A rule says methods, paths, media types and a host; what it does not say fits
everything. Paths are compared as they stand in the request, undecoded, because that is
what the origin will get; a star stands for any characters. An empty list fits every
request.

Source: R17 (c).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .front import requested_host
from .upload import Head


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of request."""

    methods: tuple[str, ...] = ()
    """In capitals; empty: every method."""
    paths: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    """Without parameters, in lower case; ``image/*`` for all images."""
    host: str | None = None
    """Without port, in lower case; ``*.example.com`` for every name below it."""

    def fits(self, head: Head) -> bool:
        return (
            self.fits_target(head)
            and (not self.methods or head.method in self.methods)
            and (not self.media_types or _fits_any(_media_type(head), self.media_types))
        )

    def fits_target(self, head: Head) -> bool:
        """True when some other request for this path and host may fit."""
        return (not self.paths or _fits_any(head.path, self.paths)) and (
            self.host is None or _fits_any(_host(head), (self.host,))
        )


def fits_any_rule(head: Head, rules: Sequence[Rule]) -> bool:
    """True when `head` may start an upload."""
    return not rules or any(rule.fits(head) for rule in rules)


def fits_any_target(head: Head, rules: Sequence[Rule]) -> bool:
    """True when uploads may be made where `head` asks: for discovery (R80)."""
    return not rules or any(rule.fits_target(head) for rule in rules)


def _fits_any(text: str, patterns: Sequence[str]) -> bool:
    return any(_fits(text, pattern) for pattern in patterns)


def _fits(text: str, pattern: str) -> bool:
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def _media_type(head: Head) -> str:
    """The media type of the content, in lower case; empty when it names none."""
    value = (head.value(b"content-type") or b"").decode("latin-1")
    return value.partition(";")[0].strip().lower()


def _host(head: Head) -> str:
    """The host asked for, without port, in lower case."""
    host = requested_host(head).lower()
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdigit() or not port) else host
