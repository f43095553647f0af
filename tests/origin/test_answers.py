"""An answer as a value, and what cannot be one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import ClientResponse

from proxy.core.errors import OriginLost
from proxy.origin import AnswerStream, Failure, Upgraded, failure_of


class Response(SimpleNamespace):
    """As much of aiohttp's response as is looked at."""

    status = 200
    reason = None
    connection = None
    closed = False

    def close(self) -> None:
        self.closed = True


def answer(*fields: tuple[bytes, bytes]) -> AnswerStream:
    return AnswerStream(cast("ClientResponse", Response(raw_headers=fields)))


def test_the_length_is_told_apart_from_the_fields() -> None:
    stream = answer((b"content-length", b"12"), (b"X", b"1"), (b"Connection", b"x"))
    assert stream.length == b"12"
    assert stream.answer.fields == ()
    assert stream.answer.reason == ""
    assert answer((b"X", b"1")).length is None


@pytest.mark.parametrize("value", [b"a\rb", b"a\nb", b"a\0b"])
def test_a_field_that_is_not_one_line_is_no_answer(value: bytes) -> None:
    """Should aiohttp's lenient parser ever let one through."""
    response = Response(raw_headers=((b"X", value),))
    with pytest.raises(OriginLost, match="http_protocol_error"):
        AnswerStream(cast("ClientResponse", response))
    assert response.closed


@pytest.mark.parametrize("reason", ["a\rb", "a\nb", "a\0b"])
def test_a_reason_that_is_not_one_line_is_no_answer(reason: str) -> None:
    response = Response(raw_headers=(), reason=reason)
    with pytest.raises(OriginLost, match="http_protocol_error"):
        AnswerStream(cast("ClientResponse", response))
    assert response.closed


def test_an_upgrade_whose_connection_is_gone_is_none() -> None:
    with pytest.raises(OriginLost, match="connection_terminated"):
        Upgraded(answer())


def test_an_error_without_a_cause_is_about_the_protocol() -> None:
    assert failure_of(OriginLost("no answer")) is Failure.HTTP_PROTOCOL_ERROR
