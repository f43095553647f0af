"""What a report looks like, whatever the examined one has said."""

from __future__ import annotations

from proxy.doctor.findings import Finding, Report, Verdict
from proxy.doctor.report import as_json, text


def test_who_is_examined_cannot_steer_the_terminal() -> None:
    finding = Finding(
        "location", Verdict.NOTE, "http://a/\x1b[2J\x9b31m\r\nok \u202e é"
    )
    report = Report("http://a/", "", (finding,))
    lines = text(report).split("\n")
    assert lines[2].endswith("http://a/\\x1b[2J\\x9b31m\\r\\nok \\u202e é")
    assert all(line.isprintable() for line in lines)
    assert all(line.isprintable() for line in as_json(report).split("\n"))
