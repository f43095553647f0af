"""Which requests may become uploads, and which route one takes: rules, and what fits.

A rule says methods, paths, media types and a host; what it does not say fits
everything. Paths are compared as they stand in the request, undecoded, because that is
what the origin will get; a star stands for any characters. An empty list of what may
become an upload fits every request.

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

    def takes(self, head: Head) -> bool:
        """True when `head` takes the route that this rule is of.

        OPTIONS asks about a target, with whatever method and content: it takes the
        route of the first rule that names a path or host which fits.
        """
        if head.method == "OPTIONS" and (self.paths or self.host is not None):
            return self.fits_target(head)
        return self.fits(head)

    def covers(self, other: Rule) -> bool:
        """True when whatever fits `other` surely fits this one, too.

        A pattern covers another one that fits it when read as plain text: what a star
        there stands for, a star here stands for as well.
        """
        return (
            (not self.methods or _is_within(other.methods, self.methods))
            and _covers(self.paths, other.paths)
            and _covers(self.media_types, other.media_types)
            and _covers(_listed(self.host), _listed(other.host))
        )


def fits_any_rule(head: Head, rules: Sequence[Rule]) -> bool:
    """True when `head` may start an upload."""
    return not rules or any(rule.fits(head) for rule in rules)


def fits_any_target(head: Head, rules: Sequence[Rule]) -> bool:
    """True when uploads may be made where `head` asks: for discovery (R80)."""
    return not rules or any(rule.fits_target(head) for rule in rules)


def _is_within(some: Sequence[str], others: Sequence[str]) -> bool:
    return bool(some) and set(some) <= set(others)


def _covers(patterns: Sequence[str], others: Sequence[str]) -> bool:
    if not patterns:
        return True
    return bool(others) and all(_fits_any(other, patterns) for other in others)


def _listed(host: str | None) -> tuple[str, ...]:
    return () if host is None else (host,)


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
    """The host asked for, without port, in lower case.

    Without a dot at its end, too, which DNS reads as the same name: with it a request
    would leave its route.
    """
    host = requested_host(head).lower()
    name, colon, port = host.rpartition(":")
    plain = name if colon and (port.isdigit() or not port) else host
    return plain.removesuffix(".")
