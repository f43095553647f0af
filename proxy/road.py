"""The parts between the spool and the door, chosen and joined, from the disk up.

The same in every process, whether clients come to it or it only sweeps: what one of
them has begun, any other can go on with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from proxy import choices
from proxy.admission import Admission
from proxy.config import Config
from proxy.core.room import Bounds
from proxy.core.upload import Token
from proxy.courtesy import Courtesy
from proxy.deliveries import Deliveries
from proxy.discovery import Discovery
from proxy.elsewhere import Elsewhere
from proxy.forward import Forward
from proxy.lately import Lately
from proxy.ledger import Ledger
from proxy.metrics.meters import Meters
from proxy.premises import Premises
from proxy.reception import Reception
from proxy.reckoning import STEP_SHARDS, Reckoning
from proxy.recognition import Recognition
from proxy.replays import Replays
from proxy.routing import Routing
from proxy.server import Presence, Server
from proxy.shared_leases import SharedLeases
from proxy.spans import Spans
from proxy.standings import Standings
from proxy.sweep import Sweep
from proxy.tasks import Tasks
from proxy.upkeep import Upkeep
from proxy.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration, and what can fail in taking it into use, done."""

    config: Config
    routing: Routing
    bounds: Bounds


class Road:
    """What clients walk on, and what is done when none does."""

    def __init__(
        self,
        config: Config,
        premises: Premises,
        tasks: Tasks,
        log: FilteringBoundLogger,
        meters: Meters,
        *,
        access_log: FilteringBoundLogger,
        share: int,
        spans: Spans | None = None,
    ) -> None:
        """`meters`: told what happens. `access_log`: gets the lines about requests.
        `share`: processes among which the bounds on all of them are divided. `spans`:
        None where nothing is traced.

        Raises:
            Unusable: a certificate of the configuration cannot be used.
            SpoolError: a secret of the spool is needed, and cannot be had.
        """
        self._config = config
        self._premises = premises
        self._tasks = tasks
        self._log = log
        self._meters = meters
        self._access_log = access_log
        self._spans = spans
        self._share = share
        self._key: bytes | None = None
        """Of principals; None as long as there was no need for it."""
        self._have_key(config)
        self.presence = Presence()
        premises.disk.synced = meters.storage.synced
        self.routing = self._make_routing(config)
        self.admission = self._make_admission()
        self.lately = Lately(meters.uploads, premises.clock.now)
        self._ledger = self._make_ledger()
        self.deliveries = self._make_deliveries()
        claims, peers = premises.claims, premises.peers
        self._leases = SharedLeases(claims.leases, peers, meters.storage.waited)
        self._elsewhere = Elsewhere(claims.deliveries, peers)
        self._standings = self._make_standings()
        spool = premises.spool
        self.reception = Reception(spool, spool, self._ledger, tasks.spawn, log)
        self.courtesy = Courtesy(
            self._ledger,
            self._leases,
            self.deliveries,
            self._standings,
            holds=spool.holds,
        )
        self._server = self._make_server()
        self.sweep = self._make_sweep(premises.claims.sweep)
        self.reckoning = Reckoning(
            premises.disk, premises.figures, log, self.count_behind
        )

    def count_behind(self, shard: str) -> None:
        """Count bodies as far as they have come that grow in what is measured next,
        behind `shard`."""
        self._premises.disk.growing.count(shard, STEP_SHARDS)

    def handle(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """Answer a request by the configuration that there is when it comes."""
        return self._server(request)

    def prepared(self, config: Config) -> Settings:
        """What `settle` takes for `config`; nothing has changed yet.

        Raises:
            SpoolError: the room on its file system cannot be told, or a secret of the
                spool is needed and cannot be had.
            Unusable: a certificate of it cannot be used.
        """
        self._have_key(config)
        space = self._premises.figures.look(self._premises.clock.now())
        bounds = choices.bounds(config, space.size)
        return Settings(config, self._make_routing(config, self.routing), bounds)

    def _have_key(self, config: Config) -> None:
        """Raises SpoolError: it is needed, and cannot be had."""
        if self._key is None and choices.recognises(config):
            self._key = self._premises.secret()

    def settle(self, settings: Settings) -> None:
        """Go by them from now on. What is state stays: leases, deliveries, counts."""
        self._config, self.routing = settings.config, settings.routing
        uploads = settings.config.uploads
        self.routing.begin()
        self.deliveries.resettle()
        self.admission.bound(settings.bounds)
        self._ledger.settle(
            max_per_client=uploads.max_per_client,
            max_open=uploads.max_open,
            tells_routes=self.routing.routes.are_several,
        )
        self._forward.answering.keep_size = uploads.keep_answer_size
        self._upkeep.settle(
            keep_answer_s=uploads.keep_answer,
            finish_stalled_after_s=uploads.finish_stalled_after,
            max_age_s=choices.longest_age_s(settings.config),
        )
        self._server = self._make_server()
        self._meters.settle(
            choices.route_names(settings.config), choices.origin_urls(settings.config)
        )
        # A route may be back.
        self.sweep.look_soon()

    def _make_routing(self, config: Config, before: Routing | None = None) -> Routing:
        return Routing(
            config,
            self._log,
            self._meters.origins,
            self._meters.questions,
            share=self._share,
            secret=self._premises.secret,
            before=before,
        )

    def _make_admission(self) -> Admission:
        figures, now = self._premises.figures, self._premises.clock.now
        bounds = choices.bounds(self._config, figures.look(now()).size)
        admission = Admission(figures, bounds, now, self._log)

        def changed(token: Token, by: int) -> None:
            admission.changed(token, by)
            self._meters.storage.changed(by)

        self._premises.disk.changed = changed
        self._premises.disk.recorded = figures.changed
        self._premises.spool.kept = admission.kept
        return admission

    def _make_ledger(self) -> Ledger:
        premises = self._premises
        tally = choices.tally(self._config, premises.register)
        now, noted = premises.clock.now, self.admission.note
        return Ledger(
            premises.spool,
            now,
            self._log,
            tally,
            noted,
            self.lately,
            tells_routes=self.routing.routes.are_several,
        )

    def _make_deliveries(self) -> Deliveries:
        keep = self._config.uploads.keep_answer_size
        self._forward = Forward(
            self._premises.spool, self._ledger, keep, self._log, self._spans
        )
        return Deliveries(
            self._forward,
            self._ledger,
            self.routing.courses,
            spawn=self._tasks.spawn,
            log=self._log,
            locks=self._premises.claims.deliveries,
        )

    def _make_standings(self) -> Standings:
        return Standings(
            self._premises.spool,
            self._ledger,
            self.deliveries,
            self.routing.courses,
            self._log,
            self._elsewhere,
            self._leases,
        )

    def _make_uploads(self) -> Uploads:
        replays = Replays(
            spool=self._premises.spool,
            ledger=self._ledger,
            deliveries=self.deliveries,
            elsewhere=self._elsewhere,
            standings=self._standings,
            keep_answer_s=self._config.uploads.keep_answer,
        )
        return Uploads(
            ledger=self._ledger,
            leases=self._leases,
            deliveries=self.deliveries,
            elsewhere=self._elsewhere,
            standings=self._standings,
            reception=self.reception,
            admission=self.admission,
            replays=replays,
            courses=self.routing.courses,
            mint=choices.new_token,
            log=self._log,
            recognition=self._make_recognition(),
        )

    def _make_recognition(self) -> Recognition | None:
        if self._key is None or not choices.recognises(self._config):
            return None
        return Recognition(
            choices.terms(self._config, self._key),
            self.routing.courses,
            self._standings,
            self._elsewhere,
            self._premises.clock.now,
            self._log,
        )

    def _make_server(self) -> Server:
        config, routes = self._config, self.routing.routes
        dialects = choices.dialects(config)
        return Server(
            dialects=dialects,
            uploads=self._make_uploads(),
            routes=routes,
            discovery=Discovery(
                dialects,
                routes.limits,
                choices.rules(config),
                choices.pages(config),
            ),
            manners=choices.manners(config, self._log),
            log=self._log,
            access_log=self._access_log,
            presence=self.presence,
            audience=self._meters.requests,
            spans=self._spans,
        )

    def _make_sweep(self, is_ours: Callable[[], bool]) -> Sweep:
        uploads, premises = self._config.uploads, self._premises
        self._upkeep = Upkeep(
            spool=premises.spool,
            ledger=self._ledger,
            leases=self._leases,
            deliveries=self.deliveries,
            elsewhere=self._elsewhere,
            standings=self._standings,
            courses=self.routing.courses,
            keep_answer_s=uploads.keep_answer,
            finish_stalled_after_s=uploads.finish_stalled_after,
            max_age_s=choices.longest_age_s(self._config),
            log=self._log,
        )
        return Sweep(
            premises.spool,
            self._upkeep,
            after_round=premises.keep,
            log=self._log,
            is_ours=is_ours,
            census=self._meters.census,
        )
