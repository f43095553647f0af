"""What a creation wants, with every value its version decides."""

from __future__ import annotations

import pytest

from proxy.core.errors import Problem
from proxy.core.intents import Create, Malformed

from ..kit.words import each_version, words
from .speech import complete, naming, partial, read, request


def created(version: int, *lines: str, says: str | None = None) -> Create:
    head = request("POST /photos", naming(version), says or complete(version), *lines)
    intent = read(head)
    assert isinstance(intent, Create)
    return intent


@each_version
def test_every_value_comes_from_the_version(version: int) -> None:
    row = words(version)
    for says, finishing in ((complete(version), True), (partial(version), False)):
        assert created(
            version, "Content-Length: 60", "Upload-Length: 100", says=says
        ) == Create(
            finishing=finishing,
            content_length=60,
            announced_length=100,
            version=version,
            append_limits=row.creation_limits,
            overrun_is_fatal=row.overrun_kills,
            empty_finishes=version in (5, 6),
            progress=version >= 5,
            interims=True,
            cut_on_storage_failure=version <= 6,
        )


@each_version
@pytest.mark.parametrize(
    ("lines", "length"),
    [
        pytest.param(("Content-Length: 0",), 0, id="R35-empty"),
        pytest.param((), 0, id="R35-no-content-at-all"),
        pytest.param(("Content-Length: 12",), 12, id="known"),
        pytest.param(("Transfer-Encoding: chunked",), None, id="chunked"),
    ],
)
def test_the_length_of_the_content(
    version: int, lines: tuple[str, ...], length: int | None
) -> None:
    assert created(version, *lines).content_length == length


@each_version
@pytest.mark.parametrize(
    ("value", "length"),
    [
        pytest.param("0", 0, id="R39-0"),
        pytest.param("10;a=1", 10, id="R39-parameters"),
        pytest.param("-1", None, id="R8-negative"),
        pytest.param("1.5", None, id="R8-decimal"),
        pytest.param("?1", None, id="R8-boolean"),
        pytest.param("1000000000000000", None, id="R8-16-digits"),
        pytest.param("", None, id="R8-empty"),
    ],
)
def test_the_announced_length(version: int, value: str, length: int | None) -> None:
    assert created(version, f"Upload-Length: {value}").announced_length == length


@each_version
def test_r3_two_equal_lengths_are_none(version: int) -> None:
    twice = created(version, "Upload-Length: 7", "Upload-Length: 7")
    assert twice.announced_length is None


@each_version
@pytest.mark.parametrize("value", ["0", "-0", "-1", "x", "", "5.0", "5, 5", "?1"])
def test_r34_no_offset_or_an_invalid_one_is_ignored(version: int, value: str) -> None:
    assert created(version, f"Upload-Offset: {value}") == created(version)


@each_version
def test_r34_a_creation_does_not_begin_in_the_middle(version: int) -> None:
    for says in (complete(version), partial(version)):
        head = request("POST /photos", naming(version), says, "Upload-Offset: 5")
        intent = read(head)
        assert isinstance(intent, Malformed)
        assert (intent.token, intent.problem) == (None, Problem.MALFORMED)
        assert "5" in intent.detail


def test_r34_an_ordinary_request_may_say_what_it_likes() -> None:
    assert read(request("POST /x", "Upload-Complete: ?1", "Upload-Offset: 5")) is None


@each_version
@pytest.mark.parametrize(
    "media_type",
    [
        "application/partial-upload",
        "application/offset+octet-stream",
        "image/jpeg",
        "no media type",
    ],
)
def test_r36_the_media_type_is_not_checked(version: int, media_type: str) -> None:
    assert created(version, f"Content-Type: {media_type}") == created(version)
