"""Text of one scalar: variables put in, and what plain text means."""

from __future__ import annotations

import pytest

from proxy.config.quantities import WrongValue
from proxy.config.scalars import substituted, typed

VARIABLES = {"HOST": "app", "PORT": "3000", "EMPTY": "", "TRICKY": "${HOST} $$ }"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("${HOST}", "app"),
        ("${env:HOST}", "app"),
        ("http://${HOST}:${PORT}/", "http://app:3000/"),
        ("${ABSENT:-there}", "there"),
        ("${ABSENT:-}", ""),
        ("${ABSENT:-a:-b}", "a:-b"),
        ("${EMPTY}", ""),
        ("${EMPTY:-there}", "there"),
        ("${HOST:-there}", "app"),
        ("$$", "$"),
        ("$${HOST}", "${HOST}"),
        ("$$${HOST}", "$app"),
        ("$HOST and $", "$HOST and $"),
        ("${TRICKY}", "${HOST} $$ }"),
    ],
)
def test_variables_are_put_in_once(text: str, result: str) -> None:
    assert substituted(text, VARIABLES) == result


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(WrongValue) as refused:
        substituted("http://${ABSENT}", VARIABLES)
    assert refused.value.expected == "a value in the environment variable ABSENT"
    assert refused.value.hint == "set it, or write ${ABSENT:-default}"


@pytest.mark.parametrize("text", ["${}", "${1A}", "${A-b}", "${A B}", "${A", "${:-x}"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(WrongValue, match=r"\$\{VAR\} or \$\{VAR:-default\}") as refused:
        substituted(text, VARIABLES)
    assert refused.value.got == f'"{text}"'
    assert refused.value.hint == "a dollar sign itself is written $$"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("16", 16),
        ("-1", -1),
        ("0644", 644),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("yes", "yes"),
        ("no", "no"),
        ("1:30", "1:30"),
        ("10GiB", "10GiB"),
        ("1_000", "1_000"),
        (".nan", ".nan"),
        ("1" * 5000, float("inf")),
    ],
)
def test_plain_text_means_what_yaml_1_2_says(text: str, value: object) -> None:
    assert typed(text) == value
    assert type(typed(text)) is type(value)
