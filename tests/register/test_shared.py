"""The register that processes share: exact among them, and nobody's trouble.

What every register does is tried by the tests of the tally and of holdings.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.register import ALL, NOTHING, Sum, place
from proxy.register import shared as rooms
from proxy.register.table import Table
from tests.kit.full import files_no_larger_than

from .registers import CLIENT, NOW, Spool, entry

OPEN, LOCK = Path(place.uploads("")).name, Path(place.lock("")).name


class Clock:
    """Says what time it is."""

    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now


def damaged(counts: Path) -> None:
    file = counts / OPEN
    file.write_bytes(random.Random(1).randbytes(file.stat().st_size))


def emptied(counts: Path) -> None:
    os.truncate(counts / OPEN, 0)


def replaced(counts: Path) -> None:
    (counts / OPEN).unlink()
    (counts / OPEN).write_text("something else")


def removed(counts: Path) -> None:
    (counts / OPEN).unlink()


def removed_with_all(counts: Path) -> None:
    for file in counts.iterdir():
        file.unlink()
    counts.rmdir()


def begun_and_not_finished(counts: Path) -> None:
    (counts / LOCK).write_bytes(b"\1")


TROUBLE = (
    damaged,
    emptied,
    replaced,
    removed,
    removed_with_all,
    begun_and_not_finished,
)


def test_one_sees_what_another_has_put(spool: Spool) -> None:
    ours, theirs = spool.register(), spool.register()
    ours.put(entry(1, size=5))
    theirs.put(entry(2, size=6))
    assert ours.sum(CLIENT) == theirs.sum(ALL) == Sum(2, 11)
    theirs.drop(entry(1).token)
    assert ours.sum(CLIENT) == Sum(1, 6)
    assert ours.size(entry(2).token) == 6
    theirs.drop(entry(2).token)
    assert ours.sum(CLIENT) == NOTHING


def test_it_is_private_and_made_when_it_is_needed(spool: Spool) -> None:
    register = spool.register()
    assert not spool.counts.exists()
    register.put(entry(1))
    assert spool.counts.stat().st_mode & 0o777 == 0o700
    names = {file.name: file.stat().st_mode & 0o777 for file in spool.counts.iterdir()}
    assert names == {LOCK: 0o600, OPEN: 0o600}
    register.end()
    assert not spool.counts.exists()


def test_nothing_is_left_of_an_upload_that_is_over(spool: Spool) -> None:
    register = spool.register()
    for number in range(300):
        register.put(entry(number))
    for number in range(300):
        register.drop(entry(number).token)
    content = (spool.counts / OPEN).read_bytes()
    assert not any(entry(number).token.encode() in content for number in range(300))
    assert CLIENT.name.encode() not in content


def test_what_is_begun_is_seen_whole_or_not_at_all(spool: Spool) -> None:
    register = spool.register()
    with register.alone():
        register.put(entry(1))
        register.put(entry(2))
    assert spool.register().sum(ALL).uploads == 2


def test_what_is_lost_is_put_again_when_it_is_heard_of_later(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not each time: of every upload it is said several times."""
    register = spool.register()
    register.put(entry(1))
    removed_with_all(spool.counts)
    register.put(entry(1))
    assert not spool.counts.exists()
    assert register.sum(ALL) == NOTHING
    monkeypatch.setattr(rooms, "time", Clock(time.monotonic() + rooms.LATELY_S))
    register.put(entry(1))
    assert register.sum(ALL).uploads == 1


def test_an_upload_that_only_lives_longer_is_not_written_again(spool: Spool) -> None:
    register = spool.register(slack_s=30)
    register.put(entry(1, deadline=NOW))
    before = (spool.counts / OPEN).read_bytes()
    register.put(entry(1, deadline=NOW + 30))
    assert (spool.counts / OPEN).read_bytes() == before
    register.drop_dead(ALL, NOW + 29)
    assert register.sum(ALL).uploads == 1
    register.put(entry(1, deadline=NOW + 31))
    assert (spool.counts / OPEN).read_bytes() != before
    register.drop_dead(ALL, NOW + 61)
    assert register.sum(ALL).uploads == 0


@pytest.mark.parametrize("trouble", TROUBLE)
def test_what_happens_to_the_file_is_over_at_once(
    spool: Spool, trouble: Callable[[Path], None]
) -> None:
    """Nothing is raised; counted is what is spool of from then on, by both."""
    ours, theirs = spool.register(), spool.register()
    for number in range(50):
        (ours, theirs)[number % 2].put(entry(number))
    trouble(spool.counts)
    ours.sum(ALL)
    for number in range(100, 104):
        (ours, theirs)[number % 2].put(entry(number))
    assert ours.sum(ALL) == theirs.sum(ALL)
    # What meets the trouble first may be lost with it.
    assert ours.sum(ALL).uploads in (3, 4)


def a_file_there(directory: Path) -> None:
    (directory / "counts").touch()


def a_directory_there(directory: Path) -> None:
    (directory / "counts" / OPEN).mkdir(parents=True)


def a_link_there(directory: Path) -> None:
    (directory / "counts").mkdir()
    (directory / "counts" / OPEN).symlink_to(directory / "elsewhere")


@pytest.mark.parametrize("block", [a_file_there, a_directory_there, a_link_there])
def test_where_it_cannot_be_nothing_is_counted(
    spool: Spool, block: Callable[[Path], None]
) -> None:
    block(spool.directory)
    register = spool.register()
    for number in range(3):
        register.put(entry(number))
    assert register.sum(ALL) == NOTHING
    assert register.oldest(ALL, 5) == []
    assert register.size(entry(1).token) == 0
    register.drop_dead(ALL, NOW)
    assert spool.said == ["open uploads not counted"]
    assert not (spool.directory / "elsewhere").exists()


def test_a_full_disk_is_not_counted_on(spool: Spool) -> None:
    register = spool.register()
    register.put(entry(1))
    with files_no_larger_than((spool.counts / OPEN).stat().st_size):
        for number in range(2, 200):
            register.put(entry(number))
        counted = register.sum(ALL).uploads
        assert 1 <= counted < 199
    register.put(entry(200))
    assert register.sum(ALL).uploads == counted + 1


def test_what_could_not_be_written_is_not_trusted_to_be_undone(spool: Spool) -> None:
    register = spool.register()
    register.put(entry(1))
    with files_no_larger_than((spool.counts / OPEN).stat().st_size):
        for number in range(2, 200):
            register.put(entry(number))
            if spool.said:
                break
        assert not (spool.counts / OPEN).exists()
    register.put(entry(200))
    assert register.sum(ALL).uploads == 1


def test_a_disk_that_is_full_from_the_beginning(spool: Spool) -> None:
    register = spool.register()
    with files_no_larger_than(0):
        register.put(entry(1))
        assert register.sum(ALL) == NOTHING
    register.put(entry(2))
    assert register.sum(ALL).uploads == 1


def test_it_does_not_grow_for_ever(spool: Spool) -> None:
    register = spool.register()
    register.most = 10
    for number in range(20):
        register.put(entry(number))
    full = (spool.counts / OPEN).stat().st_size
    for number in range(20, 500):
        register.put(entry(number))
    assert register.sum(ALL).uploads == 10
    assert (spool.counts / OPEN).stat().st_size <= full + 4096


def test_nobody_is_kept_out_by_who_was_interrupted(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = spool.register(), spool.register()
    theirs.put(entry(1))
    enter = Table.enter

    def interrupted(table: Table) -> None:
        enter(table)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Table, "enter", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ours.put(entry(2))
    theirs.put(entry(3))
    ours.put(entry(4))
    assert ours.sum(ALL) == theirs.sum(ALL) == Sum(3, 0)
    assert not spool.said


def test_another_release_has_its_own(spool: Spool) -> None:
    """They may overlap, and would make anew each other's file all the time."""
    spool.counts.mkdir()
    others = spool.counts / "open.0", spool.counts / "lock.0"
    for file in others:
        file.write_text("theirs")
    register = spool.register()
    register.put(entry(1))
    register.end()
    assert set(spool.counts.iterdir()) == set(others)
    assert [file.read_text() for file in others] == ["theirs", "theirs"]
    place.forget(str(spool.directory))
    assert not spool.counts.exists()
