"""The verdict: every hash, every offset told and every origin request, compared.

It asks when all clients have ended and the proxy was killed once more, so that what is
found is what the disk holds; it counts when the proxy has stopped. The one invariant:
it trusts the origin's ledger, the clients' histories and the spool's files, and of what
the proxy says only the offsets it must keep to.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Final

from tests.kit.answer import VERSION_FIELD, Answer
from tests.kit.raw import Connection, request
from tests.kit.words import NEWEST, words

from .choices import Choices
from .history import History, Try
from .origin import Seen

_AT_A_TIME: Final = 8
"""Questions under way."""


class Audit:
    """Compares; what is wrong goes to the histories."""

    def __init__(self, seed: int, histories: list[History]) -> None:
        self._seed = seed
        self._histories = histories

    async def ask_all(self, address: str, spool: Path) -> None:
        """What the proxy still has of every upload is not less than what was told."""
        waiting = iter(self._histories)

        async def work() -> None:
            for history in waiting:
                choices = Choices(self._seed, history.number)
                for one in history.tries:
                    await _ask(history, one, choices, address)
                    _compare_kept(history, one, choices, spool)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_A_TIME):
                group.create_task(work())

    def compare(self, ledger: list[Seen]) -> None:
        """What the origin got is what was sent, and not more often than once."""
        seen: defaultdict[str, list[Seen]] = defaultdict(list)
        for request_seen in ledger:
            seen[request_seen.key].append(request_seen)
        for history in self._histories:
            choices = Choices(self._seed, history.number)
            for one in history.tries:
                requests = seen.pop(one.key, [])
                _count(history, one, requests)
                for request_seen in requests:
                    _compare(history, one, choices, request_seen)
        for key in seen:
            stranger = Try(key)
            self._histories[0].violated("corrupt", stranger, "no client ever sent this")


async def _ask(history: History, one: Try, choices: Choices, address: str) -> None:
    if one.path is None or one.outcome in (None, "orphan"):
        return  # nothing is known of where it should stand
    answer = await _head(address, one.path)
    found = (answer.status, answer.offset, answer.complete)
    if one.outcome in ("cancelled", "forgotten"):
        if answer.status != 404:
            history.violated("odd", one, f"{one.outcome}, and found as {found}")
    elif answer.status == 404 and history.may_be_forgotten(one):
        history.figures.forgotten_answers += 1
    elif found != (204, choices.size, one.outcome == "answered"):
        why = f"{one.outcome} with {choices.size} bytes, and found as {found}"
        history.violated("lost", one, why)


def _compare_kept(history: History, one: Try, choices: Choices, spool: Path) -> None:
    """The bytes of an upload of unknown outcome are kept for the operator."""
    if one.path is None or one.outcome != "unknown":
        return
    token = one.path.rpartition("/")[2]
    body = spool / token[:2] / f"{token}.body"
    size = history.must_be_kept(one, choices.size)
    kept = body.read_bytes() if body.exists() else b""
    if size < choices.size:
        kept = kept[:size]  # what follows was promised to nobody
    if kept != choices.body[:size]:
        why = f"outcome unknown, {len(kept)} bytes are kept, of {size}"
        history.violated("lost" if len(kept) < size else "corrupt", one, why)


def _count(history: History, one: Try, requests: list[Seen]) -> None:
    """At most one complete request; exactly one where the origin has answered."""
    whole = sum(seen.complete for seen in requests)
    early = any(seen.fault == "answers early" for seen in requests)
    if whole > 1:
        history.violated("doubled", one, f"{whole} complete requests")
    if one.outcome == "answered" and whole == 0 and not early:
        history.violated("lost", one, "answered, but the origin never got it whole")
    if one.outcome == "cancelled" and whole:
        history.violated("odd", one, "forwarded though it was cancelled in time")


def _compare(history: History, one: Try, choices: Choices, seen: Seen) -> None:
    """What the origin got is what was sent, as far as it got."""
    part = choices.body[: seen.size]
    if hashlib.sha256(part).hexdigest() != seen.sha256:
        history.violated("corrupt", one, f"other bytes at the origin: {seen}")
    if seen.announced != choices.size or seen.method != choices.method:
        history.violated("corrupt", one, f"another request at the origin: {seen}")


async def _head(address: str, path: str) -> Answer:
    connection = await Connection.open(address)
    try:
        version = (VERSION_FIELD, str(NEWEST))
        await connection.send(request("HEAD", path, version))
        return Answer(await connection.hear("HEAD"), words(NEWEST))
    finally:
        await connection.close()
