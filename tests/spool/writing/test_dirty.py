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
    ("percent", "expected"), [(20, 100 * MIB), (10, 50 * MIB), (4, 20 * MIB)]
)
def test_half_of_what_holds_writers_up_where_that_is_no_more(
    system: System, percent: int, expected: int
) -> None:
    system.has("proc/sys/vm/dirty_ratio", f"{percent}\n")
    assert background(system.root) == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"pod/proxy/memory.max": "max"}, 100 * MIB),
        ({"pod/proxy/memory.max": 500 * MIB}, 50 * MIB),
        ({"pod/proxy/memory.max": 500 * MIB, "pod/memory.max": 200 * MIB}, 20 * MIB),
        ({"pod/proxy/memory.max": "max", "pod/proxy/memory.high": 200 * MIB}, 20 * MIB),
        ({"memory.max": 300 * MIB}, 30 * MIB),
        ({"pod/proxy/memory.max": 5000 * MIB}, 100 * MIB),
        ({"pod/other/memory.max": MIB}, 100 * MIB),
    ],
    ids=["no", "ours", "one above", "soft", "a namespace", "more than is", "another's"],
)
def test_of_the_cgroup_that_has_the_least(
    system: System, limits: dict[str, str | int], expected: int
) -> None:
    for path, limit in limits.items():
        system.has(f"sys/fs/cgroup/{path}", f"{limit}\n")
    assert background(system.root) == expected


@pytest.mark.parametrize("group", ["pod/proxy/", ""], ids=["ours", "a namespace"])
def test_of_a_cgroup_of_version_1(system: System, group: str) -> None:
    system.has("proc/self/cgroup", "4:memory:/pod/proxy\n0::/\n")
    limits = f"sys/fs/cgroup/memory/{group}memory.limit_in_bytes"
    system.has(limits, f"{500 * MIB}\n")
    assert background(system.root) == 50 * MIB


def test_a_cgroup_of_any_name(system: System) -> None:
    (system.root / "proc/self/cgroup").write_bytes(b"0::/\xff:b\n")
    group = system.root / "sys/fs/cgroup" / "\udcff:b"
    group.mkdir(parents=True)
    (group / "memory.max").write_text(f"{500 * MIB}\n")
    assert background(system.root) == 50 * MIB


@pytest.mark.parametrize(
    "missing", ["proc/meminfo", "proc/sys/vm/dirty_background_ratio"]
)
def test_what_is_not_told_is_not_known(system: System, missing: str) -> None:
    (system.root / missing).unlink()
    assert background(system.root) is None


@pytest.mark.parametrize("line", ["MemAvailable:", "MemAvailable: n/a"])
def test_what_is_told_in_another_way_is_not_known(system: System, line: str) -> None:
    system.has("proc/meminfo", f"{line}\n")
    assert background(system.root) is None


def test_this_system() -> None:
    """It is asked whenever a spool is opened."""
    found = background()
    assert found is None or found >= 0
