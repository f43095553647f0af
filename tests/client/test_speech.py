"""How each version is spoken and read; limits; fields; resume data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proxy.client.fields import given, may_follow, of_creation, of_upload
from proxy.client.known import Known
from proxy.client.limits import Limits, limits
from proxy.client.resumption import ResumeData
from proxy.client.sources import Mark
from proxy.client.speech import append, asking, creation, heard
from proxy.client.target import target
from proxy.client.wire import Said

PART = ("Content-Type", "application/partial-upload")


@pytest.mark.parametrize(
    ("version", "done", "more", "length", "media_type"),
    [
        (3, ("Upload-Incomplete", "?0"), ("Upload-Incomplete", "?1"), False, False),
        (4, ("Upload-Complete", "?1"), ("Upload-Complete", "?0"), False, False),
        (5, ("Upload-Complete", "?1"), ("Upload-Complete", "?0"), False, False),
        *[
            (v, ("Upload-Complete", "?1"), ("Upload-Complete", "?0"), True, True)
            for v in range(6, 11)
        ],
    ],
)
def test_each_version_has_its_words(
    version: int,
    done: tuple[str, str],
    more: tuple[str, str],
    length: bool,
    media_type: bool,
) -> None:
    own = ("Upload-Draft-Interop-Version", str(version))
    told = (("Upload-Length", "9"),) if length else ()
    assert asking(version) == (own,)
    assert creation(version, last=True, length=9) == (own, done, *told)
    assert creation(version, last=False, length=None) == (own, more)
    part = append(version, 4, last=True)
    assert part[:3] == (own, done, ("Upload-Offset", "4"))
    assert (PART in part) is media_type
    said = heard(Said(204, (done, ("Upload-Offset", "7"))), version, 0.0)
    assert (said.complete, said.offset) == (True, 7)
    assert heard(Said(204, (more,)), version, 0.0).complete is False


@pytest.mark.parametrize("value", ["-1", "1.0", "x", "", "1, 1", "?1", "1" * 16])
def test_what_is_no_offset_is_none(value: str) -> None:
    assert heard(Said(204, (("Upload-Offset", value),)), 10, 0.0).offset is None


@pytest.mark.parametrize("value", ["1", "true", "", "?2", "?1, ?1"])
def test_what_is_no_boolean_is_none(value: str) -> None:
    assert heard(Said(204, (("Upload-Complete", value),)), 10, 0.0).complete is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 37.0),
        ("Sun, 06 Nov 1994 08:40:00 GMT", 0.0),
        ("soon", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_a_pause_is_a_number_or_a_date(value: str, seconds: float | None) -> None:
    said = Said(503, (("Retry-After", value),))
    assert heard(said, 10, 784111740.0).retry_after_s == seconds


def test_problems_are_known_by_their_registered_type() -> None:
    base = b"https://iana.org/assignments/http-problem-types#"
    json = (("Content-Type", "application/problem+json"),)
    said = Said(400, json, b'{"type": "' + base + b'completed-upload"}')
    assert heard(said, 8, 0.0).problem == "completed-upload"
    for content in (
        b"{",
        b"[" * 500_000,
        b"[]",
        b'{"type": 1}',
        b'{"type": "about:blank"}',
    ):
        assert heard(Said(400, json, content), 8, 0.0).problem is None


def test_limits_are_read_as_far_as_they_are_known() -> None:
    assert limits("max-size=9, x=?1, expires=3") == Limits(max_size=9, max_age=3)
    assert limits("min-size=0") == Limits(min_size=0)
    for wrong in ("max-size=9.5", "max-size", "max-size=-1", "107374182400"):
        assert limits(wrong) is None
    assert limits(None) is None


def test_fields_go_where_they_belong() -> None:
    lines = given({"Authorization": "a ", "Content-Disposition": "inline"})
    assert of_creation(lines)[-1] == ("Content-Type", "application/octet-stream")
    assert of_upload(lines) == (("Authorization", "a"),)


@pytest.mark.parametrize(
    "line",
    [
        ("Upload-Offset", "1"),
        ("Host", "h"),
        ("a b", "c"),
        ("A", "b\r\nC: d"),
        ("X", "日本"),
        ("é", "1"),
    ],
)
def test_fields_that_are_not_the_callers_are_refused(line: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"client itself|not to be sent"):
        given([line])


def test_nobody_is_followed_out_of_tls() -> None:
    plain, secret = target("http://h/"), target("https://h/")
    assert may_follow(plain, secret)
    assert may_follow(secret, target("https://other/"))
    assert not may_follow(secret, plain)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[" * 100_000, '{"format": 2}', '{"format": 1}']
)
def test_what_is_no_resume_data_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"resume data|Expecting"):
        ResumeData.loads(text)


KEPT = replace(
    Known("http://h/f", "POST", 10), upload_url="http://h/u", length=9, assured=True
)
DATA = ResumeData(KEPT, Mark("/film", 9, 5, "ab"), 7.5)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        *[("upload", "offset", value) for value in ("x", -5, 1.5, True, None)],
        *[("upload", "length", value) for value in ("x", -5, False)],
        *[("upload", "most", value) for value in ("x", 0, -1)],
        *[("upload", "url", value) for value in (None, 5, "nonsense", "http://a..b")],
        *[("upload", "upload_url", value) for value in (None, 5, "h", "http://h/\x7f")],
        *[("upload", "moved_to", value) for value in (5, "ftp://h/")],
        *[("upload", "method", value) for value in (7, "A\r\nB: c", "", "Ü")],
        *[("upload", "version", value) for value in (3.0, 2, "10")],
        ("upload", "whole", "x"),
        ("file", "path", 5),
        ("file", "size", "x"),
        ("file", "first", None),
    ],
)
def test_what_was_not_written_here_is_refused(
    part: str, name: str, value: object
) -> None:
    assert ResumeData.loads(DATA.dumps()) == DATA
    told = json.loads(DATA.dumps())
    told[part][name] = value
    with pytest.raises(
        ValueError, match=r"resume data|URL|percents|not to be|ascii|\.\."
    ):
        ResumeData.loads(json.dumps(told))


@pytest.mark.parametrize(
    ("name", "value"), [("file", {}), ("file", []), ("expires", "x"), ("upload", 5)]
)
def test_what_was_not_shaped_here_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="resume data"):
        ResumeData.loads(json.dumps({**json.loads(DATA.dumps()), name: value}))
