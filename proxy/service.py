"""One proxy as a service: started, stopped by signals, and its exit code.

SIGTERM or SIGINT stop it in order; a second one ends it at once. The state on the disk
is true at every moment, so nothing has to be tidied up for that. SIGHUP replaces the
workers one after the other, where there are any.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial

from proxy import collection
from proxy.app import App, CannotStart
from proxy.config import Config
from proxy.supervisor import Supervisor


def serve(config: Config) -> int:
    """Run until a signal says to stop; an exit code."""
    return asyncio.run(_serve(config))


async def _serve(config: Config) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    proxy = App(config) if config.workers == 1 else Supervisor(config)
    # Before anything slow: as PID 1 a process ignores signals it has no handler for.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(_on_signal, proxy, stop, number))
    if isinstance(proxy, Supervisor):
        loop.add_signal_handler(signal.SIGHUP, proxy.renew)
    try:
        await proxy.start()
    except CannotStart as exc:
        print(f"upload-proxy: {exc}", file=sys.stderr)
        return 1
    collection.started()
    await stop.wait()
    await proxy.stop()
    return 0


def _on_signal(proxy: App | Supervisor, stop: asyncio.Event, number: int) -> None:
    if stop.is_set():
        proxy.kill()
        os._exit(128 + number)
    stop.set()
