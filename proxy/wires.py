"""What a supervisor and its workers say to each other: an object a line, over a pair.

Either end may go at any time; the other hears that as the end of the lines. The one
invariant: nobody waits for the other to read.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any, Final

LONGEST: Final = 2**23
"""Bytes of a line: the whole configuration is one, and all numbers of a worker are."""


class Wire:
    """One end of the pair."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Wire:
        return cls(*await asyncio.open_connection(sock=sock, limit=LONGEST))

    def say(self, told: Mapping[str, Any]) -> None:
        """Tell the other end, if it is still there."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(dict(told)).encode() + b"\n")

    async def hear(self) -> dict[str, Any] | None:
        """What the other end says next; None once it has gone.

        An empty object for a line that is none, or is too long: whoever hears that
        passes it over, as every word that it does not know.
        """
        try:
            line = await self._reader.readline()
        except OSError:
            return None
        except ValueError:
            return {}  # longer than LONGEST; what is left of it makes no sense either
        return _object(line) if line.endswith(b"\n") else None

    def close(self) -> None:
        self._writer.close()


def _object(line: bytes) -> dict[str, Any]:
    """The object that `line` is; empty when it is none."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
