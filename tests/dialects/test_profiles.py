"""The whole table of differences, cell by cell, as the protocol prints it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proxy.dialects.problems import Registered
from proxy.dialects.profiles import PROFILES, RFC, FinishedAppend, Profile, Unsaid

from ..kit.words import MEDIA_TYPE

COLUMNS = (3, 4, 5, 6, 7, 8, 9, 10, RFC)

_FINISH, _BY_CONTENT, _REFUSED = Unsaid.FINISHING, Unsaid.BY_CONTENT, Unsaid.REFUSED
_TYPE = MEDIA_TYPE.encode()


def _statuses(policy: FinishedAppend) -> tuple[int, ...]:
    """Elsewhere with content and empty, at the total with content and empty."""
    pairs = ((False, True), (False, False), (True, True), (True, False))
    return tuple(
        policy.verdict(at_total=at_total, has_content=has_content).status
        for at_total, has_content in pairs
    )


def _repeat(*runs: tuple[Any, int]) -> list[Any]:
    return [cell for cell, times in runs for _ in range(times)]


TABLE: list[tuple[str, Callable[[Profile], Any], list[Any]]] = [
    ("R12-version", lambda p: p.version, [3, 4, 5, 6, 7, 8, 9, 10, None]),
    (
        "R1-field",
        lambda p: p.completeness.name,
        _repeat((b"Upload-Incomplete", 1), (b"Upload-Complete", 8)),
    ),
    ("R1-done", lambda p: p.completeness.text(done=True), [b"?0"] + [b"?1"] * 8),
    ("R1-open", lambda p: p.completeness.text(done=False), [b"?1"] + [b"?0"] * 8),
    (
        "R9-opposite",
        lambda p: p.opposite.name,
        _repeat((b"Upload-Complete", 1), (b"Upload-Incomplete", 8)),
    ),
    ("R51-media-type", lambda p: p.append_media_type, [None] * 3 + [_TYPE] * 6),
    ("R59-part-status", lambda p: p.part_status, [201] * 4 + [204] * 5),
    (
        "R94-lifetime-key",
        lambda p: p.lifetime_key,
        _repeat((None, 3), ("expires", 1), ("max-age", 5)),
    ),
    (
        "R52-unsaid",
        lambda p: p.unsaid,
        _repeat((_FINISH, 1), (_BY_CONTENT, 3), (_REFUSED, 5)),
    ),
    ("R49-errors-tell-state", lambda p: p.refusals_tell_state, [1] * 4 + [0] * 5),
    ("R26-errors-always-open", lambda p: p.refusals_always_open, [0] * 6 + [1] * 3),
    (
        "R53-problem-offset",
        lambda p: Registered.OFFSET in p.problem_types,
        [0] * 3 + [1] * 6,
    ),
    (
        "R60-problem-completed",
        lambda p: Registered.COMPLETED in p.problem_types,
        [0, 0, 0, 1, 1, 1, 0, 0, 0],
    ),
    (
        "R54-problem-length",
        lambda p: Registered.LENGTH in p.problem_types,
        [0] * 4 + [1] * 5,
    ),
    ("R56-overrun-kills", lambda p: p.overrun_is_fatal, [0] * 4 + [1] * 5),
    (
        "R60-finished-append",
        lambda p: _statuses(p.finished_append),
        _repeat(
            ((409, 409, 400, 400), 3),
            ((400, 400, 400, 400), 2),
            ((400, 410, 400, 410), 1),
            ((409, 409, 400, 400), 3),
        ),
    ),
    ("R66-progress", lambda p: p.progress, [0, 0, 1, 1, 1, 1, 1, 1, 0]),
    ("R13-interims", lambda p: p.interims, [1] * 8 + [0]),
    ("R57-append-limits", lambda p: p.append_limits, [0] * 3 + [1] * 6),
    ("R31-creation-limits", lambda p: p.creation_limits, [0] * 6 + [1] * 3),
    ("R102-empty-finishes", lambda p: p.empty_finishes, [0, 0, 1, 1, 0, 0, 0, 0, 0]),
    ("R24-location", lambda p: p.location_on_answer, [1] * 4 + [0] * 5),
    (
        "R43-length-with-HEAD",
        lambda p: b"upload-length" in p.not_on_offset_request,
        [0] * 3 + [1] * 6,
    ),
    (
        "R43-others-with-HEAD",
        lambda p: p.not_on_offset_request - {b"upload-length"},
        [{b"upload-offset", b"upload-complete", b"upload-incomplete"}] * 9,
    ),
    ("R97-cut", lambda p: p.cut_on_storage_failure, [1] * 4 + [0] * 5),
]


@pytest.mark.parametrize(
    ("column", "cells"), [pytest.param(c, cells, id=name) for name, c, cells in TABLE]
)
def test_a_column(column: Callable[[Profile], Any], cells: list[Any]) -> None:
    assert [column(PROFILES[name]) for name in COLUMNS] == cells


def test_there_is_no_other_row() -> None:
    assert tuple(PROFILES) == COLUMNS


@pytest.mark.parametrize("name", COLUMNS)
def test_r60_names_only_problem_types_that_the_version_has(name: int | str) -> None:
    profile = PROFILES[name]
    policy = profile.finished_append
    for at_total in (True, False):
        for has_content in (True, False):
            verdict = policy.verdict(at_total=at_total, has_content=has_content)
            assert verdict.registered in {None, *profile.problem_types}
