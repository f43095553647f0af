"""One file after the other, until all are done, one cannot go on, or a signal comes.

The one invariant: the plan is kept before bytes go out that make it another one.
"""

from __future__ import annotations

import asyncio
import shlex
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from proxy.client import (
    Progress,
    Reason,
    Upload,
    Uploaded,
    UploadFailed,
    UploadPaused,
    resume,
    upload,
)
from proxy.client.wire import Lines, Unreached

from .files import Job, described, why
from .kept import Kept, Plan

DONE: Final = 0
FAILED: Final = 1
RESUMABLE: Final = 75
"""EX_TEMPFAIL of sysexits.h."""
PAUSED: Final = 130
"""As shells tell of Ctrl-C."""
_LATER: Final = frozenset({Reason.UNREACHABLE, Reason.BUSY})
"""Reasons for which the other files would fail, too."""

Tell = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class Batch:
    """A command's work."""

    plan: Plan
    fields: Lines
    kept: Kept
    tell: Tell
    _left: list[Job] = field(default_factory=list)
    """What is not done, the current one first."""
    _later: list[Job] = field(default_factory=list)
    """What failed and can be resumed."""
    _failed: bool = False
    _unkept: bool = False
    _going: Upload | None = None
    _paused: bool = False

    async def run(self) -> int:
        """Everything; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._pause)
        self._left = list(self.plan.jobs)
        while self._left and not self._paused:
            if not await self._one(self._left[0]):
                break
            del self._left[0]
        return self._end()

    async def _one(self, job: Job) -> bool:
        """Upload a file; False: it stays to be done, and so do the others."""
        self.tell({"event": "begun", "file": job.name, "url": job.url})
        try:
            self._going = self._begin(job)
        except (UploadFailed, ValueError, OSError) as exc:
            return self._unread(job, exc)
        try:
            if self._paused:
                await self._going.cancel_by_producing_resume_data()
            done = await self._going
        except UploadPaused:
            return False
        except UploadFailed as exc:
            return self._lost(job, exc)
        except OSError as exc:
            return self._unread(job, exc)
        finally:
            self._going = None
        self._tell_done(job, done)
        return True

    def _begin(self, job: Job) -> Upload:
        def watch(progress: Progress) -> None:
            self._keep()
            self.tell(_progress(job, progress))

        fields = described(job, self.fields)
        plan = self.plan
        if job.resume is not None:
            return resume(job.resume, fields=fields, policy=plan.policy, watch=watch)
        return upload(
            job.path,
            job.url,
            method=plan.method,
            fields=fields,
            version=plan.version,
            policy=plan.policy,
            digest=plan.digest,
            watch=watch,
        )

    def _keep(self) -> None:
        """What is known now, if it is more than was known before."""
        going = self._going
        if going is None or going.resume_data is None:
            return
        kept = replace(going.resume_data, expires=None)
        # where it is matters less than that it is: the offset is asked for anyway
        text = replace(kept, known=replace(kept.known, offset=0)).dumps()
        if self._left[0].resume != text:
            self._left[0] = replace(self._left[0], resume=text)
            self._save()

    def _save(self) -> bool:
        """False: it cannot be kept, which is told once and ends nothing."""
        jobs = (*self._later, *self._left)
        try:
            self.kept.save(replace(self.plan, jobs=jobs))
        except OSError as exc:
            words = f"what is needed to go on cannot be kept: {why(exc)}"
            if not self._unkept:
                self.tell({"event": "warning", "why": words})
            self._unkept = True
            return False
        return True

    def _unread(self, job: Job, exc: Exception) -> bool:
        """The file failed, not the upload: that is as good as it was before."""
        resumable = self._left[0].resume is not None
        reason = exc.reason.value if isinstance(exc, UploadFailed) else "unreadable"
        self._fail(job, why(exc), reason, resumable=resumable, counts=not resumable)
        if resumable:
            self._later.append(self._left[0])
        return True

    def _lost(self, job: Job, exc: UploadFailed) -> bool:
        resumable = exc.resume_data is not None
        later = exc.reason in _LATER and not _unbelieved(exc)
        self._fail(
            job,
            str(exc),
            exc.reason.value,
            status=exc.status,
            resumable=resumable or later,
            counts=not resumable and not later,
        )
        if later:
            return False
        if resumable:
            self._later.append(self._left[0])
        return True

    def _tell_done(self, job: Job, done: Uploaded) -> None:
        refused = _refused(done)
        if refused:
            self._fail(job, refused, Reason.REFUSED.value, **_answer(done))
            return
        self.tell({"event": "done", "file": job.name, **_answer(done)})

    def _fail(
        self,
        job: Job,
        words: str,
        reason: str,
        *,
        status: int | None = None,
        resumable: bool = False,
        counts: bool = True,
        **answer: Any,
    ) -> None:
        """counts: it is not to be tried again. answer: what was answered."""
        self._failed = self._failed or counts
        self.tell(
            {
                "event": "failed",
                "file": job.name,
                "why": words,
                "reason": reason,
                "status": status,
                "resumable": resumable,
                **answer,
            }
        )

    def _pause(self) -> None:
        self._paused = True
        if self._going is not None:
            self._pausing = asyncio.ensure_future(
                self._going.cancel_by_producing_resume_data()
            )

    _pausing: asyncio.Future[Any] | None = None

    def _end(self) -> int:
        if not self._left and not self._later:
            self.kept.forget()
            return FAILED if self._failed else DONE
        if not self._save() and not self.kept.path.exists():
            return PAUSED if self._paused else FAILED
        left = [job.name for job in (*self._later, *self._left)]
        command = self._command()
        state = str(self.kept.path)
        self.tell({"event": "left", "files": left, "state": state, "command": command})
        return PAUSED if self._paused else RESUMABLE

    def _command(self) -> str:
        """How to go on; fields are told by name only, since they may be secrets."""
        words = ["upload-proxy", "upload", "--resume", str(self.kept.path)]
        for name, _ in self.fields:
            words += ["-H", f"{name}: ..."]
        return shlex.join(words)


def _unbelieved(exc: UploadFailed) -> bool:
    """Somebody is there with a wrong certificate: later it is no other one."""
    return isinstance(exc.__cause__, Unreached) and exc.__cause__.certificate


def _refused(done: Uploaded) -> str:
    """Why that is no success; empty when it is one.

    303 leads to what was made of the upload. Any other redirection leads to where it
    should have been sent, such as from http to https: mostly nothing was taken.
    """
    status = done.status
    if status is None or status < 300 or status == 303:
        return ""
    where = [value for name, value in done.fields if name.lower() == "location"]
    if status < 400 and where:
        return f"answered with {status}, which leads to {where[0]}"
    return f"answered with {status}"


def _progress(job: Job, progress: Progress) -> dict[str, Any]:
    return {
        "event": "progress",
        "file": job.name,
        "sent": progress.sent,
        "acknowledged": progress.acknowledged,
        "length": progress.length,
        "saved": progress.saved,
        "doing": progress.doing,
    }


def _answer(done: Uploaded) -> dict[str, Any]:
    return {
        "status": done.status,
        "length": done.length,
        "saved": done.saved,
        "answer": done.content.decode(errors="replace"),
    }
