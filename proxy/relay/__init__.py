"""What is no upload: passed through to the origin and back, streamed both ways.

A request goes on as it came, its content at the pace of the origin, the answer at the
pace of the client; nothing is kept. What goes wrong before the origin's head is told as
a problem, what goes wrong after it ends the connection. The one invariant: neither side
ever takes a message that broke off for a whole one.

Source: RFC 9110 "Intermediaries"; RFC 9112.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from proxy.core.errors import OriginError
from proxy.core.front import Front
from proxy.core.headers import (
    Passage,
    forwards_left,
    passes_us_again,
    to_origin,
    upload_to_origin,
    with_forwards_left,
)
from proxy.core.target import ASTERISK, origin_form
from proxy.core.upload import DEFAULT_ROUTE, Fields, Head, Reply
from proxy.core.values import replace
from proxy.origin import AnswerStream, Origin, Upgraded, failure_of
from proxy.wire import (
    Body,
    Sent,
    client_present,
    problem_reply,
    send,
    with_request_id,
)
from proxy.wire.heads import ALLOW

from .tunnel import asking_websocket, tunnel, wants_websocket

_DETAILS: Final = {
    502: "The server behind this one could not be reached, or did not answer.",
    504: "The server behind this one did not answer in time.",
}

Dress = Callable[[Fields], Fields]
"""Gives the fields of a response what its client may have besides."""


def _as_they_are(fields: Fields) -> Fields:
    return fields


class Relay:
    """Passes requests through to one origin."""

    def __init__(
        self,
        origin: Origin,
        passage: Passage,
        *,
        idle_timeout_s: float,
        minimum_rate: int = 0,
        route: str = DEFAULT_ROUTE,
    ) -> None:
        """`idle_timeout_s`: how long a client may leave its content without a byte;
        `minimum_rate`: bytes of it that have to come in a second, 0 for any. `route`:
        the one that all of these requests take."""
        self._origin = origin
        self._route = route
        self._passage = passage
        self._idle_timeout_s = idle_timeout_s
        self._minimum_rate = minimum_rate

    async def pass_through(
        self,
        request: web.BaseRequest,
        head: Head,
        front: Front,
        request_id: str,
        dress: Dress = _as_they_are,
    ) -> Sent:
        """Let the origin answer `request`; `dress` gives its fields the last touch.

        Raises:
            ClientGone: the client has gone, or its content broke off.
        """

        async def reply(what: Reply) -> Sent:
            what = with_request_id(what, request_id, dress(what.fields))
            return await send(request, what, head_only=head.method == "HEAD")

        own = self.own_answer(head)
        if own is not None:
            return await reply(own)
        onward = self._onward(head, front, request_id)
        async with client_present(request):
            try:
                answer = await self._fetch(request, head, onward)
                if isinstance(answer, AnswerStream):
                    answer.check()
            except OriginError as exc:
                return await reply(self._failure(exc))
            if isinstance(answer, AnswerStream):
                try:
                    return await reply(_passed_on(answer))
                finally:
                    await answer.close()
        return await tunnel(request, answer)

    @asynccontextmanager
    async def ask(
        self,
        head: Head,
        front: Front,
        request_id: str,
        *,
        unwanted: Collection[int] = (),
        weighed: Collection[int] = (),
    ) -> AsyncIterator[Reply]:
        """The origin's answer to `head` without content (R81), to be passed on within.

        `unwanted`: statuses whose content nobody wants: it is not waited for, and left
        out. `weighed`: those where it matters whether there is any: its beginning is
        waited for, and it is bytes where there is none.

        Raises:
            OriginError: it gave none, or broke off before its content began.
        """
        fields = upload_to_origin(head, front, self._passage, request_id)
        asked = replace(head, fields=_one_forward_less(fields, head))
        stream = await self._origin.exchange(asked, None, self._route)
        try:
            status = stream.answer.status
            if status in unwanted:
                # Now: what is said instead may be long in being taken.
                await stream.close()
                yield Reply(status, stream.answer.fields)
                return
            stream.check()
            is_empty = status in weighed and not await stream.begun()
            passed = _passed_on(stream)
            yield replace(passed, content=b"") if is_empty else passed
        finally:
            await stream.close()

    def own_answer(self, head: Head) -> Reply | None:
        """The answer to what must not go on to the origin; None when it must."""
        if passes_us_again(head, self._passage.pseudonym):
            return problem_reply(
                508, "loop-detected", "The request has come back to where it was."
            )
        if head.method == "TRACE":
            # RFC 9110 "TRACE": it would echo credentials.
            return problem_reply(
                405,
                "method-not-allowed",
                "TRACE is not allowed here.",
                fields=(ALLOW,),
                close=True,
            )
        if head.method != "OPTIONS":
            return None
        of_server = origin_form(head.method, head.target) == ASTERISK
        if of_server or forwards_left(head) == 0:
            # RFC 9110 "OPTIONS", "Max-Forwards": about us, not about a resource.
            return Reply(200, (ALLOW,))
        return None

    def _onward(self, head: Head, front: Front, request_id: str) -> Head:
        """The request as the origin gets it."""
        expect = _has_content(head) and not head.http_1_0
        fields = to_origin(head, front, self._passage, request_id, expect=expect)
        return replace(head, fields=_one_forward_less(fields, head))

    async def _fetch(
        self, request: web.BaseRequest, head: Head, onward: Head
    ) -> AnswerStream | Upgraded:
        if wants_websocket(head):
            return await self._origin.upgrade(asking_websocket(onward), self._route)
        body = None
        if _has_content(head):
            body = Body(request, self._idle_timeout_s, self._minimum_rate)
        return await self._origin.exchange(onward, body, self._route)

    def _failure(self, exc: OriginError) -> Reply:
        failure = failure_of(exc)
        said = self._passage.pseudonym + b"; error=" + failure.value.encode("ascii")
        return problem_reply(
            failure.status,
            failure.value.replace("_", "-"),
            _DETAILS[failure.status],
            fields=((b"Proxy-Status", said),),
        )


def _has_content(head: Head) -> bool:
    """True when content is framed, be it empty: so it goes on in the framing it has."""
    return head.content_length != 0 or head.has(b"transfer-encoding")


def _one_forward_less(fields: Fields, head: Head) -> Fields:
    """`fields` with `Max-Forwards` counted down, for the one method that counts."""
    left = forwards_left(head) if head.method == "OPTIONS" else None
    return fields if left is None else with_forwards_left(fields, left - 1)


def _passed_on(stream: AnswerStream) -> Reply:
    """The origin's answer as a reply, with the length that the origin told.

    Content that is here already leaves in one packet with the head.
    """
    fields = stream.answer.fields
    if stream.length is not None:
        fields = (*fields, (b"Content-Length", stream.length))
    answer = stream.answer
    content = stream.at_once() or stream.chunks()
    return Reply(answer.status, fields, content, reason=answer.reason)
