"""Words for what is wrong, where the whole way through a file would not lead there."""

from __future__ import annotations

import pytest

from proxy.config.mistakes import NOWHERE, ConfigError, Mistake, Place, shown, worded


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ('"', '"\\""'),
        ("é\n", '"é\\n"'),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ([1], "a list"),
        ([], "an empty list"),
        ({"a": 1}, "keys and values"),
        (b"bytes", "\"b'bytes'\""),
        ("http://user:word@host", '"http://***@host"'),
        ("unix:/run/a@b", '"unix:/run/a@b"'),
    ],
)
def test_a_value_is_repeated_so_that_it_can_be_found(value: object, text: str) -> None:
    assert shown(value) == text


def test_an_error_we_have_no_words_for_keeps_its_own() -> None:
    told = worded({"type": "frozen", "loc": ("a",), "msg": "Is frozen", "input": 1})
    assert told == "Is frozen, got 1"


def test_the_file_comes_first_from_top_to_bottom() -> None:
    places = [
        Place("--origin"),
        Place("f", 2, 1),
        NOWHERE,
        Place("f", 1, 9),
        Place("f"),
    ]
    told = ConfigError(Mistake(place, "", "x") for place in places)
    assert str(told) == "f:1:9: x\nf:2:1: x\n--origin: x\nx\nf: x"
