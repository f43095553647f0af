"""Room for the bytes that requests bring: granted before any is read, or refused.

A body that is attached to an upload has a ``Grant``: what is still missing of the
upload, or a step at a time where its length is not known. What is on the disk is
promised no more; what a spool keeps in memory stays promised until it is there too, or
gone. What is missing when the body ends stays promised for ten minutes, in which most
clients come back, and no longer, so that uploads that were only announced do not lock
the spool for a day. Nothing here waits: a step is a plain call in the hot path. Room
for answers and deleting is not asked for here; for the record of a new upload it is, so
that nothing is begun where nothing is left, but it is kept for nobody.

The one invariant: all that is granted by all processes fits into what is left over. To
look how much that is takes a few system calls; small wishes are granted from the last
look, as long as every process that may share the spool could do the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy.core import room
from proxy.core.decide import Receive
from proxy.core.errors import Refusal
from proxy.core.lifecycle import TERMINAL
from proxy.core.room import Bounds, Demand, Space
from proxy.core.upload import State, Token, Upload
from proxy.spool.figures import SLOTS

HELD_S: Final = 600.0
"""Seconds for which what an upload still misses is kept free for it after a request."""
LOOK_S: Final = 1.0
"""Seconds for which one look at the spool may be drawn on."""
SAY_EVERY_S: Final = 60.0
"""Between two lines about uploads that were refused for lack of room."""

_GOES_ON: Final = frozenset({State.RECEIVING, State.INTERRUPTED})
_NEEDS_NO_MORE: Final = TERMINAL | {State.COMPLETE}


class Promises(Protocol):
    """What has been stored and promised, by all who share the spool."""

    def changed(self, token: Token, by: int, *, promised: int = 0) -> None:
        """So many bytes more are stored of the upload, or fewer if negative, and so
        many more are promised, or fewer: both are told at once."""

    def promise(self, by: int) -> None:
        """Promise `by` bytes more, or fewer if negative; told to others soon."""

    def publish(self) -> None:
        """Tell the others now."""

    def hold(self, token: Token, size: int, until_s: float) -> None:
        """Promise `size` bytes to the upload until then."""

    def let_go(self, token: Token) -> tuple[int, float] | None:
        """Promise that no more; bytes and end of the promise, if there was one."""

    def look(self, now: float) -> Space:
        """How everything stands."""


class Grant:
    """What one request may store. Used as a context while its content comes."""

    __slots__ = (
        "_admission",
        "_begins_at",
        "_stored",
        "_till",
        "size",
        "upload",
    )

    def __init__(self, admission: Admission, upload: Upload, size: int) -> None:
        self._admission = admission
        self.upload = upload
        """As last heard of."""
        self.size = size
        """Bytes granted at first."""
        self._begins_at = self._stored = upload.offset
        self._till = upload.offset + size

    def counted(self, size: int) -> int:
        """So many bytes more are counted elsewhere. By how many what is promised has to
        change with that: they are promised no more here."""
        return self._moved_to(self._stored + size)

    def stored(self, offset: int) -> None:
        """The upload has `offset` bytes: none up to there is promised here any more."""
        self._admission.promise(self._moved_to(offset))

    def _moved_to(self, offset: int) -> int:
        before, self._stored = self._stored, offset
        return min(before, self._till) - min(offset, self._till)

    def reach(self, offset: int, end: int) -> None:
        """All up to `offset` is stored, and what comes reaches to `end`: raise `bound`
        to that, or as far as there is room."""
        step = room.step(offset - self._begins_at)
        wanted = Demand(1, max(end - self._till, step))
        self._till += self._admission.draw(wanted)

    @property
    def bound(self) -> int:
        """Offset up to which may be stored without asking."""
        return self._till

    def __enter__(self) -> Grant:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._admission.end(self, self._stored, max(0, self._till - self._stored))


class Admission:
    """Grants room, for one process."""

    def __init__(
        self,
        figures: Promises,
        bounds: Bounds,
        now: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        """`now`: seconds of the lifetime clock."""
        self._figures = figures
        self._bounds = bounds
        self._now = now
        self._log = log
        self._attached: dict[Token, Grant] = {}
        self._looked_at = -math.inf
        self._ease = 0
        """Bytes that may be granted without another look."""
        self._silent_until = -math.inf

    def bound(self, bounds: Bounds) -> None:
        """From now on grant room within `bounds`; what was granted stays so."""
        self._bounds = bounds
        self._ease, self._looked_at = 0, -math.inf

    @property
    def above_floor(self) -> bool:
        """Whether as much is free as is to stay free."""
        if not self._bounds.floor:
            return True
        return self._figures.look(self._now()).free >= self._bounds.floor

    @property
    def bounds(self) -> Bounds:
        """What the operator lets the spool take."""
        return self._bounds

    def space(self) -> Space:
        """How the spool and its file system stand just now."""
        return self._figures.look(self._now())

    def receiving(self) -> list[Upload]:
        """Uploads that have a body attached, here."""
        return [grant.upload for grant in self._attached.values()]

    def grant(self, upload: Upload, plan: Receive, content_length: int | None) -> Grant:
        """Room for the content of a request that is planned to be received.

        An append without content is never refused: it can end an upload.

        Raises:
            Refusal: there is none now; or, for a new upload, there never could be.
        """
        size = 0
        if upload.state is State.CREATED:
            size = self._wanted(upload, plan, content_length)
        elif content_length != 0:
            held = self._figures.let_go(upload.token)
            try:
                size = self._wanted(upload, plan, content_length)
            except Refusal:
                if held is not None:
                    self._figures.hold(upload.token, *held)
                raise
        grant = self._attached[upload.token] = Grant(self, upload, size)
        return grant

    def _wanted(self, upload: Upload, plan: Receive, content_length: int | None) -> int:
        wanted = room.demand(plan.length, upload.offset, content_length)
        own = room.own(upload.request) if upload.state is State.CREATED else 0
        size = self._draw(wanted, beside=own)
        if size is None:
            raise self._refusal(upload, wanted)
        return size

    def note(self, upload: Upload) -> None:
        """Something has happened to `upload`: what is held for one that needs no more
        bytes is let go."""
        grant = self._attached.get(upload.token)
        if grant is not None:
            grant.upload = upload
        elif upload.state in _NEEDS_NO_MORE:
            self._figures.let_go(upload.token)

    def changed(self, token: Token, by: int) -> None:
        """The stored bytes of an upload have changed by so many.

        What a body has grown by moves from promised to used at once, so that it is
        never in neither, nor in both.
        """
        grant = self._attached.get(token)
        promised = 0 if grant is None or by <= 0 else grant.counted(by)
        self._figures.changed(token, by, promised=promised)

    def kept(self, token: Token, by: int) -> None:
        """So many bytes more of an upload are kept in memory, or fewer if negative:
        promised as long as they are, since they may move to the disk at any time."""
        grant = self._attached.get(token)
        promised = 0 if grant is None or by <= 0 else grant.counted(by)
        self.promise(by + promised)

    def draw(self, wanted: Demand) -> int:
        """Bytes of `wanted` for a body that has begun; 0 when there is no room."""
        size = self._draw(wanted)
        if size is None:
            self._say_full(wanted)
        return size or 0

    def promise(self, by: int) -> None:
        """Promise `by` bytes more, or fewer if negative."""
        if by:
            self._figures.promise(by)

    def end(self, grant: Grant, stored: int, rest: int) -> None:
        """The body of `grant` has ended at offset `stored`; `rest` bytes of what it was
        granted are not stored."""
        upload = grant.upload
        if self._attached.get(upload.token) is grant:
            del self._attached[upload.token]
        self.promise(-rest)
        missing = 0 if upload.length is None else upload.length - stored
        held = min(missing, rest)
        if held > 0 and upload.state in _GOES_ON:
            self._figures.hold(upload.token, held, self._now() + HELD_S)
        elif not grant.size:
            # An empty append has left what was held as it was.
            self.note(upload)

    def _draw(self, wanted: Demand, *, beside: int = 0) -> int | None:
        """Bytes granted; None when it is better not begun, also for want of so many
        bytes `beside`, which are not."""
        both = wanted.most + beside
        if both <= 0:
            return 0
        looked_ago_s = self._now() - self._looked_at
        if both <= self._ease and looked_ago_s < LOOK_S:
            self._ease -= both
            self.promise(wanted.most)
            return wanted.most
        return self._draw_looking(wanted, beside)

    def _draw_looking(self, wanted: Demand, beside: int) -> int | None:
        """The same by a new look, in which others see our wish, too: of two at the same
        time rather none is granted it than both."""
        now = self._now()
        self._figures.promise(wanted.most)
        self._figures.publish()
        left = room.left(self._figures.look(now), self._bounds) + wanted.most
        size = room.granted(wanted, left, beside=beside)
        self._figures.promise((size or 0) - wanted.most)
        self._figures.publish()
        self._looked_at = now
        self._ease = max(0, left - (size or 0) - beside) // SLOTS
        return size

    def _refusal(self, upload: Upload, wanted: Demand) -> Refusal:
        space = self._figures.look(self._now())
        if upload.state is State.CREATED:
            never = room.never_room(upload, wanted, space, self._bounds)
            if never is not None:
                return never
        self._say_full(wanted)
        return room.no_room()

    def _say_full(self, wanted: Demand) -> None:
        now = self._now()
        if now < self._silent_until:
            return
        self._silent_until = now + SAY_EVERY_S
        space = self._figures.look(now)
        self._log.error(
            "no room for uploads",
            wanted=wanted.least,
            used=space.used,
            promised=space.promised,
            free=space.free,
        )
