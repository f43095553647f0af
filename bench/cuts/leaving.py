"""The ways a transfer is left, and how much had surely reached the process by then.

    fin       half-closed after the last byte: all that was sent is bound to arrive
    stall     silent and open until the proxy ends it: the same
    reset     RST at once: what was unread then, its kernel throws away, so that only
              what the process had read counts
    killed    the client is a process, and dies in the middle of sending: as with reset,
              since its kernel may send a RST or a FIN
    takeover  left open, while the next request is on its way already: what had been
              read when that was sent counts

The one invariant: each gives a number of bytes of content that is exact or too low,
never too high.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from random import Random
from typing import Final

from .kernel import Kernel
from .transfer import Odd, Transfer

_NO_LINGER: Final = struct.pack("ii", 1, 0)
LONGEST_LIFE_S: Final = 0.004
"""Of a client process that is killed: some get to the end of what they send."""


def leave(transfer: Transfer, kernel: Kernel, chance: Random) -> int:
    """Send what is to be sent, and leave; bytes of content the process had got."""
    if transfer.cut.kind == "killed":
        return _die(transfer, kernel, chance)
    transfer.send()
    transfer.learn()
    # how much has been read when the cut comes is left to chance
    time.sleep(transfer.cut.pause_s)
    match transfer.cut.kind:
        case "fin":
            transfer.connection.shutdown(socket.SHUT_WR)
            return _ended(transfer)
        case "stall":
            return _ended(transfer)
        case "reset":
            read = transfer.content_in(kernel.read_by_peer(transfer.connection))
            option = socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER
            transfer.connection.setsockopt(*option)
            transfer.connection.close()
            return read
        case _:
            return transfer.content_in(kernel.read_by_peer(transfer.connection))


def _ended(transfer: Transfer) -> int:
    """Hear the proxy out; all that was sent has arrived then.

    Raises:
        Odd: it said anything final, as to a request that it did not take.
    """
    said = b""
    while piece := transfer.connection.recv(65536):
        said += piece
    if said.count(b"HTTP/1.1 ") > said.count(b"HTTP/1.1 1"):
        raise Odd(f"{said!r} came")
    transfer.connection.close()
    return transfer.sent


def _die(transfer: Transfer, kernel: Kernel, chance: Random) -> int:
    """A child sends, and is killed at any moment."""
    child = os.fork()
    if child == 0:
        _send_for_ever(transfer)
    transfer.learn()
    # the moment of its death is left to chance
    time.sleep(chance.random() * LONGEST_LIFE_S)
    # stopped first: the kernel is asked about a connection that still stands
    os.kill(child, signal.SIGSTOP)
    read = transfer.content_in(kernel.read_by_peer(transfer.connection))
    transfer.connection.close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return read


def _send_for_ever(transfer: Transfer) -> None:
    """What the child does; it never returns."""
    try:
        transfer.send()
        signal.pause()
    finally:
        os._exit(1)
