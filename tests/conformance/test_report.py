"""The results as people and machines get them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from proxy.cli import app
from proxy.client.wire import Said
from proxy.conformance.exchange import Exchange
from proxy.conformance.report import as_json, as_junit, text
from proxy.conformance.results import Report, Result, Verdict
from proxy.conformance.rules import RULES, Level
from tests.kit.process import free_port

ANSWER = Said(409, (("X-Odd", "\x1b[31mred"), ("Upload-Complete", "?0")))
ASKED = Exchange("PATCH /u\r\nUpload-Offset: 18", 8, ANSWER)


def result(rule: str, version: int | None, verdict: Verdict, **more: Any) -> Result:
    level = more.pop("level", Level.MUST)
    return Result(RULES[rule], version, level, verdict, **more)


MISSED = {"expected": "Upload-Offset: 8", "exchange": ASKED}
REPORT = Report(
    "http://a.example/files",
    (6, 8),
    {10: "412"},
    (
        result("R53", 6, Verdict.FAIL, **MISSED),
        result("R53", 8, Verdict.FAIL, **MISSED),
        result("R40", 6, Verdict.PASS),
        result("R25", 6, Verdict.FAIL, level=Level.SHOULD, **MISSED),
        result("R21", 8, Verdict.NOT_OFFERED, why="no 104"),
        result("R19", None, Verdict.NOT_OBSERVABLE, why="inside"),
    ),
)


def test_the_table_has_a_row_for_a_rule_and_a_column_for_a_version() -> None:
    told = text(REPORT)
    rows = [line.split()[:3] for line in told.splitlines()]
    assert ["R53", "FAIL", "FAIL"] in rows
    assert any(row[:2] == ["R40", "ok"] for row in rows)
    assert any(row[:2] == ["R25", "should"] for row in rows)
    assert "v10 is not spoken: 412" in told
    assert "not offered: no 104: R21" in told


def test_what_was_missed_is_told_once_with_the_bytes() -> None:
    told = text(REPORT)
    assert told.count("R53 v6, v8  FAIL") == 1
    assert "draft-05, Upload Append" in told
    assert "expected Upload-Offset: 8" in told
    assert "Upload-Offset: 18" in told
    assert "(8 bytes of content)" in told
    assert "2 fail (MUST), 1 fail (SHOULD)" in told


def test_nothing_that_a_server_says_steers_a_terminal() -> None:
    assert "\x1b" not in text(REPORT)
    assert "\\x1b[31mred" in text(REPORT)


def test_that_nothing_is_spoken_is_said_first() -> None:
    nothing = Report(
        "http://a.example/", (), {8: "404", 10: "404"}, REPORT.results[-1:]
    )
    assert text(nothing) == (
        "http://a.example/: no version of the protocol is spoken here\n"
        "v8: 404\nv10: 404"
    )
    silent = Report("http://a.example/", (), {8: "no answer within 15 s"}, (), True)
    assert text(silent).startswith("http://a.example/: it does not answer\n")
    assert json.loads(as_json(silent))["answers"] is False


def test_machines_get_every_result() -> None:
    told = json.loads(as_json(REPORT))
    assert told["good"] is False
    assert told["versions"] == [6, 8]
    assert len(told["results"]) == len(REPORT.results)
    first = told["results"][0]
    assert (first["rule"], first["version"], first["verdict"]) == ("R53", 6, "fail")
    assert first["section"] == "draft-05, Upload Append"


def test_junit_fails_what_is_a_must() -> None:
    root = ElementTree.fromstring(as_junit(REPORT).encode())
    cases = {
        (case.get("classname"), str(case.get("name")).partition(":")[0]): [
            child.tag for child in case
        ]
        for case in root.iter("testcase")
    }
    assert cases["version 6", "R53"] == ["failure"]
    assert cases["version 6", "R25"] == ["skipped"]
    assert cases["version 6", "R40"] == []
    assert cases["not observable", "R19"] == ["skipped"]
    assert [suite.get("failures") for suite in root] == ["1", "1", "0"]


@pytest.mark.parametrize(
    "wrong",
    [
        ["http://127.0.0.1:1/", "--rule", "53"],
        ["http://127.0.0.1:1/", "--version", "2"],
        ["http://127.0.0.1:1/", "--size", "3"],
        ["http://127.0.0.1:1/", "--header", "no field"],
        ["ftp://a.example/"],
        [f"http://127.0.0.1:{free_port()}/"],
    ],
)
def test_wrong_usage_and_nobody_there(wrong: list[str]) -> None:
    assert CliRunner().invoke(app, ["conformance", *wrong]).exit_code == 2


def test_the_command_judges_and_writes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from proxy.conformance import suite

    async def found(plan: suite.Plan) -> Report:
        assert (plan.versions, plan.told) == ((6, 8), True)
        return REPORT

    monkeypatch.setattr(suite, "run", found)
    junit = tmp_path / "junit.xml"
    words = ["--version", "8", "--version", "6", "--json", "--junit", str(junit)]
    done = CliRunner().invoke(app, ["conformance", "http://a.example/files", *words])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["good"] is False
    assert ElementTree.parse(junit).getroot().tag == "testsuites"
