"""What is kept is read with care: a file that is none of ours is wrong usage."""

from __future__ import annotations

import json

import pytest

from proxy.sending.files import Job
from proxy.sending.kept import Plan

JOB = Job("/film.mp4", "film.mp4", "http://h/")
PLAN = Plan((JOB,), "PUT", 8, attempts=3, chunk_size=5)


def test_what_is_kept_is_what_is_read() -> None:
    assert Plan.loads(PLAN.dumps()) == PLAN


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": 5},
        {"method": "A\r\nB"},
        {"version": "8"},
        {"attempts": None},
        {"chunk_size": "5"},
        {"jobs": [{"path": 5, "name": "n", "url": "http://h/"}]},
        {"jobs": [{"path": "/f", "name": "n", "url": "ftp://h/"}]},
        {"jobs": [{"path": "/f", "name": "n", "url": "http://h/", "resume": 5}]},
        {"jobs": [{"path": "/f", "name": "n", "url": "http://h/", "resume": "{}"}]},
    ],
)
def test_what_is_no_plan_is_told(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Plan.loads(json.dumps({**json.loads(PLAN.dumps()), **wrong}))


def test_what_is_too_deep_is_told() -> None:
    with pytest.raises(ValueError, match="nothing to go on with"):
        Plan.loads("[" * 500_000)
