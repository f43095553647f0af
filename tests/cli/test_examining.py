"""The doctor as it is typed: what it says of nobody, and of wrong words."""

from __future__ import annotations

import json

import pytest

from .typed import run, within


def test_doctor_says_that_nobody_is_there() -> None:
    done = run("doctor", "http://127.0.0.1:1/files", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["good"] is False
    assert [one["check"] for one in told["findings"]] == ["reach"]


@pytest.mark.parametrize(
    "words",
    [
        ("ftp://a.example",),
        ("http://127.0.0.1:1", "--size", "much"),
        ("http://127.0.0.1:1", "--patience", "long"),
        ("http://127.0.0.1:1", "-H", "no colon"),
        ("http://127.0.0.1:1", "-H", "Bad name: x"),
        ("http://127.0.0.1:1", "-H", "Name: a\r\nb: c"),
    ],
)
def test_doctor_asks_nothing_when_it_is_used_wrongly(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert within("doctor", *words) == 2
    assert capsys.readouterr().out == ""
