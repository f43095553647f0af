"""Many waits with one timer: all that are late are told of, nobody before its time."""

from __future__ import annotations

import asyncio

from proxy.waits import Waits
from tests.kit.bounds import until

TIMEOUT_S = 0.05


class Told:
    """Who was late, and how long after it had begun to wait."""

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}
        self.after_s: dict[str, float] = {}
        self.waits: Waits[str] = Waits(TIMEOUT_S, self._late)

    def begin(self, who: str) -> None:
        self.begun[who] = asyncio.get_running_loop().time()
        self.waits.begin(who)

    def _late(self, who: str) -> None:
        now = asyncio.get_running_loop().time()
        self.after_s[who] = now - self.begun[who]

    async def of(self, *names: str) -> None:
        async def all_told() -> bool | None:
            return set(names) <= set(self.after_s) or None

        await until(all_told)


async def test_each_is_told_of_once_its_time_is_over() -> None:
    told = Told()
    for name in ("a", "b", "c"):
        told.begin(name)
        await asyncio.sleep(TIMEOUT_S / 3)
    await told.of("a", "b", "c")
    assert min(told.after_s.values()) >= TIMEOUT_S
    assert "a" not in told.waits


async def test_whoever_waits_no_longer_is_not() -> None:
    told = Told()
    for name in ("a", "b", "c"):
        told.begin(name)
    told.waits.end("a")
    told.waits.end("nobody")
    assert "a" not in told.waits
    assert "b" in told.waits
    await told.of("b", "c")
    assert "a" not in told.after_s


async def test_whoever_begins_anew_has_all_of_the_time_again() -> None:
    told = Told()
    told.begin("a")
    told.begin("b")
    await asyncio.sleep(TIMEOUT_S / 2)
    told.begin("a")
    await told.of("a", "b")
    assert min(told.after_s.values()) >= TIMEOUT_S


async def test_one_that_is_late_may_end_another_that_is() -> None:
    late: list[str] = []

    def tell(who: str) -> None:
        late.append(who)
        waits.end("b")

    waits: Waits[str] = Waits(TIMEOUT_S, tell)
    waits.begin("a")
    waits.begin("b")

    async def over() -> bool | None:
        return late == ["a"] or None

    await until(over)
    assert "b" not in waits
