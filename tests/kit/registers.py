"""Registers of open uploads, of each kind, for tests that run over both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.log import logger
from proxy.register import Register
from proxy.register.memory import MemoryRegister
from proxy.register.shared import SharedRegister


@contextmanager
def kept(kind: str, directory: Path) -> Iterator[Register]:
    """A register without slack, so that both kinds say the same at every moment."""
    register: Register = MemoryRegister()
    if kind == "shared":
        register = SharedRegister(str(directory), logger("error", "json"), slack_s=0)
        register.ahead = 0
    try:
        yield register
    finally:
        register.close()
