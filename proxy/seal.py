"""Whether clients are spoken to with TLS, and what they are shown just now.

The one invariant: what is in use stays until what is to follow it has been found good.
"""

from __future__ import annotations

from ssl import SSLContext

from structlog.typing import FilteringBoundLogger

from proxy.access import tell_unsealed
from proxy.certificates import Files
from proxy.choices import tls_files
from proxy.config import Config
from proxy.renewal import Renewal, Sealing
from proxy.wire import TlsTerms


class Seal:
    """That of one process; none, until it is settled."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._files: Files | None = None
        self._sealing: Sealing | None = None

    def prepared(self, config: Config) -> Sealing | None:
        """How clients are to be spoken to by `config`: as now, if its files are the
        same; None: without TLS.

        Raises:
            Unusable: by these files, they cannot be.
        """
        files = tls_files(config)
        if files == self._files:
            return self._sealing
        return None if files is None else Sealing(files, self._log)

    def settle(self, config: Config, sealing: Sealing | None) -> None:
        """Go by `sealing` from now on, which was prepared for `config`."""
        self._files, self._sealing = tls_files(config), sealing

    @property
    def renewals(self) -> tuple[Renewal, ...]:
        """Those that are to be looked at."""
        return () if self._sealing is None else (self._sealing.renewal,)

    def terms(self, timeout_s: float) -> TlsTerms | None:
        """For the listeners; None without TLS, which only a restart changes.

        `timeout_s`: seconds that a handshake may take.
        """
        if self._sealing is None:
            return None
        return TlsTerms(
            context=self._context, timeout_s=timeout_s, failed=tell_unsealed(self._log)
        )

    def _context(self) -> SSLContext:
        """For a connection that comes now."""
        assert self._sealing is not None, "TLS is turned off by a restart only"
        return self._sealing.context
