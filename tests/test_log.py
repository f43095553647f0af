"""Log lines for machines and for people."""

from __future__ import annotations

import io
import json
import time
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from proxy.log import change_level, logger


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_for_machines_is_one_json_object() -> None:
    out = io.StringIO()
    logger("info", "json", out).info("upload", change="part_ended", upload="abc")
    (line,) = lines(out)
    assert line.pop("ts").endswith("Z")
    assert line == {
        "event": "upload",
        "level": "info",
        "change": "part_ended",
        "upload": "abc",
    }


def test_line_breaks_cannot_forge_a_line() -> None:
    out = io.StringIO()
    logger("info", "json", out).info("request", path="/a\r\n{}")
    assert len(out.getvalue().splitlines()) == 1


def test_a_line_for_people_is_text() -> None:
    out = io.StringIO()
    log = logger("info", "console", out)
    log.warning("upload", upload="abc", offset=40, agent='a "b"', why="", empty=None)
    log.info("stopped")
    upload, stopped = (line.split(" ", 1) for line in out.getvalue().splitlines())
    assert upload[0].endswith("Z")
    assert upload[1] == (
        "[warning  ] upload   upload=abc offset=40 agent='a \"b\"' why= empty=None"
    )
    assert stopped[1] == "[info     ] stopped"


@pytest.mark.parametrize("path", ["/a\r\nb", "/a\u2028b", "/a\x1b[2Jb", "a b", "a=b"])
def test_what_would_mislead_people_is_quoted(path: str) -> None:
    out = io.StringIO()
    logger("info", "console", out).info("request", path=path)
    assert out.getvalue().endswith(f"path={path!r}\n")
    assert len(out.getvalue().splitlines()) == 1


def log_failure(form: Literal["json", "console"]) -> io.StringIO:
    """What is logged of an exception while a credential is in a variable."""
    out = io.StringIO()
    log = logger("info", form, out)
    credential = "-".join(("very", "secret"))
    try:
        1 / len(credential[:0])
    except ZeroDivisionError:
        log.exception("request failed")
    return out


def test_an_exception_is_part_of_its_line() -> None:
    (line,) = lines(log_failure("json"))
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_variable_of_a_failed_request_is_told(
    form: Literal["json", "console"],
) -> None:
    """P11: heads hold credentials."""
    told = log_failure(form).getvalue()
    assert "by zero" in told
    assert "very-secret" not in told


def test_less_than_the_level_is_not_written() -> None:
    out = io.StringIO()
    log = logger("warning", "console", out)
    log.info("quiet")
    log.warning("loud", upload="abc")
    assert "quiet" not in out.getvalue()
    assert "loud" in out.getvalue()
    assert "upload=abc" in out.getvalue()


@pytest.mark.parametrize(
    ("micros", "written"),
    [
        (1_795_405_917_000_042, "2026-11-23T03:51:57.000042Z"),
        (1_795_405_917_999_999, "2026-11-23T03:51:57.999999Z"),
        (1_795_405_918_000_000, "2026-11-23T03:51:58Z"),
    ],
)
def test_the_time_is_written_in_utc(
    micros: int, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: micros * 1000)
    out = io.StringIO()
    logger("info", "json", out).info("now")
    (line,) = lines(out)
    assert line["ts"] == written
    asked = datetime.fromtimestamp(micros // 1_000_000, UTC)
    assert asked.replace(microsecond=micros % 1_000_000) == datetime.fromisoformat(
        written
    )


def test_whoever_asks_is_told_what_is_written() -> None:
    log = logger("warning", "console", io.StringIO())
    assert [log.is_enabled_for(number) for number in (20, 30, 40)] == [0, 1, 1]
    change_level(log, "info")
    assert log.is_enabled_for(20)


def test_its_level_can_be_changed_for_all_that_were_bound_from_it() -> None:
    out = io.StringIO()
    log = logger("warning", "json", out)
    bound = log.bind(worker=1)
    bound.info("one")
    change_level(bound, "info")
    log.info("two")
    bound.log(20, "three")
    bound.debug("four")
    change_level(log, "error")
    bound.warning("five")
    bound.exception("six")
    assert [line["event"] for line in lines(out)] == ["two", "three", "six"]
