"""One plain upload, creation and append, to be varied by keyword; and how to ask.

Every append here is at the offset of the plain upload, 40, of an upload whose length is
not known. ``asked`` gives the plan or the refusal as a value, so that both can stand in
one table of expectations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy.core.decide import Plan, Receive, creation, request_on
from proxy.core.errors import Refusal
from proxy.core.intents import Append, AskLimits, AskOffset, Cancel, Create
from proxy.core.upload import Answer, Head, Limits, State, Token, Upload

TOKEN = Token("dG9rZW5fb2ZfYW5fdXBsb2FkX2luX3Rlc3RzXzEyMzQ")
NOW = 1000.0
"""Seconds of the lifetime clock; well within the life of the plain upload."""
NO_LIMITS = Limits()
ANSWER = Answer(201, "Created", ((b"Location", b"/photos/7"),), size=4)

_UPLOAD = Upload(
    token=TOKEN,
    state=State.INTERRUPTED,
    request=Head("POST", "/photos", ((b"Content-Type", b"image/jpeg"),)),
    limits=NO_LIMITS,
    created_at=900.0,
    fed_at=950.0,
    offset=40,
)
_CREATE = Create(finishing=True, content_length=100)
_APPEND = Append(TOKEN, offset=40, finishing=True, content_length=60)


def upload(**changes: Any) -> Upload:
    return replace(_UPLOAD, **changes)


def create(**changes: Any) -> Create:
    return replace(_CREATE, **changes)


def append(**changes: Any) -> Append:
    return replace(_APPEND, **changes)


def asked(
    of: Upload, intent: Append | AskOffset | Cancel | AskLimits, now: float = NOW
) -> Plan | Refusal:
    """The plan for `intent`, or the refusal it met."""
    try:
        return request_on(of, intent, now)
    except Refusal as refusal:
        return refusal


def created(intent: Create, limits: Limits = NO_LIMITS) -> Receive | Refusal:
    """The plan for a new upload, or the refusal it met."""
    try:
        return creation(intent, limits)
    except Refusal as refusal:
        return refusal


def planned(got: Plan | Refusal) -> Receive:
    """`got`, which has to be the plan to take content."""
    assert isinstance(got, Receive), got
    return got


def refused(got: Plan | Refusal) -> Refusal:
    """`got`, which has to be a refusal."""
    assert isinstance(got, Refusal), got
    return got
