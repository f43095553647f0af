"""The table of rules, held against the document and the rest of the room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.conformance.judging import JUDGES
from proxy.conformance.probes import PROBES
from proxy.conformance.rules import RULES, Level
from proxy.conformance.versions import VERSIONS

PROTOCOL = Path(__file__).parents[2] / "docs/protocol.md"


def test_every_rule_of_the_document_has_a_row_and_no_other() -> None:
    told = re.findall(r"^\| (R\d+) \|", PROTOCOL.read_text(), re.MULTILINE)
    assert sorted(RULES) == sorted(told)


def test_every_rule_is_decided_or_says_why_not() -> None:
    decided = {name for name, rule in RULES.items() if not rule.why_not}
    assert decided == set(JUDGES)
    assert {RULES[name].probe for name in decided} == set(PROBES)
    for rule in RULES.values():
        assert bool(rule.probe) is not bool(rule.why_not), rule.name


@pytest.mark.parametrize("name", RULES)
def test_what_a_draft_demands_has_a_section(name: str) -> None:
    rule = RULES[name]
    assert set(rule.versions) <= set(VERSIONS)
    levels = {rule.level(number) for number in rule.versions}
    assert rule.section or rule.why_not or levels == {Level.CLIENT}


@pytest.mark.parametrize(
    ("number", "title", "cited"),
    [
        (3, "Upload Append", "draft-01, Upload Appending Procedure"),
        (6, "Offset", "draft-05, Offset values"),
        (6, "Upload Append", "draft-05, Upload Append"),
        (10, "Limits", "draft-13, Limits"),
    ],
)
def test_a_section_is_cited_as_its_draft_calls_it(
    number: int, title: str, cited: str
) -> None:
    assert VERSIONS[number].section(title) == cited
