"""Commands that ask a running proxy: health checks and draining."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ..test_probe import admin, alive, nobody
from .typed import BOUND_S, ROOT, run, within


def test_a_wrong_variable_is_wrong_usage_of_what_needs_only_it() -> None:
    done = run("healthcheck", UPLOAD_PROXY_ADMIN__LISTEN="9090")
    assert done.returncode == 2
    assert "UPLOAD_PROXY_ADMIN__LISTEN" in done.stderr


def test_a_proxy_that_is_alive() -> None:
    with admin(alive) as address:
        done = run("healthcheck", "--admin", str(address))
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")


def test_a_proxy_that_is_not() -> None:
    with admin(lambda _: (503, "stuck\n")) as address:
        done = run("healthcheck", UPLOAD_PROXY_ADMIN__LISTEN=str(address))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "upload-proxy: the proxy answers 503: stuck\n"


def test_a_proxy_that_cannot_be_reached() -> None:
    address = nobody()
    done = run("healthcheck", "--admin", str(address))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"upload-proxy: cannot reach the admin listener {address}: Connection refused; "
    )


def test_a_health_check_does_not_load_the_proxy() -> None:
    code = (
        "import sys, proxy.cli\n"
        "try: proxy.cli.app(['healthcheck', '--admin', sys.argv[1]])\n"
        "except SystemExit: pass\n"
        "print(sorted({'aiohttp', 'proxy.config', 'ruamel.yaml', 'rich'}"
        " & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(nobody())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.usefixtures("plain")
def test_the_admin_listener_is_found_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.yaml"
    with admin(alive) as address:
        file.write_text(f"admin: {{listen: '{address}'}}\n")  # no origin: by a flag
        assert within("healthcheck", "-c", str(file)) == 0
    assert capsys.readouterr().out == "alive\n"


@pytest.mark.usefixtures("plain")
def test_an_admin_listener_that_is_turned_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("admin: null\n")
    assert within("drain", "-c", str(file)) == 1
    assert capsys.readouterr().err == (
        "upload-proxy: the admin listener is turned off (admin: null); remove that "
        f"line from the file of the proxy, {file}, and restart it\n"
    )


@pytest.mark.usefixtures("plain")
def test_a_file_that_is_wrong_is_78_here_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("admin: {listen: 9090}\n")
    assert within("healthcheck", "-c", str(file)) == 78
    assert "admin.listen: expected an address" in capsys.readouterr().err


class Draining:
    """An admin listener of a proxy that has `bodies` left, one less at each look."""

    def __init__(self, bodies: int) -> None:
        self.bodies = bodies
        self.requests: list[str] = []

    def __call__(self, request: str) -> tuple[int, str]:
        self.requests.append(request)
        if request == "GET /drain" and self.bodies:
            self.bodies -= 1
        return 200, json.dumps({"draining": True, "bodies": self.bodies})


def test_draining_waits_until_nothing_is_under_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    proxy = Draining(bodies=2)
    with admin(proxy) as address:
        assert within("drain", "--admin", str(address), "--wait", "10s") == 0
    assert proxy.requests == ["POST /drain", "GET /drain", "GET /drain"]
    assert capsys.readouterr().out == "drained\n"


def test_draining_gives_up_when_the_time_is_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with admin(Draining(bodies=1000)) as address:
        assert within("drain", "--admin", str(address), "--wait", "100ms") == 1
    err = capsys.readouterr().err
    assert err.startswith("upload-proxy: still under way: bodies 99")
    assert err.endswith(", after 100ms\n")


def test_draining_need_not_wait(capsys: pytest.CaptureFixture[str]) -> None:
    proxy = Draining(bodies=1)
    with admin(proxy) as address:
        assert within("drain", "--admin", str(address), "--wait", "0s") == 0
    assert proxy.requests == ["POST /drain"]
    assert capsys.readouterr().out == "draining\n"


def test_draining_what_is_no_proxy(capsys: pytest.CaptureFixture[str]) -> None:
    with admin(alive) as address:
        assert within("drain", "--admin", str(address)) == 1
    assert capsys.readouterr().err == (
        "upload-proxy: the proxy answers 404; that is not its admin listener: see "
        "admin.listen\n"
    )


def test_draining_what_is_not_there() -> None:
    done = run("drain", "--admin", str(nobody()), "--wait", "1m")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
