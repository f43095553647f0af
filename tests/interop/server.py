"""A real server as a process, on a socket that it inherits.

The socket is bound and listening before the process begins, so nobody races for a port
and nobody has to guess when it is ready: its first client waits in the queue until it
is served. The one invariant: when the block is left, the process is gone.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

STARTS_WITHIN_S = 20.0
"""Seconds in which a server has to answer for the first time: an interpreter and a
framework on two busy cores."""

STOPS_WITHIN_S = 5.0
"""Seconds from SIGTERM to the end; what takes longer is killed, and a failure."""


@contextmanager
def serving(
    command: Callable[[int, str], list[str]],
    directory: Path,
    environment: Mapping[str, str],
) -> Iterator[str]:
    """Address of a server, which runs in `directory` until the block is left.

    command: what to run, given the number of the listening descriptor and the address
    (``127.0.0.1:1234``) that it is bound to. What the server prints is in
    ``directory/log``.

    Raises:
        AssertionError: it ended by itself, or did not answer, or did not stop.
    """
    log = directory / "log"
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        listening.setblocking(False)  # nginx expects that of a socket it inherits
        host, port = listening.getsockname()
        descriptor = listening.fileno()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(descriptor, f"{host}:{port}"),
                cwd=directory,
                env={**os.environ, **environment, "LISTEN_FD": str(descriptor)},
                pass_fds=(descriptor,),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
    try:
        _wait_for_an_answer(host, port, log)
        yield f"http://{host}:{port}"
        assert process.poll() is None, f"it has ended: {log.read_text()}"
    finally:
        _stop(process, log)


def _wait_for_an_answer(host: str, port: int, log: Path) -> None:
    """Ask it anything; whatever it says, it is there."""
    connection = http.client.HTTPConnection(host, port, timeout=STARTS_WITHIN_S)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException) as exc:
        raise AssertionError(f"no answer, {exc!r}: {log.read_text()}") from exc
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes], log: Path) -> None:
    process.terminate()
    try:
        process.wait(STOPS_WITHIN_S)
    except subprocess.TimeoutExpired as exc:
        process.kill()
        process.wait(STOPS_WITHIN_S)
        raise AssertionError(f"it did not stop: {log.read_text()}") from exc
