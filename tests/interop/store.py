"""Real origins that store what is sent to them, each ready to be spoken to.

One function per origin starts it in a directory of its own; ``ORIGINS`` names them all.
How a file is sent to it (a form by POST, or the file itself by PUT), the origin says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from . import needs
from .server import serving

_APPLICATIONS: Final = Path(__file__).parent / "origins"
_BOUNDARY: Final = "----the-boundary-of-this-form"


@dataclass(frozen=True, slots=True)
class Sending:
    """A request as a client without any idea of resumption would send it."""

    method: str
    path: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Store:
    """A running origin."""

    address: str
    directory: Path
    """Where it puts what it gets, one file each."""
    takes_forms: bool = True

    def sending(self, name: str, title: str, content: bytes) -> Sending:
        """The request that stores a file here; `title` is said in forms only."""
        if self.takes_forms:
            return _form(name, title, content)
        path = f"/documents/{quote(name)}"
        return Sending("PUT", path, "application/octet-stream", content)

    def stored(self) -> list[bytes]:
        """Content of every file it has."""
        return [path.read_bytes() for path in sorted(self.directory.iterdir())]

    def clear(self) -> None:
        for path in self.directory.iterdir():
            path.unlink()


def _form(name: str, title: str, content: bytes) -> Sending:
    """A form with the fields `title` and `document`, as browsers word it."""
    before = (
        f"--{_BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="title"\r\n'
        "\r\n"
        f"{title}\r\n"
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="document"; filename="{name}"\r\n'
        "Content-Type: image/x-test\r\n"
        "\r\n"
    )
    media_type = f"multipart/form-data; boundary={_BOUNDARY}"
    whole = before.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return Sending("POST", "/documents", media_type, whole)


@contextmanager
def flask(directory: Path) -> Iterator[Store]:
    needs.modules("flask", "gunicorn")
    with _gunicorn(directory, "flask_form:app", "--worker-class", "sync") as store:
        yield store


@contextmanager
def django(directory: Path) -> Iterator[Store]:
    needs.modules("django", "gunicorn")
    threads = ("--worker-class", "gthread", "--threads", "4")
    with _gunicorn(directory, "django_view:application", *threads) as store:
        yield store


@contextmanager
def _gunicorn(directory: Path, application: str, *options: str) -> Iterator[Store]:
    def command(descriptor: int, _: str) -> list[str]:
        where = ["--bind", f"fd://{descriptor}", "--pythonpath", str(_APPLICATIONS)]
        program = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
        return [*program, *where, *options, application]

    uploads = _made(directory / "uploads")
    with serving(command, directory, {"UPLOADS": str(uploads)}) as address:
        yield Store(address, uploads)


@contextmanager
def busboy(directory: Path) -> Iterator[Store]:
    node = needs.node("busboy")

    def command(_: int, __: str) -> list[str]:
        return [node, str(_APPLICATIONS / "busboy_form.js")]

    uploads = _made(directory / "uploads")
    with serving(command, directory, {"UPLOADS": str(uploads)}) as address:
        yield Store(address, uploads)


@contextmanager
def nginx(directory: Path) -> Iterator[Store]:
    nginx = needs.program("nginx")
    uploads = _made(directory / "uploads")

    def command(descriptor: int, address: str) -> list[str]:
        (directory / "nginx.conf").write_text(_nginx_conf(address, uploads))
        # its way to hand sockets from one nginx to the next
        inherit = ["/usr/bin/env", f"NGINX={descriptor};"]
        return [
            *inherit,
            nginx,
            "-p",
            str(directory),
            "-e",
            "stderr",
            "-c",
            "nginx.conf",
        ]

    with serving(command, directory, {}) as address:
        yield Store(address, uploads, takes_forms=False)


def _nginx_conf(address: str, uploads: Path) -> str:
    # started as root it would store as nobody, who may not write here
    user = "user root root;" if os.geteuid() == 0 else ""
    words = {"@address@": address, "@store@": str(uploads), "@user@": user}
    text = (_APPLICATIONS / "nginx.conf").read_text()
    for word, meant in words.items():
        text = text.replace(word, meant)
    return text


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


ORIGINS: Final[dict[str, Callable[[Path], AbstractContextManager[Store]]]] = {
    "flask": flask,
    "django": django,
    "busboy": busboy,
    "nginx": nginx,
}
