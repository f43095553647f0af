"""Load by the C client: what is asked of it, and what it says came of that.

The one invariant: a run that did not do what was asked is an error, never a figure.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from . import tools

_BOUND_S: Final = 120.0
"""No load here takes nearly as long."""


class LoadFailed(Exception):
    """Requests were not answered as they should be."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent; see ``tools/send.c``."""

    head: bytes
    size: int = 0
    chunked: bool = False
    connections: int = 1
    requests: int | None = None
    """In all; None: as many as `seconds` allow."""
    seconds: float | None = None
    interval_ms: float = 0
    rate: int = 0
    """Bytes per second and connection; 0: as fast as it goes."""
    cuts: bool = False
    waits: bool = False
    tls: bool = False

    def words(self, port: int, head: Path) -> list[str]:
        """The command line."""
        words = ["-p", str(port), "-f", str(head), "-s", str(self.size)]
        words += ["-c", str(self.connections)]
        if self.requests is not None:
            words += ["-n", str(self.requests)]
        if self.seconds is not None:
            words += ["-t", str(self.seconds)]
        if self.interval_ms:
            words += ["-i", str(self.interval_ms)]
        if self.rate:
            words += ["-r", str(self.rate)]
        switches = {
            "-k": self.chunked,
            "-x": self.cuts,
            "-w": self.waits,
            "-T": self.tls,
        }
        return words + [switch for switch, on in switches.items() if on]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    requests: int
    """Sent and answered whole."""
    bytes: int
    """Sent, heads included, of all requests, cut ones too."""
    seconds: float
    p50_ms: float
    p99_ms: float
    client_cpu_s: float


class Sending:
    """A load under way; as a context it is ended with the block."""

    def __init__(self, load: Load, port: int) -> None:
        self._load = load
        with tempfile.NamedTemporaryFile(suffix=".head", delete=False) as head:
            head.write(load.head)
        self._head = Path(head.name)
        words = load.words(port, self._head)
        self._process = subprocess.Popen(
            [str(tools.sender()), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def settled(self) -> Outcome:
        """With `waits`: once all requests are answered, the connections still open."""
        assert self._process.stdout is not None
        return self._outcome(self._process.stdout.readline(), "")

    def outcome(self) -> Outcome:
        """Wait for its end.

        Raises:
            LoadFailed
        """
        said, complaint = self._process.communicate(timeout=_BOUND_S)
        return self._outcome(said, complaint)

    def _outcome(self, said: str, complaint: str) -> Outcome:
        if not said:
            raise LoadFailed(complaint or f"send ended with {self._process.wait()}")
        told = json.loads(said)
        failed, status = told.pop("failed"), told.pop("odd_status")
        told.pop("max_ms")
        if failed:
            raise LoadFailed(f"{failed} requests failed, the first with {status}")
        return Outcome(**told)

    def __enter__(self) -> Sending:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._head.unlink()


def send(load: Load, port: int) -> Outcome:
    """All of it.

    Raises:
        LoadFailed
    """
    with Sending(load, port) as sending:
        return sending.outcome()
