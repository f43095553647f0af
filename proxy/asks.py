"""What processes on one spool say to each other: one ask, one reply, each a line.

Old and new releases run side by side while one takes over from the other, so a word
that is not known is told so, and what is not expected is passed over. The one
invariant: nothing that comes in here is believed before it has been checked; a line
that makes no sense is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from proxy.core.errors import Denial, Problem, Refusal
from proxy.core.upload import Answer, Field, Token, token_from

LONGEST: Final = 4096
"""Bytes of a line, several times what the longest of them takes, but for a refusal of
an auth server: what of that does not fit is left out."""
_OF_DENIALS: Final = frozenset({b"www-authenticate", b"location", b"retry-after"})
"""Fields of such a refusal that its client needs, in lower case."""
_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
"""What no value of a field has."""


class Wish(StrEnum):
    """What one process wants of another."""

    LET_GO = "let-go"
    """End the request that works on the upload, and give its lease back."""
    SHOW = "show"
    """The upload that you have in memory: have it where other processes can see it."""
    ACKNOWLEDGE = "acknowledge"
    """The upload you are sending on: make all of it durable, and record that."""
    CANCEL = "cancel"
    """The upload you are sending on: its client has given it up."""
    OVER = "over"
    """The upload you are sending on: its client waits; say when it is over."""
    TAKE_UP = "take-up"
    """The upload, which nobody works on: see what there is to be done for it."""


class Word(StrEnum):
    """What is replied."""

    NONE = "none"
    """Nothing is known of that upload here."""
    DONE = "done"
    """What was wished for."""
    NEWER = "newer"
    """A newer request than the asking one works on the upload."""
    HIDDEN = "hidden"
    """Cancelled, and removed as soon as the forward under way has ended."""
    LEFT = "left"
    """Nothing more happens to it here: whoever asks may take it on."""
    REFUSED = "refused"
    """Its client is to be told why there is no answer."""
    FAILED = "failed"
    """The spool did not take it."""
    NOT_UNDERSTOOD = "not-understood"
    STILL = "still"
    """The reply is yet to come."""


@dataclass(frozen=True, slots=True)
class Ask:
    wish: Wish
    token: Token
    since: float = 0.0
    """When the asking request came, in seconds of the machine's monotonic clock, by
    which all of its processes can tell which of two requests is newer."""


@dataclass(frozen=True, slots=True)
class Said:
    """A reply."""

    word: Word
    refusal: Refusal | None = None
    """With REFUSED, what the client hears."""


def ask_line(ask: Ask) -> bytes:
    told = {"wish": ask.wish, "token": ask.token, "since": ask.since}
    return _line(told)


def read_ask(line: bytes) -> Ask | None:
    """The ask in `line`; None when it is not understood."""
    told = _object(line)
    token, since = told.get("token"), told.get("since")
    try:
        wish = Wish(str(told.get("wish")))
    except ValueError:
        return None
    named = token_from(token) if isinstance(token, str) else None
    if named is None or not isinstance(since, int | float):
        return None
    return Ask(wish, named, float(since))


def said_line(said: Said) -> bytes:
    told: dict[str, object] = {"word": said.word}
    if said.refusal is not None:
        told |= {
            "problem": said.refusal.problem,
            "detail": said.refusal.detail,
            "retry_after_s": said.refusal.retry_after_s,
        }
        if said.refusal.denial is not None:
            return _with_denial(told, said.refusal.denial.answer)
    return _line(told)


def _line(told: Mapping[str, object]) -> bytes:
    return json.dumps(told).encode() + b"\n"


def _with_denial(told: Mapping[str, object], answer: Answer) -> bytes:
    """The line that tells an answer of an auth server as well: its status, and those of
    its fields that its client needs, as long as they fit."""
    fields: list[tuple[str, str]] = []
    line = _line({**told, "denied": answer.status})
    for name, value in answer.fields:
        if name.lower() in _OF_DENIALS:
            more = (name.decode("latin-1"), value.decode("latin-1"))
            longer = _line({**told, "denied": answer.status, "fields": [*fields, more]})
            if len(longer) < LONGEST:
                fields, line = [*fields, more], longer
    return line


def read_said(line: bytes) -> Said | None:
    """The reply in `line`; None when it is not understood."""
    told = _object(line)
    try:
        word = Word(str(told.get("word")))
        refusal = _refusal(told) if word is Word.REFUSED else None
    except ValueError:
        return None
    return Said(word, refusal)


def _refusal(told: Mapping[str, object]) -> Refusal:
    """Raises ValueError: it is none."""
    seconds = told.get("retry_after_s")
    return Refusal(
        Problem(str(told.get("problem"))),
        str(told.get("detail")),
        retry_after_s=seconds if isinstance(seconds, int) else None,
        denial=_denial(told),
    )


def _denial(told: Mapping[str, object]) -> Denial | None:
    """The refusal of an auth server, without its content; None: there is none, or it
    makes no sense."""
    status, fields = told.get("denied"), told.get("fields", [])
    if not isinstance(status, int) or not 300 <= status < 500:
        return None
    if not isinstance(fields, list):
        return None
    kept = tuple(filter(None, map(_field, fields)))
    return Denial(Answer(status, "", kept), b"")


def _field(told: object) -> Field | None:
    """A field; None where it is none, or none that is told."""
    match told:
        case [str(name), str(value)] if not _CONTROL.search(value):
            try:
                field = name.encode("latin-1"), value.encode("latin-1")
            except UnicodeEncodeError:
                return None
            return field if field[0].lower() in _OF_DENIALS else None
    return None


def _object(line: bytes) -> dict[str, object]:
    """The object that `line` is; empty when it is none."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
