"""The servers of one run: started when a table first asks for them, ended with it.

All of them stand at the same time; those that are idle cost nothing. The one invariant:
every server writes below the one directory that was given, so that all of them use the
same file system.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from . import peers
from .peers import Certificate
from .product import Product
from .servers import Program, Server

NGINX = "nginx"
NGINX_TUNED = "nginx, 1 MiB buffer"
NAIVE = "naive, stored"
NAIVE_STREAMED = "naive, streamed"
TUSD = "tusd"
PRODUCT = "upload-proxy"


class NotOffered(Exception):
    """There is no such server here; the message says why, for the report."""


class Fleet:
    """Servers by name. Use as a context."""

    def __init__(self, directory: Path, product: Product) -> None:
        self.product = product
        self.directory = directory
        """Of everything that the servers write."""
        self._servers: dict[str, Server] = {}
        self._origin_port: int | None = None

    @property
    def origin_port(self) -> int:
        """Of the one origin behind all of them."""
        if self._origin_port is None:
            program = peers.origin(self._new_directory("origin"))
            self._servers["origin"] = Server(program).wait()
            self._origin_port = program.port
        return self._origin_port

    def product_with(self, name: str = PRODUCT, **settings: Any) -> Server:
        """The product, with settings over its defaults; kept under `name`.

        Raises:
            NotOffered: it has not all of these settings.
        """
        for key in _keys(settings):
            if not self.product.offers(key):
                raise NotOffered(f"not offered: no setting {key}")
        return self._kept(name, lambda directory: self._product(directory, settings))

    def nginx(self, name: str = NGINX, **how: Any) -> Server:
        """nginx, kept under `name`; see ``peers.nginx``.

        Raises:
            NotOffered
        """
        return self._kept(
            name, lambda directory: peers.nginx(directory, self.origin_port, **how)
        )

    def tuned(self) -> Server:
        """nginx with a body buffer of 1 MiB. Raises NotOffered."""
        return self.nginx(NGINX_TUNED, body_buffer="1m")

    def naive(self, form: str = "stored", name: str | None = None) -> Server:
        """The baseline, kept under `name`; see ``naive``."""
        return self._kept(
            name or f"naive, {form}",
            lambda directory: peers.naive_proxy(directory, self.origin_port, form),
        )

    def tusd(self) -> Server:
        """Raises NotOffered."""
        return self._kept(TUSD, peers.tusd)

    def certificate(self) -> Certificate:
        """Of one that nobody trusts, made once.

        Raises:
            NotOffered: there is no openssl to make it.
        """
        made = Certificate(self.directory / "chain.pem", self.directory / "key.pem")
        if not made.chain.exists():
            openssl = peers.found("openssl")
            if openssl is None:
                raise NotOffered("not measured: no openssl to make a certificate")
            command = [openssl, "req", "-x509", "-nodes", "-newkey", "rsa:2048"]
            command += ["-subj", "/CN=bench.test", "-days", "2"]
            command += ["-out", str(made.chain), "-keyout", str(made.key)]
            subprocess.run(command, check=True, capture_output=True)
        return made

    def stop(self, server: Server) -> None:
        """End one before the rest: the next one asked for starts anew."""
        for name in [key for key, kept in self._servers.items() if kept is server]:
            del self._servers[name]
        server.stop()

    def _product(self, directory: Path, settings: dict[str, Any]) -> Program:
        return self.product.program(directory, self.origin_port, settings)

    def _kept(self, name: str, make: Callable[[Path], Program | None]) -> Server:
        if name not in self._servers:
            directory = self._new_directory(name)
            program = make(directory)
            if program is None:
                directory.rmdir()
                raise NotOffered(f"not measured: {name} is not installed")
            self._servers[name] = Server(replace(program, name=name)).wait()
        return self._servers[name]

    def _new_directory(self, name: str) -> Path:
        prefix = "".join(letter if letter.isalnum() else "-" for letter in name)
        return Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=self.directory))

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in reversed(self._servers.values()):
            with suppress(OSError):  # the rest has to be ended all the same
                server.stop()


def _keys(settings: dict[str, Any], above: str = "") -> list[str]:
    """All settings as dotted keys."""
    keys: list[str] = []
    for name, value in settings.items():
        key = f"{above}{name}"
        keys += _keys(value, f"{key}.") if isinstance(value, dict) else [key]
    return keys
