"""What callers begin with: an upload, or one that is resumed; with asyncio and without.

The one invariant: what is wrong with the arguments is a ``ValueError`` here, before
anything is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from .failures import SourceFailed, UploadFailed
from .fields import GivenFields, given
from .known import Known, Policy
from .outcome import Progress, Uploaded
from .resumption import ResumeData
from .running import Upload, Wishes
from .sources import Given, Source, source_of
from .speech import NEWEST, VERSIONS
from .target import target

Watch = Callable[[Progress], None]


def upload(
    source: Given,
    url: str,
    *,
    method: str = "POST",
    fields: GivenFields = (),
    version: int | None = None,
    length: int | None = None,
    policy: Policy | None = None,
    digest: bool = False,
    watch: Watch | None = None,
) -> Upload:
    """Upload `source` to `url`; to be awaited for its end.

    source: a path, bytes, an open binary file, or an iterator of bytes, also an
        asynchronous one.
    fields: of the request, such as Content-Type and Authorization.
    version: of the protocol, 3 to 10; None: the newest that the server tells.
    length: of an iterator, in bytes; None: known when it ends.
    digest: read a file first and tell its SHA-256; see docs/client.md.
    watch: called with the progress, often and briefly.

    Raises:
        ValueError: an argument that makes no sense.
        OSError: the file cannot be read.
    """
    if version is not None and version not in VERSIONS:
        raise ValueError(f"expected a version from 3 to {NEWEST}, got {version}")
    if length is not None and length < 0:
        raise ValueError(f"expected a length of 0 or more, got {length}")
    where = target(url)
    lines = given(fields, method)
    reading = source_of(source, length)
    known = Known(
        where.url,
        method,
        NEWEST if version is None else version,
        fixed=version is not None,
        length=reading.length,
        again=reading.again,
    )
    wishes = Wishes(lines, policy or Policy(), digest, watch or _unwatched)
    return Upload(known, reading, wishes)


def resume(
    resume_data: ResumeData | str,
    source: Given | None = None,
    *,
    fields: GivenFields = (),
    policy: Policy | None = None,
    watch: Watch | None = None,
) -> Upload:
    """Go on with an upload; to be awaited for its end.

    source: what was being uploaded, from its first byte on; None: the file that it was.
    fields: of every request, as for ``upload``; resume data has none.

    Raises:
        ValueError: the data is none, or a source is missing.
        UploadFailed: the file is not what it was.
        OSError: the file cannot be read.
    """
    data = resume_data
    if isinstance(data, str):
        data = ResumeData.loads(data)
    lines = given(fields)
    reading = _source(data, source)
    length = data.known.length if reading.length is None else reading.length
    known = replace(data.known, length=length, again=reading.again)
    wishes = Wishes(lines, policy or Policy(), False, watch or _unwatched)
    return Upload(known, reading, wishes)


def upload_sync(
    source: Given,
    url: str,
    *,
    method: str = "POST",
    fields: GivenFields = (),
    version: int | None = None,
    length: int | None = None,
    policy: Policy | None = None,
    digest: bool = False,
    watch: Watch | None = None,
) -> Uploaded:
    """``upload``, to its end, where no event loop runs.

    Raises:
        UploadFailed: it did not come to its end.
        ValueError, OSError: as ``upload``.
    """

    async def whole() -> Uploaded:
        return await upload(
            source,
            url,
            method=method,
            fields=fields,
            version=version,
            length=length,
            policy=policy,
            digest=digest,
            watch=watch,
        )

    return asyncio.run(whole())


def resume_sync(
    resume_data: ResumeData | str,
    source: Given | None = None,
    *,
    fields: GivenFields = (),
    policy: Policy | None = None,
    watch: Watch | None = None,
) -> Uploaded:
    """``resume``, to its end, where no event loop runs. Raises as it."""

    async def whole() -> Uploaded:
        return await resume(
            resume_data, source, fields=fields, policy=policy, watch=watch
        )

    return asyncio.run(whole())


def _source(data: ResumeData, source: Given | None) -> Source:
    if source is None:
        if data.mark is None:
            raise ValueError("it was no file: the source is to be given again")
        source = data.mark.path
    try:
        reading = source_of(source, data.known.length, data.mark)
    except SourceFailed as exc:
        raise UploadFailed(exc.reason, str(exc)) from exc
    if data.known.length is not None and reading.length != data.known.length:
        words = f"expected {data.known.length} bytes, got a source of {reading.length}"
        raise ValueError(words)
    return reading


def _unwatched(progress: Progress) -> None:
    """Nobody wants to know."""
