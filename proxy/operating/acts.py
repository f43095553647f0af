"""What an operator does to an upload: sent once more, or removed for good.

Done here under the lease of the upload, while nobody delivers it, as the processes of
the proxy do it: whatever they are about to do comes before that or after it. The one
invariant: an upload is set going again only from UNKNOWN, and only while its body is
known to be whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from typing import Final

from proxy.asks import Ask, Wish, Word
from proxy.core.decide import expired
from proxy.core.errors import (
    Refusal,
    SpoolError,
    UploadLost,
    UploadMissing,
    UploadTooNew,
)
from proxy.core.lifecycle import Event
from proxy.core.upload import State, Token, Upload

from .entry import Entry, entry_of
from .guest import Rights
from .wanted import Wanted
from .wording import why_not_resent

_TRIES: Final = 50
_PAUSE_S: Final = 0.02
"""Between two tries to have a delivery's place: a process that has been asked to give
it up has done so within moments."""
RESENT: Final = "resend asked for by the operator"


class Declined(Exception):
    """It is not done; the message says why, and what can be done."""


class Purged(Enum):
    """What became of an upload that is to be removed, in words."""

    REMOVED = "removed"
    HIDDEN = (
        "being sent on, which is not interrupted: hidden from its client, and removed "
        "when that has ended"
    )
    GONE = "gone already"
    CHANGED = "left alone: it is at work, or not what was meant any more"


async def resend(rights: Rights, token: Token) -> bool:
    """Have an upload of unknown outcome sent on once more; True when a running proxy
    has taken it up, False when the next look into the spool will.

    Raises:
        Declined: it stands as it stood.
        SpoolError: as above, unless it says that it may not.
    """
    # Before the lease: taking that ends the body of one that is being received.
    await _check(rights, _looked_at(rights, token))
    try:
        async with rights.leases.hold(token, brief=True):
            with _undelivered(rights, token):
                upload = await _found(rights, await rights.spool.peek(token))
                await _check(rights, upload)
                asked = replace(upload, why=RESENT)
                await rights.ledger.advance(asked, Event.RESEND_ASKED, durable=True)
    except Refusal as refusal:
        raise Declined(refusal.detail) from refusal
    except UploadLost as exc:
        raise Declined(str(exc)) from exc
    said = await rights.peers.ask(
        Ask(Wish.TAKE_UP, token), lambda told: told.word is Word.DONE
    )
    return said is not None and said.word is Word.DONE


def _looked_at(rights: Rights, token: Token) -> Upload:
    try:
        return rights.guest.looks.look(token)
    except UploadMissing as exc:
        raise Declined("it has ended") from exc
    except UploadLost as exc:
        is_there = rights.guest.looks.size(token) is not None
        left = "; what there is of it can be exported" if is_there else ""
        raise Declined(f"{exc}{left}") from exc


async def _found(rights: Rights, upload: Upload) -> Upload:
    """`upload`, its forward ended with the process that made it, if it was in one."""
    if upload.state is not State.FORWARDING:
        return upload
    found = replace(upload, why="found after a crash")
    found = await rights.ledger.made_durable(found)
    return await rights.ledger.advance(found, Event.ORIGIN_LOST, durable=True)


async def _check(rights: Rights, upload: Upload) -> None:
    """Raises Declined: `upload` cannot be sent once more."""
    busy = rights.guest.is_delivered(upload.token)
    reason = why_not_resent(upload, busy=busy)
    if reason:
        raise Declined(reason)
    if upload.hidden or expired(upload, rights.guest.now()):
        raise Declined("its lifetime has ended; it can be exported until it is removed")
    if upload.state is State.UNKNOWN and not _is_whole(rights, upload):
        raise Declined(
            "its body may be damaged, since the power failed or the disk did before "
            "all of it was on the disk; export it and look"
        )


def _is_whole(rights: Rights, upload: Upload) -> bool:
    looks, token = rights.guest.looks, upload.token
    return upload.acknowledged == upload.length == looks.size(token)


@contextmanager
def _undelivered(rights: Rights, token: Token) -> Iterator[None]:
    """Within this no process can begin to deliver the upload.

    Raises:
        Declined: one does.
    """
    if not rights.deliveries.try_lock(token):
        raise Declined("it is being sent on just now")
    try:
        yield
    finally:
        rights.deliveries.unlock(token)


async def purge(rights: Rights, entry: Entry, wanted: Wanted | None = None) -> Purged:
    """Remove an upload for good, its body and its answer too.

    `wanted`: what it has to be still; None: whatever it is. Then a transfer that is
    under way is ended first; else only one of those that are `wanted` as such.

    Raises:
        Declined, SpoolError: it is there still.
    """
    token = entry.token
    politely = wanted is not None and entry.state != State.RECEIVING
    try:
        async with rights.leases.hold(token, politely=politely, brief=not politely):
            current = entry_of(rights.guest, token, entry.short)
            if current is None:
                return Purged.GONE
            if not _is_meant(rights, current, entry, wanted):
                return Purged.CHANGED
            return await _purge(rights, token)
    except Refusal as refusal:
        if politely:
            return Purged.CHANGED
        raise Declined(refusal.detail) from refusal


def _is_meant(
    rights: Rights, current: Entry, before: Entry, wanted: Wanted | None
) -> bool:
    """Whether the upload may go, as it stands now that nobody receives it."""
    if wanted is None or wanted.fits(current, rights.guest.now()):
        return True
    # It was being received, and is not only because we have come.
    let_go = (State.RECEIVING, State.INTERRUPTED)
    return (before.state, current.state) == let_go


async def _purge(rights: Rights, token: Token) -> Purged:
    for _ in range(_TRIES):
        if await rights.elsewhere.cancel(token):
            return Purged.HIDDEN
        if rights.deliveries.try_lock(token):
            try:
                return await _remove(rights, token)
            finally:
                rights.deliveries.unlock(token)
        await asyncio.sleep(_PAUSE_S)
    raise Declined("a process that sends it on does not give it up")


async def _remove(rights: Rights, token: Token) -> Purged:
    try:
        await rights.spool.peek(token)
    except UploadMissing:
        return Purged.GONE
    except UploadTooNew as exc:
        raise Declined(f"{exc}; that release can remove it") from exc
    except (UploadLost, SpoolError):
        pass  # it is removed, not read
    await rights.spool.delete(token, durable=True)
    rights.figures.let_go(token)
    return Purged.REMOVED
