"""The quick starts, run as they stand in their pages: framework, YAML and commands.

Only addresses differ, and what would be installed has to be here. An upload that is
cut and goes on has to be the file that was sent, in the words of the framework.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from proxy.app import App
from proxy.config import Config, load
from tests.interop import needs
from tests.kit.process import free_port

from .blocks import DOCS, blocks, changed, commands, write_files
from .shell import shell

HERE = "http://127.0.0.1:8080"
THERE = "127.0.0.1:3000"

STARTS_WITHIN_S = 20.0
"""Seconds in which a framework has to listen: an interpreter on two busy cores."""


def flask() -> None:
    needs.modules("flask", "gunicorn")


def django() -> None:
    needs.modules("django", "gunicorn")


def express() -> None:
    needs.node("express", "busboy")


def php() -> None:
    needs.program("php")


def rails() -> None:
    needs.program("rails")
    needs.program("puma")


RUN = {needed.__name__: needed for needed in (flask, django, express, php, rails)}
NOT_RUN = {"spring"}
"""Pages that say of themselves that they are not run."""


def test_every_page_is_run_or_says_that_it_is_not() -> None:
    pages = {path.stem for path in (DOCS / "quickstart").glob("*.md")}
    assert pages == RUN.keys() | NOT_RUN
    for name in NOT_RUN:
        assert (
            "**Not run by the tests**" in (DOCS / f"quickstart/{name}.md").read_text()
        )


@pytest.mark.parametrize("name", sorted(NOT_RUN))
def test_a_page_that_is_not_run_says_what_the_others_say(name: str) -> None:
    """Its proxy and its commands are those that are run elsewhere."""
    page, run = f"quickstart/{name}.md", "quickstart/flask.md"
    (ours,) = (block for block in blocks(page) if block.title == "config.yaml")
    assert ours in blocks(run)
    assert commands(page)["upload"] == commands(run)["upload"]


def test_the_three_minutes_are_those_of_the_quick_starts() -> None:
    _, *shown = (block.text for block in blocks("index.md") if block.language == "sh")
    assert shown
    assert commands("quickstart/flask.md")["upload"].startswith("".join(shown))


@pytest.mark.parametrize("name", sorted(RUN))
async def test_a_quick_start_does_what_it_says(name: str, tmp_path: Path) -> None:
    RUN[name]()
    needs.program("curl")
    page = f"quickstart/{name}.md"
    said = commands(page)
    assert said.keys() == {"install", "start", "proxy", "upload"}
    assert said["proxy"] == "upload-proxy serve -c config.yaml\n"
    port = free_port()
    write_files(page, tmp_path, {THERE: f"127.0.0.1:{port}", "3000,": f"{port},"})
    if name == "express":
        (tmp_path / "node_modules").symlink_to(needs.HERE / "node_modules")
    async with serving(said["start"], port, tmp_path), proxy(tmp_path) as address:
        heard = await shell(changed(said["upload"], {HERE: address}), tmp_path)
    digest = sha256((tmp_path / "photo.jpg").read_bytes()).hexdigest()
    assert heard.startswith("cut\n")
    assert re.search(r"^Upload-Offset: [1-9]", heard, re.MULTILINE), heard
    assert heard.splitlines()[-3:] == [
        f"{digest} stored",
        f"{digest} stored from a form",
        f"{digest}  photo.jpg",
    ]


@asynccontextmanager
async def serving(command: str, port: int, directory: Path) -> AsyncIterator[None]:
    """The framework of a page, until the block is left."""
    words = shlex.split(changed(command, {THERE: f"127.0.0.1:{port}"}))
    if words[0] == "gunicorn":
        words[:1] = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "TMPDIR": str(directory)},
        )
    try:
        await _listens(port, process, directory / "log")
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 10)


async def _listens(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    """Wait until somebody accepts connections there.

    Nothing tells when these servers are ready, so it is tried again and again.
    """
    async with asyncio.timeout(STARTS_WITHIN_S):
        while True:
            assert process.returncode is None, _said(log)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def _said(log: Path) -> str:
    return log.read_text()


@asynccontextmanager
async def proxy(directory: Path) -> AsyncIterator[str]:
    """The proxy as the page's YAML has it, but for where it listens; its address."""
    said = load(directory / "config.yaml", {}).model_dump(exclude_unset=True)
    here = {
        "listen": "127.0.0.1:0",
        "admin": {"listen": None},
        "spool": {"directory": str(directory / "spool")},
        "log": {"level": "warning"},
    }
    app = App(Config.model_validate({**said, **here}))
    await app.start()
    try:
        yield app.addresses[0]
    finally:
        await app.stop()
