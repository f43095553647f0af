"""The figures of a spool, played: how much is used and free is what a test says."""

from __future__ import annotations

from dataclasses import replace

from proxy.core.room import UNBOUNDED, Space
from proxy.core.upload import Token


class PlayedFigures:
    """One process."""

    def __init__(self, *, used: int = 0, free: int = UNBOUNDED) -> None:
        self.space = Space(used=used, promised=0, free=free, size=max(free, 1))
        """Without what is promised."""
        self.promised = 0
        self.held: dict[Token, tuple[int, float]] = {}
        self.looks = 0

    def changed(self, token: Token, by: int, *, promised: int = 0) -> None:
        self.space = replace(self.space, used=self.space.used + by)
        self.promised += promised

    def promise(self, by: int) -> None:
        self.promised += by

    def publish(self) -> None:
        """There is nobody else."""

    def hold(self, token: Token, size: int, until_s: float) -> None:
        self.held[token] = (size, until_s)

    def let_go(self, token: Token) -> tuple[int, float] | None:
        return self.held.pop(token, None)

    def look(self, now: float) -> Space:
        self.looks += 1
        held = sum(size for size, until_s in self.held.values() if until_s > now)
        return replace(self.space, promised=self.promised + held)
