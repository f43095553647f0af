"""All questions in their order: each needs what the ones before it found.

When nobody answers, or who answers knows nothing of uploads, the rest is not asked:
a creation could be an ordinary, empty request to an application. The one invariant:
what was begun is cancelled, however it ends.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from proxy.client.target import Target
from proxy.client.wire import Lines, NoAnswer, Said, Unreached

from . import checks, judge
from .findings import Finding, Report, Verdict
from .patient import Patient, speaks_of_uploads
from .products import recognised
from .telling import answered, veiled


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be examined, and how far."""

    target: Target
    method: str = "POST"
    """Of creations."""
    fields: Lines = ()
    """More fields of every request."""
    size: int | None = None
    """Bytes to be tried in one request; None: not tried."""
    patience_s: float | None = None
    """Seconds of a pause to be tried; None: not tried."""
    origin: str | None = None
    """Of pages that are to upload; None: CORS is not looked at."""
    complete: bool = False
    """Complete an upload at the application."""
    anyway: bool = False
    """Create uploads even where nothing says that there are any."""


@dataclass(slots=True)
class _Course:
    """An examination under way."""

    plan: Plan
    patient: Patient
    front: str = ""
    findings: list[Finding] = field(default_factory=list)

    def note(self, *findings: Finding) -> None:
        self.findings += findings


async def examine(plan: Plan) -> Report:
    """Everything there is to be found."""
    course = _Course(plan, Patient(plan.target, plan.method, plan.fields))
    try:
        await _all(course)
    except (Unreached, NoAnswer) as exc:
        course.note(Finding("reach", Verdict.BREAKS, str(exc)))
    finally:
        left = await course.patient.cancel_all()
    if left:
        text = "could not be cancelled: " + ", ".join(map(veiled, left))
        course.note(Finding("cancel", Verdict.NOTE, text))
    return Report(plan.target.url, course.front, tuple(course.findings))


async def _all(course: _Course) -> None:
    told = await _reached(course)
    if told is None:
        return
    patient = course.patient
    course.note(judge.versions(await checks.versions(patient)))
    created = await patient.create()
    course.front = course.front or recognised(created.fields)
    if created.status != 201 or not speaks_of_uploads(created):
        course.note(_not_created(created))
        return
    located = await checks.location(patient, created)
    course.note(judge.location(located, course.front))
    course.note(judge.interims(await checks.interims(patient), course.front))
    where = patient.located(created)
    if where is None or located is None or located.status != 204:
        return
    cut = await checks.cut(patient, where)
    course.note(judge.cut(cut, course.front))
    await _on_demand(course, where, told)


async def _reached(course: _Course) -> Said | None:
    """What OPTIONS tells; None when there is nothing more to be asked.

    Raises:
        Unreached, NoAnswer: nobody is there.
    """
    target = course.plan.target
    try:
        secrecy = await checks.secrecy(target)
    except Unreached as exc:
        if not exc.certificate:
            raise
        course.note(Finding("tls", Verdict.BREAKS, f"not to be believed: {exc}"))
        return None
    told = await course.patient.options()
    course.front = recognised(told.fields)
    text = f"{target.authority} answers"
    course.note(Finding("reach", Verdict.GOOD, text))
    secure = None if secrecy is None else checks.secure(secrecy)
    course.note(judge.tls(secure, time.time()))
    if speaks_of_uploads(told) or course.plan.anyway:
        return told
    text = (
        f"OPTIONS is answered with {answered(told)} and not a word of resumable "
        "uploads; "
        "nothing was created (--anyway would)"
    )
    course.note(Finding("uploads", Verdict.BREAKS, text))
    return None


def _not_created(said: Said) -> Finding:
    text = f"a creation was answered with {answered(said)}"
    if not speaks_of_uploads(said):
        text += ", and not by somebody who knows resumable uploads"
    return Finding("uploads", Verdict.BREAKS, text)


async def _on_demand(course: _Course, where: Target, told: Said) -> None:
    """What is only tried when it is asked for."""
    plan, patient = course.plan, course.patient
    if plan.size is None:
        course.note(judge.cap(told.value("upload-limit")))
    else:
        other = await _fresh(course)
        seen = await checks.long(patient, other, 0, plan.size)
        course.note(judge.long(seen, course.front))
    if plan.patience_s is not None:
        other = await _fresh(course)
        pause = await checks.silence(patient, other, 0, plan.patience_s)
        course.note(judge.silence(pause, course.front))
    if plan.origin is not None:
        course.note(judge.shared(await checks.shared(patient, where, plan.origin)))
    if plan.complete:
        ended = await checks.ending(patient, await _fresh(course), 0)
        course.note(judge.ending(ended, course.front))
    else:
        text = "how long an answer may take only shows with --complete"
        course.note(Finding("answer", Verdict.UNKNOWN, text))


async def _fresh(course: _Course) -> Target:
    """A new upload. Raises Unreached, NoAnswer."""
    said = await course.patient.create()
    where = course.patient.located(said)
    if where is None:
        raise NoAnswer(f"a further creation was answered with {answered(said)}")
    return where
