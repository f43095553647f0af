"""The page on fronts shows the table that is tested here, and has every file."""

from __future__ import annotations

from pathlib import Path

from .fronts import FRONTS, SNIPPETS

PAGE = Path(__file__).parents[3] / "docs" / "front-proxies.md"


def test_the_page_shows_the_table_that_is_tested() -> None:
    rows = [front.row for front in FRONTS]
    assert [line for line in PAGE.read_text().split("\n") if line in rows] == rows


def test_every_file_is_tried_by_a_front() -> None:
    tried = {name for front in FRONTS for name in front.snippets}
    assert {file.name for file in SNIPPETS.iterdir()} == tried
