"""The C programs of the benchmark, built when they are missing or out of date.

Lean on purpose: on two cores the client and the origin share the machine with what is
measured. The one invariant: the source beside them is what runs.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parent / "tools"
BUILT: Final = Path(__file__).parent / "build"
_FLAGS: Final = ("-O2", "-std=gnu11", "-Wall", "-Wextra")
_TLS: Final = ("-DWITH_TLS", "-lssl", "-lcrypto")


class NoTools(Exception):
    """They cannot be built; the message says what to install."""


def sink() -> Path:
    """The origin.

    Raises:
        NoTools
    """
    return _built("sink")


def sender() -> Path:
    """The client.

    Raises:
        NoTools
    """
    return _built("send")


def speaks_tls() -> bool:
    """Whether the sender can: the headers of OpenSSL are found by the compiler."""
    probe = "#include <openssl/ssl.h>\n"
    command = [_compiler(), "-E", "-x", "c", "-o", "/dev/null", "-"]
    return (
        subprocess.run(
            command, input=probe, text=True, stderr=subprocess.DEVNULL
        ).returncode
        == 0
    )


def _compiler() -> str:
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return path
    raise NoTools(
        "no C compiler: install gcc and libc6-dev (Debian: apt install build-essential)"
    )


def _built(name: str) -> Path:
    source, program = SOURCES / f"{name}.c", BUILT / name
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    compiler = _compiler()
    BUILT.mkdir(exist_ok=True)
    new = program.with_suffix(".new")
    tls = _TLS if name == "send" and speaks_tls() else ()
    command = [compiler, *_FLAGS, "-o", str(new), str(source), *tls]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise NoTools(f"{source.name} cannot be built:\n{done.stderr}")
    new.replace(program)
    return program
