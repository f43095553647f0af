"""One proxy as a service: started, stopped by signals, and its exit code.

SIGTERM or SIGINT stop it in order; a second one ends it at once. The state on the disk
is true at every moment, so nothing has to be tidied up for that. SIGHUP has it look at
its certificates and replaces the workers one after the other, where there are any;
SIGUSR1 has the log opened anew. The service manager hears how we are.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial
from typing import Final

from proxy import collection
from proxy.app import App, CannotStart
from proxy.config import Config
from proxy.supervisor import Supervisor
from proxy.systemd import Notice

FAILED: Final = 1
WRONG_CONFIGURATION: Final = 78
"""See ``cli``."""


def serve(config: Config) -> int:
    """Run until a signal says to stop; an exit code."""
    return asyncio.run(_serve(config))


async def _serve(config: Config) -> int:
    stop, notice = asyncio.Event(), Notice()
    loop = asyncio.get_running_loop()
    try:
        proxy = App(config) if config.workers == 1 else Supervisor(config)
        # Before anything slow: as PID 1 a process ignores signals it has no handler
        # for.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, partial(_on_signal, proxy, stop, number))
        loop.add_signal_handler(signal.SIGHUP, partial(_reload, proxy, notice))
        loop.add_signal_handler(signal.SIGUSR1, proxy.reopen)
        await proxy.start()
    except CannotStart as exc:
        print(f"upload-proxy: {exc}", file=sys.stderr)
        return WRONG_CONFIGURATION if exc.configured else FAILED
    collection.started()
    watched = asyncio.ensure_future(_watched(proxy, notice))
    await stop.wait()
    notice.stopping()
    await proxy.stop()
    watched.cancel()
    await asyncio.wait([watched])
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


def _reload(proxy: App | Supervisor, notice: Notice) -> None:
    # What takes longer, the replacing of workers, refuses nobody meanwhile.
    notice.reloading()
    proxy.renew()
    notice.ready(_status(proxy))


def _status(proxy: App | Supervisor) -> str:
    return f"serving {', '.join(proxy.addresses)}"


def _on_signal(proxy: App | Supervisor, stop: asyncio.Event, number: int) -> None:
    if stop.is_set():
        proxy.kill()
        os._exit(128 + number)
    stop.set()
