"""`Upload-Limit` in all its words (R94, section "Upload-Limit")."""

from __future__ import annotations

import math

import pytest

from proxy.core.upload import Limits
from proxy.dialects.limits import limit_field

ALL = Limits(
    max_size=1000, min_size=10, max_append_size=100, min_append_size=5, max_age_s=60.0
)


@pytest.mark.parametrize(
    ("limits", "key", "age_left_s", "text"),
    [
        pytest.param(Limits(), None, 0.0, "min-size=0", id="no-limits"),
        pytest.param(Limits(), "expires", 9.99, "min-size=0, expires=9", id="R94-v6"),
        pytest.param(Limits(), "max-age", 9.0, "min-size=0, max-age=9", id="R94-v7"),
        pytest.param(Limits(), "max-age", 0.0, "min-size=0, max-age=0", id="over"),
        pytest.param(Limits(max_size=0), None, 0.0, "max-size=0", id="nothing-allowed"),
        pytest.param(
            Limits(min_append_size=5), None, 0.0, "min-append-size=5", id="one"
        ),
        pytest.param(
            ALL,
            "max-age",
            60.0,
            "max-size=1000, min-size=10, max-append-size=100, min-append-size=5, "
            "max-age=60",
            id="all",
        ),
        pytest.param(
            Limits(max_size=10**16),
            None,
            0.0,
            "max-size=999999999999999",
            id="too-large",
        ),
        pytest.param(
            Limits(),
            "max-age",
            math.inf,
            "min-size=0, max-age=999999999999999",
            id="for-ever",
        ),
    ],
)
def test_limits(limits: Limits, key: str | None, age_left_s: float, text: str) -> None:
    assert limit_field(limits, key, age_left_s) == (b"Upload-Limit", text.encode())
