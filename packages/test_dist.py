"""What `make dist` has built is what users get: tried as they install it.

The one invariant: nothing here looks into this checkout for the program; it is run from
where it was installed, in a directory of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from pathlib import Path

import pytest

from proxy import __version__

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
NAME = f"resumable_upload_proxy-{__version__}"
WHEEL = DIST / f"{NAME}-py3-none-any.whl"
SDIST = DIST / f"{NAME}.tar.gz"
BIN = Path(sys.executable).parent
DATA = f"{NAME}.data/data"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    assert WHEEL.exists(), "make dist"
    assert SDIST.exists(), "make dist"


@pytest.fixture(scope="module")
def in_wheel() -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(WHEEL) as wheel:
        yield wheel


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def ran(*command: str | Path, cwd: Path, bound_s: float = 55, **variables: str) -> str:
    """What `command` prints; an error with all of it when it fails."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**_environment(), **variables},
        capture_output=True,
        text=True,
        timeout=bound_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _environment() -> Mapping[str, str]:
    """This one, without what would lead to this checkout and its venv."""
    kept = {**os.environ}
    for name in [*kept]:
        if name.startswith(("UPLOAD_PROXY_", "PYTHON", "VIRTUAL_ENV", "COV_", "XDG_")):
            del kept[name]
    return kept


def test_the_wheel_has_the_program_and_nothing_else(in_wheel: zipfile.ZipFile) -> None:
    there = set(in_wheel.namelist())
    ours = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "proxy").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert ours <= there
    rest = {name for name in there - ours if not name.startswith(f"{NAME}.dist-info/")}
    assert rest == {
        f"{DATA}/share/man/man1/upload-proxy.1",
        f"{DATA}/share/man/man5/upload-proxy.yaml.5",
    }
    assert "proxy/py.typed" in there
    assert f"{NAME}.dist-info/licenses/LICENSE" in there


def test_the_wheel_says_what_it_is(in_wheel: zipfile.ZipFile) -> None:
    told = message_from_bytes(in_wheel.read(f"{NAME}.dist-info/METADATA"))
    assert told["Name"] == "resumable-upload-proxy"
    assert told["Version"] == __version__
    assert told["License-Expression"] == "Apache-2.0"
    assert told["Description-Content-Type"] == "text/markdown"
    entries = in_wheel.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert "upload-proxy = proxy.cli:main" in entries


def test_the_sdist_has_what_it_is_built_from_and_documents() -> None:
    with tarfile.open(SDIST) as sdist:
        there = {name.removeprefix(f"{NAME}/") for name in sdist.getnames()}
    wanted = "README.md CHANGELOG.md LICENSE pyproject.toml docs/operations.md"
    assert {
        *wanted.split(),
        "config/reference.yaml",
        "docs/man/upload-proxy.1",
    } <= there
    assert not [name for name in there if re.match("tests|bench|packages", name)]


def test_a_second_build_is_the_same(tmp_path: Path) -> None:
    assert digest(SDIST) == digest(DIST / "again" / SDIST.name)
    with tarfile.open(SDIST) as sdist:
        sdist.extractall(tmp_path, filter="data")
        epoch = str(int(sdist.getmember(f"{NAME}/PKG-INFO").mtime))
    ran(
        BIN / "python",
        *("-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path),
        tmp_path / NAME,
        cwd=tmp_path,
        SOURCE_DATE_EPOCH=epoch,
    )
    assert digest(WHEEL) == digest(tmp_path / WHEEL.name)


def test_registries_would_take_it(tmp_path: Path) -> None:
    told = ran(BIN / "twine", "check", "--strict", WHEEL, SDIST, cwd=tmp_path)
    assert told.count("PASSED") == 2


@pytest.mark.timeout(180)
def test_pipx_installs_a_program_that_works(tmp_path: Path) -> None:
    homes = {
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
    }
    ran(BIN / "pipx", "install", WHEEL, cwd=tmp_path, bound_s=120, **homes)
    program = tmp_path / "bin/upload-proxy"
    assert ran(program, "--version", cwd=tmp_path) == f"upload-proxy {__version__}\n"
    assert (tmp_path / "man/man1/upload-proxy.1").exists()
    told = ran(program, "demo", cwd=tmp_path)
    assert "Traceback" not in told


@pytest.mark.timeout(180)
def test_uvx_runs_it_without_installing(tmp_path: Path) -> None:
    told = ran(
        BIN / "uv",
        *("tool", "run", "--from", WHEEL, "upload-proxy", "version"),
        cwd=tmp_path,
        bound_s=120,
        UV_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert told.startswith(f"upload-proxy: {__version__}\n")
