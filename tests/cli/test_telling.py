"""Commands that tell: what is right and wrong in a configuration, schema, versions."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from proxy import __version__

from .typed import ROOT, run, within

EXPLAINED = (
    " in the configuration; every key is explained by: upload-proxy "
    "schema --as markdown"
)


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


def test_the_version_is_an_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert within("--version") == 0
    assert capsys.readouterr().out == f"upload-proxy {__version__}\n"
