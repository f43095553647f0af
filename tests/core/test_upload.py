"""The values: what can be a token, what a head tells, when a life ends."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.upload import (
    LIFETIME_FACTOR,
    Field,
    Head,
    Limits,
    State,
    shortened,
    token_from,
)

from .samples import TOKEN, upload

ALPHABET = string.ascii_letters + string.digits + "-_"


def head(*fields: Field, method: str = "POST", target: str = "/photos") -> Head:
    return Head(method, target, fields)


class TestTokens:
    @given(st.text(ALPHABET, min_size=43, max_size=43))
    def test_43_characters_of_base64url_are_a_token(self, text: str) -> None:
        assert token_from(text) == text

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "a" * 42,
            "a" * 44,
            "a" * 42 + "\n",
            "a" * 43 + "\n",
            "a" * 42 + "=",
            "a" * 42 + "+",
            "a" * 42 + "/",
            "../" + "a" * 40,
            "." * 43,
            "a" * 42 + "\0",
            "a" * 42 + "%",
            "a" * 42 + " ",
            "a" * 42 + "é",
            "a" * 42 + "\N{FULLWIDTH DIGIT ONE}",
        ],
    )
    def test_nothing_else_is(self, text: str) -> None:
        assert token_from(text) is None

    @given(st.text())
    def test_no_text_at_all_becomes_a_path_of_its_own(self, text: str) -> None:
        token = token_from(text)
        assert token is None or set(token) <= set(ALPHABET)

    def test_what_is_logged_of_it_is_no_capability(self) -> None:
        assert shortened(TOKEN) == TOKEN[:6]
        assert token_from(shortened(TOKEN)) is None


class TestFields:
    FIELDS = head((b"Via", b"1.1 a"), (b"X", b"x"), (b"VIA", b"1.0 b"), (b"Empty", b""))

    def test_lines_of_a_name_in_any_case_keep_their_order(self) -> None:
        assert self.FIELDS.lines(b"via") == [b"1.1 a", b"1.0 b"]
        assert self.FIELDS.lines(b"absent") == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            (b"via", b"1.1 a, 1.0 b"),
            (b"x", b"x"),
            (b"empty", b""),
            (b"absent", None),
            (b"vi", None),
        ],
    )
    def test_a_value_joins_the_lines_and_is_none_when_absent(
        self, name: bytes, value: bytes | None
    ) -> None:
        assert self.FIELDS.value(name) == value
        assert self.FIELDS.has(name) is (value is not None)

    def test_two_equal_lines_are_not_one(self) -> None:
        """R3: they make an Item invalid, hence must stay visible."""
        twice = head((b"Upload-Complete", b"?1"), (b"upload-complete", b"?1"))
        assert twice.value(b"upload-complete") == b"?1, ?1"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/photos", "/photos"),
        ("/photos?x=%20+&y", "/photos"),
        ("/photos?", "/photos"),
        ("/a%2Fb/%7Eu;p=1?q", "/a%2Fb/%7Eu;p=1"),
        ("//double", "//double"),
        ("/?next=http://other/path", "/"),
        ("/a://b", "/a://b"),
        ("*", "*"),
        ("http://host/photos", "/photos"),
        ("http://host:8080/photos?a/b", "/photos"),
        ("HTTPS://[::1]:8443/a?b", "/a"),
        ("http://host", "/"),
        ("http://host/", "/"),
        ("http://host?x=1", "/"),
        ("http://host?x=/resumable_upload/1", "/"),
        ("host:443", "/"),
        ("", "/"),
    ],
)
def test_the_path_of_a_target(target: str, path: str) -> None:
    assert head(target=target).path == path


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ((), 0),
        (((b"Content-Length", b"0"),), 0),
        (((b"content-length", b"100"),), 100),
        (((b"CONTENT-LENGTH", b"999999999999999"),), 999_999_999_999_999),
        (((b"Transfer-Encoding", b"chunked"),), None),
        (((b"Content-Length", b"5"), (b"transfer-encoding", b"chunked")), None),
    ],
)
def test_the_length_of_the_content(
    fields: tuple[Field, ...], length: int | None
) -> None:
    assert head(*fields).content_length == length


class TestDeadline:
    LIMITS = Limits(max_age_s=10.0)

    @pytest.mark.parametrize(
        ("fed_at", "deadline"),
        [
            pytest.param(100.0, 110.0, id="never fed"),
            pytest.param(105.0, 115.0, id="moved by a byte"),
            pytest.param(160.0, 170.0, id="the cap, from below"),
            pytest.param(160.5, 170.0, id="at the cap"),
            pytest.param(400.0, 170.0, id="far past the cap"),
        ],
    )
    def test_it_runs_from_the_last_byte_up_to_seven_times_the_age(
        self, fed_at: float, deadline: float
    ) -> None:
        one = upload(created_at=100.0, fed_at=fed_at, limits=self.LIMITS)
        assert one.deadline == deadline

    @given(
        age=st.floats(1e-3, 1e8),
        created_at=st.floats(0, 1e9),
        pauses=st.lists(st.floats(0, 1e8), max_size=20),
    )
    def test_it_only_ever_moves_later(
        self, age: float, created_at: float, pauses: list[float]
    ) -> None:
        """R94."""
        limits, now = Limits(max_age_s=age), created_at
        before = upload(created_at=created_at, fed_at=now, limits=limits).deadline
        for pause in pauses:
            now += pause
            after = upload(created_at=created_at, fed_at=now, limits=limits).deadline
            assert before <= after <= created_at + LIFETIME_FACTOR * age
            before = after


@pytest.mark.parametrize("state", State)
def test_finished_means_that_the_origin_has_answered(state: State) -> None:
    assert upload(state=state).finished is (state is State.RESPONDED)


def test_a_head_that_has_forgotten_the_names_finds_them_again() -> None:
    head = Head("GET", "/", ((b"A", b"1"),))
    assert head.value(b"a") == b"1"
    head.forget_names()
    assert head.value(b"a") == b"1"


def test_a_head_that_was_asked_is_the_same_head() -> None:
    head = Head("GET", "/", ((b"A", b"1"),))
    asked = Head("GET", "/", ((b"A", b"1"),))
    assert asked.value(b"a") == b"1"
    assert (asked, hash(asked), repr(asked)) == (head, hash(head), repr(head))
    assert replace(asked, fields=((b"B", b"2"),)).value(b"a") is None
