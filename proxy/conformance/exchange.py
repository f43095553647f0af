"""One request and what came of it, as pure values; and how its fields are read.

A field is read as a structured field (RFC 9651), strictly: what a strict client could
not read counts as absent. The one invariant: nothing here waits, and everything here
can be written down in a test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.client.wire import Said

from .versions import VERSION_FIELD, Version

_INTEGER: Final = re.compile(r"-?\d{1,15}")
_MEMBER: Final = re.compile(r"\s*([a-z*][a-z0-9_\-.*]*)=(-?\d{1,15})\s*")
_PARAMETERS: Final = re.compile(r"(;\s*[a-z*][^;,]*)+$")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and what was said to it."""

    asked: str
    """Its head, as it was sent, without credentials."""
    content: int = 0
    """Bytes of content that were sent."""
    said: Said | None = None
    """The final response; None when there was none."""
    interims: tuple[Said, ...] = ()
    """Every interim response, in order."""
    before_content: int = 0
    """How many of them came before any content was sent."""
    why: str = ""
    """Why there is no response."""

    @property
    def status(self) -> int | None:
        return None if self.said is None else self.said.status

    @property
    def succeeded(self) -> bool:
        return self.said is not None and 200 <= self.said.status < 300

    @property
    def refused(self) -> bool:
        """By the server's own judgement: 4xx."""
        return self.said is not None and 400 <= self.said.status < 500

    def value(self, name: str) -> str | None:
        return None if self.said is None else self.said.value(name)

    @property
    def resumptions(self) -> tuple[Said, ...]:
        """The 104s among the interims."""
        return tuple(one for one in self.interims if one.status == 104)

    @property
    def offset(self) -> int | None:
        return None if self.said is None else offset(self.said)

    @property
    def length(self) -> int | None:
        return integer(self.value("Upload-Length"))

    def done(self, version: Version) -> bool | None:
        """What the completeness field says; None when nothing can be read in it."""
        return boolean(self.value(version.completeness), version)

    @property
    def problem(self) -> str:
        """The fragment of the problem type; empty when there is none."""
        return str(self.problem_members.get("type", "")).rpartition("#")[2]

    @property
    def problem_members(self) -> Mapping[str, object]:
        if self.said is None:
            return {}
        try:
            document = json.loads(self.said.content)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    @property
    def summary(self) -> str:
        """What was said, in a few words."""
        if self.said is None:
            return self.why or "no answer"
        names = ("location", "upload-", "allow", "accept-patch")
        told = [
            f"{name}: {value}"
            for name, value in self.said.fields
            if name.lower().startswith(names) and name.lower() != VERSION_FIELD.lower()
        ]
        return "; ".join([str(self.said.status), *told])


Story = Mapping[str, Exchange]
"""What a probe has seen: exchanges by what they were for, in order."""


def speaks_of_uploads(said: Said) -> bool:
    """True for a response of somebody who knows resumable uploads."""
    return any(name.lower().startswith("upload-") for name, _ in said.fields)


def offset(said: Said) -> int | None:
    """Its `Upload-Offset`; None when there is none that means anything."""
    told = integer(said.value("Upload-Offset"))
    return told if told is not None and told >= 0 else None


def integer(text: str | None) -> int | None:
    """An Item of type Integer; None for anything else."""
    bare = _bare(text)
    return int(bare) if bare and _INTEGER.fullmatch(bare) else None


def boolean(text: str | None, version: Version) -> bool | None:
    """Whether a completeness field says that all is there; None when it says
    nothing."""
    return {version.done: True, version.open: False}.get(_bare(text) or "")


def limits(said: Said) -> Mapping[str, int] | None:
    """`Upload-Limit`; None when there is none, or it is no dictionary of integers."""
    text = said.value("Upload-Limit")
    if text is None:
        return None
    members = [_MEMBER.fullmatch(member) for member in text.split(",")]
    if not all(members):
        return None
    return {member[1]: int(member[2]) for member in members if member is not None}


def _bare(text: str | None) -> str | None:
    return None if text is None else _PARAMETERS.sub("", text.strip(" "))
