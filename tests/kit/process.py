"""The proxy as a process of its own, to be killed, stopped and started again.

It keeps its spool and its ports from one start to the next, so that clients find their
uploads again. The one invariant: nothing is left running; whoever starts it ends it
with ``end``, which kills by process id.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import socket
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from signal import SIGSTOP, SIGTERM, Signals
from typing import Any

from proxy.spool.locks import RangeLocks

from .bounds import BOUND_S, until
from .family import descendants, kill_all, signal_all, stopped
from .raw import Connection, NoAnswerError, request

START_BOUND_S = 15.0
"""Seconds in which the process has to come up: an interpreter and its imports, on two
busy cores."""


COMMAND = (sys.executable, "-m", "proxy")

PORTS = range(20_000, 32_000)
"""Where ports are looked for: below those that Linux gives to outgoing connections, one
of which could else take the port of a process that is being started again."""


_DICE = random.SystemRandom()
"""Not the one of ``random``, which hypothesis gives the same seed in every process."""


@cache
def _claimed() -> RangeLocks:
    """Ports that processes of tests look after, until these end."""
    return RangeLocks(f"{tempfile.gettempdir()}/upload-proxy-ports-{os.getuid()}")


def free_port() -> int:
    """A port of 127.0.0.1 that is free, and that no other caller is given meanwhile.

    Raises:
        OSError: none of a thousand was.
    """
    for port in _DICE.sample(PORTS, 1000):
        if port in _GIVEN or not _claimed().try_lock(port):
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue  # somebody has it
            _GIVEN.add(port)
            return port
    raise OSError(f"no port of 127.0.0.1 is free in {PORTS}")


_GIVEN: set[int] = set()
"""By this process. One that is given twice could be on its way to two listeners."""


class ProxyProcess:
    """``python -m proxy serve`` over a directory of its own."""

    _stdin = asyncio.subprocess.DEVNULL

    def __init__(
        self,
        directory: Path,
        settings: dict[str, Any],
        largest_file: int | None = None,
        command: Sequence[str] = COMMAND,
        most_files: int | None = None,
    ) -> None:
        """A proxy with `settings`, in the shape of its file.

        largest_file: bytes that one file may have, as on a disk that is full from there
        on; None: no limit. command: what is given the arguments of ``upload-proxy``.
        most_files: descriptors that each process may have; None: no limit of ours.
        """
        port, admin = free_port(), free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.admin_address = f"http://127.0.0.1:{admin}"
        self.spool = directory / "spool"
        self._log = directory / "log"
        self.file = directory / "config.yaml"
        whole = {
            "listen": f"127.0.0.1:{port}",
            "admin": {"listen": f"127.0.0.1:{admin}"},
            **settings,
            "spool": {"directory": str(self.spool), **settings.get("spool", {})},
        }
        self.file.write_text(json.dumps(whole))  # JSON is YAML
        self._largest_file = largest_file
        self._command = command
        self._most_files = most_files
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        """Everything it has printed so far, of all its starts."""
        return self._log.read_text() if self._log.exists() else ""

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        beginning = asyncio.ensure_future(self._begin(self._arguments))
        try:
            self._process = await asyncio.shield(beginning)
        except asyncio.CancelledError:
            # so that whoever gave up on the start can end what was begun
            self._process = await beginning
            raise
        await until(self._ready, bound_s=START_BOUND_S)

    @property
    def _arguments(self) -> list[str]:
        return [*self._command, "serve", "--config", str(self.file)]

    async def _begin(self, command: list[str]) -> asyncio.subprocess.Process:
        """The process, begun."""
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=self._stdin,
                stdout=log,
                stderr=log,
                preexec_fn=self._limit,
            )

    @property
    def workers(self) -> list[int]:
        """Processes that it has started, by id; empty when it works alone."""
        return descendants(self._running.pid)

    @property
    def pid(self) -> int:
        return self._running.pid

    async def kill(self) -> None:
        """As by a crash of the machine: neither it nor what it has started can do
        anything more."""
        await kill_all(self._running.pid)
        await self.exited()

    async def terminate(self) -> int:
        """SIGTERM, and wait until it has gone; its exit code."""
        return await self._signalled(SIGTERM)

    def signal(self, number: Signals) -> None:
        """Send a signal and wait for nothing."""
        self._running.send_signal(number)

    def signal_all(self, number: Signals) -> None:
        """The same to its workers, too."""
        signal_all(self._running.pid, number)

    async def exited(self, *, bound_s: float = BOUND_S) -> int:
        """Wait until it has gone; its exit code."""
        async with asyncio.timeout(bound_s):
            code = await self._running.wait()
        self._process = None
        return code

    async def halt(self) -> None:
        """Stop it where it is, as if time stood still, until it is killed."""
        self.signal_all(SIGSTOP)
        await until(self._halted)

    async def _halted(self) -> bool | None:
        return True if stopped(self._running.pid) else None

    async def restart(self) -> None:
        """Kill it and start it again on the same spool and ports."""
        await self.kill()
        await self.start()

    async def end(self) -> None:
        """Kill it when it still runs."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    def _limit(self) -> None:
        if self._largest_file is not None:
            limit = (self._largest_file, self._largest_file)
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        if self._most_files is not None:
            limit = (self._most_files, self._most_files)
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "the proxy does not run"
        return self._process

    async def _signalled(self, number: Signals) -> int:
        self._running.send_signal(number)
        return await self.exited()

    async def _ready(self) -> bool | None:
        """True once /readyz says 200; None while it does not.

        Raises:
            AssertionError: the process has ended.
        """
        code = self._running.returncode
        assert code is None, f"ended with {code}: {self.log}"
        try:
            admin = await Connection.open(self.admin_address)
        except OSError:
            return None  # not listening yet
        try:
            await admin.send(request("GET", "/readyz"))
            status = (await admin.hear("GET")).status
        except NoAnswerError:
            status = 0
        finally:
            await admin.close()
        return True if status == 200 else None
