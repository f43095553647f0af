"""Words for an operator."""

from __future__ import annotations

import pytest

from proxy.core.lifecycle import TRANSITIONS, Event
from proxy.core.upload import Answer, Head, Limits, State, Token, Upload
from proxy.operating.wording import instant, size, span, why_not_resent


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1023 * 1024, "1.0 MiB"),
        (5 * 2**30, "5.0 GiB"),
        (999 * 2**40, "999.0 TiB"),
        (2**50, "1.0 PiB"),
    ],
)
def test_sizes(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0s"),
        (59.9, "59s"),
        (185, "3m05s"),
        (7800, "2h10m"),
        (6 * 86400 + 4 * 3600 + 59, "6d04h"),
    ],
)
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_instants_are_in_utc() -> None:
    assert instant(1_700_000_000.9) == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("state", State)
def test_every_state_says_whether_it_can_be_resent(state: State) -> None:
    upload = Upload(
        Token("t" * 43), state, Head("POST", "/", ()), Limits(), 0, 0,
        answer=Answer(201, "Created", ()),
    )  # fmt: skip
    may = (state, Event.RESEND_ASKED) in TRANSITIONS
    reason = why_not_resent(upload, busy=True)
    assert reason
    if state is State.FORWARDING:
        assert why_not_resent(upload, busy=False) == ""
        return
    assert (why_not_resent(upload, busy=False) == "") is may
    if not may:
        assert reason.startswith(f"it is {state.value}, not unknown: ")
