"""The other processes on this spool: found, asked, answered.

Each process listens on a socket of its own in ``peers/`` of the spool. Whoever wants
something of the others asks all of them at once: they are few, and it is rare. A socket
that nobody listens on any more is removed by who finds it. While a reply takes its
time, a word now and then tells that it is still being worked on, so that a process that
hangs is known from one that waits for something. Nobody but this user, and root, is
asked or answered, whatever rights the directory has. The one invariant: an asker that
goes away ends what was being done for it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.accepting import ListeningSocket
from proxy.asks import LONGEST, Ask, Said, Word, ask_line, read_ask, read_said
from proxy.asks import said_line as _line
from proxy.spool import files
from proxy.spool.failures import translated
from proxy.tasks import Spawn

STILL_S: Final = 5.0
"""Between two signs of life of a process that works on a reply."""
PATIENCE_S: Final = 20.0
"""Without a sign of life for so long, a process is taken to hang. Picked by hand."""
_BACKLOG: Final = 1024
_CREDENTIALS: Final = struct.Struct("3i")
"""``struct ucred`` of Linux: process, user, group."""

Answer = Callable[[Ask], Awaitable[Said]]
"""Does what is asked; told by whoever knows how."""


class Peers:
    """The processes on the spool in `directory`, which must be there."""

    def __init__(self, directory: str, spawn: Spawn, log: FilteringBoundLogger) -> None:
        """Raises:
        SpoolError: there can be no place to meet.
        """
        with translated("no place can be made where processes meet"):
            files.make_directory(f"{directory}/peers")
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            self._directory = os.open(f"{directory}/peers", flags)
        self._name = secrets.token_hex(8)
        self._spawn = spawn
        self._log = log
        self._server: asyncio.Server | None = None

    async def listen(self, answer: Answer) -> None:
        """Answer the others from now on.

        Raises:
            SpoolError: the file system of the spool has no sockets.
        """
        self._answer = answer
        with translated("other processes on the spool cannot be listened to"):
            sock = self._bound()
        self._server = await asyncio.start_unix_server(
            self._met, sock=sock, limit=LONGEST, backlog=_BACKLOG
        )

    async def close(self) -> None:
        """Be found no more. What is being answered goes with the tasks."""
        if self._server is not None:
            self._server.close()
            self._forget(self._name)
        os.close(self._directory)

    async def ask(
        self,
        ask: Ask,
        suffices: Callable[[Said], bool],
        alive: Callable[[], None] = lambda: None,
    ) -> Said | None:
        """The first reply to `ask` that suffices; NONE when everybody has replied, or
        is there no more, and no reply does; None when somebody has not replied.

        As many replies as there are other processes are looked at, as they come.
        `alive`: called with each sign of life of one that works on its reply.
        """
        others = self._others()
        if others is None:
            return None
        pending = {
            asyncio.ensure_future(self._ask_one(name, ask, alive)) for name in others
        }
        all_replied = True
        try:
            while pending:
                done, pending = await asyncio.wait(
                    pending, return_when=asyncio.FIRST_COMPLETED
                )
                for said in (task.result() for task in done):
                    if said is None:
                        all_replied = False
                    elif suffices(said):
                        return said
        finally:
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.wait(pending)
        return Said(Word.NONE) if all_replied else None

    def _bound(self) -> socket.socket:
        """A socket that listens, under our name. Raises OSError."""
        sock = ListeningSocket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Under its name only when it listens: nobody takes it for a dead one.
            new = self._name + files.NEW
            sock.bind(self._path(new))
            os.chmod(new, files.PRIVATE_FILE, dir_fd=self._directory)
            sock.listen(_BACKLOG)
            os.rename(
                new,
                self._name,
                src_dir_fd=self._directory,
                dst_dir_fd=self._directory,
            )
            sock.setblocking(False)
        except OSError:
            sock.close()
            raise
        return sock

    def _path(self, name: str) -> str:
        """Of the socket `name`, short wherever the spool lies: an address has no room
        for more than 107 bytes."""
        return f"/proc/self/fd/{self._directory}/{name}"

    def _others(self) -> list[str] | None:
        """Names of the others; None when that cannot be told."""
        try:
            names = os.listdir(self._directory)  # noqa: PTH208 - by descriptor
        except OSError as exc:
            self._log.error("other processes cannot be found", error=exc.strerror)
            return None
        return [name for name in names if name != self._name and files.NEW not in name]

    def _forget(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._directory)
        except OSError:
            # Somebody else was faster, or it cannot be helped: it only costs a look.
            return

    async def _ask_one(
        self, name: str, ask: Ask, alive: Callable[[], None]
    ) -> Said | None:
        """The reply of one process, NONE for one that is no more; None when there is
        none: it hangs, or has gone while it was asked."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                reader, writer = await asyncio.open_unix_connection(
                    self._path(name), limit=LONGEST
                )
        except ConnectionRefusedError:
            self._forget(name)
            return Said(Word.NONE)
        except FileNotFoundError:
            return Said(Word.NONE)  # it has left since it was found
        except (OSError, TimeoutError):
            return None
        try:
            if writer.get_extra_info("peername") is None:
                # As many wait there as can: this is no connection, though asyncio has
                # taken it for one.
                return None
            if os.geteuid() and not _is_ours(writer):
                return Said(Word.NONE)  # no process of this spool
            writer.write(ask_line(ask))
            return await _reply(reader, alive)
        finally:
            await _close(writer)

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if _is_ours(writer):
            self._spawn(self._serve(reader, writer))
        else:
            self._log.warning("a stranger among the processes of the spool")
            writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                ask = read_ask(await reader.readline())
            if ask is None:
                writer.write(_line(Said(Word.NOT_UNDERSTOOD)))
            else:
                await self._work_on(ask, reader, writer)
            await writer.drain()
        except (OSError, TimeoutError, ValueError):
            # It has gone, or said more than fits: nobody waits for a reply.
            return
        finally:
            await _close(writer)

    async def _work_on(
        self, ask: Ask, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Do what is asked as long as the asker is there, and tell what came of it."""
        work = asyncio.ensure_future(self._answer(ask))
        gone = asyncio.ensure_future(_end(reader))
        try:
            while not (work.done() or gone.done()):
                await asyncio.wait(
                    (work, gone),
                    timeout=STILL_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not (work.done() or gone.done()):
                    writer.write(_line(Said(Word.STILL)))
            if work.done():
                writer.write(_line(work.result()))
        finally:
            work.cancel()
            gone.cancel()
            await asyncio.wait((work, gone))


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """The other end is a process of this user, or of root."""
    sock = writer.get_extra_info("socket")
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(told)[1] in (os.geteuid(), 0)


async def _close(writer: asyncio.StreamWriter) -> None:
    """End the connection, and hear what has broken it: else asyncio may say, at the end
    of the process at the latest, that nobody has."""
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(STILL_S):
            await writer.wait_closed()


async def _end(reader: asyncio.StreamReader) -> None:
    """Until the other end has gone: it says nothing more."""
    try:
        await reader.read(1)
    except OSError:
        return


async def _reply(
    reader: asyncio.StreamReader, alive: Callable[[], None]
) -> Said | None:
    """The reply, when it comes; None when it does not."""
    while True:
        try:
            async with asyncio.timeout(PATIENCE_S):
                said = read_said(await reader.readline())
        except (OSError, TimeoutError, ValueError):
            return None
        if said is None or said.word is not Word.STILL:
            return said
        alive()
