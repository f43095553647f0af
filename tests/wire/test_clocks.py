"""The time of day jumps by a year: no upload ends early, and none lives for ever.

Before a start and after one, in the same boot of the machine and in the next.
"""

from __future__ import annotations

from functools import partial

import pytest

from proxy import premises
from proxy.app import App
from proxy.spool.clock import LifetimeClock
from tests.conftest import StartProxy
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin

YEAR_S = 365 * 86400.0
DAY_S = 86400.0
SETTINGS = {"uploads": {"limits": {"max_age": "24h"}}}


class Machine:
    """Its clocks are moved by hand."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.boot = "boot-1"
        self.up_s = 1000.0
        self.wall_s = 1_700_000_000.0
        clock = partial(
            LifetimeClock, boottime=lambda: self.up_s, wall=lambda: self.wall_s
        )
        patch.setattr(premises, "LifetimeClock", clock)
        patch.setattr(premises, "boot_id", lambda: self.boot)

    def wait(self, seconds: float) -> None:
        self.up_s += seconds
        self.wall_s += seconds

    def reboot(self, *, off_s: float) -> None:
        self.boot += "1"
        self.up_s = 5.0
        self.wall_s += off_s


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


async def _dies(upload: Upload) -> None:
    async def gone() -> bool | None:
        return True if (await upload.head()).status == 404 else None

    await until(gone)


@pytest.mark.parametrize("step_s", [YEAR_S, -YEAR_S], ids=["forward", "back"])
@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
async def test_setting_the_clock_ends_nothing_and_keeps_nothing(
    machine: Machine,
    origin: RecordingOrigin,
    start_proxy: StartProxy,
    restart_proxy: StartProxy,
    step_s: float,
    restarts: bool,
) -> None:
    app = await start_proxy(**SETTINGS)
    client = Client(app.addresses[0])
    upload = await client.create(9, last=False, sends=b"abc")
    machine.wait(DAY_S / 2)
    machine.wall_s += step_s
    if restarts:
        client.address = (await restart_proxy(**SETTINGS)).addresses[0]
    answer = await upload.head()
    assert (answer.status, answer.offset) == (204, 3)
    assert answer.limits is not None
    assert DAY_S / 2 - 60 < answer.limits["max-age"] <= DAY_S / 2
    machine.wait(DAY_S / 2 + 60)
    await _dies(upload)
    await client.close()


@pytest.mark.parametrize("step_s", [YEAR_S, -YEAR_S], ids=["forward", "back"])
async def test_across_a_reboot_only_the_time_of_day_can_tell(
    machine: Machine,
    origin: RecordingOrigin,
    start_proxy: StartProxy,
    running: list[App],
    step_s: float,
) -> None:
    """A step before the reboot does not count; time switched off does; and a clock set
    back while it was off does not turn back, so that nothing lives for ever."""
    client = Client((await start_proxy(**SETTINGS)).addresses[0])
    upload = await client.create(9, last=False, sends=b"abc")
    assert await upload.ask_offset() == 3
    machine.wall_s += step_s
    await running.pop().stop()
    machine.reboot(off_s=DAY_S / 2)
    client.address = (await start_proxy(**SETTINGS)).addresses[0]
    answer = await upload.head()
    assert (answer.status, answer.offset) == (204, 3)
    assert answer.limits is not None
    assert DAY_S / 2 - 60 < answer.limits["max-age"] <= DAY_S / 2 + 60
    await running.pop().stop()
    machine.reboot(off_s=-YEAR_S)
    client.address = (await start_proxy(**SETTINGS)).addresses[0]
    assert await upload.ask_offset() == 3
    machine.wait(DAY_S / 2 + 60)
    await _dies(upload)
    await client.close()
