"""What a request wants: from its head to an intent, by the profile of its version.

Whether the URL is one of an upload was seen before; what is asked here needs nothing
but the head. Everything that depends on the upload itself is decided later, in
``proxy.core.decide``, so a ``Malformed`` must not be told of an upload before it is
known to exist. The order of the checks is the order of the rules.

Source: R5 to R9, R17, R18, R34, R39, R43, R44, R51, R52, R72, R84.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from proxy.core.decide import unknown_upload
from proxy.core.errors import Problem
from proxy.core.intents import (
    Append,
    AskLimits,
    AskOffset,
    Cancel,
    Create,
    Intent,
    Malformed,
)
from proxy.core.upload import Head, Token, token_from

from . import fields
from .fields import NoValue
from .profiles import COMPLETE, INCOMPLETE, Profile, Unsaid

WITHOUT_CONTENT: Final = frozenset(
    {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
"""Methods that never start an upload (R17)."""

UPLOAD_METHODS: Final = ("HEAD", "GET", "PATCH", "DELETE", "OPTIONS")
"""Methods of an upload's own URL (R17)."""

_OVERRIDING: Final = {b"PATCH": "PATCH", b"DELETE": "DELETE", b"HEAD": "HEAD"}
"""What `X-HTTP-Method-Override` may say (R18)."""

_NOT_ON_DELETE: Final = frozenset({b"upload-offset", COMPLETE.key, INCOMPLETE.key})
_OFFSET: Final = b"upload-offset"
_LENGTH: Final = b"upload-length"
_SHOWN: Final = 40
"""Bytes of a client's value that an error shows again. Picked by hand: one line."""


class Completion(Enum):
    """What a request says about the end of its upload."""

    LAST = auto()
    """This is all."""
    MORE = auto()
    """More follows."""
    UNSAID = auto()
    INVALID = auto()
    CONTRARY = auto()
    """More follows, by the field that this version does not have (R9)."""


def completion(head: Head, profile: Profile) -> Completion:
    """What `head` says in the words of `profile`.

    The field of the other polarity is ignored when it says "this is all"; when it says
    that more follows, nothing else the request says can be trusted (R9).
    """
    opposite = profile.opposite
    if fields.boolean(head.value(opposite.key)) is (not opposite.finished):
        return Completion.CONTRARY
    match fields.boolean(head.value(profile.completeness.key)):
        case NoValue.ABSENT:
            return Completion.UNSAID
        case NoValue.INVALID:
            return Completion.INVALID
        case value:
            done = value is profile.completeness.finished
            return Completion.LAST if done else Completion.MORE


def starts_upload(head: Head, profile: Profile, *, spoken: bool) -> bool:
    """True when the request, to a URL that is no upload's, is for the upload layer.

    A complete request in a version that is not `spoken` is an ordinary one (R13, R14);
    a part never is, because it must not reach the origin as if it were whole (R9, R15).
    """
    return _starts(completion(head, profile), spoken=spoken)


def _starts(says: Completion, *, spoken: bool) -> bool:
    match says:
        case Completion.MORE | Completion.CONTRARY:
            return True
        case Completion.LAST:
            return spoken
        case _:
            return False


def creation(
    head: Head, profile: Profile, *, spoken: bool, interims: bool
) -> Create | Malformed | None:
    """What a request to a URL that is no upload's wants; None: it is an ordinary one.

    `spoken`: the request is in this very version, which may be named to it; `interims`:
    a 104 may be sent.
    """
    says = completion(head, profile)
    if head.method in WITHOUT_CONTENT or not _starts(says, spoken=spoken):
        return None
    if says is Completion.CONTRARY:
        return _contrary(None, profile)
    offset = fields.count(head.value(_OFFSET))
    if isinstance(offset, int) and offset > 0:
        return Malformed(
            None,
            Problem.MALFORMED,
            f"A new upload begins at offset 0, but Upload-Offset is {offset}.",
        )
    return Create(
        finishing=says is Completion.LAST,
        content_length=head.content_length,
        announced_length=_announced_length(head),
        version=profile.version if spoken else None,
        append_limits=profile.creation_limits,
        overrun_is_fatal=profile.overrun_is_fatal,
        empty_finishes=profile.empty_finishes,
        progress=profile.progress,
        interims=interims,
        cut_on_storage_failure=profile.cut_on_storage_failure,
    )


def on_upload(
    head: Head, name: str, profile: Profile, *, spoken: bool, interims: bool
) -> Intent:
    """What a request to the upload URL that ends in `name` wants.

    The method is judged first, then whether `name` can be a token at all (R17).
    """
    method = _method(head)
    if method not in UPLOAD_METHODS:
        return Malformed(
            None,
            Problem.METHOD_NOT_ALLOWED,
            f"An upload takes {', '.join(UPLOAD_METHODS)}, not {method[:_SHOWN]}.",
        )
    token = token_from(name)
    if token is None:
        return Malformed(None, Problem.UNKNOWN_UPLOAD, unknown_upload().detail)
    match method:
        case "PATCH":
            return _append(head, token, profile, spoken=spoken, interims=interims)
        case "DELETE":
            extra = _forbidden(head, token, _NOT_ON_DELETE)
            return extra or Cancel(token)
        case "OPTIONS":
            return AskLimits(token)
        case _:
            extra = _forbidden(head, token, profile.not_on_offset_request)
            return extra or AskOffset(token)


def _method(head: Head) -> str:
    """The method that counts: POST may stand for another one (R18)."""
    if head.method != "POST":
        return head.method
    overriding = head.value(b"x-http-method-override") or b""
    return _OVERRIDING.get(overriding, "POST")


def _forbidden(head: Head, token: Token, names: frozenset[bytes]) -> Malformed | None:
    """R43, R72: being there is enough, whatever the value."""
    for name, _ in head.fields:
        if name.lower() in names:
            return Malformed(
                token,
                Problem.MALFORMED,
                f"{_shown(name)} must not be in a {head.method} request.",
            )
    return None


def _append(
    head: Head, token: Token, profile: Profile, *, spoken: bool, interims: bool
) -> Append | Malformed:
    """R51, R7, then R6 and R52."""
    media_type = profile.append_media_type
    if media_type is not None and _media_type(head) != media_type:
        return Malformed(
            token,
            Problem.WRONG_MEDIA_TYPE,
            f"The Content-Type of an append must be {media_type.decode()}, "
            f"{_got(head, b'content-type')}.",
        )
    offset = fields.count(head.value(_OFFSET))
    if isinstance(offset, NoValue):
        return Malformed(
            token,
            Problem.MALFORMED,
            "Upload-Offset must be an integer of 0 or more and at most 15 digits, "
            f"{_got(head, _OFFSET)}.",
        )
    finishing = _finishing(head, token, profile)
    if isinstance(finishing, Malformed):
        return finishing
    says, uncounted = completion(head, profile), head.content_length is None
    return Append(
        token=token,
        offset=offset,
        finishing=finishing,
        content_length=head.content_length,
        announced_length=_announced_length(head),
        version=profile.version if spoken else None,
        append_limits=profile.append_limits,
        overrun_is_fatal=profile.overrun_is_fatal,
        progress=profile.progress,
        interims=interims,
        cut_on_storage_failure=profile.cut_on_storage_failure,
        last_if_empty=uncounted and not finishing and says is Completion.UNSAID,
    )


def _finishing(head: Head, token: Token, profile: Profile) -> bool | Malformed:
    """Whether an append is the last one (R6, R9, R52)."""
    says = completion(head, profile)
    if says is Completion.UNSAID and profile.unsaid is not Unsaid.REFUSED:
        return profile.unsaid is Unsaid.FINISHING or head.content_length == 0
    match says:
        case Completion.LAST | Completion.MORE:
            return says is Completion.LAST
        case Completion.CONTRARY:
            return _contrary(token, profile)
        case _:
            field = profile.completeness
            return Malformed(
                token,
                Problem.MALFORMED,
                f"{_shown(field.name)} must be ?0 or ?1, {_got(head, field.key)}.",
            )


def _contrary(token: Token | None, profile: Profile) -> Malformed:
    """R9."""
    return Malformed(
        token,
        Problem.MALFORMED,
        f"{_shown(profile.opposite.name)} says that more follows, but this version "
        f"says so with {_shown(profile.completeness.name)}.",
    )


def _announced_length(head: Head) -> int | None:
    """Bytes of the whole upload; None when it is not said, or not validly (R8, R39)."""
    length = fields.count(head.value(_LENGTH))
    return None if isinstance(length, NoValue) else length


def _media_type(head: Head) -> bytes | None:
    """The media type of the content, in lower case and without parameters (R51)."""
    value = head.value(b"content-type")
    return None if value is None else value.partition(b";")[0].strip(b" \t").lower()


def _got(head: Head, key: bytes) -> str:
    """What came instead, for the end of a sentence."""
    value = head.value(key)
    return "but it is missing" if value is None else f"got {_shown(value)!r}"


def _shown(value: bytes) -> str:
    return value[:_SHOWN].decode("ascii", "backslashreplace")
