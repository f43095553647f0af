"""The server behind: a process that writes every request down, and misbehaves.

    python -m bench.campaign.origin PORT LEDGER SEED

Each request becomes one line of the ledger before anything is answered: whole or in
part, with the hash of what came. A line is one write, so a kill between two loses none.
The one invariant: what a request meets is chosen by the seed, the upload's key and how
often that upload was seen, and by nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

from tests.kit.origin import (
    Behaviour,
    Early,
    RecordingOrigin,
    Reply,
    Request,
    Reset,
    Silence,
)

KEY_FIELD: Final = "X-Campaign-Key"
"""In the creation: the key of the upload. In the answer: the origin's own word."""
EARLY_STATUS: Final = 413
STATUSES: Final = (200, 201, 422, 500)
"""Of answers to requests that came whole."""

_FAULTS = (
    "answers",
    "answers slowly",
    "cuts its answer",
    "answers early",
    "resets before the end",
    "resets after the end",
    "stalls before the end",
    "stalls after the end",
)
_WEIGHTS = (72, 15, 2, 2, 4, 2, 1.5, 1.5)


@dataclass(frozen=True, slots=True)
class Seen:
    """A line of the ledger: a request as it arrived."""

    key: str
    method: str
    announced: int
    """Its Content-Length; -1 without one."""
    size: int
    sha256: str
    """Of the `size` bytes that came."""
    complete: bool
    fault: str


def content_for(key: str) -> bytes:
    """The content of the answer to the upload `key`: short, or long enough to break."""
    size = Random(f"answer {key}").choice((0, 20, 20, 20, 90_000))
    return f"this is for {key} ".encode() + b"." * size


class CampaignOrigin(RecordingOrigin):
    """Keeps nothing in memory; the ledger has it all."""

    def __init__(self, port: int, ledger: Path, seed: int) -> None:
        super().__init__()
        self.port = port
        self._seed = seed
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._times: Counter[str] = Counter()
        self._faults: dict[int, str] = {}

    def choose(self, request: Request) -> Behaviour:
        key = request.one(KEY_FIELD) or "?"
        self._times[key] += 1
        chance = Random(f"{self._seed} origin {key} {self._times[key]}")
        fault = chance.choices(_FAULTS, _WEIGHTS)[0]
        self._faults[id(request)] = fault
        size = int(request.one("Content-Length") or 0)
        return _behaviour(fault, key, size, chance)

    def took(self, request: Request) -> None:
        seen = Seen(
            key=request.one(KEY_FIELD) or "?",
            method=request.method,
            announced=int(request.one("Content-Length") or -1),
            size=len(request.body),
            sha256=hashlib.sha256(request.body).hexdigest(),
            complete=request.complete,
            fault=self._faults.pop(id(request)),
        )
        os.write(self._ledger, json.dumps(asdict(seen)).encode() + b"\n")
        self.requests.remove(request)


def _behaviour(fault: str, key: str, size: int, chance: Random) -> Behaviour:
    """What `fault` is for a request of `size` bytes."""
    content, before_end = content_for(key), chance.randint(0, max(0, size - 1))
    reply = Reply(chance.choice(STATUSES), ((KEY_FIELD, key),), content)
    match fault:
        case "answers slowly":
            once = asyncio.Event()
            asyncio.get_running_loop().call_later(chance.uniform(0.05, 0.8), once.set)
            return Reply(reply.status, reply.fields, content, once=once)
        case "cuts its answer":
            cut_after = chance.randrange(len(content))
            return Reply(reply.status, reply.fields, content, cut_after=cut_after)
        case "answers early":
            early = Reply(EARLY_STATUS, reply.fields, content, framing="close")
            return Early(before_end, early)
        case "resets before the end":
            return Reset(before_end)
        case "resets after the end":
            return Reset()
        case "stalls before the end":
            return Silence(before_end)
        case "stalls after the end":
            return Silence()
        case _:
            return reply


def read_ledger(path: Path) -> list[Seen]:
    """Every request that arrived."""
    return [Seen(**json.loads(line)) for line in path.read_text().splitlines()]


async def _serve(port: int, ledger: Path, seed: int) -> None:
    await CampaignOrigin(port, ledger, seed).start()
    # Until it is killed, or its parent is: that ends the pipe.
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
