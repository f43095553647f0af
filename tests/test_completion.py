"""Shells complete what is typed: bash as it really runs, zsh and fish where they are.

The scripts are made once; bash is asked through its own variables, as readline asks.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from proxy.cli import app
from proxy.cli.shells import bash, fish, zsh
from proxy.cli.tree import Takes, tree, walk
from proxy.operating.wanted import STATES

from .cli.typed import run

PROGRAM = tree(app)
ASKED = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_upload_proxy
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("completion") / "upload-proxy.bash"
    file.write_text(bash.script(PROGRAM))
    return file


def offered(script: Path, here: Path, *words: str) -> list[str]:
    """What bash offers for the last of `words`, in the directory `here`."""
    done = subprocess.run(
        ["bash", "--norc", "-u", "-c", ASKED, "bash", str(script), *words],
        cwd=here,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["che"], ["check"]),
        (["uploads", ""], ["list", "show", "resend", "purge", "export"]),
        (["uploads", "list", "--st"], ["--state"]),
        (["uploads", "list", "--state", ""], list(STATES)),
        (["uploads", "list", "--json", "--state", "inter"], ["interrupted"]),
        (["schema", "--as", "j"], ["json"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["serve", "--or"], ["--origin"]),
        (["serve", "-c", "u"], ["uploads.yaml"]),
        # as bash cuts --config=u into words
        (["serve", "--config", "=", "u"], ["uploads.yaml"]),
        (["serve", "--config", "="], ["spool", "uploads.yaml"]),
        (["serve", "--spool", ""], ["spool"]),
        (["uploads", "export", "aB3xYz", "-o", "up"], ["uploads.yaml"]),
        (["upload", "u"], ["uploads.yaml"]),
        (["upload", "--resume", "u"], ["uploads.yaml"]),
        (["doctor", ""], []),
        (["uploads", "show", ""], []),
        (["serve", "--origin", ""], []),
    ],
    ids=lambda value: " ".join(value),
)
def test_bash_offers_what_fits(
    script: Path, tmp_path: Path, words: list[str], expected: list[str]
) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "uploads.yaml").touch()
    found = offered(script, tmp_path, "upload-proxy", *words)
    assert sorted(found) == sorted(expected)


def test_bash_offers_every_command(script: Path, tmp_path: Path) -> None:
    names = [command.name for command in PROGRAM.commands]
    assert offered(script, tmp_path, "upload-proxy", "") == names
    assert "uploads" in names


def test_every_option_of_every_command_is_in_every_script() -> None:
    scripts = {module: module.script(PROGRAM) for module in (bash, zsh, fish)}
    for command in walk(PROGRAM):
        for name in (name for one in command.options for name in one.names):
            for module, text in scripts.items():
                spelled = name if module is not fish else f"option {name.lstrip('-')}"
                assert spelled in text, (module, name)


def test_values_are_known_for_what_they_are() -> None:
    takes = {
        name: option.takes
        for command in walk(PROGRAM)
        for option in command.options
        for name in option.names
    }
    assert takes["--config"] is Takes.FILE
    assert takes["--spool"] is Takes.DIRECTORY
    assert takes["--json"] is Takes.NOTHING
    assert takes["--as"] is Takes.WORD
    assert takes["--wait"] is Takes.TEXT


def test_the_command_prints_the_script() -> None:
    done = run("completion", "bash")
    assert (done.returncode, done.stdout) == (0, bash.script(PROGRAM))


def test_zsh_reads_its_script(tmp_path: Path) -> None:
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    file = tmp_path / "_upload-proxy"
    file.write_text(zsh.script(PROGRAM))
    command = (
        "autoload -Uz compinit; compinit -u -D; source $1; print $_comps[upload-proxy]"
    )
    done = subprocess.run(
        ["zsh", "-f", "-c", command, "zsh", str(file)],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("_upload-proxy\n", "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("upload-proxy uploads p", ["purge"]),
        ("upload-proxy schema --as ", ["json", "markdown", "yaml"]),
        ("upload-proxy serve -c u", ["uploads.yaml"]),
        ("upload-proxy serve --or", ["--origin"]),
        ("upload-proxy uploads list --origin", []),
    ],
)
def test_fish_offers_what_fits(tmp_path: Path, line: str, expected: list[str]) -> None:
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    (tmp_path / "uploads.yaml").touch()
    file = tmp_path / "completion.fish"
    file.write_text(fish.script(PROGRAM))
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source $argv[1]; complete -C '{line}'", file],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    told = [one.partition("\t")[0] for one in done.stdout.splitlines()]
    assert (told, done.stderr) == (expected, "")
