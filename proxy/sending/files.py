"""What there is to be uploaded: files, those of directories, and where each goes.

The one invariant: what is not uploaded is told, or stops everything before it begins.
"""

from __future__ import annotations

import mimetypes
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from proxy.client.target import target
from proxy.client.wire import Lines


@dataclass(frozen=True, slots=True)
class Job:
    """One file."""

    path: str
    """Absolute, since it may be gone on with from elsewhere."""
    name: str
    """As it was given, or below the directory that was."""
    url: str
    resume: str | None = None
    """Resume data; None: it has not begun, as far as is known."""


def found(
    words: Sequence[str], url: str, skip: Callable[[str], None], method: str = "POST"
) -> tuple[Job, ...]:
    """The files that `words` name, to be uploaded to `url`; `skip` is told what is not.

    Raises:
        OSError: one is not there, or cannot be read.
        ValueError: there is none, one is no regular file, one would replace another, or
            `url` is none.
    """
    jobs = tuple(
        Job(str(path.absolute()), name, url.replace("{name}", _quoted(name)))
        for word in words
        for path, name in _files(Path(word), skip)
    )
    if not jobs:
        raise ValueError(f"there is no file in {' '.join(map(repr, words))}")
    if "{name}" in url or method == "PUT":
        _apart(jobs)
    for job in jobs:
        target(job.url)
    return jobs


def _apart(jobs: Iterable[Job]) -> None:
    """Raises ValueError: two would go to the same URL."""
    paths: dict[str, str] = {}
    for job in jobs:
        if job.url in paths:
            both = f"{paths[job.url]!r} and {job.path!r}"
            raise ValueError(f"{both} would both go to {job.url}")
        paths[job.url] = job.path


def _files(path: Path, skip: Callable[[str], None]) -> Iterator[tuple[Path, str]]:
    if path.is_dir():
        for below in _below(path):
            unfit = _unfit(below)
            if unfit:
                skip(f"{str(below)!r} is left out: {unfit}")
            else:
                yield below, below.relative_to(path).as_posix()
        return
    path.stat()  # says what is wrong before anything is sent
    unfit = _unfit(path)
    if unfit:
        raise ValueError(f"{str(path)!r}: {unfit}")
    with path.open("rb") as file:
        if not path.stat().st_size and file.read(1):
            raise ValueError(f"{str(path)!r}: tells no size; copy it to a file first")
    yield path, path.name


def _below(path: Path) -> list[Path]:
    """Everything below a directory but directories, in order. Raises OSError."""

    def unread(error: OSError) -> None:
        raise error

    below: list[Path] = []
    for top, directories, files in os.walk(path, onerror=unread):
        links = [name for name in directories if Path(top, name).is_symlink()]
        below += [Path(top, name) for name in (*links, *files)]
    return sorted(below)


def _unfit(path: Path) -> str:
    """Why it is not to be uploaded, where it is none to be read; empty if it is."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "there is nothing where it leads"
    if stat.S_ISDIR(mode):
        return "a link to a directory"
    return "" if stat.S_ISREG(mode) else "no regular file"


def why(exc: Exception) -> str:
    """What went wrong with a file, in words."""
    if isinstance(exc, OSError) and exc.strerror:
        return f"{exc.filename}: {exc.strerror}" if exc.filename else exc.strerror
    return str(exc)


def _quoted(name: str) -> str:
    """For a URL; the bytes that the file system has, whatever they mean."""
    return quote(os.fsencode(name))


def described(job: Job, fields: Lines) -> Lines:
    """`fields`, with the name and the media type of the file unless they are told."""
    told = {name.lower() for name, _ in fields}
    kind = mimetypes.guess_type(job.name)[0] or "application/octet-stream"
    file = _quoted(Path(job.name).name)
    own = (
        ("Content-Type", kind),
        ("Content-Disposition", f"inline; filename*=UTF-8''{file}"),
    )
    return (*fields, *(line for line in own if line[0].lower() not in told))
