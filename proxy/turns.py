"""Whose turn it is to be sent on: asked about, let through, and next in the queue.

Who is asked whether an upload may go is asked before its turn begins, so that one who
does not answer costs no other upload its turn; and once more where the turn came much
later. The one invariant: whoever has a turn has been let through for it, a moment ago,
by the course that there is now.

Source: `auth` in docs/operations.md, "Who may upload".
"""

from __future__ import annotations

import time
from typing import Final

from proxy.auth import Denied, Gate, settled
from proxy.core.errors import AuthSilent, Denial
from proxy.delivery import Delivery
from proxy.lanes import Course, Courses, Lane, Questions

FRESH_S: Final = 10.0
"""How long a yes counts for an upload that waits for its turn. Picked by hand: a
forward takes longer seldom, and what was allowed so long ago hardly ends in it."""


class NotLetThroughError(Exception):
    """The auth server has refused."""

    def __init__(self, denial: Denial) -> None:
        super().__init__()
        self.denial = denial


class Turns:
    """Gives deliveries their turns."""

    def __init__(self, courses: Courses) -> None:
        self._courses = courses

    async def of(self, delivery: Delivery) -> Lane:
        """The lane on which it is the turn of `delivery`, by the course that there is
        now; `slots.leave` of that ends it.

        Raises:
            Refusal: there is no course: it waits for that in the spool.
            AuthSilent: nobody said whether it may go.
            NotLetThroughError: it may not.
        """
        while True:
            course = delivery.course = self._courses.needed(delivery.upload)
            if not await self._entered(course, delivery):
                continue
            now = self._courses.of(delivery.upload)
            if now is not None and course.leads_as(now):
                delivery.course = now
                return course.lane
            course.lane.slots.leave()

    async def _entered(self, course: Course, delivery: Delivery) -> bool:
        """True with a turn on the lane of `course`; False: there may be another course.
        Raises as `of` does."""
        gate, questions, slots = course.gate, course.questions, course.lane.slots
        if gate is None or questions is None:
            return await slots.enter()
        if not await questions.slots.enter():
            return False
        try:
            await _let_through(delivery, gate, questions)
            passed_at = time.monotonic()
            if not course.leads_as(self._courses.of(delivery.upload)):
                return False
            if not await slots.enter():
                return False
        finally:
            questions.slots.leave()
        if time.monotonic() - passed_at >= FRESH_S:
            try:
                await _let_through(delivery, gate, questions)
            except BaseException:  # who is cancelled has its turn, too
                slots.leave()
                raise
        return True


async def _let_through(delivery: Delivery, gate: Gate, questions: Questions) -> None:
    """Ask whether what is about to leave may, with the credentials it carries.

    Raises:
        AuthSilent, NotLetThroughError
    """
    questions.trying += 1
    try:
        said = settled(await gate.ask(delivery.upload.request))
    except AuthSilent:
        questions.is_down = True
        raise
    finally:
        questions.trying -= 1
    questions.is_down = False
    if isinstance(said, Denied):
        raise NotLetThroughError(said.denial)
