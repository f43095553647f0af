"""The documents hold: what is cited is explained, what is linked is there.

Rules of the protocol are cited all over the code and the tests by their number, and a
number that nobody explains is worse than none. Lists of names in the documents are held
against the tables of the program.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from proxy import __version__
from proxy.access import INTERNAL_ERROR
from proxy.core.errors import Problem
from proxy.core.upload import State
from proxy.dialects.problems import KINDS, Registered, own_type
from proxy.dialects.profiles import PROFILES
from proxy.origin.failures import Failure

ROOT = Path(__file__).parent.parent
PROTOCOL = (ROOT / "docs/protocol.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]


def test_every_rule_that_is_cited_is_explained() -> None:
    explained = set(re.findall(r"^\| (R\d+) \|", PROTOCOL, re.MULTILINE))
    sources = [*(ROOT / "proxy").rglob("*.py"), *_own_tests()]
    cited = {
        (rule, str(path.relative_to(ROOT)))
        for path in sources
        for rule in re.findall(r"\bR\d{1,3}\b", path.read_text())
    }
    assert {(rule, path) for rule, path in cited if rule not in explained} == set()


def test_every_line_that_is_worth_a_look_is_explained() -> None:
    """Whoever is woken by one looks for it in the table of levels."""
    operations = (ROOT / "docs/operations.md").read_text()
    table = operations.partition("**Levels.**")[2].partition("\n### ")[0]
    calls = (
        call
        for path in (ROOT / "proxy").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
    )
    said = {text for call in calls if (text := _worth_a_look(call)) is not None}
    assert len(said) > 30
    assert {text for text in said if f"`{text}`" not in table} == set()


def _worth_a_look(call: ast.Call) -> str | None:
    """The name of the line that `call` logs as a warning or worse."""
    match call:
        case ast.Call(
            func=ast.Attribute(
                attr="warning" | "error" | "exception",
                value=ast.Name(id=log) | ast.Attribute(attr=log),
            ),
            args=[ast.Constant(value=str(text)), *_],
        ) if log.endswith("log"):
            return text
    return None


def test_every_promise_that_is_cited_is_explained() -> None:
    explained = set(re.findall(r"^\| (P\d+) \|", ARCHITECTURE, re.MULTILINE))
    sources = [*(ROOT / "proxy").rglob("*.py"), *_own_tests()]
    cited = {
        promise
        for path in sources
        for promise in re.findall(r"\bP\d{1,2}\b", path.read_text())
    }
    assert cited <= explained


def _own_tests() -> Iterator[Path]:
    for path in (ROOT / "tests").rglob("*.py"):
        if "node_modules" not in path.parts:
            yield path


def test_every_problem_of_ours_is_listed_with_its_status() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\d+)", PROTOCOL, re.MULTILINE))
    told = {problem.value: str(KINDS[problem].status) for problem in Problem}
    registered = {kind.value for kind in Registered}
    assert {name: rows[name] for name in rows if name not in registered} == told
    assert registered <= rows.keys()
    assert own_type("") in PROTOCOL


def test_every_error_about_http_is_listed_with_its_status() -> None:
    said = re.compile(r'(?:problem_reply|BadRequest)\(\s*(\d{3}),\s*"([a-z-]+)"')
    ours = {
        found
        for path in (ROOT / "proxy").rglob("*.py")
        for found in said.findall(path.read_text())
    }
    ours.add(("500", INTERNAL_ERROR))
    rows = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", PROTOCOL, re.MULTILINE)
    assert set(rows) == ours


def test_every_failure_of_the_origin_is_listed() -> None:
    for failure in Failure:
        assert f"`{failure.value.replace('_', '-')}`" in PROTOCOL


def test_every_version_has_a_row() -> None:
    for version in PROFILES:
        assert re.search(rf"^\| `?{version}`? \|", PROTOCOL, re.MULTILINE), version


def test_every_state_is_in_the_life_of_an_upload() -> None:
    for state in State:
        assert state.name in ARCHITECTURE


def test_the_change_log_has_a_heading_for_each_version_the_newest_first() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    forms = r"\[Unreleased\](?: - [\d.]+)?|\[[\d.]+\] - \d{4}-\d\d-\d\d"
    assert [one for one in headings if not re.fullmatch(forms, one)] == []
    told = [found for one in headings for found in re.findall(r"\d+\.\d+\.\d+", one)]
    assert told[0] == __version__, "of proxy/__init__.py"
    assert told == sorted(told, key=Version, reverse=True)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = document.parent / name if name else document
        assert path.exists(), target
        if anchor:
            assert anchor in _anchors(path), target


def _anchors(path: Path) -> set[str]:
    """The headings of a document as links spell them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
