"""The questions, one function each: something is tried, and what is seen is told.

No meaning is given to it here. Whatever does not answer is something that was seen,
too; only what makes the rest pointless is raised. The one invariant: each connection is
closed where it was opened.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Final

from proxy.client.target import Target
from proxy.client.wire import Connection, NoAnswer, Said, Secrecy, Unreached

from .patient import (
    VERSIONS,
    Patient,
    speaks_of_uploads,
    version_told,
)
from .seen import (
    Cut,
    Ending,
    Interims,
    Located,
    Long,
    Secure,
    Shared,
    Silence,
)
from .telling import problem

INTERIM_S: Final = 2.0
"""Seconds for a 104 to come before content is sent; it needs one round trip."""
CUT_SIZE: Final = 262_144
"""Bytes that are announced; half of them are sent. More than a front keeps in one of
its buffers, less than the smallest cap."""
_PIECES: Final = 8
_SLOWLY_S: Final = 0.1
"""Between two pieces: so that a front that streams has passed each on."""
_SETTLES_S: Final = 0.5
"""Before the cut; the last piece has a network to cross."""
_CREATION_SIZE: Final = 8192
_PIECE: Final = 65536
_WANTED_HEADERS: Final = (
    "content-type, upload-complete, upload-draft-interop-version, upload-length, "
    "upload-offset"
)


async def secrecy(target: Target) -> Secrecy | None:
    """TLS, as far as there is any.

    Raises:
        Unreached: no connection, or no certificate to be believed.
    """
    connection = await Connection.open(target)
    try:
        return connection.secrecy
    finally:
        await connection.close()


def secure(told: Secrecy) -> Secure:
    """The parts of it that matter."""
    end = told.certificate.get("notAfter")
    expires = ssl.cert_time_to_seconds(end) if isinstance(end, str) else None
    return Secure(told.version, expires)


async def versions(patient: Patient) -> tuple[int, ...]:
    """The interop versions that are echoed; empty when none is.

    Raises:
        Unreached, NoAnswer: it cannot be asked.
    """
    told = []
    for version in VERSIONS:
        said = await patient.options(version=version)
        if version_told(said) == str(version):
            told.append(version)
    return tuple(told)


async def location(patient: Patient, created: Said) -> Located | None:
    """What is at the Location of a creation; None when it has none."""
    where = patient.located(created)
    if where is None:
        return None
    asked = patient.target
    status, why = None, ""
    try:
        status = (await patient.offset(where)).status
    except (Unreached, NoAnswer) as exc:
        why = str(exc)
    return Located(
        asked.url,
        where.url,
        same_scheme=where.scheme == asked.scheme,
        same_server=where.place == asked.place,
        status=status,
        why=why,
    )


async def interims(patient: Patient) -> Interims:
    """When a 104 comes to a creation with content.

    Raises:
        Unreached, NoAnswer: the creation cannot be begun.
    """
    connection = await patient.begin_creation(_CREATION_SIZE)
    began = time.monotonic()
    try:
        first = None
        try:
            first = await connection.hear_head(INTERIM_S)
            after_s = time.monotonic() - began
            if first is not None and first.status >= 200:
                patient.remember(first)
                return Interims(None, False, first.status)
            await connection.send(b"\0" * _CREATION_SIZE)
            answer = await connection.hear("POST")
        except NoAnswer:
            return _unanswered(patient, first, time.monotonic() - began)
        patient.remember(answer)
    finally:
        await connection.close()
    if first is not None:
        patient.remember(first)
        return _heard(first, after_s, answer.status, before=True)
    told = [one for one in answer.interims if one.status == 104]
    if not told:
        return Interims(None, False, answer.status)
    return _heard(told[0], time.monotonic() - began, answer.status, before=False)


def _unanswered(patient: Patient, first: Said | None, after_s: float) -> Interims:
    if first is None:
        return Interims(None, False, None, mistaken=True)
    patient.remember(first)
    return Interims(after_s, True, None, mistaken=True)


def _heard(interim: Said, after_s: float, status: int, *, before: bool) -> Interims:
    framed = any(
        interim.value(name) is not None
        for name in ("transfer-encoding", "content-length", "connection")
    )
    return Interims(after_s, before, status, mistaken=framed)


async def cut(patient: Patient, where: Target) -> Cut:
    """Half of an append, slowly, and then no more of it.

    Raises:
        Unreached, NoAnswer: the append cannot be begun.
    """
    connection = await patient.begin_append(where, 0, CUT_SIZE)
    sent, piece = 0, b"\0" * (CUT_SIZE // 2 // _PIECES)
    refused = None
    try:
        for _ in range(_PIECES):
            await connection.send(piece)
            sent += len(piece)
            head = await connection.hear_head(_SLOWLY_S)
            if head is not None and head.status >= 200:
                refused = head.status
                break
        else:
            await connection.hear_head(_SETTLES_S)
    except NoAnswer:
        refused = refused or 0
    finally:
        await connection.close()
    return Cut(sent, await _offset(patient, where), refused)


async def _offset(patient: Patient, where: Target) -> int | None:
    try:
        told = (await patient.offset(where)).value("upload-offset")
    except (Unreached, NoAnswer):
        return None
    return int(told) if told is not None and told.isdigit() else None


async def long(patient: Patient, where: Target, offset: int, size: int) -> Long:
    """An append of `size` bytes, the upload not being complete with it.

    Raises:
        Unreached, NoAnswer: the append cannot be begun.
    """
    connection = await patient.begin_append(where, offset, size)
    hearing = asyncio.ensure_future(connection.hear("PATCH", _hour_at_most(size)))
    taken = 0
    said: Said | None
    try:
        while taken < size and not hearing.done():
            piece = min(_PIECE, size - taken)
            await connection.send(b"\0" * piece)
            taken += piece
        said = await hearing
    except NoAnswer:
        said = await _last_words(hearing)
    finally:
        hearing.cancel()
        await asyncio.wait([hearing])
        await connection.close()
    if said is None:
        return Long(size, taken, None, from_proxy=False)
    ours = speaks_of_uploads(said)
    limits = said.value("upload-limit")
    return Long(size, taken, said.status, ours, limits, problem(said))


def _hour_at_most(size: int) -> float:
    """Seconds for an answer after `size` bytes, sent at 100 kB a second or faster."""
    return min(3600.0, 60.0 + size / 100_000)


async def _last_words(hearing: asyncio.Future[Said]) -> Said | None:
    """What was said before the connection ended."""
    try:
        return await hearing
    except NoAnswer:
        return None


async def silence(
    patient: Patient, where: Target, offset: int, patience_s: float
) -> Silence:
    """An append that says nothing for `patience_s` in its middle.

    Raises:
        Unreached, NoAnswer: the append cannot be begun.
    """
    connection = await patient.begin_append(where, offset, CUT_SIZE)
    began = time.monotonic()
    try:
        await connection.send(b"\0" * _CREATION_SIZE)
        while (left := patience_s - (time.monotonic() - began)) > 0:
            head = await connection.hear_head(left)
            if head is not None and head.status >= 200:
                return Silence(patience_s, time.monotonic() - began, head.status)
    except NoAnswer:
        return Silence(patience_s, time.monotonic() - began)
    finally:
        await connection.close()
    return Silence(patience_s, None)


async def ending(patient: Patient, where: Target, offset: int) -> Ending:
    """Says that the upload at `where` is complete: the application gets it.

    Raises:
        Unreached, NoAnswer: it cannot be said.
    """
    connection = await patient.begin_append(where, offset, 0, last=True)
    began = time.monotonic()
    try:
        said = await connection.hear("PATCH", 600.0)
    except NoAnswer:
        return Ending(None, time.monotonic() - began, from_proxy=False)
    finally:
        await connection.close()
    patient.forget(where)
    return Ending(said.status, time.monotonic() - began, speaks_of_uploads(said))


async def shared(patient: Patient, where: Target, origin: str) -> Shared:
    """What a page of `origin` would be told.

    Raises:
        Unreached, NoAnswer: it cannot be asked.
    """
    preflight = await patient.options(
        ("Origin", origin),
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", _WANTED_HEADERS),
    )
    answer = await patient.offset(where, ("Origin", origin))
    return Shared(origin, _named(preflight), preflight.status, _named(answer))


def _named(said: Said) -> dict[str, str]:
    return {name.lower(): said.value(name) or "" for name, _ in said.fields}
