"""Measuring the spool in steps, while the counting goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import LogCapture

from proxy.core.errors import SpoolError
from proxy.reckoning import STEP_FILES, STEP_SHARDS, Reckoning
from tests.kit.bounds import until

LOG: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
    structlog.ReturnLogger(), wrapper_class=structlog.make_filtering_bound_logger(50)
)


class Shelf:
    def __init__(self, *sizes: tuple[str, int, int]) -> None:
        self._sizes = sizes

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        yield from self._sizes


class Book:
    def __init__(self, *, free: bool = True) -> None:
        self._free = free
        self.come: list[str] = []
        self.found: list[int] = []

    def begin_round(self) -> bool:
        return self._free

    def come_to(self, shard: str) -> None:
        self.come.append(shard)

    def end_round(self, measured: int) -> None:
        self.found.append(measured)


async def test_a_round_goes_in_steps_of_shards_and_of_files() -> None:
    few = [(f"{number:02}", 1, 10) for number in range(STEP_SHARDS + 1)]
    many = [("xx", STEP_FILES, 5), ("yy", 1, 7)]
    book = Book()
    await Reckoning(Shelf(*few, *many), book, LOG).round(pause_s=0)
    assert book.come == [few[-2][0], "xx", "yy"]
    assert book.found == [len(few) * 10 + 12]


async def test_an_empty_spool_has_a_round_too() -> None:
    book = Book()
    await Reckoning(Shelf(), book, LOG).round(pause_s=0)
    assert (book.come, book.found) == ([], [0])


async def test_one_process_reckons() -> None:
    book = Book(free=False)
    await Reckoning(Shelf(("aa", 1, 1)), book, LOG).round(pause_s=0)
    assert book.found == []


async def test_a_round_comes_soon_when_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.reckoning.STEP_PAUSE_S", 0)
    book = Book()
    reckoning = Reckoning(Shelf(("aa", 1, 3)), book, LOG)
    task = asyncio.ensure_future(reckoning.run())

    async def measured() -> bool | None:
        return True if book.found else None

    for _ in range(2):
        await until(measured)
        book.found.clear()
        reckoning.look_soon()
    task.cancel()


@pytest.mark.parametrize(
    "failure", [SpoolError("the spool cannot be measured"), ValueError("never seen")]
)
async def test_what_cannot_be_measured_ends_a_round_not_the_rounds(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.reckoning.ROUND_PAUSE_S", 0)
    monkeypatch.setattr("proxy.reckoning.STEP_PAUSE_S", 0)

    class Broken(Shelf):
        broken = True

        def sizes(self) -> Iterator[tuple[str, int, int]]:
            if self.broken:
                self.broken = False
                raise failure
            return super().sizes()

    said = LogCapture()
    log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[said],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    book = Book()
    task = asyncio.ensure_future(Reckoning(Broken(("aa", 1, 3)), book, log).run())
    async with asyncio.timeout(5):
        while not book.found:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert book.found[0] == 3
    assert said.entries[0]["event"] == "spool not measured"
