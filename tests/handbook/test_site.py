"""The documents build into a site that is whole, and asks nobody else for anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from handbook import states
from handbook.__main__ import astray, build
from handbook.gathering import gather
from handbook.result import faults
from tests.interop import needs


def test_the_site_builds_and_nothing_in_it_leads_nowhere() -> None:
    needs.modules("zensical")
    assert build() == []


def test_the_navigation_and_the_pages_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "index.md").touch()
    (tmp_path / "forgotten.md").touch()
    found = astray(tmp_path)
    assert "forgotten.md: not in the navigation" in found
    assert "faq.md: in the navigation, but not there" in found
    assert not [line for line in found if line.startswith("index.md")]


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="gone.html">', "links to gone.html, which is not there"),
        ('<a href="#gone">', "links to #gone, an anchor that is not there"),
        ('<a href="b.html#c">', "links to b.html#c, an anchor that is not there"),
        ('<img src="p.svg">', "links to p.svg, which is not there"),
        ('<script src="https://a.example/b.js">', "loads https://a.example/b.js"),
        ('<link rel="stylesheet" href="//a.example/c">', "loads //a.example/c"),
        ('<style>@import url("https://a.example/d")</style>', "loads https://a.exam"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, html: str, fault: str) -> None:
    (tmp_path / "a.html").write_text(f"<html>{html}</html>")
    (tmp_path / "b.html").write_text('<h1 id="b">')
    (found,) = faults(tmp_path)
    assert found.startswith(f"a.html: {fault}")


def test_what_is_good_has_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#b"><a href="https://a.example/"><link rel="canonical" '
        'href="https://a.example/a"><style>a { background: url(data:,) }</style>'
    )
    (tmp_path / "b.html").write_text('<h1 id="b"><a href="#b"><a href=".">')
    (tmp_path / "index.html").touch()
    assert faults(tmp_path) == []


def test_links_out_of_the_documents_lead_to_copies(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (tmp_path / "config").mkdir()
    (tmp_path / "config/a.yaml").write_text("a: 1\n")
    docs.mkdir()
    (docs / "a.md").write_text("[a](../config/a.yaml) [all](../config) [b](b.md#c)")
    gather(tmp_path / "pages", docs, tmp_path)
    assert (tmp_path / "pages/a.md").read_text() == (
        "[a](files/config/a.yaml) [all](files/config/index.md) [b](b.md#c)"
    )
    assert (tmp_path / "pages/files/config/a.yaml").read_text() == "a: 1\n"
    (docs / "a.md").write_text("[a](../config/b.yaml)")
    with pytest.raises(FileNotFoundError, match=r"docs/a.md links to \.\./config/b"):
        gather(tmp_path / "pages", docs, tmp_path)


def test_the_picture_is_what_the_table_says() -> None:
    assert states.TARGET.read_text() == states.drawn(), "make derived"


def test_a_picture_without_a_place_for_a_state_is_not_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(states, "PLACES", {})
    with pytest.raises(ValueError, match="no place"):
        states.drawn()
