"""Servers under measurement, each a process of its own.

A server listens on one port of 127.0.0.1 and keeps what it writes below one directory;
all of them are on one file system. The one invariant: nothing is left running, whoever
starts one ends it with ``stop``, by process id.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from . import accounting

_START_BOUND_S: Final = 30.0
_STOP_BOUND_S: Final = 15.0
_LOOK_S: Final = 0.01
DESCRIPTORS: Final = 20_000
"""Files a server may have open, as far as the system allows that."""


class NotStarted(Exception):
    """A server did not come up; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """How a server is started."""

    name: str
    port: int
    command: list[str]
    directory: Path
    """Removed when it is stopped."""
    source: Path | None = None
    """Where it runs, and where Python finds its modules first; None: anywhere."""
    environment: dict[str, str] = field(default_factory=dict)


class Server:
    """A program that runs."""

    def __init__(self, program: Program) -> None:
        """Start it; it may not be ready yet.

        Raises:
            OSError: there is no such program.
        """
        self.name = program.name
        self.port = program.port
        self.directory = program.directory
        self._log = program.directory / "log"
        environment = os.environ | program.environment
        if program.source is not None:
            environment["PYTHONPATH"] = str(program.source)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                program.command,
                cwd=program.source,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_allow_descriptors,
            )

    def wait(self) -> Server:
        """Wait until it accepts connections.

        Raises:
            NotStarted
        """
        bound = time.monotonic() + _START_BOUND_S
        while time.monotonic() < bound and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                time.sleep(_LOOK_S)  # nothing tells when a server listens
            else:
                return self
        raise NotStarted(f"{self.name}: {self._log.read_text()[-2000:]}")

    def spent_s(self) -> float:
        """See ``accounting.cpu_s``: as it stands, for what never comes to rest."""
        return accounting.cpu_s(self._process.pid)

    def cpu_s(self) -> float:
        """See ``accounting.settled_cpu_s``."""
        return accounting.settled_cpu_s(self._process.pid)

    def pss_kib(self) -> float:
        """See ``accounting.pss_kib``."""
        return accounting.pss_kib(self._process.pid)

    def stop(self) -> None:
        """End it and remove its directory."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_BOUND_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.directory)


def _allow_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
