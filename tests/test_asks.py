"""What processes say to each other, and what is made of what makes no sense."""

from __future__ import annotations

import json

import pytest

from proxy.asks import (
    LONGEST,
    Ask,
    Said,
    Wish,
    Word,
    ask_line,
    read_ask,
    read_said,
    said_line,
)
from proxy.core.errors import Denial, Problem, Refusal
from proxy.core.upload import Answer, Field, Fields, Token

T = Token("t" * 43)


@pytest.mark.parametrize("wish", Wish)
def test_an_ask_comes_over_as_it_was(wish: Wish) -> None:
    ask = Ask(wish, T, 12345.6789)
    line = ask_line(ask)
    assert line.endswith(b"\n")
    assert len(line) < LONGEST
    assert read_ask(line) == ask


@pytest.mark.parametrize("word", [word for word in Word if word is not Word.REFUSED])
def test_a_reply_comes_over_as_it_was(word: Word) -> None:
    assert read_said(said_line(Said(word))) == Said(word)


@pytest.mark.parametrize("seconds", [5, None])
def test_a_refusal_comes_over_with_what_a_client_hears(seconds: int | None) -> None:
    refusal = Refusal(Problem.ORIGIN_DOWN, "It is down.", retry_after_s=seconds)
    said = read_said(said_line(Said(Word.REFUSED, refusal)))
    assert said is not None
    assert said.refusal is not None
    heard = said.refusal
    assert (heard.problem, heard.detail) == (Problem.ORIGIN_DOWN, "It is down.")
    assert heard.retry_after_s == seconds


def denied(status: int, *fields: Field) -> Refusal:
    answer = Answer(status, "Who?", fields)
    return Refusal(Problem.NOT_AUTHORISED, "No.", denial=Denial(answer, b"long"))


def heard(line: bytes) -> Denial | None:
    said = read_said(line)
    assert said is not None
    assert said.refusal is not None
    assert said.refusal.problem is Problem.NOT_AUTHORISED
    return said.refusal.denial


def test_a_refusal_of_an_auth_server_comes_over_without_its_content() -> None:
    challenges = [(b"WWW-Authenticate", b"Basic"), (b"www-authenticate", b"X \xe4")]
    other = (b"Content-Type", b"text/plain"), (b"X-Secret", b"s")
    location, later = (b"Location", b"/login"), (b"Retry-After", b"7")
    refusal = denied(401, *challenges, *other, location, later)
    told = heard(said_line(Said(Word.REFUSED, refusal)))
    assert told is not None
    assert (told.answer.status, told.content) == (401, b"")
    assert told.answer.fields == (*challenges, location, later)


def test_what_does_not_fit_of_it_is_left_out() -> None:
    long, short = (b"Location", b"/" * LONGEST), (b"Retry-After", b"7")
    line = said_line(Said(Word.REFUSED, denied(302, long, short)))
    assert len(line) < LONGEST
    told = heard(line)
    assert told is not None
    assert (told.answer.status, told.answer.fields) == (302, (short,))


@pytest.mark.parametrize(
    ("more", "status", "fields"),
    [
        ({}, None, ()),  # as an earlier release says it
        ({"denied": "401"}, None, ()),
        ({"denied": 200}, None, ()),
        ({"denied": 401, "fields": "Location"}, None, ()),
        ({"denied": 401}, 401, ()),
        ({"denied": 401, "fields": [["Location", "/a\r\nX: y"]]}, 401, ()),
        ({"denied": 401, "fields": [["Location", "/\u20ac"]]}, 401, ()),
        ({"denied": 401, "fields": [["Set-Cookie", "a"], ["Location"], 5]}, 401, ()),
        ({"denied": 401, "fields": [["Location", "/"]]}, 401, ((b"Location", b"/"),)),
    ],
)
def test_a_refusal_that_makes_no_sense_is_told_plainly(
    more: dict[str, object], status: int | None, fields: Fields
) -> None:
    line = {"word": "refused", "problem": "not-authorised", "detail": "No.", **more}
    told = heard(json.dumps(line).encode() + b"\n")
    assert (told and told.answer.status) == status
    assert told is None or told.answer.fields == fields


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"{}\n",
        b'{"wish": "dance", "token": "%s", "since": 1}\n' % T.encode(),
        b'{"wish": "let-go", "token": "../../etc/passwd", "since": 1}\n',
        b'{"wish": "let-go", "token": 1, "since": 1}\n',
        b'{"wish": "let-go", "token": "%s", "since": "now"}\n' % T.encode(),
        b'{"wish": "let-go", "token": "%s"}\n' % T.encode(),
    ],
)
def test_an_ask_that_makes_no_sense_is_none(line: bytes) -> None:
    assert read_ask(line) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"done",
        b'{"word": "dance"}\n',
        b'{"word": "refused"}\n',
        b'{"word": "refused", "problem": "hunger", "detail": ""}\n',
    ],
)
def test_a_reply_that_makes_no_sense_is_none(line: bytes) -> None:
    assert read_said(line) is None
