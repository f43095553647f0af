"""What each principal has open: how many uploads, and how many bytes in them.

Counted as in ``tally``, from what this process has begun, changed or swept, in memory
and bounded. An upload counts with its length; as long as that is not known, with what
has come of it as of its last request, or with what the request that is under way has
been granted, if that is more. The one invariant: an upload without a principal is
nobody's, and never counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from math import inf
from types import TracebackType
from typing import Final

from proxy.core.decide import Receive
from proxy.core.errors import Problem, Refusal
from proxy.core.lifecycle import Event
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


class _Holder:
    """What one principal has, and the sum of that, kept as it changes: it is asked for
    with every chunk that comes."""

    __slots__ = ("granted", "open", "soonest", "total")

    def __init__(self) -> None:
        self.open: dict[Token, _Held] = {}
        self.granted: dict[Token, int] = {}
        """The uploads whose content comes just now, with the offset up to which it
        may."""
        self.total = 0
        """Bytes of all of them."""
        self.soonest = inf
        """No upload ends by its deadline before this."""

    def size(self, token: Token) -> int:
        """Bytes that one of them counts with."""
        held, granted = self.open.get(token), self.granted.get(token, 0)
        return granted if held is None else max(held.size, granted)

    def hold(self, token: Token, held: _Held) -> None:
        self.total -= self.size(token)
        self.open[token] = held
        self.total += self.size(token)
        self.soonest = min(self.soonest, held.deadline)

    def drop(self, token: Token) -> None:
        self.total -= self.size(token)
        del self.open[token]
        self.total += self.size(token)

    def grant(self, token: Token, end: int) -> None:
        self.total -= self.size(token)
        self.granted[token] = end
        self.total += self.size(token)

    def release(self, token: Token) -> None:
        self.total -= self.size(token)
        self.granted.pop(token, None)
        self.total += self.size(token)

    def ended(self, now: float) -> list[Token]:
        """Those whose deadline has passed. They are looked through only when one may
        have."""
        if now < self.soonest:
            return []
        gone = [token for token, one in self.open.items() if one.deadline <= now]
        later = (one.deadline for one in self.open.values() if one.deadline > now)
        self.soonest = min(later, default=inf)
        return gone


class Holdings:
    """One for the process."""

    def __init__(self, max_uploads: int | None, max_bytes: int | None) -> None:
        """None where there is no bound; nothing is counted when there is neither."""
        self._max_uploads = max_uploads
        self._max_bytes = max_bytes
        self._counts = max_uploads is not None or max_bytes is not None
        self._holders: dict[str, _Holder] = {}
        """By principal, those that have an upload open or coming."""
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
        holder = self._holders.get(upload.principal)
        for token in holder.ended(now) if holder else ():
            self._forget(upload.principal, token)
        has = len(holder.open) if holder else 0
        if self._max_uploads is not None and has >= self._max_uploads:
            raise _too_many(
                f"Whose it is has {has} open uploads, which is as many as there "
                "may be; finish or cancel one."
            )
        if self.bounds(upload):
            self.check_size(upload, max(_size(upload), 1))

    def bounds(self, upload: Upload) -> bool:
        """True when there is a bound on the bytes of `upload` and the others."""
        return self._max_bytes is not None and bool(upload.principal)

    def check_size(self, upload: Upload, size: int) -> None:
        """Make sure that `upload` may have `size` bytes.

        Raises:
            Refusal: it may not, beside the others; or never.
        """
        if self._max_bytes is not None and size > self._max_bytes:
            raise Refusal(
                Problem.TOO_LARGE,
                f"Whose it is may have {self._max_bytes} bytes in all open uploads, "
                f"this one has {size}.",
            )
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
        holder = self._holders.get(upload.principal)
        if holder is None:
            return self._max_bytes
        return self._max_bytes - (holder.total - holder.size(upload.token))

    def grant(self, upload: Upload, end: int) -> int:
        """The offset up to which the content of `upload` may come, `end` at most; it
        counts with that until `release`."""
        granted = int(min(end, self.left(upload)))
        self._holder(upload.principal).grant(upload.token, granted)
        return granted

    def release(self, upload: Upload) -> None:
        """No content of `upload` comes any more: it counts with what is known of it."""
        holder = self._holders.get(upload.principal)
        if holder is not None:
            holder.release(upload.token)
            self._dismiss(upload.principal, holder)

    def count(self, upload: Upload) -> None:
        """`upload` is open."""
        if not self._counts or not upload.principal:
            return
        holder = self._holder(upload.principal)
        if upload.token not in holder.open:
            self._counted += 1
        holder.hold(upload.token, _Held(_size(upload), upload.deadline))
        if self._counted > MOST_COUNTED:
            self._forget_longest()

    def drop(self, upload: Upload) -> None:
        """`upload` is not open any more."""
        self._forget(upload.principal, upload.token)

    def oldest(self, upload: Upload, most: int) -> list[tuple[str, Token]]:
        """Up to `most` uploads of the same principal, those not heard of longest."""
        holder = self._holders.get(upload.principal)
        tokens = islice(holder.open, most) if holder else ()
        return [(upload.principal, token) for token in tokens]

    def gone(self, principal: str, token: Token) -> None:
        """The upload is no more."""
        self._forget(principal, token)

    def _holder(self, principal: str) -> _Holder:
        holder = self._holders.get(principal)
        if holder is None:
            holder = self._holders[principal] = _Holder()
        return holder

    def _forget(self, principal: str, token: Token) -> None:
        holder = self._holders.get(principal)
        if holder is None or token not in holder.open:
            return
        holder.drop(token)
        self._counted -= 1
        self._dismiss(principal, holder)

    def _forget_longest(self) -> None:
        having = ((one, holder) for one, holder in self._holders.items() if holder.open)
        longest, holder = next(having)
        self._forget(longest, next(iter(holder.open)))

    def _dismiss(self, principal: str, holder: _Holder) -> None:
        """Remember nobody who has nothing."""
        if not holder.open and not holder.granted:
            del self._holders[principal]


class Share:
    """What one request may bring. Used as a context while its content comes."""

    __slots__ = ("_holdings", "_till", "_upload")

    def __init__(self, holdings: Holdings, upload: Upload, end: int) -> None:
        """`end`: the offset that the content is known to reach, and may."""
        self._holdings = holdings
        self._upload = upload
        self._till = end

    def up_to(self, end: int) -> int:
        """The offset up to which may be stored of content that reaches to `end`."""
        if end > self._till:
            self._till = self._holdings.grant(self._upload, end)
        return min(end, self._till)

    def __enter__(self) -> Share:
        self._till = self._holdings.grant(self._upload, self._till)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._holdings.release(self._upload)


class Boundless:
    """What a request may bring on which there is no bound: the same for all of them."""

    __slots__ = ()

    def up_to(self, end: int) -> int:
        """See ``Share``."""
        return end

    def __enter__(self) -> Boundless:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return


BOUNDLESS: Final = Boundless()


def _size(upload: Upload) -> int:
    return upload.offset if upload.length is None else upload.length


def _too_many(detail: str) -> Refusal:
    return Refusal(Problem.TOO_MANY, detail, retry_after_s=RETRY_AFTER_S)


def stopped(plan: Receive, offset: int) -> Receive:
    """`plan`, by which content was taken up to `offset` and no further, though it left
    room for more: the share was used up."""
    return replace(
        plan,
        ceiling=offset,
        beyond=Problem.TOO_LARGE,
        overrun_event=Event.LIMIT_REACHED,
        bound="what may be open of whose it is",
    )
