"""How long an upload is to be, and how long it may be.

The length is settled by the first request that tells it, with ``Upload-Length`` or with
``Content-Length`` when it is finishing; every later request has to agree. The limits
are those frozen with the upload; those of one request bind only in versions that know
them. Everything here refuses before a byte is taken; what can be seen only while
content comes in is the plan's ceiling, in ``decide``.
"""

from __future__ import annotations

from typing import Final

from .errors import Problem, Refusal
from .intents import Append, Create, Part
from .lifecycle import Event
from .upload import Limits, Upload

MAX_LENGTH: Final = 999_999_999_999_999
"""The largest length a field can tell: 15 digits (RFC 9651 "Integers")."""


_NONE: Final = Limits()


def conflict(detail: str) -> Refusal:
    """Length indicators disagree, as `detail` says."""
    return Refusal(Problem.LENGTH_CONFLICT, detail)


def length_of_new(intent: Create) -> int | None:
    """Bytes of the upload that `intent` starts; None while unknown.

    Raises:
        Refusal: `Upload-Length` and content disagree (R26, R27).
    """
    content, announced = intent.content_length, intent.announced_length
    if announced is not None and content is not None:
        if intent.finishing and content != announced:
            raise conflict(
                f"Upload-Length is {announced}, but the finishing request has a "
                f"Content-Length of {content}."
            )
        if content > announced:
            raise conflict(
                f"Upload-Length is {announced}, but the Content-Length alone is "
                f"{content}."
            )
    return content if intent.finishing and content is not None else announced


def length_after(upload: Upload, intent: Append) -> int | None:
    """Bytes of the whole upload once `intent` is accepted; None while unknown.

    Raises:
        Refusal: LENGTH_CONFLICT (R54, R55) or OVERRUN (R56).

    Source: draft-11 "Length"; "Upload Append".
    """
    content, announced = intent.content_length, intent.announced_length
    end = None if content is None else upload.offset + content
    _check_overrun(upload, intent, end)
    _check_announced(upload, announced)
    length = announced if upload.length is None else upload.length
    if end is None:
        return length
    if length is not None and end > length:
        raise conflict(
            f"Upload-Length is {length}, but with a Content-Length of {content} this "
            f"append reaches {end}."
        )
    if not intent.finishing:
        return length
    if length is not None and end < length:
        raise conflict(
            f"Upload-Length is {length}, but with a Content-Length of {content} this "
            f"finishing append ends at {end}."
        )
    return end


def _check_overrun(upload: Upload, intent: Append, end: int | None) -> None:
    """R56, where the content's length tells it beforehand."""
    if upload.length is not None and end is not None and end > upload.length:
        raise Refusal(
            Problem.OVERRUN,
            f"Upload-Length is {upload.length}; a Content-Length of "
            f"{intent.content_length} at offset {upload.offset} runs over it.",
            event=Event.OVERRAN_FATAL if intent.overrun_is_fatal else None,
        )


def _check_announced(upload: Upload, announced: int | None) -> None:
    """R55."""
    if announced is None:
        return
    if upload.length is not None and announced != upload.length:
        raise conflict(
            f"Upload-Length is {announced}, but {upload.length} was settled before."
        )
    if announced < upload.offset:
        raise conflict(
            f"Upload-Length is {announced}, below the Upload-Offset {upload.offset}."
        )


def largest(limits: Limits) -> int:
    """Bytes of the largest upload: max-size, but no more than a field can tell."""
    return MAX_LENGTH if limits.max_size is None else min(MAX_LENGTH, limits.max_size)


def request_limits(intent: Part, limits: Limits) -> Limits:
    """`limits` as far as they bind the content of one request in this version."""
    return limits if intent.append_limits else _NONE


def check_limits(intent: Part, offset: int, length: int | None, limits: Limits) -> None:
    """Refuse what is known beforehand to be too large or too small.

    `offset` is where the content begins, `length` that of the whole upload, None while
    unknown.

    Raises:
        Refusal: TOO_LARGE (R29, R31, R57) or TOO_SMALL (R32, R58).
    """
    total = max(length or 0, offset + (intent.content_length or 0))
    if total > largest(limits):
        raise Refusal(
            Problem.TOO_LARGE,
            f"By max-size of Upload-Limit an upload may have at most "
            f"{largest(limits)} bytes, this one has {total}.",
        )
    if intent.content_length is not None:
        _check_content(intent, intent.content_length, request_limits(intent, limits))


def _check_content(intent: Part, content: int, limits: Limits) -> None:
    if limits.max_append_size is not None and content > limits.max_append_size:
        raise Refusal(
            Problem.TOO_LARGE,
            f"By max-append-size of Upload-Limit a Content-Length may be at most "
            f"{limits.max_append_size}, got {content}.",
        )
    empty_creation = isinstance(intent, Create) and content == 0
    may_be_small = intent.finishing or empty_creation
    if content < limits.min_append_size and not may_be_small:
        raise Refusal(
            Problem.TOO_SMALL,
            f"By min-append-size of Upload-Limit the Content-Length of a request that "
            f"is not the last must be at least {limits.min_append_size}, got "
            f"{content}.",
        )
