"""What a process gets from its machine before it can work: logs, files, sockets.

Everything that the configuration names and that may be missing is tried here, so that a
start fails at once and with words. The one invariant: whoever got here what it asked
for is not told later that it cannot be had.
"""

from __future__ import annotations

from socket import socket
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from proxy import choices
from proxy import log as logs
from proxy.certificates import Unusable
from proxy.config import Config
from proxy.sockets import CannotListen, listening_sockets, resolved

if TYPE_CHECKING:
    from proxy.tracing import Tracing


class CannotStart(Exception):
    """The proxy cannot be started; the message says what is in the way."""

    configured = False
    """It is something that the configuration names: to start again would not help."""


class WrongFile(CannotStart):
    """A file that the configuration names cannot be used."""

    configured = True


def logger_of(config: Config) -> FilteringBoundLogger:
    """The log of this process.

    Raises:
        CannotStart: its file cannot be opened.
    """
    told = config.log
    try:
        return logs.logger(told.level, told.format, told.file)
    except OSError as exc:
        raise WrongFile(
            f"log.file: {told.file}: {exc.strerror}; its directory has to be there, "
            "and writable for this user"
        ) from exc


def access_logger_of(config: Config, log: FilteringBoundLogger) -> FilteringBoundLogger:
    """Where lines about requests go; `log` if nothing else is said.

    Raises:
        CannotStart: their file cannot be opened.
    """
    told = config.log.access.file
    try:
        return logs.access_logger(log, config.log.format, told)
    except OSError as exc:
        raise WrongFile(
            f"log.access.file: {told}: {exc.strerror}; its directory has to be there, "
            "and writable for this user"
        ) from exc


def tracing_of(config: Config, log: FilteringBoundLogger) -> Tracing | None:
    """Where spans go; None: nowhere.

    Raises:
        CannotStart: what is needed for that is not installed.
    """
    try:
        return choices.tracing(config, log)
    except ImportError as exc:
        raise WrongFile(
            "tracing.export: otlp needs what is not installed here: "
            "pip install resumable-upload-proxy[otel]"
        ) from exc


def check_files(config: Config) -> None:
    """See whether the certificates and keys that are named can be used.

    Raises:
        CannotStart: they cannot.
    """
    try:
        choices.check_files(config)
    except Unusable as exc:
        raise WrongFile(str(exc)) from exc


async def bound(config: Config) -> tuple[list[socket], list[socket]]:
    """Sockets for clients, and for operators if they are to have one.

    Raises:
        CannotStart: an address cannot be used.
    """
    try:
        public = resolved(config.listen)
        admin = resolved([config.admin.listen] if config.admin else [])
        sockets = await listening_sockets(public, admin, shared=config.reuse_port)
    except CannotListen as exc:
        raise CannotStart(str(exc)) from exc
    return sockets[: len(public)], sockets[len(public) :]
