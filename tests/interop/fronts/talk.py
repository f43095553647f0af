"""One request over HTTP/1.1 or HTTP/2, told apart by nothing but its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Protocol

from tests.interop import needs
from tests.kit.raw import Connection, Response, request

Protocols = Literal["h1", "h2"]


class Talk(Protocol):
    """A connection for one request."""

    async def begin(
        self, method: str, path: str, *fields: tuple[str, str], ends: bool = False
    ) -> None: ...
    async def send(self, content: bytes, *, last: bool = False) -> None: ...
    async def hear_interim(self) -> Response: ...
    async def hear(self) -> Response: ...
    async def close(self) -> None: ...


class H1Talk:
    """Over HTTP/1.1, by the client of the kit."""

    def __init__(self, connection: Connection, authority: str) -> None:
        self._connection, self._authority = connection, authority
        self._method = ""
        self._early: tuple[Response, ...] = ()

    async def begin(
        self, method: str, path: str, *fields: tuple[str, str], ends: bool = False
    ) -> None:
        """`ends` needs no saying here."""
        self._method = method
        host = ("Host", self._authority)
        await self._connection.send(request(method, path, host, *fields))

    async def send(self, content: bytes, *, last: bool = False) -> None:
        """`last` needs no saying here: the length was told."""
        await self._connection.send(content)

    async def hear_interim(self) -> Response:
        heard = await self._connection.hear_interim()
        self._early += (heard,)
        return heard

    async def hear(self) -> Response:
        final = await self._connection.hear(self._method)
        return replace(final, interims=self._early + final.interims)

    async def close(self) -> None:
        """End the connection as one whose client has died."""
        await self._connection.reset()


async def talk(protocol: Protocols, address: str) -> Talk:
    """A new connection to an https `address`."""
    authority = address.removeprefix("https://")
    if protocol == "h1":
        return H1Talk(await Connection.open(address), authority)
    needs.modules("h2")
    from .h2talk import H2Talk

    return await H2Talk.open(address)
