"""Root at the spool of another user, whose spool it stays."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from proxy.cli.visiting import configuration, visit
from proxy.operating.stepping import step_down
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.process import ProxyProcess

from .conftest import Operator, name, unknown

SOMEBODY = 64_321
"""A user that no system has an entry of."""
NOBODY = 65_534
"""One that every system has an entry of."""
BODY = b"a" * 40

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can be somebody else"
)


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has stepped down cannot write what it has covered beside root's tests."""
    for variable in [one for one in os.environ if one.startswith("COVERAGE_")]:
        monkeypatch.delenv(variable)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that every user finds, unlike those of the tests."""
    with tempfile.TemporaryDirectory(prefix="upload-proxy-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def given_to_somebody(spool: Path, directory: Path) -> Path:
    """A copy of the spool below `directory`, which nobody else can read, and to which
    the way is root's: as systemd has it for a user that it makes up (DynamicUser)."""
    private = directory / "private"
    private.mkdir(mode=0o700)
    copy = Path(shutil.copytree(spool, private / "upload-proxy"))
    for path in (copy, *copy.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY)
    copy.chmod(0o700)
    return copy


def owners(spool: Path) -> set[tuple[int, int]]:
    found = [path.stat() for path in (spool, *spool.rglob("*"))]
    return {(one.st_uid, one.st_gid) for one in found}


async def test_what_root_changes_stays_its_owners(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    open_to_all: Path,
) -> None:
    sent, left = [await unknown(speaker, origin, BODY) for _ in range(2)]
    await process.terminate()
    spool = given_to_somebody(process.spool, open_to_all)
    operator = Operator(spool)
    assert {one["state"] for one in await operator.listed()} == {"unknown"}
    done = await operator.types("resend", "--yes", "--", name(sent))
    assert (done.code, done.err) == (0, "")
    done = await operator.types("purge", "--yes", "--", name(left))
    assert (done.code, done.err) == (0, "")
    (listed,) = await operator.listed()
    assert listed["state"] == "complete"
    # Not root any more: it cannot write where only root may.
    target = open_to_all / "body"
    done = await operator.types("export", "-o", str(target), "--", name(sent))
    assert done.code == 1
    assert "Permission denied" in done.err
    assert owners(spool) == {(SOMEBODY, SOMEBODY)}


@pytest.mark.parametrize("lies", ["nowhere", "ours", "link"])
def test_root_stays_root_where_the_spool_is_its_own_or_none(
    tmp_path: Path, lies: str
) -> None:
    lock = tmp_path / "lock"
    if lies == "ours":
        lock.touch()
    elif lies == "link":
        other = tmp_path / "other"
        other.touch()
        os.chown(other, SOMEBODY, SOMEBODY)
        lock.symlink_to(other)
    step_down(tmp_path)
    assert os.geteuid() == 0


class System:
    """That of a process that is root in some ways only: nothing really changes."""

    def __init__(self, refuses: str, number: int, patch: pytest.MonkeyPatch) -> None:
        self.done: list[tuple[str, object]] = []
        for call in ("initgroups", "setgroups", "setresgid", "setresuid"):
            patch.setattr(os, call, self._made(call, number if call == refuses else 0))

    def _made(self, what: str, number: int) -> Callable[..., None]:
        def call(*told: object) -> None:
            if number:
                raise OSError(number, os.strerror(number))
            self.done.append((what, told[0]))

        return call


def belonging_to(user: int, spool: Path) -> Path:
    (spool / "lock").touch()
    os.chown(spool / "lock", user, user)
    return spool


@pytest.mark.parametrize("number", [errno.EPERM, errno.EINVAL])
@pytest.mark.parametrize(
    ("user", "refuses"),
    [(NOBODY, "initgroups"), (SOMEBODY, "setgroups"), (SOMEBODY, "setresgid")],
)
def test_root_stays_root_where_the_owner_is_nobody_it_can_be(
    user: int,
    refuses: str,
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """EINVAL: the owner has no number in the namespace that this is root of."""
    before = os.getgroups()
    system = System(refuses, number, monkeypatch)
    assert step_down(belonging_to(user, tmp_path)) is None
    undone = [("setgroups", []), ("setgroups", before)]
    assert system.done == (undone if refuses == "setresgid" else [])


def test_who_is_neither_root_nor_the_owner_does_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As with CAP_SETGID, and without CAP_SETUID."""
    system = System("setresuid", errno.EPERM, monkeypatch)
    settings = configuration(None, belonging_to(SOMEBODY, tmp_path))
    with pytest.raises(typer.Exit), visit(settings):
        raise AssertionError("it is visited")
    assert system.done[-1] == ("setresgid", SOMEBODY)
    assert capsys.readouterr().err == (
        f"upload-proxy: root has the group of the user number {SOMEBODY} only: "
        "Operation not permitted; run it as the user of the proxy\n"
    )
