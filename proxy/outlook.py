"""What one process has in its hands just now, for who asks.

The side of ``metrics.standing`` and of the uploads page that knows the rooms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.admin.glimpse import Hands, hands
from proxy.core.room import Bounds, Space
from proxy.core.upload import Upload
from proxy.metrics.listeners import Listeners
from proxy.premises import Premises
from proxy.road import Road
from proxy.wire import Door


class Outlook:
    """One process, looked at from above."""

    def __init__(
        self,
        premises: Premises,
        road: Road,
        door: Door,
        listeners: Listeners,
        *,
        draining: Callable[[], bool],
        tells_space: bool,
    ) -> None:
        """`tells_space`: this process tells how the spool stands, for all of them."""
        self._premises = premises
        self._road = road
        self._door = door
        self._listeners = listeners
        self._draining = draining
        self._tells_space = tells_space

    @property
    def draining(self) -> bool:
        """See ``Standing``."""
        return self._draining()

    @property
    def connections(self) -> Mapping[str, int]:
        """See ``Standing``."""
        transports = (one.transport for one in self._door.connections)
        return self._listeners.counted(self._door.open, transports)

    @property
    def bounds(self) -> Bounds:
        """See ``Standing``."""
        return self._road.admission.bounds

    def receiving(self) -> list[Upload]:
        """See ``Standing``."""
        return self._road.admission.receiving()

    def forwarding(self) -> list[Upload]:
        """See ``Standing``."""
        return self._road.deliveries.forwarding()

    def waiting(self) -> list[Upload]:
        """See ``Standing``."""
        return self._road.deliveries.waiting()

    def now(self) -> float:
        """See ``Standing``."""
        return self._premises.clock.now()

    def space(self) -> Space | None:
        """See ``Standing``."""
        return self._road.admission.space() if self._tells_space else None

    def hands(self) -> Hands:
        """What it has in its hands, for the uploads page."""
        road = self._road
        kinds = (self.receiving(), self.forwarding(), self.waiting())
        return hands(self.now(), kinds, road.reception.offsets(), road.lately.forwards)
