"""One proxy as a service: started, stopped by signals, and its exit code.

SIGTERM or SIGINT stop it in order; a second one ends it at once. The state on the disk
is true at every moment, so nothing has to be tidied up for that. SIGHUP has it read its
configuration again and look at its certificates, SIGUSR1 open its log anew, SIGUSR2
replace its workers one after the other. The service manager hears how we are.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from proxy import collection
from proxy.accepting import Unaccepted
from proxy.app import App
from proxy.config import Config
from proxy.outfit import CannotStart, logger_of
from proxy.reload import Reload
from proxy.supervisor import Supervisor
from proxy.systemd import Notice

FAILED: Final = 1
WRONG_CONFIGURATION: Final = 78
"""See ``cli``."""


def serve(config: Config, read: Callable[[], Config]) -> int:
    """Run until a signal says to stop; an exit code.

    `read`: the configuration from where it came; raises ConfigError.
    """
    return asyncio.run(_serve(config, read))


async def _serve(config: Config, read: Callable[[], Config]) -> int:
    stop, reload_asked, notice = asyncio.Event(), asyncio.Event(), Notice()
    reload = Reload(read, notice)
    loop = asyncio.get_running_loop()
    try:
        log = logger_of(config)
        loop.set_exception_handler(Unaccepted(log))
        proxy = (
            App(config, log, reload=reload)
            if config.workers == 1
            else Supervisor(config, log, reload)
        )
        # Before anything slow: as PID 1 a process ignores signals it has no handler
        # for.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, partial(_on_signal, proxy, stop, number))
        loop.add_signal_handler(signal.SIGHUP, reload_asked.set)
        loop.add_signal_handler(signal.SIGUSR1, proxy.reopen)
        loop.add_signal_handler(signal.SIGUSR2, proxy.renew)
        await proxy.start()
    except CannotStart as exc:
        print(f"upload-proxy: {exc}", file=sys.stderr)
        return WRONG_CONFIGURATION if exc.configured else FAILED
    collection.started()
    tasks = [
        asyncio.ensure_future(_watched(proxy, notice)),
        asyncio.ensure_future(_reload_whenever_asked(proxy, reload_asked)),
    ]
    await stop.wait()
    notice.stopping()
    # Before anything is closed: a reload that is under way is part of what runs.
    tasks[1].cancel()
    await asyncio.wait(tasks[1:])
    await proxy.stop()
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    return 0


async def _watched(proxy: App | Supervisor, notice: Notice) -> None:
    """Tell the service manager that we serve, and that we still do, while we do."""
    await proxy.begun()
    notice.ready(_status(proxy))
    if notice.watchdog_s is None:
        return
    while True:
        if await proxy.is_well():
            notice.well()
        # Twice in the time there is, and once more for the answers of workers.
        await asyncio.sleep(notice.watchdog_s / 3)


async def _reload_whenever_asked(proxy: App | Supervisor, asked: asyncio.Event) -> None:
    """Also when it was before we served: what was read by then may be old."""
    while True:
        await asked.wait()
        asked.clear()
        await proxy.reload()


def _status(proxy: App | Supervisor) -> str:
    return f"serving {', '.join(proxy.addresses)}"


def _on_signal(proxy: App | Supervisor, stop: asyncio.Event, number: int) -> None:
    if stop.is_set():
        proxy.kill()
        os._exit(128 + number)
    stop.set()
