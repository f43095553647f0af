"""Another server: tusd in its experimental mode, where it is on the path.

It is there to show that the suite finds what is known to be wrong with a real server;
docs/conformance.md has the whole of it.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.client.target import target
from proxy.conformance.report import text
from proxy.conformance.speaker import Place
from proxy.conformance.suite import Plan, run
from tests.kit.process import free_port

TUSD = shutil.which("tusd")
WRONG = {"R23", "R43", "R53", "R59"}
RIGHT = {"R21", "R25", "R45"}

pytestmark = pytest.mark.skipif(TUSD is None, reason="tusd is not on the path")


@pytest.fixture
def tusd(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    assert TUSD is not None
    words = ["-enable-experimental-protocol", "-host", "127.0.0.1"]
    words += ["-port", str(port), "-upload-dir", str(tmp_path), "-base-path", "/files/"]
    running = subprocess.Popen([TUSD, *words], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/files/"
    finally:
        running.terminate()
        running.wait(10)


def _wait_for(port: int) -> None:
    """Until somebody listens there; ten seconds at most."""
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end, "tusd does not listen"
            time.sleep(0.05)  # it says nowhere that it listens


async def test_what_is_known_to_be_wrong_is_found(tusd: str) -> None:
    plan = Plan(Place(target(tusd)), versions=(6,), rules=WRONG | RIGHT)
    report = await run(plan)
    assert {one.rule.name for one in report.results if one.breaks} == WRONG, text(
        report
    )
