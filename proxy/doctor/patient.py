"""One place of uploads, as its client speaks to it.

It remembers every upload that it has heard of, so that all can be cancelled. The one
invariant: nothing here says that an upload is complete, but for ``complete``.
"""

from __future__ import annotations

from typing import Final

from proxy.client.target import Target, WrongUrl
from proxy.client.wire import Connection, Lines, NoAnswer, Said, Unreached

VERSION: Final = 10
VERSIONS: Final = range(3, 11)
_VERSION_FIELD: Final = "Upload-Draft-Interop-Version"
_OPEN: Final = ("Upload-Complete", "?0")
_DONE: Final = ("Upload-Complete", "?1")
_PART: Final = ("Content-Type", "application/partial-upload")


class Patient:
    """Speaks to `target`, with `extra` fields in every request."""

    def __init__(self, target: Target, method: str, extra: Lines) -> None:
        self.target = target
        self._method = method
        self._extra = extra
        self._begun: dict[str, Target] = {}

    async def ask(self, method: str, where: Target, *fields: tuple[str, str]) -> Said:
        """One request without content.

        Raises:
            Unreached: no connection.
            NoAnswer: it was not answered.
        """
        connection = await Connection.open(where)
        try:
            await connection.begin(method, where.path, self._with(fields))
            return await connection.hear(method)
        finally:
            await connection.close()

    async def options(self, *fields: tuple[str, str], version: int = VERSION) -> Said:
        """What the place says of uploads. Raises as ``ask``."""
        return await self.ask("OPTIONS", self.target, _version(version), *fields)

    async def create(self) -> Said:
        """A new upload without content, of which more follows. Raises as ``ask``."""
        length = ("Content-Length", "0")
        said = await self.ask(self._method, self.target, _version(), _OPEN, length)
        self.remember(said)
        return said

    async def begin_creation(self, length: int) -> Connection:
        """The head of a creation with `length` bytes, of which more follows. Raises as
        ``ask``."""
        fields = (_version(), _OPEN, ("Content-Length", str(length)))
        return await self._begin(self._method, self.target, fields)

    async def begin_append(
        self, where: Target, offset: int, length: int, *, last: bool = False
    ) -> Connection:
        """The head of an append. Raises as ``ask``."""
        fields = (
            _version(),
            _DONE if last else _OPEN,
            _PART,
            ("Upload-Offset", str(offset)),
            ("Content-Length", str(length)),
        )
        return await self._begin("PATCH", where, fields)

    async def offset(self, where: Target, *fields: tuple[str, str]) -> Said:
        """Where the upload stands. Raises as ``ask``."""
        return await self.ask("HEAD", where, _version(), *fields)

    def remember(self, said: Said) -> Target | None:
        """The upload that `said` or a 104 before it locates; None when none does."""
        for one in (*said.interims, said):
            located = self.located(one)
            # a 201 that is not of the protocol names something else
            if located is not None and (one.status == 104 or speaks_of_uploads(one)):
                self._begun[located.url] = located
                return located
        return None

    def located(self, said: Said) -> Target | None:
        """What its Location means; None when it has none, or one that means nothing."""
        location = said.value("location")
        if location is None:
            return None
        try:
            return self.target.resolve(location)
        except WrongUrl:
            return None

    def forget(self, where: Target) -> None:
        """It is complete, or cancelled."""
        self._begun.pop(where.url, None)

    async def cancel_all(self) -> list[str]:
        """Cancels what was begun; the URLs of what could not be."""
        left = []
        for where in list(self._begun.values()):
            try:
                said = await self.ask("DELETE", where, _version())
            except (Unreached, NoAnswer):
                left.append(where.url)
                continue
            if said.status not in (204, 404):
                left.append(where.url)
        return left

    async def _begin(self, method: str, where: Target, fields: Lines) -> Connection:
        connection = await Connection.open(where)
        try:
            await connection.begin(method, where.path, self._with(fields))
        except NoAnswer:
            await connection.close()
            raise
        return connection

    def _with(self, fields: Lines) -> Lines:
        """`fields` after those that were asked for; what is said there wins."""
        own = {name.lower() for name, _ in fields}
        extra = tuple(line for line in self._extra if line[0].lower() not in own)
        return (*extra, *fields)


def speaks_of_uploads(said: Said) -> bool:
    """True for a response of somebody who knows resumable uploads."""
    return any(
        name.lower().startswith("upload-")
        or (name.lower() == "accept-patch" and "application/partial-upload" in value)
        for name, value in said.fields
    )


def version_told(said: Said) -> str | None:
    return said.value(_VERSION_FIELD)


def _version(version: int = VERSION) -> tuple[str, str]:
    return _VERSION_FIELD, str(version)
