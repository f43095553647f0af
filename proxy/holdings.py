"""What each principal has open: how many uploads, and how many bytes in them.

Counted as in ``tally``, in the same register. An upload counts with its length; as long
as that is not known, with what has come of it as of its last request, or with what the
request that is under way has been granted, if that is more. The one invariant: an
upload without a principal is nobody's, and has no part in this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from types import TracebackType
from typing import Final

from proxy.core.decide import Receive
from proxy.core.errors import Problem, Refusal
from proxy.core.lifecycle import Event
from proxy.core.upload import Token, Upload
from proxy.register import Group, Kind, Register
from proxy.register.memory import MemoryRegister

RETRY_AFTER_S = 30
"""As in ``tally``."""
_NO_HOARDING: Final = 16
"""Of what is left nobody is granted more than this part before it is needed."""


@dataclass(slots=True)
class _Grant:
    """Content of an upload comes just now, here."""

    end: int
    """The offset up to which it may."""
    known: int
    """Bytes that the upload counts with when no more comes."""


class Holdings:
    """One for the process."""

    def __init__(
        self,
        max_uploads: int | None,
        max_bytes: int | None,
        register: Register | None = None,
    ) -> None:
        """None where there is no bound. `register`: where uploads are counted; None:
        in the memory of this process."""
        self._max_uploads = max_uploads
        self._max_bytes = max_bytes
        self.register = MemoryRegister() if register is None else register
        self.counts = max_uploads is not None or max_bytes is not None
        """There is a bound."""
        self._grants: dict[Token, _Grant] = {}

    def principal(self, upload: Upload) -> str:
        """Whose `upload` is counted; empty: nobody's."""
        return upload.principal if self.counts else ""

    def size(self, upload: Upload) -> int:
        """Bytes that `upload` counts with."""
        if not self.bounds(upload):
            return 0
        grant = self._grants.get(upload.token)
        return max(_size(upload), 0 if grant is None else grant.end)

    def note(self, upload: Upload) -> None:
        """`upload` counts with what it has now, once no more of it comes."""
        grant = self._grants.get(upload.token)
        if grant is not None:
            grant.known = _size(upload)

    def check(self, upload: Upload, now: float) -> None:
        """Make sure that the principal of a new `upload` may have it.

        Raises:
            Refusal: it has as many as it may have, or as many bytes.
        """
        principal = self.principal(upload)
        if not principal:
            return
        group = Group(Kind.PRINCIPAL, principal)
        self.register.drop_dead(group, now)
        has = self.register.sum(group).uploads
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
        with self.register.alone():
            held = self.register.sum(Group(Kind.PRINCIPAL, upload.principal)).size
            return self._max_bytes - (held - self.register.size(upload.token))

    def grant(self, upload: Upload, end: int) -> int:
        """The offset up to which the content of `upload` may come: `end`, less where
        there is not so much left, or somewhat more. It counts with that until
        `release`."""
        grant = self._grants.get(upload.token)
        if grant is None:
            grant = self._grants[upload.token] = _Grant(0, _size(upload))
        with self.register.alone():
            left = self.left(upload)
            spare = (left - end) // _NO_HOARDING
            ahead = max(0, min(self.register.ahead, spare))
            grant.end = int(min(end + ahead, left))
            self.register.resize(upload.token, max(grant.end, grant.known))
        return grant.end

    def release(self, upload: Upload) -> None:
        """No content of `upload` comes any more: it counts with what is known of it."""
        grant = self._grants.pop(upload.token, None)
        if grant is not None:
            self.register.resize(upload.token, grant.known)


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
