"""What there is to be uploaded: files, those of directories, and where each goes."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator
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


def found(words: Iterable[str], url: str) -> tuple[Job, ...]:
    """The files that `words` name, to be uploaded to `url`.

    Raises:
        OSError: one is not there, or is no file.
        ValueError: `url` is none.
    """
    jobs = tuple(
        Job(str(path.absolute()), name, url.replace("{name}", quote(name)))
        for word in words
        for path, name in _files(Path(word))
    )
    for job in jobs:
        target(job.url)
    return jobs


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    if not path.is_dir():
        path.open("rb").close()  # says what is wrong before anything is sent
        yield path, path.name
        return
    for below in sorted(path.rglob("*")):
        if below.is_file():
            yield below, below.relative_to(path).as_posix()


def described(job: Job, fields: Lines) -> Lines:
    """`fields`, with the name and the media type of the file unless they are told."""
    told = {name.lower() for name, _ in fields}
    kind = mimetypes.guess_type(job.name)[0] or "application/octet-stream"
    file = quote(Path(job.name).name)
    own = (
        ("Content-Type", kind),
        ("Content-Disposition", f"inline; filename*=UTF-8''{file}"),
    )
    return (*fields, *(line for line in own if line[0].lower() not in told))
