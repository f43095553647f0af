"""A stored request on its way to the origin, at the pace at which the origin takes it.

The connection is read all the while, so an early answer is heard at once. On a plain
socket the bytes are handed to the kernel directly, those of a file without passing
through us, and what it took is known to the byte; with TLS they go through asyncio's
transport. What stands before a body leaves with the head, what stands behind it with
its last bytes. The one invariant: ``all_left`` is False only when part of the request
surely never left.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from typing import Final

from proxy.core.errors import SpoolError
from proxy.spool import Reader

from .connection import Connection

KEPT_BACK: Final = 4096
"""Bytes at the end that are read, not copied: they leave once all has been checked."""
SMALL: Final = 64 * 1024
"""Content up to here is read at once, and leaves in one write with the head."""
COPIED: Final = 1024 * 1024
"""Bytes the kernel is told to copy at once: few calls, and turns that stay short."""
PIECE: Final = 256 * 1024
"""Bytes read from the spool at once where it cannot, which measured best."""


class Sending(ABC):
    """One request, sent once. Starts with ``start``, ends by itself or by ``stop``."""

    def __init__(
        self,
        connection: Connection,
        head: bytes,
        body: Reader,
        after: bytes,
        stall_s: float,
    ) -> None:
        """`head`: everything before the body. `after`: what follows it, a few bytes.

        `stall_s`: how long the origin may take nothing at all.
        """
        self._connection = connection
        self._head = head
        self._body = body
        self._after = after
        self._stall_s = stall_s
        self._loop = connection.loop
        self._held = b""
        """Read, and not handed on yet."""
        self._read_to = 0
        """Bytes of the body read, or copied."""
        self._moved_at = 0.0
        self._watchdog: asyncio.TimerHandle | None = None
        self.size = len(head) + body.size + len(after)
        """Bytes of the whole request."""
        self.is_over = False
        """Nothing more of it is sent, for whatever reason."""
        self._awaited: asyncio.Future[None] | None = None
        """Who waits for that; None: nobody does."""
        self.unreadable: SpoolError | None = None
        """Why the body could not be read to its end; None when it could."""
        self.began = self._loop.time()
        """In seconds of the loop."""
        self.took_s = 0.0
        """Seconds from the beginning to the end of sending."""

    @property
    @abstractmethod
    def all_left(self) -> bool:
        """The kernel may have taken the whole request.

        To be asked once nothing more can leave.
        """

    @property
    def content_sent(self) -> int:
        """Bytes of the body that have been handed on."""
        return self._read_to

    def start(self) -> None:
        """Send what leaves at once; the rest follows by itself."""
        self._connection.on_room = self._go_on_soon
        self._connection.on_end = self.stop
        small = self._body.size <= SMALL
        try:
            self._held = self._head + (self._read(SMALL) if small else b"")
        except SpoolError:
            self._give_up(None)
            return
        self._go_on()
        if not self.is_over:
            self._moved_at = self._loop.time()
            self._watchdog = self._loop.call_later(self._stall_s, self._watch)

    def stop(self) -> None:
        """Send no more, and leave the connection open for the answer."""
        if self.is_over:
            return
        self.is_over = True
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)
        self.took_s = self._loop.time() - self.began
        self._connection.on_room = self._connection.on_end = None
        if self._watchdog is not None:
            self._watchdog.cancel()
        # From now on it is the origin's turn.
        self._connection.start_timeout()

    async def ended(self) -> None:
        """Wait until nothing more of it is sent. One may wait."""
        if not self.is_over:
            self._awaited = self._loop.create_future()
            await self._awaited

    @abstractmethod
    def _go_on(self) -> None:
        """Hand on what can be now; does nothing after the end."""

    def _go_on_soon(self) -> None:
        """In another turn: an origin that takes everything at once must not keep the
        loop from all else, and that TLS has failed is heard only then."""
        self._loop.call_soon(self._go_on)

    def _read(self, wanted: int) -> bytes:
        """The next piece of the body; the last one with what follows it.

        Raises:
            SpoolError: noted in `unreadable`.
        """
        offset, wanted = self._read_to, min(wanted, self._body.size - self._read_to)
        try:
            piece = self._body.read(offset, wanted)
        except SpoolError as exc:
            self.unreadable = exc
            raise
        if wanted and not piece:
            self.unreadable = SpoolError(f"expected {wanted} bytes at {offset}, got 0")
            raise self.unreadable
        self._read_to += len(piece)
        if self._read_to == self._body.size:
            self._check()
            piece += self._after
        return piece

    def _check(self) -> None:
        """All has been read, and not all has left: is it what was stored?

        Raises:
            SpoolError: noted in `unreadable`.
        """
        try:
            self._body.check()
        except SpoolError as exc:
            self.unreadable = exc
            raise

    def _watch(self) -> None:
        """Look whether the origin still takes something."""
        late_s = self._loop.time() - self._moved_at
        if late_s >= self._stall_s:
            self._give_up(TimeoutError("the origin takes nothing"))
        else:
            self._watchdog = self._loop.call_later(self._stall_s - late_s, self._watch)

    def _give_up(self, why: Exception | None) -> None:
        """End the connection; nothing leaves any more, and no answer is waited for."""
        self.stop()
        self._connection.give_up(why or ConnectionAbortedError())


class PlainSending(Sending):
    """To a socket without TLS, past the transport, which never has anything to send."""

    def __init__(
        self,
        connection: Connection,
        head: bytes,
        body: Reader,
        after: bytes,
        stall_s: float,
    ) -> None:
        super().__init__(connection, head, body, after, stall_s)
        self._file = body.descriptor if body.size > SMALL else None
        self._watched = -1
        """The socket again, under a number that the transport does not watch."""
        self._taken = 0

    @property
    def all_left(self) -> bool:
        return self._taken == self.size

    def stop(self) -> None:
        if self._watched >= 0:
            # As long as it is open, so is the connection.
            self._loop.remove_writer(self._watched)
            os.close(self._watched)
            self._watched = -1
        super().stop()

    def _go_on(self) -> None:
        try:
            count = self._hand_on()
        except BlockingIOError:
            count = 0
        except SpoolError:
            self._give_up(None)
            return
        except OSError as exc:
            # What the origin said before that may still lie in the socket: who reads
            # it hears that, or the end. The kernel calls a reset one only once, and to
            # a `sendfile` that has copied something it does not say it: then this is
            # EPIPE, as it seldom is after an end in order.
            if isinstance(exc, ConnectionError):
                self._connection.is_reset = True
            self.stop()
            return
        self._taken += count
        if self._taken == self.size:
            self.stop()
            return
        if count:
            self._moved_at = self._loop.time()
        if self._watched < 0:
            self._watched = os.dup(self._connection.fileno())
            self._loop.add_writer(self._watched, self._go_on)

    def _hand_on(self) -> int:
        """How many bytes the kernel has taken now.

        Raises:
            SpoolError: there are none to be had.
            OSError: it takes none.
        """
        sock = self._connection.fileno()
        if not self._held and self._file is not None:
            count = self._copy(sock, self._file)
            if count:
                return count
        if not self._held:
            self._held = self._read(PIECE)
        count = os.write(sock, self._held)
        self._held = self._held[count:]
        return count

    def _copy(self, sock: int, file: int) -> int:
        """How many bytes the kernel has copied; 0: none, and it is not asked again.

        Whether it was the file or the socket that failed is mostly not told: reading
        the one and writing to the other will.
        """
        left = self._body.size - self._read_to - KEPT_BACK
        if left <= 0:
            self._file = None
            return 0
        try:
            count = os.sendfile(sock, file, self._read_to, min(COPIED, left))
        except (BlockingIOError, ConnectionError):
            raise
        except OSError:
            count = 0
        if not count:
            self._file = None
        self._read_to += count
        return count


class SealedSending(Sending):
    """Through TLS.

    The transport tells when it buffers, which it does not stop saying when it dies.
    What TLS has passed on to the socket's transport counts as gone, so that `all_left`
    errs to the safe side by up to 64 KiB.
    """

    def __init__(
        self,
        connection: Connection,
        head: bytes,
        body: Reader,
        after: bytes,
        stall_s: float,
    ) -> None:
        super().__init__(connection, head, body, after, stall_s)
        self._all_given = False
        # At 0 it would be paused for ever: TLS pauses at its high water, not above it.
        connection.open_transport().set_write_buffer_limits(high=1)

    @property
    def all_left(self) -> bool:
        return self._all_given and not self._connection.writing_paused

    def _go_on(self) -> None:
        if self.is_over or self._connection.writing_paused:
            return
        self._moved_at = self._loop.time()
        if self._all_given:
            self.stop()
            return
        try:
            piece = self._held or self._read(PIECE)
        except SpoolError:
            self._give_up(None)
            return
        self._held = b""
        transport = self._connection.open_transport()
        transport.write(piece)
        if transport.is_closing():
            self.stop()
            return
        self._all_given = self._read_to == self._body.size
        if not self._connection.writing_paused:
            self._go_on_soon()
