"""A process that makes its share of the cuts.

    python -m bench.cuts.worker ADDRESS SPOOL SEED FIRST STEP CUTS

It takes every STEP-th upload from FIRST on, until CUTS cuts are made, and prints what
came of each kind as JSON. The one invariant: whatever it cannot make sense of is
printed as odd, and ends that upload only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

from tests.kit.answer import VERSION_FIELD
from tests.kit.words import words

from .choices import Choices, Cut
from .kernel import Kernel, NoSuchSocket
from .leaving import leave
from .transfer import LENGTH, Odd, Transfer, ask

_BLOCK: Final = Random("content of the cuts").randbytes(1 << 20)
_CONTENT: Final = _BLOCK * (LENGTH // len(_BLOCK) + 2)
"""Every body is a part of it, begun somewhere in the first block."""


@dataclass(slots=True)
class Sum:
    """Of the cuts of one kind."""

    cuts: int = 0
    in_creations: int = 0
    chunked: int = 0
    expecting: int = 0
    received: int = 0
    """Bytes of content that had reached the process when they were cut."""
    kept: int = 0
    """Bytes by which the offset was higher afterwards than before."""
    lost: int = 0
    """Bytes received that no offset told of afterwards."""
    losing: int = 0
    """Cuts that lost any."""


@dataclass(slots=True)
class Found:
    """What a worker prints."""

    kinds: dict[str, Sum] = field(default_factory=dict)
    uploads: int = 0
    losses: list[str] = field(default_factory=list)
    """Each cut that lost something, in words."""
    odd: list[str] = field(default_factory=list)
    """Offsets above what was sent, bytes that were not, answers that fit nothing."""

    @property
    def cuts(self) -> int:
        return sum(one.cuts for one in self.kinds.values())


class Worker:
    """Cuts uploads."""

    def __init__(self, address: str, spool: Path, seed: int) -> None:
        self.found = Found()
        self._address = address
        self._spool = spool
        self._seed = seed
        self._kernel = Kernel()

    def run(self, numbers: Iterator[int], cuts: int) -> None:
        while self.found.cuts < cuts:
            number = next(numbers)
            self.found.uploads += 1
            try:
                self._upload(number)
            except (Odd, OSError, KeyError, AssertionError, NoSuchSocket) as exc:
                self.found.odd.append(f"upload {number}: {exc!r}")

    def _upload(self, number: int) -> None:
        choices = Choices(self._seed, number)
        chance = Random(f"{self._seed} moments {number}")
        body = _body(number)
        path, offset = None, 0
        if choices.created_empty:
            path = self._created(number)
        for _ in range(choices.cuts):
            cut = choices.cut(creation=path is None)
            path, offset = self._cut(number, path, offset, cut, body, chance)
        self._checked(path, body[:offset])
        ask(self._address, "DELETE", path or "", (VERSION_FIELD, "10"))

    def _cut(
        self,
        number: int,
        path: str | None,
        at: int,
        cut: Cut,
        body: memoryview,
        chance: Random,
    ) -> tuple[str, int]:
        """One cut; where the upload lives and stands after it."""
        transfer = Transfer(
            self._address,
            path or f"/cuts/{number}",
            cut,
            bytes(body[at : at + cut.content]),
            None if path is None else at,
        )
        transfer.begin()
        received = leave(transfer, self._kernel, chance)
        path = path or urlsplit(transfer.location or "").path
        offset = self._offset(path, cut.version)
        transfer.connection.close()
        if not at <= offset <= at + transfer.sent:
            raise Odd(f"{offset} told, {at} before, {transfer.sent} sent: {cut}")
        self._count(cut, offset - at, received, creation=at == 0)
        if offset - at < received:
            self.found.losses.append(
                f"upload {number}: {received} came, {offset - at} kept: {cut}"
            )
        return path, offset

    def _count(self, cut: Cut, kept: int, received: int, *, creation: bool) -> None:
        entry = self.found.kinds.setdefault(cut.kind, Sum())
        entry.cuts += 1
        entry.in_creations += creation
        entry.chunked += cut.chunked
        entry.expecting += cut.expects
        entry.received += received
        entry.kept += kept
        entry.lost += max(0, received - kept)
        entry.losing += kept < received

    def _created(self, number: int) -> str:
        fields = (VERSION_FIELD, "10"), ("Upload-Complete", "?0")
        length = ("Content-Length", "0")
        heard = ask(self._address, "POST", f"/cuts/{number}", *fields, length)
        if heard.status != 201:
            raise Odd(f"a creation got {heard.status}")
        return urlsplit(heard.fields["location"]).path

    def _offset(self, path: str, version: int) -> int:
        heard = ask(self._address, "HEAD", path, (VERSION_FIELD, str(version)))
        done = heard.fields.get(words(version).completeness.lower())
        if heard.status != 204 or done != words(version).open:
            raise Odd(f"HEAD got {heard}")
        return int(heard.fields["upload-offset"])

    def _checked(self, path: str | None, expected: memoryview) -> None:
        """The bytes in the spool are those that were sent."""
        token = (path or "").rpartition("/")[2]
        file = self._spool / token[:2] / f"{token}.body"
        if file.read_bytes()[: len(expected)] != expected:
            raise Odd("other bytes are in the spool than were sent")


def _body(number: int) -> memoryview:
    """Bytes that differ from upload to upload, and from place to place."""
    return memoryview(_CONTENT)[number * 7919 % len(_BLOCK) :]


def main() -> None:
    address, spool, *numbers = sys.argv[1:]
    seed, first, step, cuts = map(int, numbers)
    worker = Worker(address, Path(spool), seed)
    worker.run(count(first, step), cuts)
    print(json.dumps(asdict(worker.found)))


if __name__ == "__main__":
    main()
