"""The configuration read again, checked, and taken into use while the proxy runs.

All of it or nothing: settings are checked together and mean something together. With
`listen` moved behind a front and the front trusted, to trust it while the old address
still listens would trust everybody. So a change of what only a start can do refuses the
whole, and says what it is. The one invariant: of two that are asked for, the second
begins when the first has ended, and reads what the file says by then.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy import choices
from proxy.certificates import Unusable
from proxy.config import Config, ConfigError
from proxy.config.mistakes import shown
from proxy.reloaded import CannotApply, Reloaded, Result
from proxy.systemd import Notice

ONLY_AT_THE_START: Final = (
    "listen",
    "workers",
    "reuse_port",
    "admin",
    "auth",
    "spool.directory",
    "spool.sync",
    "log.format",
    "log.file",
    "log.access",
    "tracing",
)
"""Keys, with all below them, that need a restart. So does TLS, turned on or off."""
PATIENCE_S: Final = 15.0
"""Seconds that reading may take: more than a slow disk needs, and less than the command
waits that asks for it. Picked by hand."""


class Reloadable(Protocol):
    """A proxy that runs, with one process or several."""

    @property
    def config(self) -> Config: ...

    @property
    def addresses(self) -> list[str]: ...

    def look(self) -> None:
        """See whether there are new certificates."""

    async def apply(self, config: Config) -> None:
        """Go by `config` from now on.

        Raises:
            CannotApply: it cannot be.
        """


class Reloads:
    """What came of reading it again, so far: nothing."""

    def __init__(self) -> None:
        self.counts: dict[Result, int] = dict.fromkeys(Result, 0)
        """How often it has come to what."""
        self.was_successful = True
        """The last time; the start was the first one."""
        self.succeeded_at = time.time()
        """When it was so last, in seconds of Unix time."""


class Reload(Reloads):
    """Reads the configuration again, whoever asks for it."""

    def __init__(
        self,
        read: Callable[[], Config],
        notice: Notice,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`read`: the configuration, from where it came at the start; raises
        ConfigError. `notice`: the service manager is told."""
        super().__init__()
        self._read = read
        self._notice = notice
        self._patience_s = patience_s
        self._one_by_one = asyncio.Lock()

    async def __call__(self, proxy: Reloadable, log: FilteringBoundLogger) -> Reloaded:
        """Do it for `proxy`; what came of it, which the log says as well."""
        async with self._one_by_one:
            self._notice.reloading()
            proxy.look()
            outcome = await self._outcome(proxy)
            self._tell(outcome, proxy, log)
        return outcome

    async def _outcome(self, proxy: Reloadable) -> Reloaded:
        try:
            async with asyncio.timeout(self._patience_s):
                config = await self._checked()
        except ConfigError as exc:
            return Reloaded(Result.WRONG, errors=tuple(map(str, exc.errors)))
        except Unusable as exc:
            return Reloaded(Result.WRONG, errors=(str(exc),))
        except TimeoutError:
            words = f"its files could not be read within {self._patience_s:g} s"
            return Reloaded(Result.WRONG, errors=(words,))
        fixed = tuple(needs_restart(proxy.config, config))
        if fixed:
            errors = tuple(f"{key}: needs a restart" for key in fixed)
            return Reloaded(Result.REFUSED, errors=errors)
        changes = tuple(differences(proxy.config, config))
        if changes:
            try:
                await proxy.apply(config)
            except CannotApply as exc:
                return Reloaded(Result.REFUSED, errors=(str(exc),))
        return Reloaded(Result.APPLIED, changes)

    async def _checked(self) -> Config:
        """Raises ConfigError, Unusable."""
        reading: Future[Config] = Future()
        # It could not be cancelled: what reads has to end it.
        reading.set_running_or_notify_cancel()
        # In none of asyncio's threads, for whose end a process waits when it stops: a
        # read of a file system that is gone may never end.
        threading.Thread(target=self._check, args=[reading], daemon=True).start()
        return await asyncio.wrap_future(reading)

    def _check(self, reading: Future[Config]) -> None:
        try:
            config = self._read()
            choices.check_files(config)
        except (ConfigError, Unusable) as exc:
            reading.set_exception(exc)
        except BaseException as exc:  # who waits must hear of it, whatever it is
            reading.set_exception(exc)
            raise
        else:
            reading.set_result(config)

    def _tell(
        self, outcome: Reloaded, proxy: Reloadable, log: FilteringBoundLogger
    ) -> None:
        """The one place where what came of it is told to those who did not ask."""
        self.counts[outcome.result] += 1
        self.was_successful = outcome.result is Result.APPLIED
        status = f"serving {', '.join(proxy.addresses)}"
        if self.was_successful:
            self.succeeded_at = time.time()
            log.info("configuration reloaded", changes=list(outcome.changes))
        else:
            for error in outcome.errors:
                log.error("configuration not reloaded", error=error)
            status += f"; configuration not reloaded: {outcome.errors[0]}"
        self._notice.ready(status)


async def reloaded(
    reload: Reload | None, proxy: Reloadable, log: FilteringBoundLogger
) -> Reloaded:
    """What comes of reading the configuration of `proxy` again."""
    if reload is None:
        why = "nobody has said where the configuration is read from"
        return Reloaded(Result.REFUSED, errors=(why,))
    return await reload(proxy, log)


def needs_restart(before: Config, after: Config) -> Iterator[str]:
    """The keys that differ and that only a start can change."""
    if (before.tls.certificate is None) != (after.tls.certificate is None):
        yield "tls.certificate"
    for key in _differing(_flat(before), _flat(after)):
        if any(f"{key}.".startswith(f"{fixed}.") for fixed in ONLY_AT_THE_START):
            yield key


def differences(before: Config, after: Config) -> Iterator[str]:
    """What is another value in `after`, in words."""
    old, new = _flat(before), _flat(after)
    for key in _differing(old, new):
        yield f"{key}: {_worded(old, key)} -> {_worded(new, key)}"


def _worded(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return "nothing"
    value = values[key]
    return ", ".join(map(shown, value)) if _is_plain(value) else shown(value)


def _is_plain(value: Any) -> bool:
    """A list that is short to tell."""
    return (
        isinstance(value, list)
        and bool(value)
        and not any(isinstance(item, dict | list) for item in value)
    )


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    keys = dict.fromkeys((*old, *new))
    return [
        key for key in keys if key not in old or key not in new or old[key] != new[key]
    ]


def _flat(config: Config) -> dict[str, Any]:
    """Every value by its key with dots; those of routes by the names of these."""
    values = config.model_dump(mode="json")
    routes = values.pop("routes")
    flat = dict(_leaves(values, ""))
    for route in routes:
        flat |= _leaves(route, f"routes[{route['name']}].")
    flat["routes (their order)"] = [route["name"] for route in routes]
    return flat


def _leaves(values: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, value
