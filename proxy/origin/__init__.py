"""The origin: one request to it, and its answer as it comes.

Everything that aiohttp's client would do by itself is turned off: no cookies, no
redirects, no decoding, no proxies of the environment, no fields of its own, and no
second attempt, except for a request without content whose method is idempotent, on a
connection that the origin had closed. The one invariant: what ``post`` raises says
truly how much of the request can have reached the origin (P3).

    contents  a request's content on its way, and what of it the kernel has taken
    answers   an answer's head, and its content as it comes
    upgrades  a connection that stops speaking HTTP
    failures  what went wrong, as families of ours and in words of RFC 9209
    sessions  aiohttp's client, with everything turned off
"""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

from aiohttp import ClientResponse, ClientSession
from multidict import CIMultiDict
from yarl import URL

from proxy.core.errors import BodyUnreadableError, OriginCut
from proxy.core.target import origin_form
from proxy.core.upload import Fields, Head
from proxy.spool import Reader

from .answers import AnswerStream
from .contents import PassedContent, Sending, Source, StoredContent
from .failures import FOREIGN, Failure, failed, failure_of
from .sessions import middlewares, open_session
from .upgrades import Upgraded

__all__ = ["AnswerStream", "Failure", "Origin", "Source", "Upgraded", "failure_of"]

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class Origin:
    """The one server behind the proxy. Made while an event loop runs."""

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_s: float,
        response_timeout_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`url`: scheme, host and port, or ``unix:/path``.

        `response_timeout_s`: how long the origin may be silent, or take nothing of a
        request. `tls`: whom to believe; None for the system's authorities.
        """
        unix_path = url.removeprefix("unix:") if url.startswith("unix:") else None
        parts = urlsplit("http://localhost" if unix_path else url)
        self._scheme = parts.scheme
        self._netloc = parts.netloc
        self._stall_s = response_timeout_s
        timeouts = (connect_timeout_s, response_timeout_s)
        # A connection of its own for everything that must not be sent twice: on an idle
        # one that the origin is about to close nobody could tell whether it arrived.
        self._fresh = open_session(unix_path, tls, *timeouts, keep=False)
        self._kept = open_session(unix_path, tls, *timeouts, keep=True)

    @property
    def authority(self) -> bytes:
        """Host and port, for `Host` where the client's is not preserved."""
        return self._netloc.encode("ascii")

    async def close(self) -> None:
        """End every connection."""
        await self._fresh.close()
        await self._kept.close()

    async def post(self, head: Head, body: Reader) -> AnswerStream:
        """The answer to `head` with the whole of `body`, sent once.

        `body` is not read any more when this returns: the origin has all of it, or has
        answered without wanting the rest.

        Raises:
            OriginUnreached: no connection came about.
            OriginCut: the kernel had not taken the whole request when it ended.
            OriginLost: it had, and no valid answer came.
        """
        content = StoredContent(body, self._stall_s)
        length = (b"Content-Length", str(body.size).encode())
        fields = (*head.fields, length)
        try:
            response = await self._request(self._fresh, head, fields, content)
        except FOREIGN as exc:
            content.give_up()
            _check_readable(content)
            raise failed(exc, all_left=content.all_left) from exc
        except asyncio.CancelledError:
            content.give_up()
            raise
        await _sent(response, content)
        return AnswerStream(response)

    async def exchange(self, head: Head, source: Source | None) -> AnswerStream:
        """The answer to `head`, whose fields are the ones to send, with content.

        The content is sent as it comes, framed by the `Content-Length` among the fields
        or chunked, and also while the answer comes.

        Raises:
            OriginError: no answer came.
            ClientGone: the content broke off before one came.
        """
        if source is None:
            kept = head.method in _IDEMPOTENT
            return await self._ask(self._kept if kept else self._fresh, head)
        content = PassedContent(source, self._stall_s)
        try:
            response = await self._request(self._fresh, head, head.fields, content)
        except FOREIGN as exc:
            if content.gone is not None:
                raise content.gone from exc
            raise failed(exc, all_left=content.all_left) from exc
        return AnswerStream(response)

    async def upgrade(self, head: Head) -> AnswerStream | Upgraded:
        """Ask for another protocol: the connection that speaks it, or a plain answer.

        Raises:
            OriginError: no answer came.
        """
        stream = await self._ask(self._fresh, head)
        return Upgraded(stream) if stream.answer.status == 101 else stream

    async def _ask(self, session: ClientSession, head: Head) -> AnswerStream:
        """One request without content."""
        try:
            response = await self._request(session, head, head.fields, None)
        except FOREIGN as exc:
            raise failed(exc, all_left=True) from exc
        return AnswerStream(response)

    async def _request(
        self,
        session: ClientSession,
        head: Head,
        fields: Fields,
        content: Sending | None,
    ) -> ClientResponse:
        headers = CIMultiDict(
            (name.decode("ascii"), value.decode("utf-8")) for name, value in fields
        )
        framed = content is None or "Content-Length" in headers
        return await session.request(
            head.method,
            self._url(head),
            headers=headers,
            data=content,
            chunked=None if framed else True,
            allow_redirects=False,
            middlewares=middlewares(
                headers, once=session is self._fresh, expect="Expect" in headers
            ),
        )

    def _url(self, head: Head) -> URL:
        """The target, query and all, as a path that is said to be encoded already: so
        nothing of it is quoted, resolved or split."""
        target = origin_form(head.method, head.target)
        return URL.build(
            scheme=self._scheme, authority=self._netloc, path=target, encoded=True
        )


async def _sent(response: ClientResponse, content: StoredContent) -> None:
    """Wait until nothing more of `content` is sent, after the answer's head.

    An origin that refuses does not want the rest. One that accepts early may still be
    reading, and would take a stop for a cut.
    """
    if response.status >= 400:
        content.stop()
    try:
        await content.ended.wait()
        _check_readable(content)
    except (asyncio.CancelledError, OriginCut):
        response.close()
        raise


def _check_readable(content: StoredContent) -> None:
    """Raise OriginCut when it was our spool that broke the request off."""
    if content.unreadable is not None:
        raise BodyUnreadableError(str(content.unreadable)) from content.unreadable
