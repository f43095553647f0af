"""In a container: no root, no capabilities, nothing to write to but the spool.

What the examples say, and that the program can do with so little: it is run as somebody
else, with a home that it cannot write to.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.kit.process import ProxyProcess
from tests.test_config_files import DOCKERFILE, composed, instruction, pod, sidecar

SOMEBODY: Final = 65534
AS_SOMEBODY: Final = (
    *("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups"),
    *("--bounding-set=-all", "--no-new-privs", "--"),
)


def service() -> dict[str, Any]:
    return dict(composed()["services"]["uploads"])


def test_nothing_runs_as_root() -> None:
    user, _, group = instruction("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert "user" not in service()
    assert sidecar()["securityContext"]["runAsNonRoot"] is True


def test_nothing_is_copied_or_run_after_the_user_was_chosen() -> None:
    """So that nothing in the image is its user's to change, but the spool."""
    _, _, after = DOCKERFILE.rpartition("\nUSER ")
    for word in ("RUN", "COPY", "ADD"):
        assert f"\n{word} " not in after
    assert "chown" not in DOCKERFILE
    assert "sudo" not in DOCKERFILE


def test_the_spool_in_the_image_is_for_its_user_alone() -> None:
    assert "install -d -o 10001 -g 10001 -m 0700 /var/spool/upload-proxy" in DOCKERFILE


def test_there_are_no_capabilities_and_none_to_gain() -> None:
    assert service()["cap_drop"] == ["ALL"]
    assert "cap_add" not in service()
    assert service()["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service()
    context = sidecar()["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["allowPrivilegeEscalation"] is False
    assert "privileged" not in context


def test_system_calls_are_filtered() -> None:
    """By the engine's profile: compose has it unless it is switched off."""
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not [one for one in service()["security_opt"] if "seccomp" in one]


def test_only_the_spool_and_tmp_can_be_written_to() -> None:
    assert service()["read_only"] is True
    assert service()["volumes"] == ["spool:/var/spool/upload-proxy"]
    (temporary,) = service()["tmpfs"]
    assert temporary.startswith("/tmp:")
    assert {"noexec", "nosuid", "nodev"} <= set(temporary.split(":")[1].split(","))
    assert sidecar()["securityContext"]["readOnlyRootFilesystem"] is True
    writable = [one for one in sidecar()["volumeMounts"] if not one.get("readOnly")]
    assert [one["name"] for one in writable] == ["spool"]


def test_the_cluster_lets_nobody_past_the_proxy() -> None:
    """And nothing of the host is let in."""
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        assert name not in pod()
    assert not [one for one in pod()["volumes"] if "hostPath" in one]
    assert "9090:9090" not in service()["ports"]


async def test_another_user_with_a_home_that_cannot_be_written_to(
    tmp_path: Path,
) -> None:
    """No capability, and no file outside of the spool. Without root: as ourselves."""
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    command = [sys.executable, "-m", "proxy"]
    if os.geteuid() == 0:
        if not _may_run(command[0]):
            pytest.skip("another user cannot run this interpreter")
        command = [*AS_SOMEBODY, *command]
        _let_through(tmp_path)
        (tmp_path / "spool").mkdir(mode=0o700)
        os.chown(tmp_path / "spool", SOMEBODY, SOMEBODY)
    environment = [f"HOME={home}", "PYTHONDONTWRITEBYTECODE=1"]
    process = ProxyProcess(
        tmp_path,
        {"origin": {"url": "http://127.0.0.1:9"}},
        command=["env", "-i", *environment, *command],
    )
    await process.start()
    try:
        _can_do_nothing(process.pid)
        _has_written_to_its_spool_only(tmp_path)
    finally:
        await process.end()


def _can_do_nothing(pid: int) -> None:
    """As the kernel tells of it."""
    status = Path(f"/proc/{pid}/status").read_text()
    told = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.MULTILINE))
    if os.geteuid() == 0:
        assert set(told["Uid"].split()) == {str(SOMEBODY)}
        assert told["NoNewPrivs"] == "1"
    assert int(told["CapEff"], 16) == 0


def _has_written_to_its_spool_only(directory: Path) -> None:
    """The rest there is of the test; its log is standard error."""
    names = sorted(path.name for path in directory.iterdir())
    assert names == ["config.yaml", "home", "log", "spool"]
    assert list((directory / "home").iterdir()) == []
    for file in (directory / "spool").rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file


def _let_through(directory: Path) -> None:
    """Let everybody through to `directory`, as far as it is of these tests."""
    for path in (directory, *directory.parents):
        if "pytest" in str(path):
            path.chmod(path.stat().st_mode | 0o011)


def _may_run(interpreter: str) -> bool:
    """Whether somebody else can run it: it may lie in a home of root's."""
    try:
        done = subprocess.run(
            [*AS_SOMEBODY, interpreter, "-c", "import proxy"],
            capture_output=True,
            timeout=20,
            cwd="/",
            check=False,
        )
    except FileNotFoundError:
        return False
    return done.returncode == 0
