"""The origin: one request to it, and its answer as it comes.

Everything that aiohttp's client would do by itself is turned off: no cookies, no
redirects, no decoding, no proxies of the environment, no fields of its own, and no
second attempt. A complete upload goes past that client, on a connection of which all is
known, and so does a short request that is all here: it may share a connection then,
which is most of what it costs. What is passed through with an idempotent method, and is
still here, is sent once more where a connection ended without an answer. The one
invariant: what ``Channel.send`` raises says truly how much of the request can have
reached the origin (P3).

    channel     the way for one upload: its request, sent once
    sending     that request on its way, and what of it the kernel has taken
    requests    its head as bytes
    connection  a socket, aiohttp's parser, and how it ended
    hearing     a connection as aiohttp's parser has it
    dialing     how a connection comes about
    idle        connections that may carry another request
    evidence    what the origin's kernel has taken
    silence     how long it may say nothing
    answers     an answer's head, and its content as it comes
    contents    content that is passed through
    upgrades    a connection that stops speaking HTTP
    failures    what went wrong, as families of ours and in words of RFC 9209
    observer    who counts what happens here
    sessions    aiohttp's client, with everything turned off
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from aiohttp import ClientResponse, ClientSession, Payload
from multidict import CIMultiDict
from yarl import URL

from proxy.core.errors import OriginError, OriginUnreached
from proxy.core.target import origin_form
from proxy.core.upload import DEFAULT_ROUTE, Head, first_of

from .answers import AnswerStream
from .channel import Channel
from .contents import PassedContent, ShortContent, Source
from .dialing import Dialer
from .failures import FOREIGN, Failure, OnlyOnceError, failed, failure_of
from .idle import IdleConnections
from .observer import NOBODY, Connected, Observer
from .sending import SMALL
from .sessions import Held, held, middlewares, open_session
from .upgrades import Upgraded

__all__ = [
    "AnswerStream",
    "Channel",
    "Connected",
    "Failure",
    "Held",
    "Observer",
    "Origin",
    "Source",
    "Upgraded",
    "failure_of",
]

SHARED = 1024 * 1024
"""Bytes of content up to which an upload shares its connection with others: for more,
connecting costs little beside the sending, and sending again costs much."""
_PORTS = {"http": 80, "https": 443}
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class Origin:
    """The one server behind the proxy. Made while an event loop runs.

    Every request says which route it takes: that is for who counts, and for nothing
    else, since routes to one origin share its connections.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_s: float,
        response_timeout_s: float,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        observer: Observer = NOBODY,
    ) -> None:
        """`url`: scheme, host and port, or ``unix:/path``.

        `response_timeout_s`: how long the origin may be silent, or take nothing of a
        request. `tls`: whom to believe; None for the system's authorities.
        `server_name`: what its certificate has to say; None: the host of `url`.
        """
        unix_path = url.removeprefix("unix:") if url.startswith("unix:") else None
        parts = urlsplit("http://localhost" if unix_path else url)
        self._scheme = parts.scheme
        self._netloc = parts.netloc
        self._server_name = server_name
        self._stall_s = response_timeout_s
        self._dialer = Dialer(
            unix_path,
            parts.hostname or "",
            parts.port or _PORTS[parts.scheme],
            (tls or _believing_the_system()) if parts.scheme == "https" else None,
            server_name=server_name,
            connect_timeout_s=connect_timeout_s,
            silence_s=response_timeout_s,
            observer=observer,
        )
        self._observer = observer
        self._idle = IdleConnections()
        timeouts = (connect_timeout_s, response_timeout_s)
        # A connection of its own for everything with content: on an idle one that the
        # origin is about to close, aiohttp's client could not tell whether it arrived.
        self._fresh = open_session(unix_path, tls, *timeouts, keep=False)
        self._kept = open_session(unix_path, tls, *timeouts, keep=True)
        observer.watch(self)

    @property
    def authority(self) -> bytes:
        """Host and port, for `Host` where the client's is not preserved."""
        return self._netloc.encode("ascii")

    @property
    def held(self) -> Held:
        """Its open connections; a tunnel has one, too. Counted when asked for."""
        ours = sum(one.is_connected() for one in self._dialer.open)
        idle = self._idle.open
        theirs = (held(self._fresh), held(self._kept))
        return Held(
            idle=idle + sum(one.idle for one in theirs),
            busy=ours - idle + sum(one.busy for one in theirs),
        )

    async def close(self) -> None:
        """End every connection that carries nothing, and those that pass through."""
        self._idle.close()
        await self._fresh.close()
        await self._kept.close()

    async def connect(self, size: int, route: str = DEFAULT_ROUTE) -> Channel:
        """A way for one complete request, with a body of `size` bytes.

        Raises:
            OriginUnreached: there is none.
        """
        # Evidence of what the origin has taken is there for TCP only.
        again = size <= SHARED and not self._dialer.is_local
        idle = self._idle if again else None
        connection = idle.take() if idle is not None else None
        if connection is None:
            connection = await self._dialer.dial(route)
        told = (route, self._observer)
        return Channel(connection, self._dialer, idle, self._stall_s, *told)

    async def exchange(
        self, head: Head, source: Source | None, route: str = DEFAULT_ROUTE
    ) -> AnswerStream:
        """The answer to `head`, whose fields are the ones to send, with content.

        The content is sent as it comes, framed by the `Content-Length` among the fields
        or chunked, and also while the answer comes.

        Raises:
            OriginError: no answer came.
            ClientGone: the content broke off before one came.
        """
        if source is None:
            return await self._ask_again(head, route)
        if source.all_came and _is_short(head):
            return await self._exchange_short(head, source, route)
        content = PassedContent(source, self._stall_s)
        try:
            response = await self._request(self._fresh, head, content, route)
        except FOREIGN as exc:
            if content.gone is not None:
                raise content.gone from exc
            raise self._failed(exc, route) from exc
        return AnswerStream(response)

    async def _exchange_short(
        self, head: Head, source: Source, route: str
    ) -> AnswerStream:
        """The answer to `head` with content that is all here, sent as an upload is."""
        content = b""
        while chunk := await source.read():
            content += chunk
        channel = await self.connect(len(content), route)
        try:
            again = head.method in _IDEMPOTENT
            body = ShortContent(content)
            return await channel.send(head, body, framed=True, repeatable=again)
        finally:
            channel.close()

    async def upgrade(
        self, head: Head, route: str = DEFAULT_ROUTE
    ) -> AnswerStream | Upgraded:
        """Ask for another protocol: the connection that speaks it, or a plain answer.

        Raises:
            OriginError: no answer came.
        """
        stream = await self._ask(self._fresh, head, route, may_switch=True)
        return Upgraded(stream) if stream.answer.status == 101 else stream

    async def _ask_again(self, head: Head, route: str) -> AnswerStream:
        """The answer to `head` without content.

        On a connection that has carried others, where it may be sent once more: then on
        a fresh one, since when an origin ends one of those it mostly ends them all.

        Source: RFC 9110 "Idempotent Methods"; RFC 9112 "Retrying Requests".
        """
        if head.method in _IDEMPOTENT:
            try:
                return AnswerStream(await self._request(self._kept, head, None, route))
            except OnlyOnceError:
                pass  # what became of it does not matter
            except FOREIGN as exc:
                raise self._failed(exc, route) from exc
        return await self._ask(self._fresh, head, route)

    async def _ask(
        self,
        session: ClientSession,
        head: Head,
        route: str,
        *,
        may_switch: bool = False,
    ) -> AnswerStream:
        """One request without content."""
        try:
            response = await self._request(session, head, None, route)
        except FOREIGN as exc:
            raise self._failed(exc, route) from exc
        return AnswerStream(response, may_switch=may_switch)

    def _failed(self, exc: BaseException, route: str) -> OriginError:
        """The error for `exc`, for a request that was passed through."""
        error = failed(exc, all_left=True)
        error.__cause__ = exc
        reached = not isinstance(error, OriginUnreached)
        self._observer.failed(failure_of(error), route, reached=reached)
        return error

    async def _request(
        self,
        session: ClientSession,
        head: Head,
        content: Payload | None,
        route: str,
    ) -> ClientResponse:
        headers = CIMultiDict(
            (name.decode("ascii"), value.decode("utf-8")) for name, value in head.fields
        )
        framed = content is None or "Content-Length" in headers
        response = await session.request(
            head.method,
            self._url(head),
            headers=headers,
            data=content,
            chunked=None if framed else True,
            server_hostname=self._server_name,
            allow_redirects=False,
            middlewares=middlewares(headers, expect="Expect" in headers),
        )
        self._observer.answered(response.status, route)
        return response

    def _url(self, head: Head) -> URL:
        """The target, query and all, as a path that is said to be encoded already: so
        nothing of it is quoted, resolved or split."""
        target = origin_form(head.method, head.target)
        return URL.build(
            scheme=self._scheme, authority=self._netloc, path=target, encoded=True
        )


def _is_short(head: Head) -> bool:
    """True for content that leaves in one packet or two with its head, and may.

    Who sends `Expect` waits for the origin's word before its content is to leave.
    """
    # Nothing else is asked of this head: an index of its fields would cost more.
    length = first_of(head.fields, b"content-length")
    if length is None or first_of(head.fields, b"expect") is not None:
        return False
    return int(length) <= SMALL


def _believing_the_system() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
