"""The body of an upload, copied out of the spool: all of it, or what there is so far.

Read without a lock, so that nobody is held up, and up to where the record vouches for
it. The one invariant: a name stands for a whole copy; while it is being made, it is
under another one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from proxy.core.errors import UploadMissing
from proxy.core.upload import State

from .entry import Entry
from .guest import Guest
from .wording import size

_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied."""

    size: int
    """Bytes."""
    digest: str
    """SHA-256, in hexadecimal digits."""
    doubts: tuple[str, ...]
    """Why it may not be what the client has sent, or not all of it; empty when it is.
    """
    is_sound: bool
    """All that there should be by now was there."""


class NoBody(Exception):
    """There is nothing to be copied; the message says why."""


def export(guest: Guest, entry: Entry, out: IO[bytes]) -> Copied:
    """Copy what there is of the body to `out`.

    Raises:
        NoBody: there is none.
        SpoolError: it cannot be read.
        OSError: it cannot be written.
    """
    upload = entry.upload
    try:
        body = guest.looks.body(entry.token)
    except UploadMissing as exc:
        answered = entry.state == State.RESPONDED
        why = "the origin has answered it, and so it was removed" if answered else exc
        raise NoBody(f"there is no body: {why}") from exc
    try:
        due = body.size if upload is None else upload.offset
        digest, copied = sha256(), 0
        while chunk := body.read(copied, min(_CHUNK, due - copied)):
            out.write(chunk)
            digest.update(chunk)
            copied += len(chunk)
    finally:
        body.close()
    is_sound = copied == due and not entry.problem
    doubts = tuple(_doubts(guest, entry, copied, due))
    return Copied(copied, digest.hexdigest(), doubts, is_sound)


def _doubts(guest: Guest, entry: Entry, copied: int, due: int) -> Iterator[str]:
    upload = entry.upload
    if entry.problem:
        yield f"the upload is damaged: {entry.problem}"
    if copied != due:
        yield f"{copied} bytes were there, {due} should have been"
    if upload is None:
        return
    if upload.length is None:
        yield f"not whole: {size(due)} have arrived so far, of a length not known yet"
    elif due < upload.length:
        yield f"not whole: {due} of {upload.length} bytes have arrived so far"
    if guest.looks.in_doubt(entry.token) and upload.acknowledged < due:
        yield f"the disk has failed: bytes after {upload.acknowledged} may be damaged"
    elif upload.state is State.UNKNOWN and upload.acknowledged != upload.length:
        yield f"the power failed: bytes after {upload.acknowledged} may be damaged"


@contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """A file for one's own eyes that is under `path` once it is whole.

    Raises:
        FileExistsError: there is one, and not `force`.
        OSError
    """
    if not force:
        # Taken at once: what comes to stand there meanwhile would be overwritten.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "wb") as file:
                yield file
            Path(name).replace(path)
        except BaseException:  # an interruption from the keyboard as well
            Path(name).unlink()
            raise
    except BaseException:  # from the keyboard, too: no empty file is left for a copy
        if not force:
            path.unlink()
        raise
