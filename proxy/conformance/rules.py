"""The table of the rules: what each says, where, since when, and what decides it.

The numbers and their words are those of docs/protocol.md, which explains them. The one
invariant: every rule there has exactly one row here, whether it can be seen from
outside or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .versions import (
    ALL,
    FROM_6,
    FROM_7,
    FROM_8,
    FROM_9,
    NEVER,
    TO_5,
    TO_6,
    TO_7,
)


class Level(StrEnum):
    """Who asks for it."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    CLIENT = "client"
    """No draft does; a client in the field needs it, or common sense does."""

    @property
    def weight(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    number: int
    meaning: str
    section: str = ""
    """Title in the newest draft; empty where no draft has it."""
    probe: str = ""
    """What decides it; empty when nothing does."""
    versions: range = ALL
    must: range = NEVER
    """Versions in which it is a MUST."""
    should: range = NEVER
    why_not: str = ""
    """Why it is not judged, when it is not."""
    once: bool = False
    """The same in every version; judged in one."""

    @property
    def name(self) -> str:
        return f"R{self.number}"

    def level(self, version: int) -> Level:
        if version in self.must:
            return Level.MUST
        return Level.SHOULD if version in self.should else Level.CLIENT


_LEFT_OPEN: Final = "the drafts leave it open; any answer is right"
_INSIDE: Final = "happens between the server and its application"
_CREATION: Final = "Upload Creation"
_APPEND: Final = "Upload Append"
_OFFSET: Final = "Offset Retrieval"
_CANCEL: Final = "Upload Cancellation"
_IDENTITY: Final = "Draft Version Identification"
_FIELDS: Final = "Completeness"


def _unseen(number: int, meaning: str, why: str) -> Rule:
    return Rule(number, meaning, why_not=why)


_TABLE: Final = (
    Rule(1, "completeness is a Boolean with ignorable parameters",
         _FIELDS, "parameters", must=ALL),
    Rule(2, "a completeness field with another value is none",
         _FIELDS, "invalid_creation", FROM_8, must=FROM_8),
    Rule(3, "two lines of it are none",
         _FIELDS, "invalid_creation", FROM_8, must=FROM_8),
    Rule(4, "Upload-Offset is an Integer with ignorable parameters",
         "Offset", "integers", must=ALL),
    Rule(5, "without valid completeness nothing is created",
         _FIELDS, "invalid_creation", FROM_8, must=FROM_8),
    Rule(6, "an append with invalid completeness completes nothing",
         _FIELDS, "invalid_append", FROM_7, must=FROM_8, should=FROM_7),
    Rule(7, "an append without offset is refused",
         _APPEND, "invalid_append", should=ALL),
    Rule(8, "an invalid Upload-Length is none",
         "Length", "odd_creations", FROM_6, must=FROM_8),
    _unseen(9, "the completeness field of the other polarity", _LEFT_OPEN),
    Rule(10, "Upload-Limit in a request, and the case of names, mean nothing",
         "RFC 9110, Field Names", "odd_creations", must=ALL),
    Rule(11, "fields are written as structured fields",
         "RFC 9651, Serializing", "asked", must=ALL),
    Rule(12, "a 104 has the version of its request", _IDENTITY, "created", must=ALL),
    Rule(13, "no 104 without a version", _IDENTITY, "unversioned", must=ALL, once=True),
    Rule(14, "an unknown version gets no 104, and no refusal",
         _IDENTITY, "unversioned", must=ALL, once=True),
    Rule(15, "a part without a version gets no 104",
         _IDENTITY, "unversioned", must=ALL, once=True),
    Rule(16, "an append without a version gets no 104",
         _IDENTITY, "unversioned_append", must=ALL),
    _unseen(17, "other methods on an upload URL", _LEFT_OPEN),
    _unseen(18, "X-HTTP-Method-Override", _LEFT_OPEN),
    _unseen(19, "what the application gets", _INSIDE),
    Rule(20, "every upload has a URL of its own",
         "Upload Resource", "created", should=FROM_7),
    Rule(21, "a 104 tells the URL, and limits", _CREATION, "created",
         must=ALL),
    Rule(22, "HTTP/1.0 gets no interim response",
         "RFC 9110, Informational 1xx", "old", must=ALL),
    Rule(23, "a partial creation: 201, URL, offset, open",
         _CREATION, "created", must=ALL),
    Rule(24, "a finishing creation: the answer, offset, done",
         _CREATION, "finished", must=ALL),
    Rule(25, "a creation cut off is kept, and not complete",
         _CREATION, "cut_creation", must=ALL),
    Rule(26, "a finishing creation with two lengths is refused",
         "Length", "length_creations", FROM_6, must=FROM_6),
    Rule(27, "a part longer than Upload-Length is refused",
         "Length", "length_creations", FROM_6),
    Rule(28, "an end short of Upload-Length is refused",
         "Length", "short_creation", FROM_6, must=FROM_9),
    Rule(29, "over max-size: refused, and told so", "Limits", "limits",
         FROM_6, should=FROM_9),
    _unseen(30, "unannounced content over max-size",
            "needs as many bytes as the limit has"),
    Rule(31, "over max-append-size at creation: told so",
         "Limits", "limits", FROM_9, should=FROM_9),
    Rule(32, "min-append-size spares empty creations",
         "Limits", "limits", FROM_9, must=FROM_9),
    Rule(33, "below min-size an upload is still taken", "Limits", "limits", FROM_6,
         should=FROM_9),
    _unseen(34, "Upload-Offset in a creation", _LEFT_OPEN),
    Rule(35, "an empty creation makes an upload at 0",
         _CREATION, "asked", must=range(5, 11), should=ALL),
    Rule(36, "a creation may be of any media type", "", "odd_creations"),
    _unseen(37, "the application answers before the end of a creation", _INSIDE),
    _unseen(38, "storage that cannot take an upload", "cannot be brought about"),
    Rule(39, "Upload-Length harms nobody who does not know it", "",
         "odd_creations", TO_5),
    Rule(40, "an open upload: offset, open, length, limits, no-store",
         _OFFSET, "asked", must=ALL),
    Rule(41, "a finished upload: offset at the total, done",
         _OFFSET, "finished", must=ALL),
    Rule(42, "an unknown upload: 404 to HEAD",
         _OFFSET, "unknown", must=TO_6, should=FROM_7),
    Rule(43, "a question with offset, completeness or length: 400",
         _OFFSET, "forbidden", TO_6, must=TO_6),
    Rule(44, "any other field in it is ignored", "", "asked"),
    Rule(45, "the offset told under a transfer is accepted",
         "Concurrency", "takeover", must=ALL),
    Rule(46, "offsets never decrease",
         "Offset", "takeover", must=FROM_6, should=range(5, 6)),
    Rule(47, "GET tells what HEAD tells", _OFFSET, "asked", FROM_9, must=FROM_9),
    _unseen(48, "stored data lost", "cannot be brought about"),
    Rule(49, "refused appends tell the offset",
         _APPEND, "invalid_append", TO_6, must=TO_6),
    Rule(50, "an unknown upload: 404 to PATCH",
         _APPEND, "unknown", must=TO_6, should=FROM_7),
    Rule(51, "an append of another media type is refused",
         "Media Type", "media_types", FROM_6, must=FROM_6),
    Rule(52, "an append that does not say whether it is the last",
         _OFFSET, "unsaid", range(3, 4), must=range(3, 4)),
    Rule(53, "a wrong offset: 409, the right one, nothing harmed",
         _APPEND, "mismatch", must=ALL),
    Rule(54, "a last part that ends short of the length is refused",
         _APPEND, "short_append", FROM_6, must=FROM_6),
    Rule(55, "Upload-Length may be repeated, not changed",
         "Length", "length_appends", FROM_6, must=FROM_7),
    Rule(56, "no byte past the length",
         _APPEND, "overrun", FROM_6, must=FROM_6),
    Rule(57, "over max-append-size: told so", "Limits", "limits", FROM_6,
         should=FROM_9),
    Rule(58, "min-append-size spares the last part", "Limits", "limits", FROM_6,
         must=FROM_6),
    Rule(59, "a part: 201 or 2xx, offset, open", _APPEND, "appended", must=ALL),
    Rule(60, "a finished upload takes no more",
         _APPEND, "finished", must=range(6, 9), should=FROM_9),
    Rule(61, "the last part: the answer, offset, done", _APPEND, "appended", must=ALL),
    _unseen(62, "the application answers before the end of an append", _INSIDE),
    Rule(63, "an append cut off is kept, and not complete",
         _APPEND, "cut_append", must=ALL),
    Rule(64, "all bytes of a known length: complete, whoever hears it",
         _FIELDS, "unheard", must=range(3, 9), should=FROM_9),
    Rule(65, "100 (Continue) is not left out beside a 104",
         "Status Code 104", "expectation", must=ALL),
    Rule(66, "a 104 with progress: true offsets, no Location",
         _APPEND, "progress", must=ALL),
    Rule(67, "a wrong Content-Digest: nothing appended",
         "Integrity Digests", "digest", range(6, 9), should=range(6, 9)),
    _unseen(68, "which fields of an append reach the application", _INSIDE),
    Rule(70, "a cancelled upload is gone", _CANCEL, "cancelled", must=ALL),
    Rule(71, "an unknown upload: 404 to DELETE", _CANCEL, "unknown",
         must=TO_6, should=FROM_7),
    Rule(72, "a cancel with offset or completeness: 400",
         _CANCEL, "forbidden", TO_6, must=TO_6),
    Rule(73, "who cannot cancel says 405", _CANCEL, "cancelled", TO_6, must=TO_6),
    _unseen(74, "cancelling a finished upload", _LEFT_OPEN),
    Rule(80, "OPTIONS tells the limits", "Limits", "discovered", FROM_6, must=FROM_6),
    _unseen(81, "what the application says to OPTIONS", _INSIDE),
    _unseen(82, "completeness in OPTIONS", _LEFT_OPEN),
    Rule(83, "OPTIONS * tells limits that all share", "Limits", "discovered",
         FROM_6, should=FROM_6),
    _unseen(84, "OPTIONS on an upload URL", _LEFT_OPEN),
    _unseen(85, "CORS preflights", "a matter of browsers: doctor --origin"),
    _unseen(86, "the fields of CORS", "a matter of browsers: doctor --origin"),
    Rule(90, "one Location in every response to a creation",
         _CREATION, "created", must=FROM_8, should=TO_7),
    Rule(91, "the 104 comes before content", "", "created"),
    Rule(92, "no 301 or 302 on an upload URL",
         _OFFSET, "asked", must=TO_7, should=FROM_8),
    Rule(93, "upload URLs cannot be guessed", "Security Considerations",
         "created", should=ALL),
    Rule(94, "remaining life: expires, later max-age",
         "Limits", "asked", FROM_6, should=FROM_6),
    _unseen(95, "the end of an upload's life", "takes as long as it lives"),
    _unseen(96, "content that stalls", "takes minutes: doctor --patience"),
    _unseen(97, "storage trouble while bytes come in", "cannot be brought about"),
    _unseen(98, "one forward", _INSIDE),
    _unseen(99, "uploads of others", "needs a second client's credentials"),
    _unseen(100, "streams of HTTP/2 and HTTP/3", "only HTTP/1.1 is spoken here"),
    Rule(101, "a refusal leaves no content to be taken for a request",
         "RFC 9112, Persistence", "pipelined", must=ALL),
    _unseen(102, "an empty creation of length 0", _LEFT_OPEN),
    _unseen(103, "an upload that reached its length unsaid", _LEFT_OPEN),
)  # fmt: skip

RULES: Final = MappingProxyType({rule.name: rule for rule in _TABLE})
