"""Those we are measured beside, and the origin behind all of them.

nginx buffers requests, as it does unless told otherwise; ``tuned`` is nginx with room
for 1 MiB of a body in memory, which spares it writing 16 KiB at a time. Where a default
costs it and says nothing about the job (a new connection to the origin for each
request, no sendfile), it gets what its packages and manuals set. The one invariant:
nobody is configured to look slow.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.kit.process import free_port

from . import naive, tools
from .servers import Program

ANSWERED_PATH = "/answered"
"""nginx answers requests for it by itself, without asking the origin."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """For listeners with TLS; both are PEM files."""

    chain: Path
    key: Path


def origin(directory: Path) -> Program:
    """The C program that takes everything."""
    port = free_port()
    return Program("origin", port, [str(tools.sink()), str(port)], directory)


def nginx(
    directory: Path,
    origin_port: int,
    *,
    body_buffer: str | None = None,
    workers: int = 1,
    certificate: Certificate | None = None,
) -> Program | None:
    """None when it is not installed. `body_buffer` None: its default, 16 KiB."""
    program = found("nginx")
    if program is None:
        return None
    port = free_port()
    tls = "" if certificate is None else " ssl"
    own = [f"client_body_buffer_size {body_buffer};"] if body_buffer else []
    if certificate is not None:
        own.append(f"ssl_certificate {certificate.chain};")
        own.append(f"ssl_certificate_key {certificate.key};")
    own += _temporary(directory)
    file = directory / "nginx.conf"
    listen = f"127.0.0.1:{port}{tls} reuseport backlog=4096"
    file.write_text(
        _NGINX.format(
            user="user root;" if os.geteuid() == 0 else "",
            workers=workers,
            directory=directory,
            origin_port=origin_port,
            listen=listen,
            answered=ANSWERED_PATH,
            own="\n        ".join(own),
        )
    )
    command = [program, "-c", str(file), "-p", str(directory), "-e", "stderr"]
    return Program("nginx", port, command, directory)


def naive_proxy(directory: Path, origin_port: int, form: str) -> Program:
    """`form` is ``stored`` or ``streamed``, see ``naive``."""
    port = free_port()
    origin_url = f"http://127.0.0.1:{origin_port}"
    assert naive.__file__ is not None
    command = [sys.executable, naive.__file__, str(port), origin_url, form]
    return Program("naive", port, [*command, str(directory)], directory)


def tusd(directory: Path) -> Program | None:
    """None when it is not on the path."""
    program = found("tusd")
    if program is None:
        return None
    port = free_port()
    command = [program, "-host", "127.0.0.1", "-port", str(port)]
    command += ["-upload-dir", str(directory), "-base-path", "/files/"]
    return Program("tusd", port, command, directory)


def found(name: str) -> str | None:
    """Where the program is; servers of Debian lie where only root looks."""
    places = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    return shutil.which(name, path=places)


def versions() -> dict[str, str]:
    """What each peer calls itself; those that are not here say so."""
    asked = {"nginx": "-v", "tusd": "-version"}
    return {name: _version(name, word) for name, word in asked.items()}


def _version(name: str, word: str) -> str:
    program = found(name)
    if program is None:
        return "not installed"
    said = subprocess.run([program, word], capture_output=True, text=True)
    return (said.stdout + said.stderr).strip().partition("\n")[0]


def _temporary(directory: Path) -> Iterable[str]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return [f"{kind}_temp_path {directory}/{kind};" for kind in kinds]


_NGINX = """\
{user}
worker_processes {workers};
worker_rlimit_nofile 65536;
daemon off;
pid {directory}/pid;
events {{ worker_connections 18000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    upstream origin {{
        server 127.0.0.1:{origin_port};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {listen};
        client_max_body_size 0;
        {own}
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
        location = {answered} {{ return 200; }}
    }}
}}
"""
