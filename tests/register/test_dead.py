"""Uploads that must be over are forgotten, some at a time, in each kind of register."""

from __future__ import annotations

import pytest

from proxy.core.upload import Token
from proxy.register import ALL, MOST_DEAD, NOTHING, Entry, Group, Kind, Register, Sum

NOW = 1000.0
CLIENT = Group(Kind.CLIENT, "192.0.2.1")
PRINCIPAL = Group(Kind.PRINCIPAL, "alice")


@pytest.mark.parametrize("group", [ALL, CLIENT, PRINCIPAL])
def test_no_more_than_some_are_forgotten_at_a_time(
    register: Register, group: Group
) -> None:
    """Others wait meanwhile; and the loop."""
    register.most = 10 * MOST_DEAD
    dead = 2 * MOST_DEAD + 1
    with register.alone():
        for number in range(dead):
            token = Token(f"{number:043}")
            register.put(Entry(token, CLIENT.name, PRINCIPAL.name, 2, NOW))
        token = Token("x" * 43)
        register.put(Entry(token, CLIENT.name, PRINCIPAL.name, 3, NOW + 9))
    for left in (dead - MOST_DEAD, dead - 2 * MOST_DEAD, 0, 0):
        assert register.drop_dead(group, NOW) == (left >= 1)
        for each in (ALL, CLIENT, PRINCIPAL):
            assert register.sum(each) == Sum(left + 1, 2 * left + 3)
    register.drop_dead(group, NOW + 9)
    assert register.sum(group) == NOTHING


def test_as_many_as_are_forgotten_at_a_time_are_all(register: Register) -> None:
    register.most = 10 * MOST_DEAD
    with register.alone():
        for number in range(MOST_DEAD):
            register.put(Entry(Token(f"{number:043}"), CLIENT.name, "", 1, NOW))
    register.drop_dead(CLIENT, NOW)
    assert not register.drop_dead(CLIENT, NOW)
    assert register.sum(CLIENT) == register.sum(ALL) == NOTHING
