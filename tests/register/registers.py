"""Registers on one spool, and what is in them."""

from __future__ import annotations

from pathlib import Path

import structlog
from structlog.typing import EventDict, FilteringBoundLogger

from proxy.core.upload import Token
from proxy.register import Entry, Group, Kind
from proxy.register.shared import SharedRegister

NOW = 1000.0

CLIENT = Group(Kind.CLIENT, "192.0.2.1")


def entry(number: int, size: int = 0, deadline: float = NOW) -> Entry:
    return Entry(Token(f"{number:043}"), CLIENT.name, "", size, deadline)


class Spool:
    """Registers on one spool, and what they log."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.said: list[str] = []
        self._log: FilteringBoundLogger = structlog.wrap_logger(
            structlog.ReturnLogger(),
            processors=[self._hear],
            wrapper_class=structlog.make_filtering_bound_logger(0),
        )
        self._registers: list[SharedRegister] = []

    def _hear(self, log: object, level: str, told: EventDict) -> str:
        self.said.append(told["event"])
        return ""

    def register(self, slack_s: float = 0) -> SharedRegister:
        register = SharedRegister(str(self.directory), self._log, slack_s)
        register.most = 1000
        self._registers.append(register)
        return register

    @property
    def counts(self) -> Path:
        return self.directory / "counts"

    def close(self) -> None:
        for register in self._registers:
            register.close()
