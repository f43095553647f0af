"""The ways to the origins: which one an upload takes, and how it is treated there.

Uploads of one route are sent on by its course; courses to the same origin share a lane:
how many go at once, and whether the last one found the origin down. So an origin that
is down holds up nobody else's uploads. The one invariant: an upload goes by the course
of the route it began with, and where that is configured no more, by none.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy.auth import Gate
from proxy.core.errors import Problem, Refusal
from proxy.core.forms import Around, Wrapping
from proxy.core.upload import Answer, Head, Limits, Token, Upload, shortened
from proxy.spool import Reader

RETRY_AFTER_S: Final = 30
"""Seconds a client is asked to wait for a route that is missing: a person has to put it
right, and what waits for that should not ask all the time. Picked by hand."""


class AnswerStream(Protocol):
    """The origin's answer: its head is here, its content still comes."""

    @property
    def answer(self) -> Answer: ...

    @property
    def length(self) -> bytes | None:
        """The `Content-Length` of the content; None without one."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The content.

        Raises:
            OriginError: it broke off.
        """
        ...

    async def close(self) -> None: ...


class Channel(Protocol):
    """A way to the origin for one request."""

    async def send(self, head: Head, body: Reader, around: Around) -> AnswerStream:
        """The answer to `head` with the whole of `body`, sent once, and with what is to
        stand around it.

        Raises:
            OriginUnreached, OriginCut, OriginLost: each says what the origin can have
            seen.
            UploadLost: `head` cannot be sent.
        """
        ...

    def close(self) -> None:
        """Nothing is to be sent; does nothing after `send`."""


class Sender(Protocol):
    """Knows the way to the origin."""

    async def connect(self, size: int, route: str) -> Channel:
        """The way for one request that takes `route`, with a body of `size` bytes.

        Raises:
            OriginUnreached: there is none.
        """
        ...


class Slots:
    """Turns, of which there may be so many at a time; the rest wait, oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._waiting: deque[asyncio.Future[bool]] = deque()

    async def enter(self) -> bool:
        """Wait for a turn, which `leave` ends; False: recalled, there is none."""
        if self._taken < self._most and not self._waiting:
            self._taken += 1
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled() and turn.result():
                self.leave()
            raise

    def leave(self) -> None:
        """A turn has ended: the next one may begin."""
        self._taken -= 1
        self._admit()

    def bound(self, most: int) -> None:
        """From now on there may be so many; those that have begun go on."""
        self._most = most
        self._admit()

    def recall(self) -> None:
        """Nobody waits any more: who still has to go asks where, and comes again."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(False)

    def _admit(self) -> None:
        while self._waiting and self._taken < self._most:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(True)


class Questions:
    """Whether what is to go by one lane may, as one auth server is asked.

    So many at a time as there may be forwards, each until its upload has its turn: no
    more is asked ahead, and who has not been let through holds up no turn.
    """

    def __init__(self, most: int) -> None:
        self.slots = Slots(most)
        self.is_down = False
        """The last one was not answered."""
        self.trying = 0
        """Those under way."""


class Lane:
    """The way to one origin, for all whose uploads go there."""

    def __init__(self, sender: Sender, max_forwards: int) -> None:
        """`max_forwards`: in flight at the same time; the rest wait, oldest first."""
        self.sender = sender
        self.slots = Slots(max_forwards)
        self.is_down = False
        """The last attempt did not reach the origin: who comes now is held no longer
        than `retry_for`, even if its own turn comes later than that."""
        self.trying = 0
        """Attempts under way."""
        self._most = max_forwards
        self._questions: dict[Gate, Questions] = {}

    def questions(self, gate: Gate) -> Questions:
        """Those that `gate` is asked about what goes here."""
        if gate not in self._questions:
            self._questions[gate] = Questions(self._most)
        return self._questions[gate]

    def bound(self, max_forwards: int) -> None:
        """From now on so many may be in flight."""
        self._most = max_forwards
        for slots in self._queues():
            slots.bound(max_forwards)

    def recall(self) -> None:
        """Nobody waits here any more, see ``Slots``."""
        for slots in self._queues():
            slots.recall()

    def _queues(self) -> list[Slots]:
        return [self.slots, *(one.slots for one in self._questions.values())]


@dataclass(frozen=True, slots=True)
class Course:
    """What the operator decided about the uploads of one route."""

    lane: Lane
    limits: Limits
    """Those of every new upload."""
    retry_for_s: float
    """How long a waiting client is held while the origin is down."""
    repeatable: bool
    """The origin may get a request twice; an Idempotency-Key lets it find out."""
    finishing_credentials: bool
    """The origin gets the credentials of the finishing request, where the creation had
    any."""
    wrapping: Wrapping | None = None
    """How the origin gets them as forms; None: as they came."""
    gate: Gate | None = None
    """Says which uploads may begin, and be sent on; None: all."""

    @property
    def questions(self) -> Questions | None:
        """Those before its uploads are sent on; None: nobody is asked."""
        return None if self.gate is None else self.lane.questions(self.gate)

    def leads_as(self, other: Course | None) -> bool:
        """True when `other` is by the same lane, past the same auth server."""
        if other is None:
            return False
        return other.lane is self.lane and other.gate is self.gate


class Courses:
    """The course of every route."""

    def __init__(
        self, courses: Mapping[str, Course], log: FilteringBoundLogger
    ) -> None:
        """`courses`: by the names of the routes."""
        self._courses = dict(courses)
        self._former: dict[str, Course] = {}
        """The last course of every route, be it configured no more."""
        self._log = log
        self._told: set[Token] = set()
        """Uploads whose route was said to be missing: once is loud enough."""

    def named(self, route: str) -> Course:
        """The course of a route that is configured, or was when the request came, for
        a new upload."""
        return self._courses.get(route) or self._former[route]

    def replace(self, courses: Mapping[str, Course]) -> None:
        """Go by other `courses` from now on."""
        self._former.update(self._courses)
        self._courses = dict(courses)
        self._told.clear()

    def lanes(self) -> Iterable[Lane]:
        """Those that are taken."""
        return {course.lane for course in self._courses.values()}

    def gate(self, route: str) -> Gate:
        """Whom to ask who somebody is, for an upload of `route`: somebody is asked, or
        nobody would ask for that.

        Raises:
            Refusal: the route is configured no more.
        """
        course = self._courses.get(route)
        if course is None:
            raise _route_missing()
        assert course.gate is not None
        return course.gate

    def of(self, upload: Upload) -> Course | None:
        """The course that `upload` takes; None, and the log says so, when its route is
        not configured: then it waits for that, or for the end of its life."""
        course = self._courses.get(upload.route)
        if course is None and upload.token not in self._told:
            self._told.add(upload.token)
            self._log.error(
                "route of an upload is missing",
                upload=shortened(upload.token),
                route=upload.route,
                state=upload.state.value,
            )
        return course

    def needed(self, upload: Upload) -> Course:
        """The same for a request that cannot go on without.

        Raises:
            Refusal: it is missing.
        """
        course = self.of(upload)
        if course is None:
            raise _route_missing()
        return course


def _route_missing() -> Refusal:
    return Refusal(
        Problem.ROUTE_MISSING,
        "This upload is kept, but the server does not know at present where to send "
        "it.",
        retry_after_s=RETRY_AFTER_S,
    )
