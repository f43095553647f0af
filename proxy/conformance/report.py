"""The results for people, as JSON, and as JUnit XML.

A server may say anything. The one invariant: nothing of it steers a terminal or breaks
a document; what is no plain character is told by its number.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final
from xml.etree import ElementTree

from proxy.client.wire import Said
from proxy.terminals import plain

from .exchange import Exchange
from .results import Report, Result, Verdict
from .rules import RULES, Level, Rule
from .versions import VERSIONS

_SIGNS: Final = {
    Verdict.PASS: "ok",
    Verdict.NOT_OFFERED: "-",
    Verdict.NOT_RUN: "?",
}
_FAILS: Final = {Level.MUST: "FAIL", Level.SHOULD: "should", Level.CLIENT: "client"}
_LEGEND: Final = (
    "ok pass, FAIL a MUST, should a SHOULD, client what some client needs, "
    "- not offered, ? not run"
)
_UNSPOKEN: Final = "no version of the protocol is spoken here"
_WIDTH: Final = 7


def text(report: Report) -> str:
    """A table for a terminal, what was missed, and the sum."""
    if not report.versions:
        return "\n".join(_nothing(report))
    heads = "".join(f"{'v' + str(number):{_WIDTH}}" for number in report.versions)
    lines = [plain(report.url), "", f"{'':6}{heads}".rstrip()]
    lines += [_row(report, rule, results) for rule, results in _by_rule(report)]
    lines += ["", _LEGEND]
    for number, said in report.unspoken.items():
        lines.append(f"v{number} is not spoken: {plain(said)}")
    for result, versions in _alike(report):
        lines += ["", *_missed(result, versions)]
    return "\n".join([*lines, "", *_reasons(report), "", _sum(report)])


def _nothing(report: Report) -> Iterator[str]:
    """Where there is nothing to judge: that, and what was said instead."""
    why = "it does not answer" if report.silent else _UNSPOKEN
    yield f"{plain(report.url)}: {why}"
    for number, said in report.unspoken.items():
        yield f"v{number}: {plain(said)}"


def _by_rule(report: Report) -> Iterator[tuple[Rule, list[Result]]]:
    for rule in RULES.values():
        results = [one for one in report.results if one.rule is rule]
        if any(one.version is not None for one in results):
            yield rule, results


def _row(report: Report, rule: Rule, results: list[Result]) -> str:
    signs = {one.version: _sign(one) for one in results}
    cells = "".join(f"{signs.get(one, ''):{_WIDTH}}" for one in report.versions)
    return f"{rule.name:6}{cells}{rule.meaning}"


def _sign(result: Result) -> str:
    if result.verdict is Verdict.FAIL:
        return _FAILS[result.level]
    return _SIGNS.get(result.verdict, "")


def _alike(report: Report) -> Iterator[tuple[Result, list[int]]]:
    """Failures, those of several versions that missed the same as one."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for one in report.results:
        if one.verdict is Verdict.FAIL:
            key = one.rule.name, one.level, one.expected
            groups.setdefault(key, []).append(one)
    for results in groups.values():
        yield results[0], [one.version for one in results if one.version is not None]


def _missed(result: Result, versions: Iterable[int]) -> list[str]:
    named = ", ".join(f"v{number}" for number in versions)
    sign = _FAILS[result.level]
    lines = [f"{result.rule.name} {named}  {sign}: {result.rule.meaning}"]
    where = cited(result)
    lines += [f"  in       {where}"] if where else []
    lines.append(f"  expected {plain(result.expected)}")
    if result.exchange is not None:
        lines += _lines("  asked    ", asked(result.exchange))
        lines += _lines("  said     ", said(result.exchange))
    return lines


def _lines(name: str, told: str) -> list[str]:
    first, *rest = told.split("\r\n")
    indent = " " * len(name)
    return [f"{name}{plain(first)}", *(f"{indent}{plain(line)}" for line in rest)]


def cited(result: Result) -> str:
    """Draft and section; empty where no draft has the rule."""
    section = result.rule.section
    if not section or result.version is None or section.startswith("RFC "):
        return section
    return VERSIONS[result.version].section(section)


def asked(exchange: Exchange) -> str:
    """The request."""
    more = f"\r\n({exchange.content} bytes of content)" if exchange.content else ""
    return exchange.asked + more


def said(exchange: Exchange) -> str:
    """Everything that was said to it."""
    told = [_head(one) for one in exchange.interims]
    told.append(exchange.why if exchange.said is None else _head(exchange.said))
    return "\r\n".join(told)


def _head(one: Said) -> str:
    return "\r\n".join([str(one.status), *(f"{name}: {to}" for name, to in one.fields)])


def _reasons(report: Report) -> list[str]:
    """Why there is no verdict, each reason once."""
    lines: dict[tuple[str, str], list[str]] = {}
    for one in report.results:
        if one.why:
            rules = lines.setdefault((one.verdict.value, one.why), [])
            if one.rule.name not in rules:
                rules.append(one.rule.name)
    return [
        f"{verdict}: {plain(why)}: {', '.join(rules)}"
        for (verdict, why), rules in sorted(lines.items())
    ]


def _sum(report: Report) -> str:
    counts = Counter(one.verdict for one in report.results if one.version is not None)
    fails = Counter(one.level for one in report.results if one.verdict is Verdict.FAIL)
    told = [f"{counts[Verdict.PASS]} pass"]
    told += [f"{fails[level]} fail ({level.value})" for level in Level if fails[level]]
    for verdict in (Verdict.NOT_OFFERED, Verdict.NOT_RUN):
        told += [f"{counts[verdict]} {verdict.value}"] if counts[verdict] else []
    return ", ".join(told)


def as_json(report: Report) -> str:
    """One object."""
    told = {
        "url": report.url,
        "good": report.is_good,
        "answers": not report.silent,
        "versions": list(report.versions),
        "unspoken": {str(number): why for number, why in report.unspoken.items()},
        "results": [_told(one) for one in report.results],
    }
    return json.dumps(told, indent=2)


def _told(result: Result) -> dict[str, Any]:
    told: dict[str, Any] = {
        "rule": result.rule.name,
        "meaning": result.rule.meaning,
        "section": cited(result) or None,
        "version": result.version,
        "level": result.level.value,
        "verdict": result.verdict.value,
    }
    if result.why:
        told["why"] = result.why
    if result.exchange is not None:
        told["expected"] = result.expected
        told["asked"] = asked(result.exchange)
        told["said"] = said(result.exchange)
    return told


def as_junit(report: Report) -> str:
    """JUnit XML: a suite for each version, a case for each rule.

    Only a MUST that is missed is a failure there; a SHOULD is told as skipped, as
    JUnit knows nothing between.
    """
    root = ElementTree.Element("testsuites", name="upload-proxy conformance")
    for number in (*report.versions, None):
        results = [one for one in report.results if one.version == number]
        name = "not observable" if number is None else f"version {number}"
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=name,
            tests=str(len(results)),
            failures=str(sum(one.breaks for one in results)),
            skipped=str(sum(_is_skipped(one) for one in results)),
        )
        for one in results:
            _case(suite, one, name)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _is_skipped(result: Result) -> bool:
    return result.verdict is not Verdict.PASS and not result.breaks


def _case(suite: ElementTree.Element, result: Result, name: str) -> None:
    title = f"{result.rule.name}: {result.rule.meaning}"
    case = ElementTree.SubElement(suite, "testcase", classname=name, name=title)
    if result.verdict is Verdict.PASS:
        return
    words = result.why or f"{result.level.value}: expected {result.expected}"
    kind = "failure" if result.breaks else "skipped"
    told = ElementTree.SubElement(case, kind, message=plain(words))
    if result.exchange is not None:
        pieces = (cited(result), asked(result.exchange), said(result.exchange))
        told.text = "\n".join(
            plain(line) for piece in pieces for line in piece.split("\r\n")
        )
