"""What an append wants, in the order of the checks: R51, R7, R6 and R52."""

from __future__ import annotations

import pytest

from proxy.core.errors import Problem
from proxy.core.intents import Append, Malformed

from ..kit.words import each_version, versions, words
from .speech import TOKEN, UPLOAD, append, partial, read, request, without


def refused(intent: object) -> Malformed:
    assert isinstance(intent, Malformed)
    assert intent.token == TOKEN
    return intent


@each_version
def test_every_value_comes_from_the_version(version: int) -> None:
    row = words(version)
    lines = ("Content-Length: 60", "Upload-Length: 100")
    for says, finishing in ((None, True), (partial(version), False)):
        assert read(append(version, *lines, says=says)) == Append(
            token=TOKEN,
            offset=40,
            finishing=finishing,
            content_length=60,
            announced_length=100,
            version=version,
            append_limits=row.append_limits,
            overrun_is_fatal=row.overrun_kills,
            progress=version >= 5,
            interims=True,
            cut_on_storage_failure=version <= 6,
        )


def test_r16_without_a_version_the_newest_rules_hold() -> None:
    head = without(append(10), "Upload-Draft-Interop-Version")
    intent = read(head)
    assert isinstance(intent, Append)
    assert (intent.version, intent.interims) == (None, False)
    assert intent.overrun_is_fatal


ENOUGH = [
    "application/partial-upload",
    "APPLICATION/Partial-Upload",
    "application/partial-upload; x=y",
    "application/partial-upload;charset=utf-8",
    "application/partial-upload ;x",
]
TOO_LITTLE = [
    "image/jpeg",
    "application/offset+octet-stream",
    "application/partial-upload, application/partial-upload",
    "application/partial-uploads",
    "",
]


@each_version
@pytest.mark.parametrize("media_type", ENOUGH, ids=lambda v: f"R51-{v}")
def test_r51_the_media_type_may_be_spelled_in_many_ways(
    version: int, media_type: str
) -> None:
    head = without(append(version), "Content-Type")
    lines = [f"{n.decode()}: {v.decode()}" for n, v in head.fields]
    again = request(f"PATCH {UPLOAD}", *lines, f"content-type: {media_type}")
    assert isinstance(read(again), Append)


@each_version
@pytest.mark.parametrize("media_type", [None, *TOO_LITTLE], ids=lambda v: f"R51-{v}")
def test_r51_another_media_type_is_refused_from_v6_on(
    version: int, media_type: str | None
) -> None:
    head = without(append(version), "Content-Type")
    lines = [f"{n.decode()}: {v.decode()}" for n, v in head.fields]
    if media_type is not None:
        lines.append(f"Content-Type: {media_type}")
    intent = read(request(f"PATCH {UPLOAD}", *lines))
    if version < 6:
        assert isinstance(intent, Append)
    else:
        assert refused(intent).problem is Problem.WRONG_MEDIA_TYPE


@each_version
@pytest.mark.parametrize(
    "value", [None, "", "-1", "1.0", "?1", "40, 40", "x", "1000000000000000"]
)
def test_r7_an_append_says_where_it_begins(version: int, value: str | None) -> None:
    head = without(append(version), "Upload-Offset")
    lines = [f"{n.decode()}: {v.decode()}" for n, v in head.fields]
    if value is not None:
        lines.append(f"Upload-Offset: {value}")
    intent = refused(read(request(f"PATCH {UPLOAD}", *lines)))
    assert intent.problem is Problem.MALFORMED
    assert "missing" in intent.detail if value is None else repr(value) in intent.detail


@each_version
@pytest.mark.parametrize("value", ["", "1", "?2", "?1,", "true", "?1, ?1"])
def test_r6_an_invalid_completeness_is_refused(version: int, value: str) -> None:
    says = f"{words(version).completeness}: {value}"
    intent = refused(read(append(version, says=says)))
    assert intent.problem is Problem.MALFORMED
    assert words(version).completeness in intent.detail


FRAMINGS = {"Content-Length: 60": 60, "Content-Length: 0": 0, "X: none": 0}
FRAMINGS_UNKNOWN = "Transfer-Encoding: chunked"


@each_version
@pytest.mark.parametrize("framing", [*FRAMINGS, FRAMINGS_UNKNOWN])
def test_r52_an_append_that_says_nothing_about_its_end(
    version: int, framing: str
) -> None:
    head = without(append(version, framing), words(version).completeness)
    intent = read(head)
    if version >= 7:
        problem = refused(intent).problem
        assert problem is Problem.MALFORMED
        return
    assert isinstance(intent, Append)
    empty = FRAMINGS.get(framing) == 0
    assert intent.finishing is (version == 3 or empty)
    assert intent.last_if_empty is (version > 3 and framing == FRAMINGS_UNKNOWN)


@each_version
def test_r9_an_append_in_the_wrong_words(version: int) -> None:
    more = "Upload-Complete: ?0" if version == 3 else "Upload-Incomplete: ?1"
    done = "Upload-Complete: ?1" if version == 3 else "Upload-Incomplete: ?0"
    assert refused(read(append(version, more))).problem is Problem.MALFORMED
    assert read(append(version, done)) == read(append(version))


@versions(first=6)
def test_the_media_type_is_judged_before_the_offset(version: int) -> None:
    head = without(without(append(version), "Content-Type"), "Upload-Offset")
    assert refused(read(head)).problem is Problem.WRONG_MEDIA_TYPE


@versions(first=7)
def test_the_offset_is_judged_before_the_completeness(version: int) -> None:
    head = without(without(append(version), "Upload-Complete"), "Upload-Offset")
    assert "Upload-Offset" in refused(read(head)).detail


def test_r8_an_invalid_length_is_none() -> None:
    intent = read(append(6, "Upload-Length: x"))
    assert isinstance(intent, Append)
    assert intent.announced_length is None


def test_what_a_client_sent_is_shown_again_in_short_and_in_ascii() -> None:
    says = f"Upload-Complete: \u2028{'x' * 1000}"
    detail = refused(read(append(6, says=says))).detail
    assert detail.isascii()
    assert len(detail) < 200
