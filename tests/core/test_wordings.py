"""What a refusal says to people: the field, what was expected and what came."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.endings import Ending, settle
from proxy.core.errors import Refusal
from proxy.core.room import Bounds, Demand, Space, never_room, own
from proxy.core.upload import Limits

from .samples import append, asked, create, created, planned, upload

PART: dict[str, Any] = {"finishing": False}
KNOWS: dict[str, Any] = {"append_limits": True}
"""A version in which the limits of one request bind."""


@pytest.mark.parametrize(
    ("of", "intent", "said"),
    [
        ({}, {"offset": 50}, ("Upload-Offset", "40", "50")),
        ({"length": 90}, {}, ("Upload-Length", "90", "Content-Length", "60")),
        ({"length": 110}, {}, ("Upload-Length", "110", "Content-Length", "60", "100")),
        ({}, {"announced_length": 99}, ("Upload-Length", "99", "Content-Length", "60")),
        (
            {"length": 90},
            {"content_length": None, "announced_length": 80},
            ("Upload-Length", "80", "90"),
        ),
        (
            {},
            {"content_length": None, "announced_length": 39},
            ("Upload-Length", "39", "Upload-Offset", "40"),
        ),
        (
            {"limits": Limits(max_size=99)},
            {},
            ("max-size of Upload-Limit", "99", "100"),
        ),
        (
            {"limits": Limits(max_append_size=59)},
            KNOWS,
            ("max-append-size of Upload-Limit", "Content-Length", "59", "60"),
        ),
        (
            {"limits": Limits(min_append_size=61)},
            KNOWS | PART,
            ("min-append-size of Upload-Limit", "Content-Length", "61", "60"),
        ),
    ],
)
def test_an_append_is_refused_by_a_name(
    of: dict[str, Any], intent: dict[str, Any], said: tuple[str, ...]
) -> None:
    refusal = asked(upload(**of), append(**intent))
    assert isinstance(refusal, Refusal)
    assert _missing(refusal, said) == []


@pytest.mark.parametrize(
    ("intent", "said"),
    [
        ({"announced_length": 90}, ("Upload-Length", "90", "Content-Length", "100")),
        (
            PART | {"announced_length": 90},
            ("Upload-Length", "90", "Content-Length", "100"),
        ),
    ],
)
def test_a_creation_is_refused_by_a_name(
    intent: dict[str, Any], said: tuple[str, ...]
) -> None:
    refusal = created(create(**intent))
    assert isinstance(refusal, Refusal)
    assert _missing(refusal, said) == []


@pytest.mark.parametrize(
    ("of", "intent", "said"),
    [
        ({"length": 90}, {}, ("Upload-Length", "90")),
        ({"limits": Limits(max_size=99)}, {}, ("max-size of Upload-Limit", "99")),
        (
            {"limits": Limits(max_append_size=9)},
            KNOWS,
            ("max-append-size of Upload-Limit", "49"),
        ),
        (
            {"limits": Limits(max_append_size=59, max_size=99)},
            KNOWS,
            ("max-size of Upload-Limit", "99"),
        ),
        (
            {"limits": Limits(max_append_size=50), "length": 90},
            KNOWS,
            ("Upload-Length", "90"),
        ),
    ],
)
def test_what_runs_over_is_told_over_what(
    of: dict[str, Any], intent: dict[str, Any], said: tuple[str, ...]
) -> None:
    """Only seen while it comes: it is chunked."""
    plan = planned(asked(upload(**of), append(content_length=None, **intent)))
    settled = settle(plan, plan.ceiling, Ending.OVERRAN)
    assert settled.refusal is not None
    assert _missing(settled.refusal, said) == []


@pytest.mark.parametrize(
    ("of", "intent", "offset", "said"),
    [
        ({"length": 90}, {}, 80, ("Upload-Length", "90", "80")),
        (
            {"limits": Limits(min_append_size=9)},
            KNOWS | PART,
            45,
            ("min-append-size of Upload-Limit", "49", "45"),
        ),
    ],
)
def test_what_ends_too_early_is_told_by_a_name(
    of: dict[str, Any], intent: dict[str, Any], offset: int, said: tuple[str, ...]
) -> None:
    plan = planned(asked(upload(**of), append(content_length=None, **intent)))
    settled = settle(plan, offset, Ending.ENDED)
    assert settled.refusal is not None
    assert _missing(settled.refusal, said) == []


def test_what_no_file_system_could_hold_is_told_by_a_name() -> None:
    created, size = upload(), 10**6
    space = Space(used=0, promised=0, free=size, size=size)
    most = size - 10 - own(created.request)
    wanted = Demand(most + 1, most + 1)
    refusal = never_room(created, wanted, space, Bounds(None, 10))
    assert refusal is not None
    said = ("max-size of Upload-Limit", str(most), str(most + 1))
    assert _missing(refusal, said) == []


def _missing(refusal: Refusal, said: tuple[str, ...]) -> list[str]:
    """What a refusal does not say, with all that it does."""
    return [
        f"{word} in: {refusal.detail}" for word in said if word not in refusal.detail
    ]
