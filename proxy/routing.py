"""Origins, lanes, courses and routes, made from the configuration and joined.

Routes that name the same origin with the same settings share it and its connections,
and with the same bound a lane as well. The one invariant: nothing else is shared, so
that what happens to one origin is felt only by those who go there.
"""

from __future__ import annotations

from collections.abc import Callable
from ssl import SSLContext

from structlog.typing import FilteringBoundLogger

from proxy import choices
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


class Routing:
    """The ways to all origins. Made while an event loop runs."""

    def __init__(
        self,
        config: Config,
        log: FilteringBoundLogger,
        origins: OriginsSeen,
        *,
        share: int,
        secret: Callable[[], bytes],
    ) -> None:
        """`origins`: told what happens on the way to each. `share`: processes among
        which the bounds on all of them are divided. `secret`: that of the spool, asked
        for where an origin gets forms.

        Raises:
            Unusable: a certificate of the configuration cannot be used.
            SpoolError: there is no secret.
        """
        self._config = config
        self._log = log
        self._told = origins
        self._share = share
        self._secret = secret
        self._pseudonym = choices.new_pseudonym()
        self._origins: dict[tuple[str, float, float, OriginTls], Origin] = {}
        self.renewals: list[Renewal] = []
        """Of what the origins are shown."""
        self._lanes: dict[tuple[Origin, int], Lane] = {}
        wanted = choices.routes(config)
        self.courses = Courses({one.name: self._course(one) for one in wanted}, log)
        self.routes = Routes([self._route(one) for one in wanted])

    async def close(self) -> None:
        """End every connection that carries nothing, and those that pass through."""
        for origin in self._origins.values():
            await origin.close()

    def _origin(self, wanted: Wanted) -> Origin:
        told = wanted.origin
        key = (told.url, told.connect_timeout, told.response_timeout, told.tls)
        if key not in self._origins:
            self._origins[key] = Origin(
                told.url,
                connect_timeout_s=told.connect_timeout,
                response_timeout_s=told.response_timeout,
                tls=self._context(told),
                server_name=told.tls.server_name,
                observer=self._told.of(told.url),
            )
        return self._origins[key]

    def _context(self, told: Told) -> SSLContext | None:
        """How that origin is spoken to; None: without TLS."""
        sealed = choices.origin_context(told)
        if sealed is None:
            return None
        if not told.tls.verify:
            self._log.warning("origin not verified", url=told.url)
        files = choices.origin_files(told)
        if files.certificate is not None:
            self.renewals.append(renewed_at_the_origin(sealed, files, self._log))
        return sealed

    def _lane(self, wanted: Wanted) -> Lane:
        origin, most = self._origin(wanted), wanted.origin.max_forwards
        key = (origin, max(1, most // self._share))
        if key not in self._lanes:
            self._lanes[key] = Lane(*key)
        return self._lanes[key]

    def _course(self, wanted: Wanted) -> Course:
        told = wanted.origin
        return Course(
            lane=self._lane(wanted),
            limits=choices.limits(self._config, wanted),
            retry_for_s=told.retry_for,
            repeatable=told.unknown_outcome == "repeat",
            finishing_credentials=told.credentials == "finishing",
            wrapping=self._wrapping(told),
        )

    def _wrapping(self, told: Told) -> Wrapping | None:
        if told.wrap == "raw":
            return None
        return Wrapping(choices.form(told), self._secret())

    def _route(self, wanted: Wanted) -> Route:
        config, origin = self._config, self._origin(wanted)
        passage = choices.passage(config, wanted, origin.authority, self._pseudonym)
        return Route(
            name=wanted.name,
            rule=wanted.match.rule,
            relay=Relay(
                origin,
                passage,
                idle_timeout_s=config.uploads.idle_timeout,
                minimum_rate=config.uploads.minimum_rate,
            ),
            passage=passage,
            limits=choices.limits(config, wanted),
        )
