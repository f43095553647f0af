"""Which uploads somebody works on, told to every process on the spool by locks.

Two locks for each upload: its lease (a request changes it) and its delivery (it is
being sent on). Both end with the process that holds them, and leave no file behind:
they are positions in a few empty files. The kernel walks through all locks of a file
for each one that is taken (measured: 14 µs with 1,000 held in one file, 310 µs with
10,000), hence several files. The one invariant: of all processes on a spool at most one
holds a lock.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, closing
from enum import IntEnum
from functools import lru_cache
from typing import Final, Protocol

from proxy.core.upload import Token

from . import files
from .failures import translated
from .locks import HIGHEST, RangeLocks

FILES: Final = 64
"""With 10,000 locks held that makes some 160 in each file."""


_SWEEP: Final = HIGHEST - 1
"""In the first file; those of uploads lie below."""


class TokenLocks(Protocol):
    """One kind of lock that processes take on uploads. Never waits.

    Taking what this process has already succeeds; giving back what it has not is no
    error.
    """

    def try_lock(self, token: Token) -> bool:
        """Take it; False when another process has it.

        Raises:
            SpoolError: the file system gives no locks.
        """

    def unlock(self, token: Token) -> None:
        """Give it back."""

    def is_taken(self, token: Token) -> bool:
        """True while another process has it."""


class Unshared:
    """Locks where there is no other process."""

    def try_lock(self, token: Token) -> bool:
        return True

    def unlock(self, token: Token) -> None:
        return

    def is_taken(self, token: Token) -> bool:
        return False


class _Kind(IntEnum):
    LEASE = 0
    DELIVERY = 1


class Claims:
    """The locks of the spool in `directory`, which must be there.

    Raises:
        SpoolError: they cannot be made.
    """

    def __init__(self, directory: str) -> None:
        path = f"{directory}/locks"
        with translated("the locks cannot be made"):
            files.make_directory(path)
        self._files = _opened(path)
        self.leases: TokenLocks = _OfKind(self._files, _Kind.LEASE)
        self.deliveries: TokenLocks = _OfKind(self._files, _Kind.DELIVERY)

    def sweep(self) -> bool:
        """Be the process that sweeps; False while it is another one.

        Raises:
            SpoolError: the file system gives no locks.
        """
        return self._files[0].try_lock(_SWEEP)

    def close(self) -> None:
        """Give every lock back."""
        for one in self._files:
            one.close()


def _opened(path: str) -> list[RangeLocks]:
    """All files, or none: who tries again and again while descriptors are short would
    take the last ones. Raises SpoolError."""
    with ExitStack() as opened:
        found = [
            opened.enter_context(closing(RangeLocks(f"{path}/{number:02x}")))
            for number in range(FILES)
        ]
        opened.pop_all()
    return found


class _OfKind:
    """The locks of one kind."""

    def __init__(self, spread: list[RangeLocks], kind: _Kind) -> None:
        self._files = spread
        self._kind = int(kind)

    def try_lock(self, token: Token) -> bool:
        file, number = _place(token)
        return self._files[file].try_lock(number + self._kind)

    def unlock(self, token: Token) -> None:
        file, number = _place(token)
        self._files[file].unlock(number + self._kind)

    def is_taken(self, token: Token) -> bool:
        file, number = _place(token)
        return self._files[file].is_taken(number + self._kind)


@lru_cache(maxsize=1024)
def _place(token: Token) -> tuple[int, int]:
    """Which file is for `token`, and the first of its two numbers in it. Remembered for
    a moment: each upload is locked and freed in both ways.

    A hash, so that nothing of the token can be read from the kernel's list of locks. 66
    bits of it count: that two uploads share a lock does not happen.
    """
    digest = hashlib.blake2b(token.encode(), digest_size=16).digest()
    return digest[8] % FILES, (int.from_bytes(digest[:8], "big") >> 4) * 2
