"""The one HTTP handler: head in, intent, uploads, reply out.

Reads the head, asks the dialects what it wants, lets ``uploads`` fulfil it or passes
the request through, words the outcome in the client's dialect, and writes one log line.
What is refused anywhere below comes up here as a ``Refusal`` and becomes a reply; a
client that is gone becomes a closed connection; anything else is a bug, logged, and a
500.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from functools import partial

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from proxy.access import INTERNAL_ERROR, NOBODY, Access, Audience
from proxy.core.errors import ClientGone, OriginError, Refusal
from proxy.core.front import given_request_id
from proxy.core.intents import Answered, Create, Intent, Outcome, Refused
from proxy.core.target import resolved
from proxy.core.upload import Head, Reply
from proxy.core.values import replace
from proxy.dialects import Dialect, Dialects
from proxy.discovery import MAY_SAY_NOTHING, SAYS_NOTHING, Discovery
from proxy.reception import Exchange
from proxy.routes import Route, Routes
from proxy.spans import Spans
from proxy.uploads import Uploads
from proxy.visit import Manners, Visit
from proxy.wire import (
    BadRequest,
    Body,
    Sent,
    abort,
    client_present,
    front_of_request,
    problem_reply,
    read_head,
    send,
    with_request_id,
)


class Presence:
    """The requests of one process that are being answered, by whichever server."""

    def __init__(self) -> None:
        self.busy = 0
        """How many there are just now."""
        self.idle = asyncio.Event()
        """Set while there are none."""
        self.idle.set()

    def begin(self) -> None:
        """There is one more."""
        self.busy += 1
        self.idle.clear()

    def end(self) -> None:
        """There is one fewer."""
        self.busy -= 1
        if not self.busy:
            self.idle.set()


class Server:
    """Answers requests of the public listeners, by one configuration."""

    def __init__(
        self,
        *,
        dialects: Dialects,
        uploads: Uploads,
        routes: Routes,
        discovery: Discovery,
        manners: Manners,
        log: FilteringBoundLogger,
        access_log: FilteringBoundLogger,
        presence: Presence,
        audience: Audience = NOBODY,
        spans: Spans | None = None,
    ) -> None:
        """`spans`: None where nothing is traced."""
        self._spans = spans
        self._audience = audience
        self._dialects = dialects
        self._uploads = uploads
        self._routes = routes
        self._discovery = discovery
        self._manners = manners
        self._log = log
        self._access_log = access_log
        self._presence = presence

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self._presence.begin()
        several = self._routes.are_several
        access = Access(self._access_log, request, self._audience, tells_routes=several)
        try:
            sent = await self._answer(request, access)
        finally:
            access.ended()
            self._presence.end()
        access.tell(sent)
        return sent

    async def _answer(self, request: web.BaseRequest, access: Access) -> Sent:
        """The answer to `request`, sent; whatever happens, there is one or the end."""
        try:
            try:
                visit = self._visit(request, access)
            except BadRequest as bad:
                access.refused = bad.detail
                return await self._refused(request, bad.reply(), bad.head, access)
            access.visit = visit
            return await self._serve(visit, access)
        except ClientGone as gone:
            return abort(request, gone.why.value)
        except Exception:  # noqa: BLE001 - a bug of ours: caught here and nowhere else
            self._log.exception("request failed", request_id=access.request_id)
            return await self._failed(request, access)

    async def _refused(
        self, request: web.BaseRequest, reply: Reply, head: Head | None, access: Access
    ) -> Sent:
        """Answer what goes no further; `head` as far as it is known, for CORS."""
        fields = reply.fields
        if head is not None:
            fields = self._discovery.allowed(head, fields)
        reply = with_request_id(reply, access.request_id, fields)
        return await send(request, reply, head_only=request.method == "HEAD")

    async def _failed(self, request: web.BaseRequest, access: Access) -> Sent:
        if request.writer.output_size or request.transport is None:
            return abort(request, "failed")
        detail = "Something went wrong here; the log of the proxy tells what."
        reply = problem_reply(500, INTERNAL_ERROR, detail, close=True)
        try:
            head = None if access.visit is None else access.visit.head
            return await self._refused(request, reply, head, access)
        except ClientGone as gone:
            return abort(request, gone.why.value)

    def _visit(self, request: web.BaseRequest, access: Access) -> Visit:
        head = read_head(request, self._manners.header_limit)
        front = front_of_request(request, head, self._manners.trust)
        request_id = given_request_id(head, front) or access.request_id
        if self._spans is not None:
            access.span = self._spans.request(head, front.client, front.scheme)
            head = access.span.onward(head)
        return Visit(request, head, front, self._manners, request_id)

    def _serve(self, visit: Visit, access: Access) -> Awaitable[Sent]:
        """What is to be awaited for the answer."""
        head = visit.head
        if self._is_ambiguous(head):
            detail = "The path is another one to us than to the server behind us."
            return self._send(
                visit, problem_reply(400, "ambiguous-path", detail, close=True)
            )
        dialect = self._dialects.choose(head)
        intent = None if dialect is None else dialect.read(head)
        if head.method == "OPTIONS":
            own = self._discovery.own_answer(head)
            if own is not None:
                return self._send(visit, own)
        if dialect is not None and intent is not None:
            access.intent = intent
            access.version = dialect.version
            return self._upload(visit, dialect, intent, access)
        route = self._routes.of(head)
        access.route = route.name
        if self._discovery.concerns(head) and route.relay.own_answer(head) is None:
            return self._discover(visit, route)
        return route.relay.pass_through(
            visit.request,
            head,
            visit.front,
            visit.request_id,
            partial(self._discovery.allowed, head),
        )

    def _is_ambiguous(self, head: Head) -> bool:
        """True for a path that lies where uploads do only for one of two readers."""
        path, uploads = head.path, self._manners.upload_path
        return path.startswith(uploads) != resolved(path).startswith(uploads)

    async def _upload(
        self, visit: Visit, dialect: Dialect, intent: Intent, access: Access
    ) -> Sent:
        manners, route = self._manners, self._routes.default
        if isinstance(intent, Create):
            route = self._routes.of(visit.head)
            access.route = route.name
        visit.dialect, visit.passage = dialect, route.passage
        body = Body(
            visit.request,
            manners.idle_timeout_s,
            manners.minimum_rate,
            manners.shortcut,
        )
        exchange = Exchange(
            head=visit.head,
            body=body,
            tell=visit.tell,
            peer=visit.front.client,
            about=access.about,
            to_origin=visit.to_origin,
            route=route.name,
            present=visit.present,
        )
        outcome: Outcome
        try:
            outcome = await self._uploads.fulfil(intent, exchange)
        except Refusal as refusal:
            outcome = Refused(refusal)
        heard = False
        try:
            reply = _framed(dialect.write(outcome, visit.locate), outcome)
            # After a 104 a front may wait for the end of the connection; and what is
            # left of a body would be taken for the next request.
            unread = not visit.request.content.is_eof()
            sent = await self._send(visit, reply, close=unread or visit.must_close)
            heard = not sent.broke_off
        finally:
            if isinstance(outcome, Answered):
                await self._uploads.given(outcome, heard=heard)
        if body.gone is not None:
            # Nothing more is read of a body that was ended, not even to throw it away.
            visit.request.protocol.force_close()
        return sent

    async def _discover(self, visit: Visit, route: Route) -> Sent:
        head, relay = visit.head, route.relay
        asking = relay.ask(
            head,
            visit.front,
            visit.request_id,
            unwanted=SAYS_NOTHING,
            weighed=MAY_SAY_NOTHING,
        )
        async with client_present(visit.request), AsyncExitStack() as stack:
            try:
                said = await stack.enter_async_context(asking)
            except OriginError:
                said = None  # then what we say is all there is
            told = self._discovery.reply(head, route.limits, said)
            return await self._send(visit, told)

    async def _send(self, visit: Visit, reply: Reply, *, close: bool = False) -> Sent:
        fields = self._discovery.allowed(visit.head, reply.fields)
        reply = with_request_id(reply, visit.request_id, fields)
        if close and not reply.close:
            reply = replace(reply, close=True)
        return await send(visit.request, reply, head_only=visit.head.method == "HEAD")


def _framed(reply: Reply, outcome: Outcome) -> Reply:
    """`reply` with the length of an answer's content that comes, where it is known
    beforehand."""
    if not isinstance(outcome, Answered) or outcome.length is None:
        return reply
    if isinstance(reply.content, bytes):
        return reply  # it is measured
    length = (b"Content-Length", str(outcome.length).encode())
    return replace(reply, fields=(*reply.fields, length))
