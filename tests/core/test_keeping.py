"""How long what nobody asks for is kept, and what a log is not to show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.decide import answer_is_old, stalled
from proxy.core.headers import lost_to_uploads
from proxy.core.upload import Head, State, without_tokens

from .samples import ANSWER, NOW, TOKEN, upload

AFTER = 50.0
"""Seconds; the plain upload was fed so long before `NOW`."""


@pytest.mark.parametrize(
    ("changes", "after_s", "is_stalled"),
    [
        ({"length": 40}, AFTER, True),
        ({"length": 40}, AFTER + 1, False),
        ({"length": 40}, None, False),
        ({"length": 41}, AFTER, False),
        ({"length": None}, AFTER, False),
        ({"length": 40, "state": State.RECEIVING}, AFTER, False),
    ],
)
def test_an_upload_that_nobody_will_finish(
    changes: dict[str, object], after_s: float | None, is_stalled: bool
) -> None:
    """R103."""
    assert stalled(upload(**changes), NOW, after_s) is is_stalled


@pytest.mark.parametrize(
    ("answer", "answered_at", "is_old"),
    [
        (ANSWER, NOW - AFTER, True),
        (ANSWER, NOW - AFTER + 1, False),
        (ANSWER, None, False),
        (None, NOW - AFTER, False),
        (replace(ANSWER, size=0), NOW - AFTER, False),
        (replace(ANSWER, kept=False), NOW - AFTER, False),
    ],
)
def test_an_answer_whose_content_has_been_kept_long_enough(
    answer: object, answered_at: float | None, is_old: bool
) -> None:
    kept = upload(answer=answer, answered_at=answered_at)
    assert answer_is_old(kept, NOW, AFTER) is is_old


def test_an_answered_upload_lives_as_long_from_its_answer_on() -> None:
    fresh = upload(answered_at=5000.0)
    assert fresh.deadline == 5000.0 + fresh.limits.max_age_s


@pytest.mark.parametrize(
    ("name", "is_lost"),
    [
        (b"upload-offset", True),
        (b"connection", True),
        (b"content-length", True),
        (b"x-title", False),
    ],
)
def test_which_fields_no_upload_keeps(name: bytes, is_lost: bool) -> None:
    assert lost_to_uploads(name) is is_lost


def test_what_is_too_short_for_a_token_is_said_as_it_is() -> None:
    assert without_tokens("/photos/" + "a" * 31) == "/photos/" + "a" * 31


def test_a_token_in_a_text_is_shortened() -> None:
    said = without_tokens(f"GET /resumable_upload/{TOKEN} failed")
    assert said == f"GET /resumable_upload/{TOKEN[:6]}… failed"


def test_one_of_several_fields_is_there() -> None:
    head = Head("POST", "/photos", ((b"X-Title", b"Sunset"),))
    assert head.has_any(frozenset({b"x-title", b"x-other"}))
    assert not head.has_any(frozenset({b"x-other"}))
