"""One place of uploads, spoken to in one interop version.

Every request becomes an ``Exchange``, whatever happens to it: that somebody does not
answer is something that was seen, too. The one invariant: every upload that was heard
of is remembered until it was cancelled.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import h11

from proxy.client.target import Target
from proxy.client.wire import Connection, Lines, NoAnswer, Unreached

from . import raw
from .exchange import Exchange, speaks_of_uploads
from .talk import Talk
from .versions import Version

INTERIM_S: Final = 1.0
"""Seconds for a 104 to come before content is sent; it needs one round trip."""
_LOOK_S: Final = 0.1
"""Between two looks at what a server tells when it likes: nothing says when that is."""
COMPLETES_S: Final = 5.0
"""Seconds for an upload to be complete once all of its bytes are there."""


class Unusable(Exception):
    """What a probe needs is not there, such as an upload; caught in ``suite``."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where uploads are created, and how."""

    target: Target
    method: str = "POST"
    fields: Lines = ()
    """More fields of every request, such as Authorization."""
    content_type: str = "application/octet-stream"
    size: int = 65536
    """Bytes of an upload."""
    part: int = 64
    """Bytes of a part where few will do; what a server takes at least."""
    interim_s: float = INTERIM_S
    """Seconds for an interim."""


class Speaker:
    """Speaks `version` to a place."""

    def __init__(self, place: Place, version: Version) -> None:
        self.place = place
        self.version = version
        self._begun: dict[str, Target] = {}

    async def begin(self, method: str, where: Target, *fields: tuple[str, str]) -> Talk:
        """A request without its content, in no version.

        Raises:
            Unusable: the server told a URL that cannot be asked.
            Unreached: no connection.
        """
        lines = self._with(fields)
        try:
            connection = await Connection.open(where)
        except UnicodeError as exc:
            raise Unusable(f"{where.url} names no host: {exc}") from exc
        own = {name.lower() for name, _ in fields}
        secret = {name.lower() for name, _ in self.place.fields} - own
        talk = Talk(connection, method, _told(method, where, lines, secret))
        try:
            await connection.begin(method, where.path, lines)
        except NoAnswer:
            pass  # told by the one who finishes it
        except h11.LocalProtocolError as exc:
            await connection.close()
            raise Unusable(f"{where.url} cannot be asked: {exc}") from exc
        return talk

    async def ask(
        self, method: str, where: Target, *fields: tuple[str, str], content: bytes = b""
    ) -> Exchange:
        """A whole request, in no version. Raises Unreached."""
        length = ("Content-Length", str(len(content)))
        talk = await self.begin(method, where, *fields, *([length] if content else []))
        if content:
            await talk.send(content)
        return await talk.finish()

    async def create(
        self,
        *fields: tuple[str, str],
        content: bytes = b"",
        last: bool = False,
        length: int | None = None,
    ) -> Exchange:
        """A creation, its content sent when a 104 came or none will.

        length: told as that of the content; None: the true one. Raises Unreached.
        """
        talk = await self.begin_creation(
            *fields, length=len(content) if length is None else length, last=last
        )
        if content:
            await talk.listen(self.place.interim_s, until=104)
            if talk.said is None:
                await talk.send(content)
        exchange = await talk.finish()
        self.remember(exchange)
        return exchange

    async def begin_creation(
        self, *fields: tuple[str, str], length: int, last: bool = False
    ) -> Talk:
        """The head of a creation with `length` bytes of content. Raises Unreached."""
        lines = self.over(
            self.version.field,
            self.version.says(last=last),
            ("Content-Type", self.place.content_type),
            ("Content-Length", str(length)),
            over=fields,
        )
        return await self.begin(self.place.method, self.place.target, *lines)

    async def begin_append(
        self,
        where: Target,
        at: int,
        length: int,
        *fields: tuple[str, str],
        last: bool = False,
    ) -> Talk:
        """The head of an append. Raises Unreached."""
        lines = self.over(
            self.version.field,
            self.version.says(last=last),
            ("Content-Type", self.version.media_type or self.place.content_type),
            ("Upload-Offset", str(at)),
            ("Content-Length", str(length)),
            over=fields,
        )
        return await self.begin("PATCH", where, *lines)

    async def append(
        self,
        where: Target,
        at: int,
        content: bytes,
        *fields: tuple[str, str],
        last: bool = False,
    ) -> Exchange:
        """A whole append; a field of `fields` that is empty leaves its like out."""
        talk = await self.begin_append(where, at, len(content), *fields, last=last)
        if content:
            await talk.send(content)
        return await talk.finish()

    async def head(self, where: Target, *fields: tuple[str, str]) -> Exchange:
        """Where the upload stands. Raises Unreached."""
        return await self.ask("HEAD", where, self.version.field, *fields)

    async def settled(self, where: Target, wanted: int) -> Exchange:
        """The same, as soon as it tells `wanted`, or after a second."""
        end = time.monotonic() + 1.0
        while True:
            asked = await self.head(where)
            told = asked.offset
            if told is None or told >= wanted or time.monotonic() > end:
                return asked
            await asyncio.sleep(_LOOK_S)

    async def settled_done(self, where: Target) -> Exchange:
        """The same, as soon as it is complete, or after `COMPLETES_S`."""
        end = time.monotonic() + COMPLETES_S
        while True:
            asked = await self.head(where)
            if asked.done(self.version) is not False or time.monotonic() > end:
                return asked
            await asyncio.sleep(_LOOK_S)

    async def cancel(self, where: Target, *fields: tuple[str, str]) -> Exchange:
        """Raises Unreached."""
        return await self.ask("DELETE", where, self.version.field, *fields)

    async def upload(self, *fields: tuple[str, str]) -> Target:
        """A new upload without content.

        Raises:
            Unusable: none could be had.
            Unreached: no connection.
        """
        return self.at(await self.create(*fields))

    def at(self, exchange: Exchange) -> Target:
        """The upload that was told of.

        Raises:
            Unusable: none was.
        """
        where = self.located(exchange)
        if where is None:
            raise Unusable(f"no upload was made: {exchange.summary}")
        return where

    def located(self, exchange: Exchange) -> Target | None:
        """The upload that was told of; None when none was.

        A final response that has no word of uploads, or comes to a request that said
        that everything is there, may locate what the application has made of it.
        """
        told = list(exchange.resumptions)
        whole = ": ".join(self.version.says(last=True)) in exchange.asked.split("\r\n")
        if exchange.said is not None and exchange.succeeded and not whole:
            told += [exchange.said] if speaks_of_uploads(exchange.said) else []
        for said in told:
            location = said.value("Location")
            if location is not None:
                try:
                    return self.place.target.resolve(location)
                except ValueError:  # WrongUrl, and what no URL can be made of
                    return None
        return None

    def remember(self, exchange: Exchange) -> Target | None:
        where = self.located(exchange)
        if where is not None:
            self._begun[where.url] = where
        return where

    async def raw(
        self, where: Target, first: str, *lines: str, content: bytes
    ) -> Exchange:
        """A request of these very lines, heard to the end. Raises Unreached."""
        finals = await self.finals(where, first, *lines, content=content)
        told = "\r\n".join([first, *lines])
        silent = Exchange(told, len(content), why="the connection ended unanswered")
        return finals[0] if finals else silent

    async def finals(
        self, where: Target, first: str, *lines: str, content: bytes
    ) -> list[Exchange]:
        """Everything that is said to these very lines. Raises Unreached."""
        extra = [f"{name}: {value}" for name, value in self.place.fields]
        head = "\r\n".join([first, f"Host: {where.authority}", *extra, *lines])
        data = head.encode("latin-1") + b"\r\n\r\n" + content
        told = "\r\n".join([first, *lines])
        exchanges = [
            Exchange(told, len(content), said, said.interims)
            for said in await raw.heard(where, data)
        ]
        for exchange in exchanges:
            if where == self.place.target:
                self.remember(exchange)
        return exchanges

    async def cancel_all(self) -> None:
        """Cancels what was begun, where the server does such things."""
        for where in list(self._begun.values()):
            try:
                await self.cancel(where)
            except Unusable:
                continue  # it was never one
            except Unreached:
                return  # gone, and with it the reason
        self._begun.clear()

    @staticmethod
    def over(*own: tuple[str, str], over: Lines) -> Lines:
        """`own` with `over` in their place; what is empty there is left out."""
        named = {name.lower() for name, _ in over}
        kept = tuple(line for line in own if line[0].lower() not in named)
        return (*kept, *(line for line in over if line[1]))

    def _with(self, fields: Lines) -> Lines:
        return self.over(*self.place.fields, over=fields)


def _told(method: str, where: Target, lines: Lines, secret: set[str]) -> str:
    """The head for a report, which goes to others: without what is `secret`."""
    shown = [
        f"{name}: {'...' if name.lower() in secret else value}" for name, value in lines
    ]
    return "\r\n".join([f"{method} {where.path}", *shown])
