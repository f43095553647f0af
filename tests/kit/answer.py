"""A response as a client of one version reads it: offset, completeness, limits.

Strict where the protocol is: numbers in decimal without padding, a completeness field
of the version's own polarity only. The one invariant: an answer that speaks of
completeness in the words of another version is a failure.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .raw import Lines, Response
from .words import Words

VERSION_FIELD = "Upload-Draft-Interop-Version"

_INTEGER = re.compile(r"0|[1-9][0-9]*", re.ASCII)


class Answer:
    """A response read with the words of one version."""

    def __init__(self, response: Response, spoken: Words) -> None:
        self.response = response
        self._words = spoken
        other = {"Upload-Complete", "Upload-Incomplete"} - {spoken.completeness}
        for name in other:
            assert response.one(name) is None, f"v{spoken.version} heard {name}"

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def fields(self) -> Lines:
        return self.response.fields

    @property
    def content(self) -> bytes:
        return self.response.content

    def one(self, name: str) -> str | None:
        return self.response.one(name)

    @property
    def interims(self) -> list[Answer]:
        return [Answer(interim, self._words) for interim in self.response.interims]

    @property
    def version(self) -> str | None:
        """The version field, as it stands there."""
        return self.one(VERSION_FIELD)

    @property
    def location(self) -> str | None:
        return self.one("Location")

    @property
    def offset(self) -> int | None:
        return _integer(self.one("Upload-Offset"))

    @property
    def length(self) -> int | None:
        return _integer(self.one("Upload-Length"))

    @property
    def complete(self) -> bool | None:
        """What it says of completeness; None: nothing."""
        value = self.one(self._words.completeness)
        return (
            None
            if value is None
            else {"?1": True, "?0": False}[value] == (self._words.done == "?1")
        )

    @property
    def limits(self) -> dict[str, int] | None:
        """Members of Upload-Limit; None when it is absent (R11 for the form)."""
        value = self.one("Upload-Limit")
        if value is None:
            return None
        members = [member.split("=") for member in value.split(", ")]
        return {key: int(number) for key, number in members}

    @property
    def bounds(self) -> dict[str, int]:
        """The limits of size alone, without a min-size of 0."""
        told = self.limits or {}
        keep = {"max-size", "min-size", "max-append-size", "min-append-size"}
        return {
            key: n for key, n in told.items() if key in keep and (n or key[:3] == "max")
        }

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document; empty when there is none (RFC 9457), as to HEAD."""
        told = self.one("Content-Type") == "application/problem+json"
        if not (told and self.content):
            return {}
        document = json.loads(self.content)
        assert document["status"] == self.status, document
        return dict(document)


def _integer(value: str | None) -> int | None:
    """R11: decimal, without sign or padding."""
    if value is None:
        return None
    assert _INTEGER.fullmatch(value), value
    return int(value)
