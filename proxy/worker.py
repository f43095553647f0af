"""A worker: one of several processes that serve the same sockets on the same spool.

Started by its supervisor, which hands it the sockets, tells it the configuration, and
tells it when to stop. Signals of a terminal or of a service manager go to the whole
group: here they are ignored, so that one signal is one. When the supervisor is gone,
however that came, the worker stops in order by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any, Final

from proxy import collection
from proxy.accepting import ListeningSocket, Unaccepted
from proxy.app import App, Part
from proxy.config import Config
from proxy.outfit import CannotStart, logger_of
from proxy.reloaded import CannotApply
from proxy.spool.owner import Foothold
from proxy.wires import Wire

GROUP_SIGNALS: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
"""Blocked by the supervisor while it starts a worker, so that none is in time to end
it."""


def main() -> int:
    """Work until told to stop; an exit code. The argument is a descriptor: the wire."""
    for number in GROUP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)
    return asyncio.run(_work(int(sys.argv[1])))


async def _work(descriptor: int) -> int:
    wire = await Wire.over(socket.socket(fileno=descriptor))
    told = await wire.hear()
    if told is None:
        return 0
    config = Config.model_validate(told["config"])
    public: list[socket.socket] = [
        ListeningSocket(fileno=number) for number in told["sockets"]
    ]
    try:
        log = logger_of(config).bind(worker=told["worker"])
        asyncio.get_running_loop().set_exception_handler(Unaccepted(log))
        part = Part(told["share"], sweeps=False, place=_place(told, config))
        app = App(config, log, part)
        await app.start_on(public, [], app)
    except CannotStart as exc:
        print(f"upload-proxy: worker {told['worker']}: {exc}", file=sys.stderr)
        return 1
    collection.started()
    wire.say({"word": "serving"})
    stop = asyncio.Event()
    heeding = asyncio.ensure_future(_heed(wire, app, stop))
    await stop.wait()
    await app.stop()
    # What it has counted since it was asked last is not to go with it.
    _tell_metrics(wire, app)
    heeding.cancel()
    await asyncio.wait([heeding])
    wire.close()
    return 0


def _place(told: Mapping[str, Any], config: Config) -> Foothold:
    """Where the spool is. A supervisor that is older than this worker may not tell: it
    hands over the lock alone, to which what is found then is held as well."""
    directory = told.get("spool") or os.path.realpath(config.spool.directory)
    return Foothold(directory, told["lock"])


async def _heed(wire: Wire, app: App, stop: asyncio.Event) -> None:
    """Do what the supervisor says, until it is gone."""
    while (told := await wire.hear()) is not None:
        match told.get("wish"):
            case "stop":
                stop.set()
            case "drain":
                app.drain()
            case "reopen":
                app.reopen()
            case "look":
                app.look()
            case "settle":
                await _settle(wire, app, told["config"])
            case "count":
                app.count_behind(told["behind"])
            case "counts":
                wire.say({"word": "counts", "counts": app.counts})
            case "metrics":
                _tell_metrics(wire, app)
            case "hands":
                wire.say({"word": "hands", "hands": app.outlook.hands().told()})
    stop.set()


async def _settle(wire: Wire, app: App, told: Any) -> None:
    why = None
    try:
        await app.apply(Config.model_validate(told))
    except CannotApply as exc:
        why = str(exc)
    wire.say({"word": "settled", "why": why})


def _tell_metrics(wire: Wire, app: App) -> None:
    wire.say({"word": "metrics", "metrics": app.snapshot()})


if __name__ == "__main__":
    sys.exit(main())
