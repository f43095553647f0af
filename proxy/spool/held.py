"""One upload that is kept in memory, and the memory that all of them may take.

Every upload is weighed: its head and record by an estimate, its body by its length as
soon as that is known, its answer by its bytes. What is taken is given back when nothing
holds on to it any more, so that a budget is never less than what is really there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import Fields, Upload

BODIES: Final = 16 * 2**20
"""Bytes that uploads under way take in memory, at most: thousands of small requests at
the same time. Picked by hand."""
SMALL: Final = 64 * 2**10
"""Bytes of a body that is small. Larger ones leave half of the room to such: a few of
them would fill it, and a file is dearer by far for one that is small."""
ANSWERS: Final = 16 * 2**20
"""Bytes that answers take which have been given, with what is known of their uploads.
Picked by hand: some thousand of them, the last seconds under full load."""
ANSWER_SHARE: Final = 16
"""One answer may have one part in so many of that: a larger one would push out too
many others."""
LATEST: Final = 1000
"""Answers given last that an orderly stop brings to the disk, for a client that lost
one to find it at the next process. Each is two small files. Picked by hand."""

OBJECTS: Final = 3 * 1024
"""Bytes that the objects of one upload take beside what is in them; measured."""
_OBJECTS_OF_FIELD: Final = 160
"""The same for one field: a tuple and two strings of bytes."""


class Budget:
    """Bytes that may be taken, and are."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0

    def fits(self, size: int, *, spared: int = 0) -> bool:
        """Whether `size` more bytes may be taken, with `spared` left to others."""
        return self.taken + size <= self.most - spared

    def take(self, size: int, *, spared: int = 0) -> bool:
        """Take `size` bytes; False, and nothing is taken, when there are not as many
        left beside what is `spared` for others."""
        if not self.fits(size, spared=spared):
            return False
        self.taken += size
        return True

    def give(self, size: int) -> None:
        """Give `size` bytes back."""
        self.taken -= size


@dataclass(eq=False, slots=True)
class Held:
    """An upload in memory."""

    upload: Upload
    """As saved last."""
    weight: int
    """Bytes taken for it among those under way, without its body; see `weight`."""
    reserved: int
    """Bytes taken there for its body, which may still have to come."""
    body: bytearray | None = field(default_factory=bytearray)
    """None once it has been dropped."""
    answer: bytearray = field(default_factory=bytearray)
    answer_share: int = 0
    """Bytes taken among the answers."""
    told: int = 0
    """Bytes of its body that are known to be here, see ``TieredSpool.kept``."""
    users: int = 0
    """Readers and writers that hold on to its bytes."""
    moved: bool = False
    """It is on the disk now."""
    removed: bool = False
    """It is nowhere any more."""
    troubled: bool = False
    """That it could not be moved has been said."""

    @property
    def is_here(self) -> bool:
        """Memory is where it is, and nowhere else."""
        return not self.moved and not self.removed

    def check_not_removed(self) -> None:
        """Raises UploadMissing when there is no such upload any more."""
        if self.removed:
            raise UploadMissing("it has been removed")

    def whole_body(self) -> bytearray:
        """Its body. Raises UploadMissing when it has none any more."""
        if self.body is None:
            raise UploadMissing("it has no body")
        return self.body


def weight(upload: Upload) -> int:
    """Bytes that `upload` takes without its body and its answer's content, about."""
    size = OBJECTS + _weight_of(upload.request.fields) + len(upload.request.target)
    if upload.answer is not None:
        size += _weight_of(upload.answer.fields)
    return size


def _weight_of(fields: Fields) -> int:
    return _OBJECTS_OF_FIELD * len(fields) + sum(map(len, chain.from_iterable(fields)))


def closed() -> SpoolError:
    """What a writer raises that is written to after it was closed."""
    return SpoolError("the bytes cannot be stored: the writer is closed")
