"""All uploads of a spool, or those that are meant, oldest first.

A spool may hold more than fit into memory as objects: what is kept of each until its
turn comes is its age and its token, packed into some fifty bytes. So every record that
is told is read twice, and what has ended in between is passed over. The one invariant:
no more than one record is in memory at a time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from proxy.core.upload import Token

from .entry import Entry, entry_of
from .guest import Guest
from .wanted import Wanted, distinct

_PACKED: Final = struct.Struct(">d43sB")
"""When it was created, its token, characters of its short form. Numbers above zero sort
as bytes in this order."""


class Chosen:
    """Some uploads, oldest first, each as it stands when its turn has come."""

    def __init__(self, guest: Guest, entries: Iterable[Entry]) -> None:
        self._guest = guest
        self._packed: list[bytes] = []
        self.size = 0
        """Bytes received of all of them."""
        for entry in entries:
            self._packed.append(_packed(entry))
            self.size += entry.upload.offset if entry.upload else 0
        self._packed.sort()

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[Entry]:
        """Those that are there still."""
        for one in self._packed:
            _, content, size = _PACKED.unpack(one)
            token = Token(content.decode())
            entry = entry_of(self._guest, token, token[:size])
            if entry is not None:
                yield entry


def _packed(entry: Entry) -> bytes:
    age = max(0.0, entry.created_at)
    return _PACKED.pack(age, entry.token.encode(), len(entry.short))


def matching(guest: Guest, wanted: Wanted) -> Iterator[Entry]:
    """The uploads that `wanted` fits, in no order and found lazily.

    Raises:
        SpoolError: the spool cannot be listed.
    """
    for tokens in guest.looks.groups():
        # Nothing that begins alike is in another group.
        for token, short in distinct(tokens).items():
            entry = entry_of(guest, token, short)
            if entry is not None and wanted.fits(entry, guest.now()):
                yield entry
