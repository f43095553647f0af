"""What each principal has open: how many uploads, and how many bytes in them.

Counted as in ``tally``, from what this process has begun, changed or swept, in memory
and bounded. An upload counts with its length; as long as that is not known, with what
has come of it as of its last request. The one invariant: an upload without a principal
is nobody's, and never counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from math import inf

from proxy.core.errors import Problem, Refusal
from proxy.core.upload import Token, Upload

MOST_COUNTED = 100_000
"""Uploads that are counted at a time; past it, one of the principal that has been
counted longest is forgotten. As many as in ``tally``."""
RETRY_AFTER_S = 30
"""As there."""


@dataclass(slots=True)
class _Held:
    size: int
    deadline: float


class Holdings:
    """One for the process."""

    def __init__(self, max_uploads: int | None, max_bytes: int | None) -> None:
        """None where there is no bound; nothing is counted when there is neither."""
        self._max_uploads = max_uploads
        self._max_bytes = max_bytes
        self._counts = max_uploads is not None or max_bytes is not None
        self._open: dict[str, dict[Token, _Held]] = {}
        self._counted = 0

    @property
    def counted(self) -> int:
        """Uploads that are being remembered."""
        return self._counted

    def check(self, upload: Upload, now: float) -> None:
        """Make sure that the principal of a new `upload` may have it.

        Raises:
            Refusal: it has as many as it may have, or as many bytes.
        """
        if not self._counts or not upload.principal:
            return
        held = self._open.get(upload.principal, {})
        for token in [token for token, one in held.items() if one.deadline <= now]:
            self._forget(upload.principal, token)
        if self._max_uploads is not None and len(held) >= self._max_uploads:
            raise _too_many(
                f"Whose it is has {len(held)} open uploads, which is as many as there "
                "may be; finish or cancel one."
            )
        self.check_size(upload, max(_size(upload), 1))

    def check_size(self, upload: Upload, size: int) -> None:
        """Make sure that `upload` may have `size` bytes.

        Raises:
            Refusal: it may not, beside the others.
        """
        left = self.left(upload)
        if size > left:
            raise _too_many(
                f"Whose it is may have {self._max_bytes} bytes in open uploads; "
                f"{max(0, int(left))} of them are left, this one has {size}."
            )

    def left(self, upload: Upload) -> float:
        """Bytes that `upload` may have, beside the others of its principal."""
        if self._max_bytes is None or not upload.principal:
            return inf
        held = self._open.get(upload.principal, {})
        others = sum(one.size for token, one in held.items() if token != upload.token)
        return self._max_bytes - others

    def count(self, upload: Upload) -> None:
        """`upload` is open."""
        if not self._counts or not upload.principal:
            return
        held = self._open.setdefault(upload.principal, {})
        if upload.token not in held:
            self._counted += 1
        held[upload.token] = _Held(_size(upload), upload.deadline)
        if self._counted > MOST_COUNTED:
            longest = next(iter(self._open))
            self._forget(longest, next(iter(self._open[longest])))

    def drop(self, upload: Upload) -> None:
        """`upload` is not open any more."""
        self._forget(upload.principal, upload.token)

    def oldest(self, upload: Upload, most: int) -> list[tuple[str, Token]]:
        """Up to `most` uploads of the same principal, those not heard of longest."""
        held = self._open.get(upload.principal, {})
        return [(upload.principal, token) for token in islice(held, most)]

    def gone(self, principal: str, token: Token) -> None:
        """The upload is no more."""
        self._forget(principal, token)

    def _forget(self, principal: str, token: Token) -> None:
        held = self._open.get(principal)
        if held is None or held.pop(token, None) is None:
            return
        self._counted -= 1
        if not held:
            del self._open[principal]


def _size(upload: Upload) -> int:
    return upload.offset if upload.length is None else upload.length


def _too_many(detail: str) -> Refusal:
    return Refusal(Problem.TOO_MANY, detail, retry_after_s=RETRY_AFTER_S)
