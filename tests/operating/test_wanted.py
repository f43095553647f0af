"""Which uploads are meant."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from proxy.core.upload import Head, Limits, State, Token, Upload
from proxy.operating.entry import Entry
from proxy.operating.wanted import Wanted, distinct


def test_a_token_is_called_by_six_characters_or_as_many_as_tell_it_apart() -> None:
    alone, one, other = (
        Token(start.ljust(43, "x")) for start in ("abcdef", "abzzzzzA", "abzzzzzB")
    )
    assert distinct([other, alone, one]) == {
        alone: "abcdef",
        one: "abzzzzzA",
        other: "abzzzzzB",
    }
    assert distinct([]) == {}


def entry(**changes: object) -> Entry:
    values: dict[str, object] = {"offset": 10, "length": 100, "peer": "192.0.2.7"}
    upload = Upload(
        Token("t" * 43),
        State.INTERRUPTED,
        Head("POST", "/", ()),
        Limits(),
        1000,
        1000,
        **(values | changes),  # type: ignore[arg-type]
    )
    return Entry(upload.token, "tttttt", upload, "", 1000, False)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Wanted(), True),
        (Wanted(states=frozenset({"interrupted", "unknown"})), True),
        (Wanted(states=frozenset({"unknown"})), False),
        (Wanted(older_than_s=60), True),
        (Wanted(older_than_s=61), False),
        (Wanted(client=ip_network("192.0.2.0/24")), True),
        (Wanted(client=ip_network("192.0.2.8")), False),
        (Wanted(client=ip_network("2001:db8::/32")), False),
        (Wanted(min_size=100), True),
        (Wanted(min_size=101), False),
    ],
)
def test_all_that_is_asked_for_has_to_be_so(wanted: Wanted, fits: bool) -> None:
    assert wanted.fits(entry(), 1060) is fits


def test_what_came_over_a_unix_socket_has_no_address() -> None:
    assert not Wanted(client=ip_network("0.0.0.0/0")).fits(entry(peer=""), 1060)


def test_one_that_cannot_be_read_has_an_age_only() -> None:
    damaged = Entry(Token("t" * 43), "tttttt", None, "broken", 1000, False)
    assert Wanted(frozenset({"damaged"}), 60).fits(damaged, 1060)
    assert not Wanted(min_size=1).fits(damaged, 1060)
