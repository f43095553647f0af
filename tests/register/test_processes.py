"""Several processes at one register: those that hurry, die and hang."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proxy.core.upload import Token
from proxy.register import ALL, NOTHING, Sum
from proxy.register import shared as rooms
from proxy.register.table import WAIT_S

from .registers import CLIENT, Spool, entry

_OFTEN = 100

_GENEROUS_S = _OFTEN * WAIT_S / 2
"""On a machine with more to do; to wait each time would take twice as long."""

_CHILD = """
import sys
from proxy.core.upload import Token
from proxy.log import logger
from proxy.register import ALL, Entry
from proxy.register.shared import SharedRegister

register = SharedRegister(sys.argv[1], logger("error", "json"))
register.most = 1000
{deeds}
"""


def _child(directory: Path, deeds: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD.format(deeds=deeds), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


_HAMMER = """
from proxy.register import table

# However many others there are, and whatever else the machine has to do.
table.WAIT_S = 30.0
taken = 0
print("ready", flush=True)
sys.stdin.readline()
for number in range(200):
    entry = Entry(Token(f"@NUMBER@-{number}"), "c", "", 1, 9e9)
    with register.alone():
        if register.sum(ALL).uploads < 100:
            register.put(entry)
            taken += 1
print(taken, flush=True)
"""


def test_processes_at_once_have_no_more_than_there_may_be(spool: Spool) -> None:
    children = [
        _child(spool.directory, _HAMMER.replace("@NUMBER@", str(number)))
        for number in range(3)
    ]
    assert [_said(child) for child in children] == ["ready"] * 3
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    assert sum(int(_said(child)) for child in children) == 100
    for child in children:
        child.communicate(timeout=10)
    register = spool.register()
    assert register.sum(ALL) == Sum(100, 100)


_HOLD = """
with register.alone():
    register.put(Entry(Token("x" * 43), "c", "", 1, 9e9))
    print("in", flush=True)
    sys.stdin.readline()
"""


def test_who_dies_in_the_middle_leaves_no_lock_and_no_place(spool: Spool) -> None:
    register = spool.register()
    register.put(entry(1))
    child = _child(spool.directory, _HOLD)
    assert _said(child) == "in"
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=10)
    register.put(entry(2))
    assert register.sum(CLIENT) == register.sum(ALL)
    assert register.size(Token("x" * 43)) == 0


def test_who_hangs_in_the_middle_holds_up_nobody_for_long(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "PAUSE_S", 3600.0)
    register = spool.register()
    child = _child(spool.directory, _HOLD)
    assert _said(child) == "in"
    begun = time.monotonic()
    for number in range(_OFTEN):
        register.put(entry(number))
    assert WAIT_S <= time.monotonic() - begun < _GENEROUS_S
    assert register.sum(ALL) == NOTHING
    child.communicate("go on\n", timeout=10)
    assert spool.register().sum(ALL).uploads == 1


def test_it_is_not_removed_while_somebody_is_in_it(spool: Spool) -> None:
    register = spool.register()
    child = _child(spool.directory, _HOLD)
    assert _said(child) == "in"
    register.end()
    child.communicate("go on\n", timeout=10)
    assert register.sum(ALL).uploads == 1
    register.end()
    assert not spool.counts.exists()
