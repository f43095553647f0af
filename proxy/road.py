"""The parts between the spool and the door, chosen and joined, from the disk up.

The same in every process, whether clients come to it or it only sweeps: what one of
them has begun, any other can go on with.
"""

from __future__ import annotations

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from proxy import choices
from proxy.admission import Admission
from proxy.config import Config
from proxy.courtesy import Courtesy
from proxy.deliveries import Deliveries
from proxy.discovery import Discovery
from proxy.elsewhere import Elsewhere
from proxy.forward import Forward
from proxy.ledger import Ledger
from proxy.origin import Origin
from proxy.premises import Premises
from proxy.reception import Reception
from proxy.reckoning import Reckoning
from proxy.relay import Relay
from proxy.replays import Replays
from proxy.server import Server
from proxy.shared_leases import SharedLeases
from proxy.standings import Standings
from proxy.sweep import Sweep
from proxy.tasks import Tasks
from proxy.upkeep import Upkeep
from proxy.uploads import Uploads


class Road:
    """What clients walk on, and what is done when none does."""

    def __init__(
        self,
        config: Config,
        premises: Premises,
        tasks: Tasks,
        log: FilteringBoundLogger,
        *,
        share: int,
    ) -> None:
        """`share`: processes among which the bounds on all of them are divided."""
        self._config = config
        self._premises = premises
        self._tasks = tasks
        self._log = log
        self.origin = Origin(
            config.origin.url,
            connect_timeout_s=config.origin.connect_timeout,
            response_timeout_s=config.origin.response_timeout,
        )
        self.admission = self._make_admission()
        self._ledger = self._make_ledger(share)
        self.deliveries = self._make_deliveries(share)
        claims, peers = premises.claims, premises.peers
        self._leases = SharedLeases(claims.leases, peers)
        self._elsewhere = Elsewhere(claims.deliveries, peers)
        self._standings = Standings(
            premises.spool, self._ledger, self.deliveries, log, self._elsewhere
        )
        spool = premises.spool
        self.reception = Reception(spool, spool, self._ledger, tasks.spawn, log)
        self.courtesy = Courtesy(
            self._ledger,
            self._leases,
            self.deliveries,
            self._standings,
            holds=spool.holds,
        )
        self.server = self._make_server()
        self.sweep = self._make_sweep(premises.claims.sweep)
        self.reckoning = Reckoning(premises.disk, premises.figures, log)

    def _make_admission(self) -> Admission:
        figures, now = self._premises.figures, self._premises.clock.now
        bounds = choices.bounds(self._config, figures.look(now()).size)
        admission = Admission(figures, bounds, now, self._log)
        self._premises.disk.changed = admission.changed
        self._premises.disk.recorded = figures.changed
        self._premises.spool.kept = admission.kept
        return admission

    def _make_ledger(self, share: int) -> Ledger:
        premises, tally = self._premises, choices.tally(self._config, share)
        now, noted = premises.clock.now, self.admission.note
        return Ledger(premises.spool, now, self._log, tally, noted)

    def _make_deliveries(self, share: int) -> Deliveries:
        config, spool = self._config, self._premises.spool
        terms = choices.forward_terms(config)
        return Deliveries(
            Forward(spool, self._ledger, self.origin, terms, self._log),
            self._ledger,
            retry_for_s=config.origin.retry_for,
            max_forwards=max(1, config.origin.max_forwards // share),
            spawn=self._tasks.spawn,
            log=self._log,
            locks=self._premises.claims.deliveries,
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
            terms=choices.upload_terms(self._config),
            log=self._log,
        )

    def _make_server(self) -> Server:
        config = self._config
        dialects = choices.dialects(config)
        passage = choices.passage(config, self.origin.authority)
        return Server(
            dialects=dialects,
            uploads=self._make_uploads(),
            relay=Relay(
                self.origin,
                passage,
                idle_timeout_s=config.uploads.idle_timeout,
                minimum_rate=config.uploads.minimum_rate,
            ),
            discovery=Discovery(
                dialects,
                choices.limits(config),
                choices.rules(config),
                config.cors.allow_origins,
            ),
            manners=choices.manners(config, self._log),
            passage=passage,
            log=self._log,
        )

    def _make_sweep(self, is_ours: Callable[[], bool]) -> Sweep:
        uploads, premises = self._config.uploads, self._premises
        upkeep = Upkeep(
            spool=premises.spool,
            ledger=self._ledger,
            leases=self._leases,
            deliveries=self.deliveries,
            elsewhere=self._elsewhere,
            standings=self._standings,
            keep_answer_s=uploads.keep_answer,
            finish_stalled_after_s=uploads.finish_stalled_after,
            max_age_s=uploads.limits.max_age,
            log=self._log,
        )
        return Sweep(
            premises.spool,
            upkeep,
            after_round=premises.keep,
            log=self._log,
            is_ours=is_ours,
        )
