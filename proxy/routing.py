"""Origins, lanes, courses and routes, made from the configuration and joined.

Routes that name the same origin with the same settings share it and its connections,
and with the same bound a lane as well. The one invariant: nothing else is shared, so
that what happens to one origin is felt only by those who go there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext

from structlog.typing import FilteringBoundLogger

from proxy import choices
from proxy.auth import Gate, Observer
from proxy.config import Config, OriginTls
from proxy.config import Origin as Told
from proxy.config import Route as Wanted
from proxy.core.forms import Wrapping
from proxy.lanes import Course, Courses, Lane
from proxy.metrics.origins import OriginsSeen
from proxy.origin import Origin
from proxy.relay import Relay
from proxy.renewal import Renewal, renewed_at_the_origin
from proxy.routes import Route, Routes

_OriginKey = tuple[str, float, float, OriginTls]
_LaneKey = tuple[str, Origin, int]
"""Its URL, what leads there, and how many forwards there may be at a time."""


@dataclass(frozen=True, slots=True)
class _Lasting:
    """What is kept over every change of the configuration."""

    pseudonym: bytes = field(default_factory=choices.new_pseudonym)
    asked: list[Origin] = field(default_factory=list)
    """Who says who may upload: with connections and time-outs of their own."""
    gates: dict[choices.Asked, Gate] = field(default_factory=dict)
    shown: dict[_OriginKey, Renewal] = field(default_factory=dict)
    """What those who are asked are shown."""


class Routing:
    """The ways to all origins. Made while an event loop runs."""

    def __init__(
        self,
        config: Config,
        log: FilteringBoundLogger,
        origins: OriginsSeen,
        questions: Observer,
        *,
        share: int,
        secret: Callable[[], bytes],
        before: Routing | None = None,
    ) -> None:
        """`origins`: told what happens on the way to each; `questions`, of those to
        auth servers. `share`: processes among which the bounds on all of them are
        divided. `secret`: that of the spool, asked for where an origin gets forms.
        `before`: whose place this one is to take, by `begin`: origins that are the same
        are the same one with all its connections, lanes go on, and those who know its
        courses know these.

        Raises:
            Unusable: a certificate of the configuration cannot be used.
            SpoolError: there is no secret.
        """
        self._config = config
        self._log = log
        self._told = origins
        self._questions = questions
        self._share = share
        self._secret = secret
        self._before = before
        self._lasting: _Lasting = before._lasting if before else _Lasting()
        self._origins: dict[_OriginKey, Origin] = {}
        self._renewals: dict[_OriginKey, Renewal] = {}
        self._retired: list[Origin] = []
        """Origins that nothing new goes to; what does ends by itself. They are few, and
        cost little when nothing does any more."""
        wanted = choices.routes(config)
        self._lanes = self._joined([self._lane_key(one) for one in wanted])
        self._courses = {one.name: self._course(one) for one in wanted}
        self.courses: Courses = (
            before.courses if before else Courses(self._courses, log)
        )
        self.routes = Routes([self._route(one) for one in wanted])

    def begin(self) -> None:
        """Take the place of the one before."""
        before, self._before = self._before, None
        if before is None:
            return
        ours = set(self._origins.values())
        theirs = [one for one in before._origins.values() if one not in ours]
        self._retired = [*before._retired, *theirs]
        for (_, origin, most), lane in self._lanes.items():
            lane.sender = origin
            lane.bound(most)
        self.courses.replace(self._courses)

    @property
    def renewals(self) -> list[Renewal]:
        """Of what the origins are shown."""
        return [*self._renewals.values(), *self._lasting.shown.values()]

    async def close(self) -> None:
        """End every connection that carries nothing, and those that pass through."""
        for origin in (*self._origins.values(), *self._retired, *self._lasting.asked):
            await origin.close()

    async def discard(self) -> None:
        """Take nobody's place, after all."""
        known = set(self._before._origins.values()) if self._before else set()
        for origin in self._origins.values():
            if origin not in known:
                await origin.close()

    def _origin(self, wanted: Wanted) -> Origin:
        told = wanted.origin
        key = (told.url, told.connect_timeout, told.response_timeout, told.tls)
        before = self._before
        if before and key in before._origins:
            self._origins[key] = before._origins[key]
            if key in before._renewals:
                self._renewals[key] = before._renewals[key]
        if key not in self._origins:
            self._origins[key] = Origin(
                told.url,
                connect_timeout_s=told.connect_timeout,
                response_timeout_s=told.response_timeout,
                tls=self._context(key, told, self._renewals),
                server_name=told.tls.server_name,
                observer=self._told.of(told.url),
            )
        return self._origins[key]

    def _context(
        self, key: _OriginKey, told: Told, renewals: dict[_OriginKey, Renewal]
    ) -> SSLContext | None:
        """How that origin is spoken to; None: without TLS. What it is shown is put down
        in `renewals`."""
        sealed = choices.origin_context(told)
        if sealed is None:
            return None
        if not told.tls.verify:
            self._log.warning("origin not verified", url=told.url)
        files = choices.origin_files(told)
        if files.certificate is not None:
            renewals[key] = renewed_at_the_origin(sealed, files, self._log)
        return sealed

    def _lane_key(self, wanted: Wanted) -> _LaneKey:
        most = max(1, wanted.origin.max_forwards // self._share)
        return wanted.origin.url, self._origin(wanted), most

    def _joined(self, wanted: list[_LaneKey]) -> dict[_LaneKey, Lane]:
        """A lane for each: the one that there was, else another one to the same URL, as
        its forwards in flight count on, else a new one."""
        free = dict(self._before._lanes) if self._before else {}
        found = {key: free.pop(key) for key in dict.fromkeys(wanted) if key in free}
        for key in wanted:
            if key not in found:
                same = next((old for old in free if old[0] == key[0]), None)
                found[key] = Lane(*key[1:]) if same is None else free.pop(same)
        return found

    def _course(self, wanted: Wanted) -> Course:
        told = wanted.origin
        return Course(
            lane=self._lanes[self._lane_key(wanted)],
            limits=choices.limits(self._config, wanted),
            retry_for_s=told.retry_for,
            repeatable=told.unknown_outcome == "repeat",
            finishing_credentials=told.credentials == "finishing",
            wrapping=self._wrapping(told),
            gate=self._gate(wanted),
        )

    def _wrapping(self, told: Told) -> Wrapping | None:
        if told.wrap == "raw":
            return None
        return Wrapping(choices.form(told), self._secret())

    def _gate(self, wanted: Wanted) -> Gate | None:
        """Who is asked about the uploads of that route; None: nobody."""
        asked, told = choices.asked(wanted), wanted.origin
        if asked is None:
            return None
        gates = self._lasting.gates
        if asked not in gates:
            tls = asked.tls
            at = (asked.url, asked.timeout_s, asked.timeout_s, told.tls)
            server = Origin(
                asked.url,
                connect_timeout_s=asked.timeout_s,
                response_timeout_s=asked.timeout_s,
                tls=None
                if tls is None
                else self._context(at, told, self._lasting.shown),
                server_name=None if tls is None else tls.server_name,
            )
            self._lasting.asked.append(server)
            host = None if asked.preserve_host else server.authority
            gates[asked] = Gate(
                server, asked.target, host, asked.timeout_s, self._questions
            )
        return gates[asked]

    def _route(self, wanted: Wanted) -> Route:
        config, origin = self._config, self._origin(wanted)
        self._told.of(wanted.origin.url).begin(wanted.name)
        passage = choices.passage(
            config, wanted, origin.authority, self._lasting.pseudonym
        )
        return Route(
            name=wanted.name,
            rule=wanted.match.rule,
            relay=Relay(
                origin,
                passage,
                idle_timeout_s=config.uploads.idle_timeout,
                minimum_rate=config.uploads.minimum_rate,
                route=wanted.name,
            ),
            passage=passage,
            limits=choices.limits(config, wanted),
        )
