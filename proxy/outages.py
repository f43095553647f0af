"""Who waits for the answer while nothing can be sent on: how long, and what it hears.

An origin can be down, or an auth server that has to be asked first: each is known of by
itself, since others may go to the same origin without that question. The one invariant:
nobody is refused while an attempt on its upload is in flight.
"""

from __future__ import annotations

import math
from functools import partial

from proxy.core.errors import Problem, Refusal
from proxy.delivery import Delivery
from proxy.lanes import Course


def hold(delivery: Delivery) -> None:
    """Nothing can be sent on by its course: who waits is held for `retry_for`, not
    longer.

    But not refused while an attempt is in flight, which may have the request by now, or
    find that the origin is back.
    """
    if delivery.in_attempt:
        return
    course = delivery.course

    def may_come() -> bool:
        return delivery.in_attempt or _may_be_back(course)

    for follower in delivery.followers:
        follower.hold(course.retry_for_s, may_come, partial(_down, course))


def is_down(course: Course) -> bool:
    """True when nothing can be sent on by `course`, as far as is known."""
    return course.lane.is_down or _is_silent(course)


def _is_silent(course: Course) -> bool:
    questions = course.questions
    return questions is not None and questions.is_down


def _may_be_back(course: Course) -> bool:
    """True when it is being found out just now whether something can."""
    questions = course.questions
    if questions is not None and (questions.is_down or questions.trying):
        return questions.trying > 0
    return course.lane.trying > 0


def _down(course: Course) -> Refusal:
    """For who has waited long enough."""
    after_s = max(1, math.ceil(course.retry_for_s))
    if _is_silent(course):
        return Refusal(
            Problem.AUTH_DOWN,
            "The upload is complete, but whether it may be sent on could not be found "
            "out; it is tried on.",
            retry_after_s=after_s,
        )
    return Refusal(
        Problem.ORIGIN_DOWN,
        "The upload is complete, but the server behind cannot be reached; it is tried "
        "on.",
        retry_after_s=after_s,
    )
