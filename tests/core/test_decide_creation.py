"""A new upload: which lengths agree, when the 104 is sent, what is finished at once."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.endings import Ending, settle
from proxy.core.errors import Problem
from proxy.core.lengths import MAX_LENGTH
from proxy.core.lifecycle import Event, next_state
from proxy.core.upload import Limits, State

from .samples import create, created, planned, refused

FINISHING: dict[str, Any] = {"finishing": True}
PARTIAL: dict[str, Any] = {"finishing": False}


@pytest.mark.parametrize(
    ("intent", "length"),
    [
        pytest.param(FINISHING | {"content_length": 100}, 100, id="whole"),
        pytest.param(FINISHING | {"content_length": 0}, 0, id="R35 empty, whole"),
        pytest.param(FINISHING | {"content_length": None}, None, id="chunked, whole"),
        pytest.param(
            FINISHING | {"content_length": 100, "announced_length": 100},
            100,
            id="R26 both agree",
        ),
        pytest.param(
            FINISHING | {"content_length": None, "announced_length": 100},
            100,
            id="R28 chunked, length told",
        ),
        pytest.param(PARTIAL | {"content_length": 40}, None, id="partial"),
        pytest.param(PARTIAL | {"content_length": 0}, None, id="R35 empty partial"),
        pytest.param(PARTIAL | {"content_length": None}, None, id="chunked partial"),
        pytest.param(
            PARTIAL | {"content_length": 40, "announced_length": 100},
            100,
            id="partial, length told",
        ),
        pytest.param(
            PARTIAL | {"content_length": 100, "announced_length": 100},
            100,
            id="R27 all of it, but not the end",
        ),
        pytest.param(
            PARTIAL | {"content_length": None, "announced_length": 100},
            100,
            id="chunked partial, length told",
        ),
    ],
)
def test_the_length_is_what_the_creation_settles(
    intent: dict[str, Any], length: int | None
) -> None:
    plan = planned(created(create(**intent)))
    assert (plan.length, plan.finishing) == (length, intent["finishing"])
    assert plan.ceiling == (MAX_LENGTH if length is None else length)


@pytest.mark.parametrize(
    ("intent", "names"),
    [
        pytest.param(
            FINISHING | {"content_length": 99, "announced_length": 100},
            ("99", "100"),
            id="R26 shorter than told",
        ),
        pytest.param(
            FINISHING | {"content_length": 101, "announced_length": 100},
            ("101", "100"),
            id="R26 longer than told",
        ),
        pytest.param(
            FINISHING | {"content_length": 0, "announced_length": 1},
            ("0", "1"),
            id="R26 empty, but told otherwise",
        ),
        pytest.param(
            PARTIAL | {"content_length": 101, "announced_length": 100},
            ("101", "100"),
            id="R27 partial, but longer",
        ),
        pytest.param(
            PARTIAL | {"content_length": 1, "announced_length": 0},
            ("1", "0"),
            id="R27 partial of nothing",
        ),
    ],
)
@pytest.mark.parametrize("fatal", [False, True])
def test_lengths_that_disagree_are_refused_and_nothing_comes_to_be(
    intent: dict[str, Any], names: tuple[str, ...], *, fatal: bool
) -> None:
    refusal = refused(created(create(**intent, overrun_is_fatal=fatal)))
    assert refusal.problem is Problem.LENGTH_CONFLICT
    assert all(name in refusal.detail for name in names)
    assert (refusal.event, refusal.standing) == (None, None)


@pytest.mark.parametrize(
    ("intent", "limits", "announce"),
    [
        pytest.param(FINISHING | {"content_length": 100}, {}, True, id="R21 whole"),
        pytest.param(FINISHING | {"content_length": None}, {}, True, id="R21 chunked"),
        pytest.param(PARTIAL | {"content_length": 40}, {}, True, id="R21 partial"),
        pytest.param(
            FINISHING | {"content_length": 0}, {}, False, id="R22 no content, whole"
        ),
        pytest.param(
            PARTIAL | {"content_length": 0}, {}, False, id="R22 no content, partial"
        ),
        pytest.param(
            FINISHING | {"content_length": 100, "interims": False},
            {},
            False,
            id="R22 R13 to R16 whole",
        ),
        pytest.param(
            PARTIAL | {"content_length": 40, "interims": False},
            {},
            False,
            id="R22 R15 partial",
        ),
        pytest.param(
            FINISHING | {"content_length": 99},
            {"min_size": 100},
            False,
            id="R22 R33 below min-size",
        ),
        pytest.param(
            FINISHING | {"content_length": 100},
            {"min_size": 100},
            True,
            id="R33 at min-size",
        ),
        pytest.param(
            FINISHING | {"content_length": None},
            {"min_size": 100},
            True,
            id="R33 of unknown length",
        ),
        pytest.param(
            FINISHING | {"content_length": None, "announced_length": 99},
            {"min_size": 100},
            False,
            id="R33 below min-size by Upload-Length",
        ),
        pytest.param(
            PARTIAL | {"content_length": 40, "announced_length": 99},
            {"min_size": 100},
            True,
            id="R33 partial below min-size",
        ),
    ],
)
def test_the_104_is_sent_where_it_may_help(
    intent: dict[str, Any], limits: dict[str, int], *, announce: bool
) -> None:
    plan = planned(created(create(**intent), Limits(**limits)))
    assert plan.announce is announce


class TestFinishedInternally:
    """R102: an empty partial creation of length 0, whose end is never asked for."""

    EMPTY: dict[str, Any] = PARTIAL | {
        "content_length": 0,
        "announced_length": 0,
        "empty_finishes": True,
    }

    @pytest.mark.parametrize("content_length", [0, None])
    def test_an_upload_of_nothing_is_finished_after_its_creation(
        self, content_length: int | None
    ) -> None:
        framed = {"content_length": content_length}
        plan = planned(created(create(**self.EMPTY | framed)))
        assert plan.finish_after
        settled = settle(plan, 0, Ending.ENDED)
        assert (settled.length, settled.refusal) == (0, None)
        between = next_state(State.RECEIVING, settled.event)
        assert between is State.INTERRUPTED
        assert next_state(between, Event.FINISHED_INTERNALLY) is State.COMPLETE

    @pytest.mark.parametrize(
        "otherwise",
        [
            pytest.param({"empty_finishes": False}, id="in other versions"),
            pytest.param({"finishing": True}, id="finishing by itself"),
            pytest.param({"announced_length": None}, id="of unknown length"),
            pytest.param({"announced_length": 1}, id="of another length"),
        ],
    )
    def test_any_other_waits_for_its_client(self, otherwise: dict[str, Any]) -> None:
        assert not planned(created(create(**self.EMPTY | otherwise))).finish_after
