"""Whose a request is: may it begin an upload, and is the upload its own?

A stranger hears of an upload what is heard of one that does not exist, after the same
steps: the question to the auth server, where one has to be asked, and that to the other
processes. That is 404, or the refusal of the auth server of the top level: a client
whose token has expired gets a new one, and gives nothing up. It takes no lease, so that
it cannot end the transfer of who has a right to. The one invariant: nothing about an
upload is said, and nothing done with it, before the principal has been found to be the
same.

Source: R20, R99.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.auth import Denied, Gate, Passed, denied, nobody, settled, silent
from proxy.core.auth import NOBODY, Place, Principal, Source, asker, principal
from proxy.core.decide import unknown_upload
from proxy.core.errors import AuthSilent, Denial, Problem, Refusal
from proxy.core.upload import DEFAULT_ROUTE, Fields, Head, Token, shortened
from proxy.elsewhere import Elsewhere
from proxy.lanes import Courses
from proxy.reception import Exchange
from proxy.standings import Standings

MOST_REMEMBERED: Final = 4096
"""Clients whose principal is remembered, some 200 bytes each; then the oldest is
forgotten. Picked by hand."""


SAY_EVERY_S: Final = 60.0
"""Between two lines about an auth server that is silent: clients may ask as often as
they like, and how many do is told by the metrics."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator wants to know of who uploads."""

    sources: tuple[Source, ...]
    """Of the principal; empty: whoever has its URL has the upload."""
    remember_s: float
    """How long the auth server's word on who somebody is holds."""
    uploads_path: str
    """What it is told to be asked about, for a request on an upload: that of all of
    them, since one with its token is as good as the upload."""
    key: bytes
    """The secret of the spool, with which principals are hashed."""


class Recognition:
    """Knows whose requests are. One for the process."""

    def __init__(
        self,
        terms: Terms,
        courses: Courses,
        standings: Standings,
        elsewhere: Elsewhere,
        now: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        self._terms = terms
        self._courses = courses
        self._standings = standings
        self._elsewhere = elsewhere
        self._now = now
        self._log = log
        self._told: dict[Gate, float] = {}
        """When it was said last that one is silent."""
        self._asks_for_names = any(
            source.place is Place.ANSWER for source in terms.sources
        )
        self._remembered = _Remembered(terms.remember_s, now)

    async def admitted(self, exchange: Exchange) -> str:
        """The principal of a request that wants to begin an upload, and may; empty
        where uploads are whoever's has their URL.

        Raises:
            Refusal: it may not, or nobody can tell.
            ClientGone: the client did not wait for that.
        """
        head = exchange.to_origin()
        gate = self._courses.named(exchange.route).gate
        told: Fields = ()
        if gate is not None:
            async with exchange.present():
                try:
                    said = await gate.ask(head)
                except AuthSilent as exc:
                    raise self._silent(gate, exc) from exc
            if isinstance(said, Denied):
                raise denied(said.denial)
            told = said.fields
        whose = self._principal(head, told)
        if self._terms.sources and whose.is_nobody:
            raise nobody()
        return whose.keyed

    async def recognise(self, token: Token, exchange: Exchange) -> None:
        """Let who has a right to the upload go on.

        Raises:
            Refusal: there is none, as far as this client is concerned; or who says
                whose it is does not let it through; or nobody can tell.
            ClientGone: the client did not wait for that.
        """
        if not self._terms.sources:
            return
        upload, missing = None, None
        try:
            upload = await self._standings.as_recorded(token)
        except Refusal as refusal:
            missing = refusal
        if upload is not None and not upload.principal:
            return
        head = exchange.to_origin()
        route = DEFAULT_ROUTE if upload is None else upload.route
        said = await self._said(route, head, exchange)
        if missing is not None and missing.problem is not Problem.UNKNOWN_UPLOAD:
            raise missing
        if upload is not None:
            if isinstance(said, Principal):
                if said.is_that_of(upload.principal):
                    return
                self._log.info(
                    "stranger", upload=shortened(token), client=exchange.peer
                )
            # As for one that is not there: nobody is to learn it by the clock.
            await self._elsewhere.show(token)
            if self._gate(route) is not self._gate(DEFAULT_ROUTE):
                said = await self._said(DEFAULT_ROUTE, head, exchange)
        raise denied(said) if isinstance(said, Denial) else unknown_upload()

    async def _said(
        self, route: str, head: Head, exchange: Exchange
    ) -> Principal | Denial:
        """Whose a request with `head` on an upload of `route` is; or what who says that
        answers instead.

        Raises:
            Refusal: nobody can tell just now.
        """
        gate = self._gate(route)
        if gate is None:
            return self._principal(head, ())
        name = (gate, head.method, asker(head, self._terms.sources))
        whose = self._remembered.get(name)
        if whose is not None:
            return whose
        async with exchange.present():
            said = await self._asked(gate, head)
        if isinstance(said, Denied):
            return said.denial
        whose = self._principal(head, said.fields)
        if not whose.is_nobody:
            # What is bad news may be over as soon as its client has a new token.
            self._remembered.put(name, whose)
        return whose

    def _gate(self, route: str) -> Gate | None:
        """Whom to ask whose a request on an upload of `route` is; None: nobody.

        Raises:
            Refusal: the route is configured no more.
        """
        return self._courses.gate(route) if self._asks_for_names else None

    def _principal(self, head: Head, told: Fields) -> Principal:
        return principal(self._terms.sources, head, told, self._terms.key)

    async def _asked(self, gate: Gate, head: Head) -> Passed | Denied:
        try:
            return settled(await gate.ask(head, uri=self._terms.uploads_path))
        except AuthSilent as exc:
            raise self._silent(gate, exc) from exc

    def _silent(self, gate: Gate, exc: AuthSilent) -> Refusal:
        now = self._now()
        if now >= self._told.get(gate, -inf) + SAY_EVERY_S:
            self._told[gate] = now
            self._log.warning("auth server silent", error=str(exc))
        return silent()


_Asked = tuple[Gate, str, bytes]
"""Who was asked, about which method, and for whom: what may be read is not all that
may be written."""


class _Remembered:
    """Principals of clients, for a while."""

    def __init__(self, remember_s: float, now: Callable[[], float]) -> None:
        self._remember_s = remember_s
        self._now = now
        self._told: OrderedDict[_Asked, tuple[float, Principal]] = OrderedDict()

    def get(self, name: _Asked) -> Principal | None:
        """None when it has to be asked for."""
        end, whose = self._told.get(name, (0.0, NOBODY))
        return whose if self._now() < end else None

    def put(self, name: _Asked, whose: Principal) -> None:
        if not self._remember_s:
            return
        self._told[name] = (self._now() + self._remember_s, whose)
        self._told.move_to_end(name)
        if len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)
