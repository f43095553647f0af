"""What goes wrong is told with what to do next, wherever a user can do something.

Each case is the failure itself, not its message built by hand. The words that are asked
for are those that a user has to find: the option, the key or the command that helps.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from proxy import sockets
from proxy.addresses import Descriptor, TcpAddress, UnixAddress
from proxy.app import App
from proxy.cli import app
from proxy.config import Config
from proxy.core.errors import SpoolError
from proxy.outfit import CannotStart
from proxy.sockets import CannotListen, Listenable, listening_socket
from proxy.spool.disk import DiskSpool

from .test_probe import admin


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said on standard error by a command that fails, in one line."""
    with pytest.raises(SystemExit) as left:
        app(words)
    assert left.value.code
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("address", "next_step"),
    [
        (TcpAddress("192.0.2.1", 8080), "0.0.0.0 is every one it has"),
        (TcpAddress("no such name", 8080), "write a name that this machine knows"),
        (UnixAddress("/nowhere/at/all.sock"), "/nowhere/at has to be there"),
        (Descriptor(987), "nobody has handed over a socket"),
    ],
    ids=str,
)
def test_an_address_that_cannot_be_used(address: Listenable, next_step: str) -> None:
    with pytest.raises(CannotListen) as caught:
        listening_socket(address)
    assert next_step in str(caught.value)
    assert "Unknown error" not in str(caught.value)


def test_a_port_that_is_taken() -> None:
    with listening_socket(TcpAddress("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"`ss -ltnp sport = :{port}`"):
            listening_socket(TcpAddress("127.0.0.1", port))


async def test_the_port_of_operators_is_chosen_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second proxy on a machine meets it first: its default is taken."""
    monkeypatch.setattr(sockets, "PAUSE_S", 0)
    with listening_socket(TcpAddress("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = {
            "origin": {"url": "http://127.0.0.1:9"},
            "listen": "127.0.0.1:0",
            "admin": {"listen": address},
            "spool": {"directory": str(tmp_path)},
        }
        with pytest.raises(CannotStart) as caught:
            await App(Config.model_validate(config)).start()
    said = str(caught.value)
    assert said.startswith(f"admin.listen: cannot listen on {address}: Address already")
    assert "by admin.listen or UPLOAD_PROXY_ADMIN__LISTEN" in said
    assert "--listen" not in said


@pytest.mark.parametrize("name", ["locks", "peers", "figures"])
async def test_a_spool_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    """Whatever in it is not what it should be."""
    if name == "figures":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).touch()
    config = {
        "origin": {"url": "http://127.0.0.1:9"},
        "listen": "127.0.0.1:0",
        "admin": None,
        "spool": {"directory": str(tmp_path)},
    }
    with pytest.raises(CannotStart) as caught:
        await App(Config.model_validate(config)).start()
    said = str(caught.value)
    assert said.startswith(f"the spool {tmp_path} cannot be used: ")
    assert said.endswith((": Not a directory", ": Is a directory"))


def test_a_port_that_needs_a_right() -> None:
    refused = PermissionError(errno.EACCES, "Permission denied")
    assert "CAP_NET_BIND_SERVICE" in str(CannotListen(TcpAddress("::", 80), refused))


def test_a_spool_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError) as caught:
        DiskSpool(tmp_path / "file/spool", boot_id="b")
    assert "spool.directory, or --spool, names another" in str(caught.value)


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        ("uploads list --spool /nowhere", "--spool DIR, or by -c FILE"),
        ("uploads list --spool /dev/null", "run it as the user of the proxy"),
        ("uploads purge", "`upload-proxy uploads list` shows both"),
        ("check -c /nowhere.yaml", "`upload-proxy schema --as yaml` prints one"),
        ("check -c /dev/null", "by --origin or UPLOAD_PROXY_ORIGIN__URL"),
        ("healthcheck --admin 127.0.0.1:1", "--admin ADDR or -c FILE says another"),
        ("drain --wait soon", "expected a duration such as 10s"),
        ("doctor example.com", "expected a URL such as https://"),
        ("schema --as xml", "'json', 'yaml', 'markdown'"),
        ("completion tcsh", "'bash', 'zsh', 'fish'"),
    ],
)
def test_a_command_that_fails(
    words: str,
    next_step: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [one for one in os.environ if one.startswith("UPLOAD_PROXY_")]:
        monkeypatch.delenv(name)
    assert next_step in told(words.split(), capsys)


def test_what_answers_is_no_proxy(capsys: pytest.CaptureFixture[str]) -> None:
    page = "<!DOCTYPE html>\n<html>many lines</html>\n"
    with admin(lambda _: (404, page)) as address:
        said = told(["healthcheck", "--admin", str(address)], capsys)
    assert said.endswith("that is not its admin listener: see admin.listen")
    assert "<html>" not in said
