"""The lifetime clock goes on, whatever happens to the clocks around it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError
from proxy.spool import envelope
from proxy.spool.clock import LifetimeClock, boot_id, boottime

YEAR_S = 365 * 86400.0


class Machine:
    """A machine whose clocks are moved by hand."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.boots = 1
        self.up_s = 50.0
        """Seconds since it has booted."""
        self.wall_s = 1_700_000_000.0

    def start(self) -> LifetimeClock:
        """The clock of a process that starts now."""
        return LifetimeClock(
            self.directory,
            boot_id=f"boot-{self.boots}",
            boottime=lambda: self.up_s,
            wall=lambda: self.wall_s,
        )

    def wait(self, seconds: float) -> None:
        self.up_s += seconds
        self.wall_s += seconds

    def reboot(self, *, off_s: float) -> None:
        self.boots += 1
        self.wall_s += off_s
        self.up_s = 7.0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_it_goes_on_with_time(machine: Machine) -> None:
    clock = machine.start()
    start = clock.now()
    machine.wait(12.5)
    assert clock.now() == start + 12.5


def test_the_first_one_starts_at_the_time_of_day(machine: Machine) -> None:
    assert machine.start().now() == machine.wall_s


@pytest.mark.parametrize("step_s", [YEAR_S, -YEAR_S])
def test_setting_the_time_of_day_changes_nothing(
    machine: Machine, step_s: float
) -> None:
    clock = machine.start()
    start = clock.now()
    machine.wall_s += step_s
    assert clock.now() == start
    clock.save()
    machine.wait(10)
    assert machine.start().now() == clock.now() == start + 10


def test_a_restart_goes_on_as_if_nothing_was(machine: Machine) -> None:
    start = machine.start().now()
    machine.wait(3600)
    assert machine.start().now() == start + 3600


def test_a_reboot_counts_the_time_the_machine_was_off(machine: Machine) -> None:
    clock = machine.start()
    start = clock.now()
    machine.wait(100)
    clock.save()
    machine.reboot(off_s=1000)
    assert machine.start().now() == pytest.approx(start + 1100)


def test_time_not_saved_before_a_power_loss_is_counted_too(machine: Machine) -> None:
    start = machine.start().now()
    machine.wait(5000)
    machine.reboot(off_s=1000)
    assert machine.start().now() == pytest.approx(start + 6000)


def test_a_clock_set_back_while_off_does_not_turn_back(machine: Machine) -> None:
    clock = machine.start()
    machine.wait(100)
    clock.save()
    saved = clock.now()
    machine.reboot(off_s=-YEAR_S)
    after = machine.start()
    assert after.now() == saved
    machine.wait(5)
    assert after.now() == pytest.approx(saved + 5)


def test_steps_before_a_reboot_do_not_count_once_saved(machine: Machine) -> None:
    clock = machine.start()
    start = clock.now()
    machine.wall_s += YEAR_S
    clock.save()
    machine.reboot(off_s=10)
    assert machine.start().now() == pytest.approx(start + 10)


def test_all_processes_of_a_boot_agree(machine: Machine) -> None:
    first = machine.start()
    machine.wait(1 / 3)
    machine.reboot(off_s=0.1)
    second = machine.start()
    machine.wait(1 / 7)
    machine.wall_s -= 99
    third = machine.start()
    third.save()
    fourth = machine.start()
    assert second.now() == third.now() == fourth.now()
    assert first.damage is None


@pytest.mark.parametrize("torn", [b"", b"\0" * 200, b"{}", None])
def test_a_torn_file_is_made_up_for(machine: Machine, torn: bytes | None) -> None:
    """What is saved now and then is not synced; what the boot began with is."""
    machine.wall_s -= YEAR_S / 2
    clock = machine.start()
    start = clock.now()
    machine.wait(100)
    clock.save()
    if torn is None:
        (machine.directory / "clock").unlink()
    else:
        (machine.directory / "clock").write_bytes(torn)
    machine.wait(100)
    again = machine.start()
    assert again.now() == start + 200
    assert (again.damage is None) == (torn is None)
    machine.reboot(off_s=100)
    assert machine.start().now() == pytest.approx(start + 300)


@pytest.mark.parametrize("content", [b"null", b"{}", b"rubbish"])
def test_a_clock_lost_altogether_starts_near_to_where_it_was(
    machine: Machine, content: bytes
) -> None:
    clock = machine.start()
    machine.wait(500)
    for name in ("clock", "clock.start"):
        (machine.directory / name).write_bytes(envelope.seal(content))
    machine.reboot(off_s=100)
    again = machine.start()
    assert again.damage is not None
    assert "cannot be read" in again.damage
    assert again.now() == machine.wall_s
    machine.wait(10)
    assert machine.start().damage is None
    assert clock.damage is None


def test_a_clock_of_a_newer_release_is_not_touched(machine: Machine) -> None:
    newer = envelope.seal(b"whatever", envelope.FORMAT + 1)
    (machine.directory / "clock").write_bytes(newer)
    with pytest.raises(SpoolError, match="newer release"):
        machine.start()
    assert (machine.directory / "clock").read_bytes() == newer


def test_a_clock_that_cannot_be_kept_is_told(machine: Machine) -> None:
    machine.directory = machine.directory / "missing"
    with pytest.raises(SpoolError, match="lifetime clock"):
        machine.start()


def test_a_failed_save_leaves_the_one_before(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = machine.start()
    before = (machine.directory / "clock").read_bytes()

    def refused(*args: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", refused)
        with pytest.raises(SpoolError, match="No space left"):
            clock.save()
    assert (machine.directory / "clock").read_bytes() == before


def test_a_save_does_not_wait_for_the_disk(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = machine.start()

    def must_not(fd: int) -> None:
        raise AssertionError("synced")

    monkeypatch.setattr(os, "fdatasync", must_not)
    monkeypatch.setattr(os, "fsync", must_not)
    clock.save()


def test_the_files_are_private(machine: Machine) -> None:
    before = os.umask(0)
    try:
        machine.start().save()
    finally:
        os.umask(before)
    for name in ("clock", "clock.start", "clock.lock"):
        assert (machine.directory / name).stat().st_mode & 0o777 == 0o600


ONE_PROCESS = """
import sys
from proxy.spool.clock import LifetimeClock
clock = LifetimeClock(sys.argv[1], boot_id="boot", boottime=lambda: 0.0)
for _ in range(20):
    clock.save()
print(repr(clock.now()))
"""


def test_processes_that_start_at_one_time_agree(tmp_path: Path) -> None:
    """Each has another time of day in its hand; one decides, whoever is first."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_PROCESS, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    told = [process.communicate(timeout=30)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(set(told)) == 1


def test_the_clock_of_the_boot_counts_up() -> None:
    assert boottime() >= time.clock_gettime(time.CLOCK_MONOTONIC) - 1
    assert boottime() <= boottime()


def test_a_system_without_that_clock_has_a_monotonic_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert boottime() <= time.monotonic()


def test_the_boot_has_one_name() -> None:
    assert boot_id() == boot_id()
    assert str(uuid.UUID(boot_id())) == boot_id()


def test_where_the_boot_has_no_name_each_process_is_a_boot(tmp_path: Path) -> None:
    missing = str(tmp_path / "boot_id")
    assert boot_id(missing) != boot_id(missing)
