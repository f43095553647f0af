"""What the system tells of how much memory may be dirty."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.spool.dirty import background

MIB = 2**20
AVAILABLE = 1000 * MIB


class System:
    """Files as Linux has them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.has("proc/meminfo", f"MemTotal: 9 kB\nMemAvailable:  {1000 * 1024} kB\n")
        self.has("proc/sys/vm/dirty_background_bytes", "0\n")
        self.has("proc/sys/vm/dirty_background_ratio", "10\n")
        self.has("proc/self/cgroup", "0::/pod/proxy\n")

    def has(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def test_a_share_of_what_is_available(system: System) -> None:
    assert background(system.root) == AVAILABLE // 10


@pytest.mark.parametrize(
    ("size", "expected"), [(50 * MIB, 50 * MIB), (2000 * MIB, AVAILABLE)]
)
def test_or_so_many_bytes(system: System, size: int, expected: int) -> None:
    system.has("proc/sys/vm/dirty_background_bytes", f"{size}\n")
    assert background(system.root) == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"pod/proxy": "max"}, 100 * MIB),
        ({"pod/proxy": str(500 * MIB)}, 50 * MIB),
        ({"pod": str(200 * MIB), "pod/proxy": str(500 * MIB)}, 20 * MIB),
        ({"": str(300 * MIB)}, 30 * MIB),
        ({"pod/proxy": str(5000 * MIB)}, 100 * MIB),
        ({"pod/other": str(MIB)}, 100 * MIB),
    ],
    ids=[
        "unbounded",
        "ours",
        "one above",
        "a namespace",
        "more than there is",
        "other",
    ],
)
def test_of_the_cgroup_that_has_the_least(
    system: System, limits: dict[str, str], expected: int
) -> None:
    for group, limit in limits.items():
        system.has(f"sys/fs/cgroup/{group}/memory.max", f"{limit}\n")
    assert background(system.root) == expected


def test_version_1_has_no_say(system: System) -> None:
    system.has("proc/self/cgroup", "4:memory:/pod/proxy\n")
    system.has("sys/fs/cgroup/pod/proxy/memory.max", f"{MIB}\n")
    assert background(system.root) == AVAILABLE // 10


@pytest.mark.parametrize(
    "missing", ["proc/meminfo", "proc/sys/vm/dirty_background_ratio"]
)
def test_what_is_not_told_is_not_known(system: System, missing: str) -> None:
    (system.root / missing).unlink()
    assert background(system.root) is None


def test_this_system() -> None:
    found = background()
    assert found is None or found > 0
