"""Content whose length nobody told: up to where it may grow, and how far it has to."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from proxy.core.errors import Problem
from proxy.core.lengths import MAX_LENGTH
from proxy.core.lifecycle import Event
from proxy.core.upload import Limits

from .samples import append, asked, create, created, planned, upload

PART: dict[str, Any] = {"finishing": False}

CEILINGS = list(
    itertools.product(
        (0, 40),  # where the content begins
        (None, 90, 100, 120),  # the length
        (None, 120, 150),  # max-size
        (None, 60, 80, 200),  # max-append-size
        (False, True),  # it binds in this version
        (False, True),  # overruns are fatal in this version
    )
)


@pytest.mark.parametrize(
    ("offset", "length", "max_size", "max_append", "binds", "fatal"), CEILINGS
)
class TestCeiling:
    """Content of unknown length stops at the lowest bound; the length wins a tie."""

    def test_of_an_append(
        self,
        offset: int,
        length: int | None,
        max_size: int | None,
        max_append: int | None,
        *,
        binds: bool,
        fatal: bool,
    ) -> None:
        limits = Limits(max_size=max_size, max_append_size=max_append)
        one = upload(offset=offset, length=length, limits=limits)
        intent = append(
            offset=offset,
            content_length=None,
            append_limits=binds,
            overrun_is_fatal=fatal,
        )
        plan = planned(asked(one, intent))
        wanted = expected(
            length, max_size, offset + max_append if max_append and binds else None
        )
        assert (plan.ceiling, plan.beyond) == wanted
        assert plan.overrun_event is event(plan.beyond, fatal=fatal)

    def test_of_a_creation(
        self,
        offset: int,
        length: int | None,
        max_size: int | None,
        max_append: int | None,
        *,
        binds: bool,
        fatal: bool,
    ) -> None:
        del offset
        limits = Limits(max_size=max_size, max_append_size=max_append)
        intent = create(
            content_length=None,
            announced_length=length,
            append_limits=binds,
            overrun_is_fatal=fatal,
        )
        plan = planned(created(intent, limits))
        wanted = expected(length, max_size, max_append if binds else None)
        assert (plan.ceiling, plan.beyond) == wanted
        assert plan.overrun_event is event(plan.beyond, fatal=fatal)


def expected(
    length: int | None, max_size: int | None, append_end: int | None
) -> tuple[int, Problem]:
    """R30, R56, R57: the lowest bound, and what running over it is."""
    limit = min(bound for bound in (MAX_LENGTH, max_size, append_end) if bound)
    if length is not None and length <= limit:
        return length, Problem.OVERRUN
    return limit, Problem.TOO_LARGE


def event(beyond: Problem, *, fatal: bool) -> Event:
    """R56: only an overrun of the length is ever fatal."""
    if beyond is Problem.TOO_LARGE:
        return Event.LIMIT_REACHED
    return Event.OVERRAN_FATAL if fatal else Event.OVERRAN_KEPT


@pytest.mark.parametrize(
    ("intent", "least"),
    [
        pytest.param(PART | {"append_limits": True}, 60, id="R58 a part, v6 and later"),
        pytest.param(PART, 40, id="R58 a part, before v6"),
        pytest.param({"append_limits": True}, 0, id="R58 finishing"),
    ],
)
def test_what_a_part_of_unknown_length_has_to_reach(
    intent: dict[str, Any], least: int
) -> None:
    one = upload(limits=Limits(min_append_size=20))
    plan = planned(asked(one, append(content_length=None, **intent)))
    assert plan.least == least
