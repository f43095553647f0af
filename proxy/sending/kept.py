"""What is left to do, in a file that only its owner reads: URLs of uploads are keys.

The one invariant: the file is always whole, the old one or the new one.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self, get_type_hints

from proxy.client import Policy, ResumeData
from proxy.client.target import target

from .files import Job

_FORMAT: Final = 1
_NOTHING: Final = "nothing to go on with is kept here"
_METHOD: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a command was told to do, but for credentials."""

    jobs: tuple[Job, ...]
    method: str = "POST"
    version: int | None = None
    digest: bool = False
    attempts: int = 10
    chunk_size: int | None = None
    repeat: bool = False

    @property
    def policy(self) -> Policy:
        return Policy(
            attempts=self.attempts, chunk_size=self.chunk_size, repeat=self.repeat
        )

    def dumps(self) -> str:
        return json.dumps({"format": _FORMAT, **asdict(self)})

    @classmethod
    def loads(cls, text: str) -> Self:
        """Raises ValueError: that is no plan of this version."""
        try:
            told = json.loads(text)
            if told.pop("format") != _FORMAT:
                raise ValueError("kept by another version of upload-proxy")
            jobs = tuple(_job(job) for job in told.pop("jobs"))
            plan = cls(jobs, **told)
        except (KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise ValueError(_NOTHING) from exc
        if not _typed(plan) or not _METHOD.fullmatch(plan.method):
            raise ValueError(_NOTHING)
        return plan


def _job(told: dict[str, Any]) -> Job:
    """Raises ValueError, TypeError: it is none."""
    job = Job(**told)
    if not _typed(job):
        raise ValueError(_NOTHING)
    target(job.url)
    if job.resume is not None:
        ResumeData.loads(job.resume)
    return job


def _typed(kept: Plan | Job) -> bool:
    """Every value but jobs is of the type that it was kept as."""
    types = get_type_hints(type(kept))
    return all(
        isinstance(getattr(kept, name), kind)
        for name, kind in types.items()
        if name != "jobs"
    )


class Kept:
    """The file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text: str | None = None

    @classmethod
    def new(cls, directory: Path | None) -> Self:
        """One that is not there yet; made in `directory`, or where such files go."""
        if directory is None:
            base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
            directory = Path(base) / "upload-proxy/uploads"
        return cls(directory / f"{secrets.token_hex(4)}.json")

    def prepare(self) -> None:
        """See that it can be kept, before it must be. Raises OSError."""
        self._directory()
        with tempfile.TemporaryFile(dir=self.path.parent):
            pass

    def _directory(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def save(self, plan: Plan) -> None:
        """Raises OSError."""
        text = plan.dumps()
        if text == self._text:
            return
        self._directory()
        beside = self.path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as file:
            file.write(text)
        beside.replace(self.path)
        self._text = text

    def forget(self) -> None:
        """Everything is done."""
        self.path.unlink(missing_ok=True)
