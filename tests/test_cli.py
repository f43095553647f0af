"""The command line as it is typed: what it prints where, and how it exits."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command

from proxy import __version__
from proxy.cli import app
from proxy.cli.tree import Command, tree, walk
from proxy.config import Config

from .test_probe import admin, alive, nobody

ROOT = Path(__file__).parents[1]
BOUND_S = 30.0
EXPLAINED = (
    " in the configuration; every key is explained by: upload-proxy "
    "schema --as markdown"
)
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("UPLOAD_PROXY_", "XDG_", "STATE_DIRECTORY"))
}


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``python -m proxy`` with `words`."""
    return subprocess.run(
        [sys.executable, "-m", "proxy", *words],
        cwd=ROOT,
        env={**ENVIRONMENT, **variables},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )


def within(*words: str) -> int:
    """The same in this process; its exit code."""
    with pytest.raises(SystemExit) as left:
        app(list(words))
    assert isinstance(left.value.code, int)
    return left.value.code


def test_a_configuration_that_is_right_is_printed() -> None:
    done = run("check", "-c", "config/minimal.yaml", UPLOAD_PROXY_LOG__LEVEL="debug")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  url: http://127.0.0.1:3000\n" in done.stdout
    assert "  level: debug\n" in done.stdout


def test_a_configuration_that_is_wrong_is_told_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("orign: {}\nlog:\n  level: loud\n")
    done = run("check", "--config", str(file))
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines() == [
        f'{file}:1:1: orign: unknown key; did you mean "origin"?',
        f'{file}:3:10: log.level: expected debug, info, warning or error, got "loud"',
        f"{file}: origin.url: expected the URL of the origin, got nothing; set it in "
        "the file, by --origin or UPLOAD_PROXY_ORIGIN__URL",
        f"upload-proxy: 3 errors{EXPLAINED}",
    ]


def test_a_file_that_is_not_there_is_a_wrong_configuration() -> None:
    done = run("check", "-c", "/nowhere.yaml")
    assert done.returncode == 78
    assert done.stderr.splitlines() == [
        "/nowhere.yaml: cannot be read: No such file or directory; `upload-proxy "
        "schema --as yaml` prints one to begin with",
        f"upload-proxy: 1 error{EXPLAINED}",
    ]


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_certificate_that_cannot_be_used_is_a_wrong_configuration(
    tmp_path: Path, command: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "origin: {url: http://127.0.0.1:9}\ntls: {certificate: /nowhere.pem}\n"
        "admin: null\nlisten: 127.0.0.1:0\n"
    )
    done = run(command, "-c", str(file))
    assert (done.returncode, done.stdout) == (78, "")
    said = "tls.certificate: /nowhere.pem: No such file or directory"
    assert done.stderr.strip().removeprefix("upload-proxy: ") == said


def test_serving_needs_an_origin() -> None:
    done = run("serve")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("origin.url: expected the URL of the origin, got not")


def test_a_wrong_flag_is_named() -> None:
    done = run("serve", "--origin", "http://app/path")
    assert done.returncode == 78
    assert done.stderr.startswith(
        "--origin: origin.url: expected an origin's URL without a path, got "
        '"http://app/path"; every request keeps the path it came with\n'
    )


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("serve", "--nonsense"),
        ("check",),
        ("schema", "--as", "xml"),
        ("drain", "--wait", "soon"),
        ("healthcheck", "--admin", "9090"),
    ],
)
def test_wrong_usage_is_2(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_wrong_variable_is_wrong_usage_of_what_needs_only_it() -> None:
    done = run("healthcheck", UPLOAD_PROXY_ADMIN__LISTEN="9090")
    assert done.returncode == 2
    assert "UPLOAD_PROXY_ADMIN__LISTEN" in done.stderr


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("json", "config/schema.json"),
        ("yaml", "config/reference.yaml"),
        ("markdown", "docs/configuration.md"),
    ],
)
def test_the_schema_is_printed(form: str, file: str) -> None:
    done = run("schema", "--as", form)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (ROOT / file).read_text()


def test_versions_are_printed() -> None:
    done = run("version")
    assert done.returncode == 0
    assert done.stdout.startswith(
        f"upload-proxy: {__version__}\ninterop versions: 3 4 5 6 7 8 9 10\n"
    )


def test_versions_are_printed_for_machines() -> None:
    told = json.loads(run("version", "--json").stdout)
    assert told["upload-proxy"] == __version__
    assert told["python"] == platform.python_version()
    assert told["interop versions"] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert set(told) >= {"aiohttp", "platform"}


@pytest.mark.parametrize(
    "command",
    [one for one in walk(tree(app)) if not one.commands],
    ids=lambda one: " ".join(one.path[1:]),
)
def test_every_command_teaches_by_examples_and_tells_its_exit_codes(
    command: Command,
) -> None:
    assert examples(command)
    assert re.search(r"^Exit codes: 0 ", command.help, re.MULTILINE)


def examples(command: Command) -> list[list[str]]:
    """The words of each example that its help has, without what is around it."""
    lines = re.findall(r"^  (\S.*)$", command.help, re.MULTILINE)
    found = (re.search(r"upload-proxy ([^|&>)]*)", line) for line in lines)
    return [shlex.split(one[1]) for one in found if one]


@pytest.mark.parametrize(
    "words",
    [words for one in walk(tree(app)) for words in examples(one)],
    ids=" ".join,
)
def test_every_example_of_the_help_is_parsed(words: list[str]) -> None:
    command = get_command(app)
    while words and hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    # nothing is run by it; it exits for what it does not know
    command.make_context("upload-proxy", list(words))


def test_the_first_screen_says_what_commands_are_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert within("--help") == 0
    told = capsys.readouterr().out
    headings = ["Run it:", "Look at it:", "Tell a running one:", "Set it up:"]
    places = [told.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    assert "..." not in told.partition("Run it:")[2]
    for command in tree(app).commands:
        assert re.search(rf"^  {command.name} ", told, re.MULTILINE)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("run",), "'serve'"),
        (("validate", "-c", "x"), "'check'"),
        (("serv",), "'serve'"),
        (("uploads", "rm"), "'purge'"),
        (("uploads", "shwo"), "'show'"),
        (("serve", "--spol", "x"), "--spool"),
    ],
)
def test_what_was_meant_is_suggested(
    typed: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert within(*typed) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert meant in last


def test_the_version_is_an_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert within("--version") == 0
    assert capsys.readouterr().out == f"upload-proxy {__version__}\n"


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


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(ENVIRONMENT):
        monkeypatch.delenv(name)


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


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("code", [0, 1])
def test_serving_runs_the_proxy_with_what_was_said(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Config] = []

    def serve(config: Config, read: Callable[[], Config]) -> int:
        assert read() == config
        served.append(config)
        return code

    room = types.ModuleType("proxy.service")
    room.serve = serve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "proxy.service", room)
    words = ["--origin", "http://app", "--spool", "/s", "--listen", "a:1"]
    words += ["--listen", "unix:/b", "-c", str(ROOT / "config/minimal.yaml")]
    assert within("serve", *words) == code
    [config] = served
    assert config.origin.url == "http://app"
    assert list(map(str, config.listen)) == ["a:1", "unix:/b"]
    assert config.spool.directory == Path("/s")


@pytest.mark.parametrize(("words", "kept"), [((), False), (("--keep",), True)])
def test_the_demonstration_is_run(
    words: tuple[str, ...], kept: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[bool] = []

    def demonstrate(keep: bool) -> int:
        runs.append(keep)
        return 1

    room = types.ModuleType("proxy.demo")
    room.run = demonstrate  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "proxy.demo", room)
    assert within("demo", *words) == 1
    assert runs == [kept]


def test_doctor_says_that_nobody_is_there() -> None:
    done = run("doctor", "http://127.0.0.1:1/files", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["good"] is False
    assert [one["check"] for one in told["findings"]] == ["reach"]


@pytest.mark.parametrize(
    "words",
    [
        ("ftp://a.example",),
        ("http://127.0.0.1:1", "--size", "much"),
        ("http://127.0.0.1:1", "--patience", "long"),
        ("http://127.0.0.1:1", "-H", "no colon"),
        ("http://127.0.0.1:1", "-H", "Bad name: x"),
        ("http://127.0.0.1:1", "-H", "Name: a\r\nb: c"),
    ],
)
def test_doctor_asks_nothing_when_it_is_used_wrongly(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert within("doctor", *words) == 2
    assert capsys.readouterr().out == ""
