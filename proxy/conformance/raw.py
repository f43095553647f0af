"""Bytes as they are, over a connection of their own, and everything that comes back.

For what no decent client sends: HTTP/1.0, chunks that lie about lengths, a request
right behind a refused one. The one invariant: it hears until the server ends the
connection or a bound is over, and then makes of it what can be made.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import Final

from proxy.client.target import Target
from proxy.client.wire import CONNECT_S, Said, Unreached

HEARS_S: Final = 5.0
"""Seconds for everything that is said; requests that want no more say `Connection:
close`."""
_MOST: Final = 1 << 18


async def heard(target: Target, data: bytes) -> tuple[Said, ...]:
    """Every final response to `data`, each with the interims before it.

    Raises:
        Unreached: no connection.
    """
    tls = ssl.create_default_context() if target.scheme == "https" else None
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                target.host, target.port, ssl=tls
            )
    except (OSError, TimeoutError) as exc:
        raise Unreached(str(exc) or type(exc).__name__) from exc
    try:
        return responses(await _all(reader, writer, data))
    finally:
        writer.transport.abort()


async def _all(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
) -> bytes:
    came = bytearray()
    try:
        async with asyncio.timeout(HEARS_S):
            writer.write(data)
            while piece := await reader.read(_MOST - len(came)):
                came += piece
    except (TimeoutError, OSError):
        pass  # what came before is what was said
    return bytes(came)


def responses(came: bytes) -> tuple[Said, ...]:
    """The responses in these bytes, as far as they are HTTP; nothing of the rest."""
    finals: list[Said] = []
    interims: list[Said] = []
    while came.startswith(b"HTTP/1.") and b"\r\n\r\n" in came:
        head, _, came = came.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        fields = tuple((name, value.strip(" \t")) for name, _, value in pairs)
        status = first[9:12]
        if not status.isdigit():
            break
        said = Said(int(status), fields)
        if said.status < 200:
            interims.append(said)
            continue
        content, came = _content(said, came)
        finals.append(replace(said, content=content, interims=tuple(interims)))
        interims.clear()
    return tuple(finals)


def _content(said: Said, came: bytes) -> tuple[bytes, bytes]:
    """Its content, and what follows it."""
    if said.value("Transfer-Encoding") is not None:
        content, end, rest = came.partition(b"0\r\n\r\n")
        return content, rest if end else b""
    length = said.value("Content-Length")
    if length is not None and length.isdigit():
        return came[: int(length)], came[int(length) :]
    return (b"", came) if said.status == 204 else (came, b"")
