"""What ``python -m bench.fuzz`` does for minutes, once: its targets hold for their
seeds, and notice what is wrong."""

from __future__ import annotations

import pytest

from bench.fuzz import targets
from bench.fuzz.__main__ import TARGETS
from proxy.dialects import fields


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_holds_for_what_it_begins_with(name: str) -> None:
    for seed in targets.SEEDS[name]:
        targets.TARGETS[name](seed)
        targets.TARGETS[name](seed[: len(seed) // 2])
        targets.TARGETS[name](b"")


def test_a_wrong_reading_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "boolean", lambda value: True)
    with pytest.raises(AssertionError):
        targets.structured(b"?0")


def test_the_command_knows_every_target() -> None:
    assert set(TARGETS) == set(targets.TARGETS) == set(targets.SEEDS)
