"""What the uploads page is told, as one value."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.admin.glimpse import MOST_HELD, Glimpse, Hands, glimpse, hands
from proxy.admin.paces import Pace
from proxy.admin.view import View, Wish, joined, latest, offsets, told, totals
from proxy.core.lifecycle import Event
from proxy.core.room import Bounds, Space
from proxy.core.upload import MOMENTS, Head, Moment, State, Token
from proxy.lately import Forwarded
from proxy.operating.entry import Entry
from tests.spool.samples import new_token, upload

NOTHING = Hands(at=0.0, held=(), counts={})


def seen(state: str = "interrupted", at: float = 0.0, **more: Any) -> Glimpse:
    facts: dict[str, Any] = {
        "token": new_token(),
        "offset": 40,
        "length": 100,
        "created_at": at,
        "active_at": at,
        "deadline": 1000.0,
    }
    return Glimpse(state=state, **(facts | more))


def view(*uploads: Glimpse, **more: Any) -> View:
    plain = View(
        uploads=uploads,
        unlisted={},
        paces={},
        forwards=(),
        totals={},
        space=Space(used=10, promised=5, free=1000, size=2000),
        bounds=Bounds(quota=None, floor=0),
        wall=lambda moment: 1_000_000 + moment,
        read_at=7.0,
    )
    return replace(plain, **more)


def name(token: Token) -> str:
    return f"handle of {token[:6]}"


def shown(seen_so: View, wish: Wish | None = None) -> dict[str, Any]:
    return told(seen_so, wish or Wish(), name)


def found(*all_of_them: Glimpse) -> dict[Token, Glimpse]:
    return {one.token: one for one in all_of_them}


def test_each_upload_is_there_once_and_what_is_in_hand_is_believed() -> None:
    old = seen(offset=10)
    new = replace(old, state="receiving", offset=50, is_held=True)
    uploads, beyond = joined([replace(NOTHING, held=(new,))], found(old, seen()))
    assert [(one.state, one.offset) for one in uploads] == [
        ("receiving", 50),
        ("interrupted", 40),
    ]
    assert not +beyond


def test_what_moves_comes_first_then_what_wants_a_person() -> None:
    states = ["responded", "interrupted", "damaged", "complete", "receiving", "unknown"]
    every = found(*(seen(state, float(at)) for at, state in enumerate(states)))
    uploads, _ = joined([NOTHING], every)
    assert [one.state for one in uploads] == [
        *("receiving", "unknown", "damaged"),
        *("complete", "interrupted", "responded"),
    ]


def test_what_is_in_hand_and_not_told_is_counted() -> None:
    one = seen("receiving", is_held=True)
    busy = Hands(0.0, (one,), {"receiving": 300, "complete": 2})
    uploads, beyond = joined([busy], {})
    assert len(uploads) == 1
    assert dict(beyond) == {"flight": 299, "waiting": 2}
    counts = shown(view(*uploads, unlisted=beyond))
    assert counts["counts"] == {"flight": 300, "trouble": 0, "waiting": 2, "ended": 0}
    assert counts["unlisted"] == 301


def test_no_token_leaves_nor_anything_like_one() -> None:
    token = new_token()
    whole = json.dumps(shown(view(seen(token=token, said=f"lost {token}"))))
    assert token not in whole
    assert f'"name": "{token[:6]}"' in whole
    assert name(token) in whole


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(), [0, 1, 2]),
        (Wish(group="waiting"), [1]),
        (Wish(search="10.0.0.9"), [2]),
        (Wish(search="/photos"), [0, 1]),
        (Wish(group="flight", search="/photos"), [0]),
        (Wish(search="nowhere"), []),
        (Wish(most=2), [0, 1]),
        (Wish(most=0), []),
    ],
)
def test_one_sees_what_one_wishes_and_counts_of_all(
    wish: Wish, expected: list[int]
) -> None:
    uploads = [
        seen("receiving", path="/Photos/1"),
        seen("interrupted", path="/photos/2"),
        seen("unknown", client="10.0.0.9"),
    ]
    answer = shown(view(*uploads), wish)
    names = [uploads[number].token[:6] for number in expected]
    assert [row["name"] for row in answer["uploads"]] == names
    assert answer["counts"] == {"flight": 1, "trouble": 1, "waiting": 1, "ended": 0}
    assert answer["matching"] == (3 if wish.most in (0, 2) else len(expected))


def test_ten_thousand_that_wait_are_counted_and_the_first_are_told() -> None:
    answer = shown(view(*(seen(at=float(at)) for at in range(10_000))))
    assert answer["counts"]["waiting"] == answer["matching"] == 10_000
    assert len(answer["uploads"]) == 100
    assert len(json.dumps(answer)) < 60_000


def test_a_row_tells_rate_and_time_left_as_soon_as_they_are_known() -> None:
    one = seen("receiving", is_held=True)
    rows = shown(view(one))["uploads"]
    assert (rows[0]["rate"], rows[0]["left_s"]) == (None, None)
    pace = Pace(9.0, 40, rate=20.4, grew_at=9.0)
    rows = shown(view(one, paces={one.token: pace}))["uploads"]
    assert (rows[0]["rate"], rows[0]["left_s"]) == (20, 2.9)
    assert rows[0]["grew"] == 1_000_009


def test_only_one_of_unknown_outcome_can_be_resent() -> None:
    rows = shown(view(*map(seen, ("unknown", "receiving", "damaged"))))["uploads"]
    assert [row["resend"] for row in rows] == [True, False, False]


def test_the_spool_tells_what_bounds_it() -> None:
    assert shown(view())["spool"] == {
        "used": 10,
        "promised": 5,
        "quota": None,
        "free": 1000,
        "left": None,
    }
    bounded = view(bounds=Bounds(quota=100, floor=100))
    assert shown(bounded)["spool"]["left"] == 85


def test_hands_are_the_same_after_the_wire() -> None:
    one = upload(state=State.RECEIVING, length=100)
    forward = Forwarded(
        *(1.0, "abcdef", "origin_answered", 201, 1, 0.5, 100),
        *("192.0.2.1", "POST", "/photos", "default", ""),
    )
    before = hands(5.0, [[one], []], {one.token: 60}, (forward,))
    after = Hands.heard(json.loads(json.dumps(before.told())))
    assert after == before
    assert after.held[0].offset == 60
    assert offsets([after]) == [(5.0, {one.token: 60})]


@pytest.mark.parametrize(
    "changed", [{"held": [{"new": 1}]}, {"held": None}, {"forwards": [{}]}]
)
def test_hands_of_another_release_are_not_understood(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="another release"):
        Hands.heard(NOTHING.told() | changed)
    with pytest.raises(ValueError, match="another release"):
        Hands.heard({})


def test_a_process_tells_so_many_and_counts_the_rest() -> None:
    many = [upload(created_at=float(at)) for at in range(MOST_HELD + 5)]
    busy = hands(0.0, [many], {}, ())
    assert len(busy.held) == MOST_HELD
    assert busy.held[0].created_at == MOST_HELD + 4
    assert dict(busy.counts) == {"receiving": MOST_HELD + 5}


def test_cuts_are_those_that_are_remembered() -> None:
    cut = Moment(1.0, Event.BODY_CUT.value, 5, "cut")
    one = upload(state=State.INTERRUPTED, history=(cut, cut))
    entry = Entry(one.token, one.token[:6], one, "", 0.0, at_work=False)
    assert (glimpse(entry).cuts, glimpse(entry).cuts_are_more) == (2, False)
    full = replace(entry, upload=replace(one, history=(cut,) * MOMENTS))
    assert (glimpse(full).cuts, glimpse(full).cuts_are_more) == (MOMENTS, True)


def test_one_whose_record_cannot_be_read_is_shown_all_the_same() -> None:
    token = new_token()
    one = glimpse(Entry(token, token[:6], None, "no record", 3.0, at_work=False))
    row = shown(view(one))["uploads"][0]
    assert (row["state"], row["group"], row["said"]) == (
        *("damaged", "trouble"),
        "no record",
    )
    assert row["ends"] is None


def test_a_path_that_holds_a_token_is_shortened() -> None:
    token = new_token()
    head = Head("POST", f"/files/{token}?secret=1", ())
    one = upload(request=head)
    path = glimpse(Entry(one.token, "", one, "", 0.0, at_work=True)).path
    assert path == f"/files/{token[:6]}…"


def test_forwards_of_all_processes_the_latest_first() -> None:
    def at(moment: float) -> Forwarded:
        return Forwarded(moment, "", "", None, 1, None, 0, "", "", "", "", "")

    told_by = [replace(NOTHING, forwards=(at(1.0), at(4.0)))]
    told_by.append(replace(NOTHING, forwards=(at(2.0),) * 60))
    assert [one.at for one in latest(told_by)][:3] == [4.0, 2.0, 2.0]
    assert len(latest(told_by)) == 50


def test_totals_are_sums_over_routes() -> None:
    numbers: dict[str, Any] = {
        "rup_uploads_started": [(["a", "8"], 2), (["b", "6"], 3)],
        "rup_uploads_finished": [(["a", "delivered"], 1), (["b", "delivered"], 1)],
        "rup_upload_bytes_saved": [(["a"], 100)],
        "process_start_time_seconds": [([], 12.0)],
    }
    sums = totals(numbers)
    assert (sums["started"], sums["delivered"], sums["saved"]) == (5, 2, 100)
    assert (sums["since"], sums["received"]) == (12.0, 0)
