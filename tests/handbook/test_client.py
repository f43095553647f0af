"""The page of the Python client: its programs and commands are run as they stand."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from random import Random
from typing import Final

import pytest

from proxy.app import App
from proxy.client import Reason
from proxy.sending import batch
from tests.interop.link import Link
from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin

from .blocks import DOCS, blocks, changed, commands

PAGE: Final = "client.md"
CONTENT: Final = Random(4).randbytes(1_000_000)
PLACE: Final = "https://uploads.example.com"


async def begin(directory: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        cwd=directory,
        stdout=PIPE,
        env={"HOME": str(directory), "PYTHONPATH": ":".join(sys.path)},
    )


async def run(directory: Path, *words: str) -> str:
    """What a Python with `words` prints; it must end well."""
    process = await begin(directory, *words)
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    return output.decode()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for name in ("film.mp4", "photos/a.jpg"):
        (tmp_path / name).write_bytes(CONTENT)
    return tmp_path


@pytest.mark.parametrize(
    ("program", "says"),
    [("send.py", "200 stored\n"), ("pause.py", "paused\n200 True\n")],
)
async def test_the_programs_do_what_they_say(
    proxy: App, origin: RecordingOrigin, directory: Path, program: str, says: str
) -> None:
    (shown,) = (block.text for block in blocks(PAGE) if block.title == program)
    (directory / program).write_text(changed(shown, {PLACE: proxy.addresses[0]}))
    assert await run(directory, program) == says
    assert [body for body in origin.bodies if body] == [CONTENT]


async def test_the_commands_do_what_they_say(
    proxy: App, origin: RecordingOrigin, directory: Path
) -> None:
    link = Link(proxy.addresses[0], 500_000, "reset")
    await link.start()
    for title in ("upload", "many"):
        _, *words = shlex.split(commands(PAGE)[title].replace(PLACE, link.address))
        await run(directory, "-m", "proxy", *words)
    await link.stop()
    assert link.broken.is_set()
    targets = [one.target for one in origin.complete if one.body]
    assert targets == ["/files", "/photos/a.jpg"]
    assert [body for body in origin.bodies if body] == [CONTENT] * 2


async def test_what_was_paused_goes_on(
    proxy: App, origin: RecordingOrigin, directory: Path
) -> None:
    """``upload --resume``, with the name that the state has in this run."""
    link = Link(proxy.addresses[0], 500_000, "stall")
    await link.start()
    words = ("upload", "film.mp4", f"{link.address}/files", "--state", "state")
    process = await begin(directory, "-m", "proxy", *words)
    await link.breaks(BOUND_S)
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.wait(), 30)
    assert process.returncode == batch.PAUSED
    (kept,) = (directory / "state").iterdir()
    _, *words_shown = shlex.split(commands(PAGE)["resume"])
    assert words_shown[-1].startswith("state/")
    said = await run(directory, "-m", "proxy", *words_shown[:-1], f"state/{kept.name}")
    await link.stop()
    assert " saved" in said
    assert [body for body in origin.bodies if body] == [CONTENT]


def test_every_reason_and_exit_code_is_told() -> None:
    page = (DOCS / PAGE).read_text()
    for reason in Reason:
        assert f"`{reason.name}`" in page or reason is Reason.PAUSED
    for code in (batch.DONE, batch.FAILED, batch.RESUMABLE, batch.PAUSED):
        assert f"\n| {code} |" in page
