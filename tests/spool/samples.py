"""Uploads to be stored, and what tests of every spool do again and again."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from proxy.core.upload import Answer, Head, Limits, State, Token, Upload
from proxy.spool import Spool
from proxy.spool.disk import DiskSpool
from proxy.spool.tiers import TieredSpool
from proxy.tasks import Tasks

BOOT = "boot-1"
NEXT_BOOT = "boot-2"

HEAD = Head(
    "POST",
    "/photos?album=%C3%A4",
    (
        (b"Content-Type", b"image/jpeg"),
        (b"X-Odd", bytes(range(32, 256))),
        (b"x-odd", b'again, "quoted" \\'),
        (b"Empty", b""),
    ),
    http_1_0=True,
)
ANSWER = Answer(201, "Created \xe9", ((b"Location", b"/photos/7\xff"),), size=4)


def new_token(start: str = "") -> Token:
    return Token((start + secrets.token_urlsafe(32))[:43])


def upload(**changes: Any) -> Upload:
    """A new upload, to be varied by keyword."""
    plain = Upload(
        token=new_token(),
        state=State.RECEIVING,
        request=HEAD,
        limits=Limits(max_size=10**12, min_size=1, max_append_size=None),
        created_at=1234.5678901234567,
        fed_at=2345.25,
        version=8,
        peer="192.0.2.1",
        why="cut",
    )
    return replace(plain, **changes)


def tiered(disk: DiskSpool, **settings: Any) -> TieredSpool:
    """Tiers over `disk`, with `settings` that differ from the usual ones."""
    log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(50),
    )
    usual: dict[str, Any] = {"threshold": 64 * 1024, "shared": False}
    return TieredSpool(disk, spawn=Tasks(log).spawn, log=log, **(usual | settings))


async def stored(spool: Spool, body: bytes = b"", **changes: Any) -> Upload:
    """An upload that has been created and saved with `changes`, and has this body."""
    begun = upload()
    await spool.create(begun)
    append(spool, begun.token, body)
    changed = replace(begun, **changes)
    if changes:
        await spool.save(changed, durable=True)
    return changed


def append(spool: Spool, token: Token, chunk: bytes) -> None:
    writer = spool.writer(token)
    writer.write(chunk)
    writer.close()


def place(root: Path, token: Token, suffix: str) -> Path:
    """Where a spool in `root` has the file of an upload."""
    return root / token[:2] / f"{token}{suffix}"


def body_of(spool: Spool, token: Token) -> bytes:
    reader = spool.reader(token)
    try:
        return reader.read(0, reader.size)
    finally:
        reader.close()


def answer_of(spool: Spool, token: Token) -> bytes:
    reader = spool.answer_reader(token)
    try:
        return reader.read(0, reader.size)
    finally:
        reader.close()


def keep_answer(spool: Spool, token: Token, content: bytes) -> None:
    writer = spool.answer_writer(token)
    writer.write(content)
    writer.close()


def rebooted(spool: DiskSpool, directory: Any, boot_id: str = NEXT_BOOT) -> DiskSpool:
    """The same directory after the machine has gone down and come up again."""
    spool.close()
    return DiskSpool(directory, boot_id=boot_id)
