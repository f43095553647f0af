"""What processes say to each other, and what is made of what makes no sense."""

from __future__ import annotations

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
from proxy.core.errors import Problem, Refusal
from proxy.core.upload import Token

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
