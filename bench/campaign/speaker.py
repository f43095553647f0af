"""One request over a raw socket: sent in pieces, left or answered, all of it noted.

What the server says is heard while content is still being sent, as real clients do. The
one invariant: every Upload-Offset and every Location that is heard goes to the history,
of interim responses and of connections that were left as well.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tests.kit.answer import Answer
from tests.kit.raw import (
    Connection,
    Lines,
    NoAnswerError,
    Response,
    chunk,
    request,
)
from tests.kit.words import words

from .choices import Cut, Sending
from .history import History, Try, clock
from .origin import KEY_FIELD

_AGAIN_S: Final = (0.1, 0.4)
"""Seconds that a client waits when the proxy takes no connection, at the least and at
the most."""

_WHOLE: Final = Sending(chunked=False, piece=1, pause_s=0, cut=None)


@dataclass(frozen=True, slots=True)
class Said:
    """A request."""

    method: str
    target: str
    version: int
    fields: Lines = ()
    """Without those that frame the content."""
    at: int = 0
    """Offset of the content in the body."""
    content: bytes | None = None
    """None: a method without content."""
    sending: Sending = _WHOLE


class Speaker:
    """Says the requests of one upload, each on a connection of its own."""

    def __init__(
        self, address: str, history: History, group: asyncio.TaskGroup
    ) -> None:
        """`group`: where transfers go on that were left open."""
        self._address = address
        self._history = history
        self._group = group
        self._connections: list[Connection] = []

    async def close(self) -> None:
        """Reset whatever was left open."""
        for connection in self._connections:
            await connection.reset()

    async def exchange(self, said: Said, one: Try) -> Answer | None:
        """The final response; None when the request was left, or got none."""
        self._history.figures.requests += 1
        self._history.note(f"> {_described(said)}")
        try:
            connection = await Connection.open(self._address)
        except (OSError, TimeoutError) as exc:
            self._history.note(f"< no connection: {exc!r}")
            await asyncio.sleep(random.uniform(*_AGAIN_S))
            return None
        one.begun_at = one.begun_at or clock()
        self._connections.append(connection)
        named = asyncio.Event()
        hearing = self._group.create_task(self._hear(connection, said, one, named))
        cut = said.sending.cut
        await self._send(connection, said, one)
        if cut is not None:
            if cut.knows and one.path is None:
                await _patiently(named)
            await self._leave(connection, said, one, cut)
            return None
        answer = await hearing
        self._connections.remove(connection)
        await connection.close()
        if answer is None:
            self._history.figures.broken += 1
        return answer

    async def _hear(
        self, connection: Connection, said: Said, one: Try, named: asyncio.Event
    ) -> Answer | None:
        """What comes back; `named` is set once the upload's URL is known."""
        spoken, floor = words(said.version), one.highest

        def heard(response: Response) -> Answer:
            answer = Answer(response, spoken)
            self._history.note(f"< {_told(answer)}")
            if answer.location is not None and one.path is None:
                one.path = urlsplit(answer.location).path
                one.named_at = clock()
                named.set()
            if answer.offset is not None:
                answered = answer.one(KEY_FIELD) is not None
                self._history.told(one, answer.offset, floor=floor, answered=answered)
            return answer

        try:
            response = await connection.hear(said.method, heard)
            answer = heard(response)
            # An answer of the proxy's own that broke off is none.
            return answer if response.whole or answer.one(KEY_FIELD) else None
        except NoAnswerError:
            self._history.note("< the connection ended")
        except TimeoutError:
            self._history.note("< nothing came in time")
        except (AssertionError, ValueError) as exc:
            self._history.violated(
                "odd", one, f"not in words of v{said.version}: {exc}"
            )
        return None

    async def _send(self, connection: Connection, said: Said, one: Try) -> None:
        cut = said.sending.cut
        head = request(said.method, said.target, *said.fields, *_framing(said))
        await connection.send(head)
        if said.content is None:
            return
        end = len(said.content) if cut is None else cut.after
        await self._send_content(connection, said, one, range(end))
        if said.sending.chunked and (cut is None or cut.ends):
            await connection.send(chunk(b""))

    async def _send_content(
        self, connection: Connection, said: Said, one: Try, what: range
    ) -> None:
        """Send these bytes of the content, in pieces."""
        content, sending = said.content or b"", said.sending
        for start in range(what.start, what.stop, sending.piece):
            piece = content[start : min(start + sending.piece, what.stop)]
            one.sent = max(one.sent, said.at + start + len(piece))
            one.sent_at = clock()
            self._history.figures.bytes_sent += len(piece)
            try:
                await connection.send(chunk(piece) if sending.chunked else piece)
            except TimeoutError:
                self._history.note("> the connection takes no more")
                return
            if sending.pause_s:
                await asyncio.sleep(sending.pause_s)

    async def _leave(
        self, connection: Connection, said: Said, one: Try, cut: Cut
    ) -> None:
        cuts = self._history.figures.cuts
        cuts[cut.how] = cuts.get(cut.how, 0) + 1
        self._history.note(f"> left by {cut.how} after {cut.after} bytes")
        match cut.how:
            case "fin":
                connection.finish()
            case "reset":
                await connection.reset()
            case "takeover":
                rest = range(cut.after, len(said.content or b""))
                self._group.create_task(self._send_content(connection, said, one, rest))
            case "stall":
                pass  # it stays open, and silent


async def _patiently(event: asyncio.Event) -> None:
    """Wait a second for it; where no 104 is due it never comes."""
    try:
        async with asyncio.timeout(1):
            await event.wait()
    except TimeoutError:
        pass  # then it is left without knowing


def _framing(said: Said) -> Lines:
    if said.content is None:
        return ()
    if said.sending.chunked:
        return (("Transfer-Encoding", "chunked"),)
    return (("Content-Length", str(len(said.content))),)


def _described(said: Said) -> str:
    what = f"{said.method} {said.target[-50:]} v{said.version}"
    if said.content is None:
        return what
    how = "chunked" if said.sending.chunked else "with length"
    fields = ", ".join(f"{name}: {value}" for name, value in said.fields)
    return f"{what} {len(said.content)} bytes at {said.at} {how} ({fields})"


def _told(answer: Answer) -> str:
    whole = answer.response.whole
    kind = answer.problem.get("type", "").rpartition(":")[2] if whole else "broken off"
    return (
        f"{answer.status} offset={answer.offset} complete={answer.complete} "
        f"length={answer.length} {kind}"
    ).rstrip()
