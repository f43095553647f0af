"""A spool is owned by processes that say the same about it, and by no others."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError
from proxy.spool.owner import Owner, living

OURS = {"origin": "http://a:1", "boot": "b"}
THEIRS = {"origin": "http://z:9", "boot": "b"}

OTHER = """
import sys
from pathlib import Path
from proxy.spool.owner import Owner
Owner(Path(sys.argv[1]), {"origin": "http://a:1", "boot": "b"})
print("owned", flush=True)
sys.stdin.read()
"""


def test_processes_that_say_the_same_own_it_together(tmp_path: Path) -> None:
    owners = [Owner(tmp_path, OURS) for _ in range(3)]
    for owner in owners:
        owner.release()


def test_another_origin_is_refused_and_told_both_and_what_to_do(tmp_path: Path) -> None:
    owner = Owner(tmp_path, OURS)
    with pytest.raises(SpoolError) as refused:
        Owner(tmp_path, THEIRS)
    assert str(refused.value) == (
        f"the spool {tmp_path} is in use by another process: its origin is "
        "http://a:1, here it is http://z:9. Give each proxy a spool.directory of its "
        "own, or stop the other one first"
    )
    Owner(tmp_path, OURS).release()  # the refused one has changed nothing
    owner.release()
    Owner(tmp_path, THEIRS).release()


def test_the_last_one_to_leave_leaves_it_to_anybody(tmp_path: Path) -> None:
    first, second = Owner(tmp_path, OURS), Owner(tmp_path, OURS)
    first.release()
    with pytest.raises(SpoolError):
        Owner(tmp_path, THEIRS)
    second.release()
    Owner(tmp_path, THEIRS).release()


def test_one_that_shares_with_nobody_keeps_others_out(tmp_path: Path) -> None:
    """Releases before this one took the whole lock, and wrote nothing down."""
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SpoolError, match="shares it with nobody; stop that one"):
            Owner(tmp_path, OURS)
    Owner(tmp_path, OURS).release()


def test_the_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"owned\n"
        with pytest.raises(SpoolError):
            Owner(tmp_path, THEIRS)
        other.kill()
        other.wait(timeout=5)
    Owner(tmp_path, THEIRS).release()


def test_a_directory_that_cannot_be_locked_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="the spool cannot be locked"):
        Owner(tmp_path / "missing", OURS)


def test_who_asks_hears_what_the_living_go_by_and_holds_up_nobody(
    tmp_path: Path,
) -> None:
    with pytest.raises(SpoolError, match=f"there is no spool in {tmp_path}"):
        living(tmp_path)
    owner = Owner(tmp_path, OURS)
    assert living(tmp_path) == OURS
    owner.release()
    assert living(tmp_path) is None
    Owner(tmp_path, THEIRS).release()


def test_of_one_that_shares_with_nobody_nothing_is_heard(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert living(tmp_path) == {}


ROUTES = {"route a": "http://a:1", "route b": "http://b:2"}


def test_routes_may_be_added_and_left_out(tmp_path: Path) -> None:
    """An old proxy and its successor overlap; neither has to know all of them."""
    first = Owner(tmp_path, OURS)
    second = Owner(tmp_path, OURS, ROUTES)
    third = Owner(tmp_path, OURS, {"route b": "http://b:2", "route c": "http://c:3"})
    Owner(tmp_path, OURS).release()
    for owner in (first, second, third):
        owner.release()


@pytest.mark.parametrize("first", [ROUTES, {}])
def test_a_route_that_leads_elsewhere_is_refused(
    tmp_path: Path, first: dict[str, str]
) -> None:
    """Also when it was not the first process that brought it."""
    owners = [Owner(tmp_path, OURS, first), Owner(tmp_path, OURS, ROUTES)]
    with pytest.raises(SpoolError) as refused:
        Owner(tmp_path, OURS, {"route c": "http://c:3", "route b": "http://z:9"})
    assert "its route b is http://b:2, here it is http://z:9. Give each proxy" in str(
        refused.value
    )
    Owner(tmp_path, OURS, {"route c": "http://x:8"}).release()  # it brought nothing
    for owner in owners:
        owner.release()
    Owner(tmp_path, OURS, {"route b": "http://z:9"}).release()


def test_what_it_goes_by_beside_its_routes_has_to_be_the_same(tmp_path: Path) -> None:
    owner = Owner(tmp_path, OURS, ROUTES)
    with pytest.raises(SpoolError, match="its origin is http://a:1, here it is"):
        Owner(tmp_path, THEIRS, ROUTES)
    with pytest.raises(SpoolError, match="it goes by more than this one"):
        Owner(tmp_path, {"boot": "b"}, ROUTES)
    owner.release()


def test_names_and_urls_are_bounded(tmp_path: Path) -> None:
    routes = {f"route {n}": "http://" + "a" * 9000 for n in range(120)}
    with pytest.raises(SpoolError, match="too long"):
        Owner(tmp_path, OURS, routes)
    Owner(tmp_path, OURS).release()


def test_who_is_alone_may_go_by_something_else(tmp_path: Path) -> None:
    owner = Owner(tmp_path, OURS)
    owner.change(THEIRS, {"route a": "http://b"})
    with pytest.raises(SpoolError):
        Owner(tmp_path, OURS)
    Owner(tmp_path, THEIRS).release()
    owner.release()


def test_who_is_not_alone_may_not_and_keeps_its_place(tmp_path: Path) -> None:
    first, second = Owner(tmp_path, OURS), Owner(tmp_path, OURS)
    with pytest.raises(SpoolError, match="its origin is http://a:1"):
        first.change(THEIRS, {})
    first.change(OURS, {"route a": "http://b"})
    second.release()
    with pytest.raises(SpoolError):
        Owner(tmp_path, THEIRS)
    first.release()


def test_who_was_started_by_an_owner_is_one_with_it(tmp_path: Path) -> None:
    """And keeps its place for it when it has gone."""
    owner = Owner(tmp_path, OURS)
    child = Owner.inherited(replace(owner.place, lock=os.dup(owner.place.lock)))
    owner.change(THEIRS, {})
    owner.release()
    with pytest.raises(SpoolError):
        Owner(tmp_path, OURS)
    child.release()
    Owner(tmp_path, OURS).release()


def test_a_place_is_known_by_its_lock(tmp_path: Path) -> None:
    """Who is started looks there, before anything is made."""
    spool, away = tmp_path / "spool", tmp_path / "away"
    spool.mkdir()
    owner = Owner(spool, OURS)
    owner.place.check()
    spool.rename(away)
    with pytest.raises(SpoolError, match="the spool directory is not there"):
        owner.place.check()
    spool.mkdir()
    another = Owner(spool, OURS)
    with pytest.raises(SpoolError, match="another directory is where the spool was"):
        owner.place.check()
    another.release()
    owner.release()
