"""What is wrong in the file that processes share is over soon, and raises nowhere."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy import register as rooms
from proxy.core.upload import Token
from proxy.log import logger
from proxy.register import ALL, NOTHING, Entry, Group, Kind, Sum, place, shared
from proxy.register.damage import is_damage
from proxy.register.shared import SharedRegister

NOW = 1000.0
CLIENT = Group(Kind.CLIENT, "192.0.2.1")


def entry(number: int, size: int = 5, deadline: float = NOW) -> Entry:
    return Entry(Token(f"{number:043}"), CLIENT.name, "", size, deadline)


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedRegister]:
    """Two uploads are in it. Failures are followed by no pause."""
    monkeypatch.setattr(shared, "PAUSE_S", 0.0)
    register = SharedRegister(str(tmp_path), logger("error", "json"), slack_s=0)
    register.most = 1000
    register.put(entry(1))
    register.put(entry(2, deadline=NOW + 9))
    yield register
    register.close()


def changed(spool: Path, sql: str, *values: Any) -> None:
    """Nobody who goes by our schema would have done that."""
    db = sqlite3.connect(place.uploads(str(spool)), isolation_level=None)
    db.execute(sql, values)
    db.close()


@pytest.mark.parametrize("group", [ALL, CLIENT])
def test_a_sum_that_is_wrong_is_right_when_some_have_died(
    ours: SharedRegister, tmp_path: Path, group: Group
) -> None:
    changed(tmp_path, "UPDATE sums SET uploads = 7, size = 99")
    ours.drop_dead(group, NOW - 1)
    assert ours.sum(group) == Sum(7, 99)
    ours.drop_dead(group, NOW)
    assert ours.sum(group) == Sum(1, 5)
    changed(tmp_path, "UPDATE sums SET uploads = 7, size = 99")
    ours.drop_dead(group, NOW + 9)
    assert ours.sum(group) == NOTHING


def test_a_sum_that_is_wrong_is_right_when_all_are_asked_for(
    ours: SharedRegister, tmp_path: Path
) -> None:
    """As before a client is refused."""
    changed(tmp_path, "UPDATE sums SET uploads = 7, size = 99, soonest = 9e9")
    assert len(ours.oldest(CLIENT, 2)) == 2
    assert len(ours.oldest(CLIENT, 3)) == 2
    assert ours.sum(CLIENT) == Sum(2, 10)
    ours.drop_dead(CLIENT, NOW)
    assert ours.sum(CLIENT) == Sum(1, 5)


def test_the_sum_of_nobody_is_not_kept(ours: SharedRegister, tmp_path: Path) -> None:
    changed(tmp_path, "INSERT INTO sums VALUES (1, 'nobody', 7, 99, 0.0)")
    changed(tmp_path, "INSERT INTO sums VALUES (1, 'somebody', 7, 99, 0.0)")
    ours.drop_dead(Group(Kind.CLIENT, "nobody"), NOW)
    assert ours.oldest(Group(Kind.CLIENT, "somebody"), 5) == []
    for name in ("nobody", "somebody"):
        assert ours.sum(Group(Kind.CLIENT, name)) == NOTHING


ODD = (None, "text", b"\xff", 1.5)


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("column", ["uploads", "size", "soonest"])
def test_an_odd_value_raises_nothing_and_is_over(
    ours: SharedRegister, tmp_path: Path, column: str, odd: object
) -> None:
    changed(tmp_path, f"UPDATE sums SET {column} = ?", odd)
    _touched(ours)
    ours.put(entry(3, deadline=NOW + 9))
    ours.put(entry(4, deadline=NOW + 9))
    assert ours.sum(CLIENT) == ours.sum(ALL)
    assert ours.sum(ALL).uploads >= 1


@pytest.mark.parametrize("cast", ["CAST(x'ff' AS TEXT)", "x'ff'", "1.5", "'text'"])
@pytest.mark.parametrize("column", ["token", "size", "deadline"])
def test_an_odd_value_of_an_upload_raises_nothing(
    ours: SharedRegister, tmp_path: Path, column: str, cast: str
) -> None:
    changed(tmp_path, f"UPDATE uploads SET {column} = {cast} WHERE heard = 1")
    _touched(ours)
    _touched(ours)


def _touched(register: SharedRegister) -> None:
    """All that can be asked for and done."""
    register.sum(ALL)
    register.sum(CLIENT)
    register.size(entry(1).token)
    for group in (ALL, CLIENT):
        register.drop_dead(group, NOW)
        register.oldest(group, 5)
    register.resize(entry(2).token, 7)
    register.drop(entry(2).token)
    register.put(entry(2, deadline=NOW + 9))
    register.put(entry(5, deadline=NOW + 9))


def failure(code: int) -> sqlite3.Error:
    exc = sqlite3.OperationalError("as the library says it")
    exc.sqlite_errorcode = code
    return exc


def test_after_what_is_the_file_made_anew() -> None:
    codes = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    assert all(is_damage(failure(code)) for code in codes)
    assert is_damage(sqlite3.OperationalError("Could not decode to UTF-8"))
    assert not is_damage(failure(sqlite3.SQLITE_FULL))
    assert not is_damage(failure(sqlite3.SQLITE_CANTOPEN))
    assert not is_damage(OSError("no such file"))


def test_an_older_library_understands_it() -> None:
    """Before 3.35 a conflict has to be named; before 3.39 HAVING asks for GROUP BY."""
    (directory,) = rooms.__path__
    told = "".join(file.read_text() for file in Path(directory).glob("*.py"))
    assert "ON CONFLICT" in told
    assert not re.search(r"ON CONFLICT (?!\()|RETURNING|HAVING|STRICT", told)
