"""A report for people, and the same for machines.

Whoever is examined may say anything. The one invariant: nothing of it steers a
terminal; what is no plain character is told by its number.
"""

from __future__ import annotations

import json
from typing import Final

from proxy.terminals import plain

from .findings import Finding, Report, Verdict

_SIGNS: Final = {
    Verdict.GOOD: "ok",
    Verdict.NOTE: "note",
    Verdict.UNKNOWN: "?",
    Verdict.BREAKS: "BREAKS",
}
_WIDTHS: Final = (6, 9)


def text(report: Report) -> str:
    """Lines for a terminal, the last one a verdict."""
    behind = f", behind {report.front}" if report.front else ""
    lines = [f"{report.url}{behind}", ""]
    for finding in report.findings:
        lines += _lines(finding)
    broken = sum(one.verdict is Verdict.BREAKS for one in report.findings)
    things = "thing breaks" if broken == 1 else "things break"
    good = "uploads work here, and go on after a cut"
    return "\n".join([*lines, "", f"{broken} {things} uploads" if broken else good])


def _lines(finding: Finding) -> list[str]:
    sign, check = _WIDTHS
    start = f"{_SIGNS[finding.verdict]:{sign}}  {finding.check:{check}}  "
    indent = " " * (len(start) + 2)
    return [
        f"{start}{plain(finding.text)}",
        *(f"{indent}{setting}" for setting in finding.settings),
    ]


def as_json(report: Report) -> str:
    """One object."""
    findings = [
        {
            "check": one.check,
            "verdict": one.verdict.value,
            "text": one.text,
            "settings": list(one.settings),
        }
        for one in report.findings
    ]
    told = {"url": report.url, "front": report.front or None, "good": report.is_good}
    return json.dumps({**told, "findings": findings}, indent=2)
