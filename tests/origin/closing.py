"""An origin that closes its idle connections, and counts what it got.

A process of its own, since what is tested is a race: in this one it would wait for the
interpreter's lock just where it matters. Run with ``python closing.py IDLE_S HOW``; it
says its port on a line, and at the end of its input how often it got each request, as
JSON. Each request names itself in its target and is answered with 200.
"""

from __future__ import annotations

import json
import selectors
import socket
import struct
import sys
import threading
import time
from collections import Counter

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
RESET = struct.pack("ii", 1, 0)


def closes(connection: socket.socket) -> None:
    connection.close()


def resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def says_408(connection: socket.socket) -> None:
    connection.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    connection.close()


def serve(listener: socket.socket, idle_s: float, how: str) -> Counter[str]:
    """Serve until the input ends; how often each target was asked for, whole."""
    got: Counter[str] = Counter()
    end = globals()[how]
    idle: dict[socket.socket, float] = {}
    with selectors.DefaultSelector() as selector:
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
        threading.Thread(target=_until_the_input_ends, daemon=True).start()
        while not _over.is_set():
            ready = {key.fileobj for key, _ in selector.select(0.001)}
            if listener in ready:
                connection, _ = listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                idle[connection] = time.monotonic() + 60
                selector.register(connection, selectors.EVENT_READ)
            for connection in list(idle):
                done = connection in ready and not _take(connection, got, idle, idle_s)
                if done or time.monotonic() >= idle[connection]:
                    selector.unregister(connection)
                    del idle[connection]
                    (closes if done else end)(connection)
    return got


def _take(
    connection: socket.socket,
    got: Counter[str],
    idle: dict[socket.socket, float],
    idle_s: float,
) -> bool:
    """Answer what has come; False when that is the end."""
    try:
        request = connection.recv(65536)
    except OSError:
        return False
    if not request:
        return False
    # Small, and sent in one write: it is there whole.
    got[request.split(b" ", 2)[1].decode()] += 1
    connection.send(ANSWER)
    idle[connection] = time.monotonic() + idle_s
    return True


_over = threading.Event()


def _until_the_input_ends() -> None:
    sys.stdin.read()
    _over.set()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        print(server.getsockname()[1], flush=True)
        json.dump(serve(server, float(sys.argv[1]), sys.argv[2]), sys.stdout)
