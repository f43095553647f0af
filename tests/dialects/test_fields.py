"""Structured fields: the tables of the rules, and the library on any bytes at all."""

from __future__ import annotations

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.lengths import MAX_LENGTH
from proxy.dialects import fields
from proxy.dialects.fields import NoValue

INVALID = NoValue.INVALID

BOOLEANS: dict[bytes, bool | NoValue] = {
    b"?1": True,
    b"?0": False,
    b"  ?1  ": True,
    b"\t?0\t": False,
    b"?1;x=1": True,
    b"?1;x": True,
    b"?1; a=b": True,
    b"?0;a=(": INVALID,
    b"1": INVALID,
    b"0": INVALID,
    b"true": INVALID,
    b"yes": INVALID,
    b"?2": INVALID,
    b"?": INVALID,
    b"? 1": INVALID,
    b"?10": INVALID,
    b'"?1"': INVALID,
    b":Pz8=:": INVALID,
    b"?1;": INVALID,
    b"?1;X=1": INVALID,
    b"?1 ;x": INVALID,
    b"?1, ?1": INVALID,
    b"?1,": INVALID,
    b"": INVALID,
    b"(?1)": INVALID,
    b"?1\xff": INVALID,
}

INTEGERS: dict[bytes, int | NoValue] = {
    b"0": 0,
    b"007": 7,
    b"999999999999999": 999_999_999_999_999,
    b"-0": 0,
    b"10;a=1": 10,
    b" 10 ": 10,
    b"\t10": 10,
    b"1000000000000000": INVALID,
    b"0000000000000001": INVALID,
    b"1.0": INVALID,
    b"1e3": INVALID,
    b"+1": INVALID,
    b"0x10": INVALID,
    b"10, 10": INVALID,
    b'"10"': INVALID,
    b"": INVALID,
    b"?1": INVALID,
    b"@10": INVALID,
    b"@99999999999999": INVALID,
    "\u0661".encode(): INVALID,
    b"1_0": INVALID,
}


@pytest.mark.parametrize("value", BOOLEANS, ids=lambda v: f"R2-{v!r}")
def test_booleans(value: bytes) -> None:
    assert fields.boolean(value) is BOOLEANS[value]


@pytest.mark.parametrize("value", INTEGERS, ids=lambda v: f"R4-{v!r}")
def test_integers(value: bytes) -> None:
    for number in (fields.integer(value), fields.count(value)):
        assert type(number) in (int, NoValue)
        assert number == INTEGERS[value]


def test_r4_a_negative_integer_is_no_count() -> None:
    assert fields.integer(b"-1") == -1
    assert fields.count(b"-1") is INVALID
    assert fields.count(b"-999999999999999;a") is INVALID


def test_what_is_not_there_is_absent() -> None:
    assert fields.boolean(None) is NoValue.ABSENT
    assert fields.integer(None) is NoValue.ABSENT
    assert fields.count(None) is NoValue.ABSENT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(fields.boolean_text(True), b"?1", id="R11-true"),
        pytest.param(fields.boolean_text(False), b"?0", id="R11-false"),
        pytest.param(fields.integer_text(0), b"0", id="R11-zero"),
        pytest.param(fields.integer_text(1500), b"1500", id="R11-no-padding"),
        pytest.param(
            fields.dictionary_text({"a": 1, "b": 2}), b"a=1, b=2", id="R11-dictionary"
        ),
    ],
)
def test_serialising(text: bytes, expected: bytes) -> None:
    assert text == expected


def test_lengths_and_fields_agree_on_the_largest_number() -> None:
    assert fields.MAX_INTEGER == MAX_LENGTH


NEAR_MISSES = st.lists(
    st.sampled_from(
        [b"?", b"1", b"0", b"9", b" ", b"\t", b"-", b".", b";", b"a", b"=", b",", b'"']
    ),
    max_size=20,
).map(b"".join)
VALUES = st.one_of(
    st.binary(max_size=40), NEAR_MISSES, st.integers().map(lambda n: b"%d" % n)
)


@given(VALUES)
def test_the_short_ways_agree_with_the_library(value: bytes) -> None:
    try:
        bare = http_sf.parse(value.strip(b" \t"), tltype="item")[0]  # type: ignore[index]
    except http_sf.StructuredFieldError:
        bare = None
    assert fields.boolean(value) is (bare if isinstance(bare, bool) else INVALID)
    expected = bare if type(bare) is int else INVALID
    assert fields.integer(value) == expected
    negative = type(bare) is int and bare < 0
    assert fields.count(value) == (INVALID if negative else expected)


@given(st.booleans(), st.integers(min_value=0, max_value=fields.MAX_INTEGER))
def test_what_is_written_is_read_again(flag: bool, number: int) -> None:
    assert fields.boolean(fields.boolean_text(flag)) is flag
    assert fields.integer(fields.integer_text(number)) == number
    assert fields.boolean_text(flag).decode() == http_sf.ser(flag)


KEYS = st.from_regex(r"[a-z*][a-z0-9_.*-]{0,9}", fullmatch=True)
NUMBERS = st.integers(min_value=0, max_value=fields.MAX_INTEGER)


@given(st.dictionaries(KEYS, NUMBERS, min_size=1, max_size=5))
def test_dictionaries_are_those_of_the_library(members: dict[str, int]) -> None:
    text = fields.dictionary_text(members)
    assert text.decode() == http_sf.ser(dict(members))
    parsed = http_sf.parse(text, tltype="dictionary")
    assert parsed == {key: (number, {}) for key, number in members.items()}
