"""The lines of the README do what it says, run as they stand there.

Only the address of the proxy is another one. The lines are those between the headings
"Three minutes to the first resumed upload" and "Versions and clients", after the first
block, which installs.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from proxy.app import App

from .kit.origin import RecordingOrigin

README = (Path(__file__).parent.parent / "README.md").read_text()


def lines() -> str:
    begin = README.index("## Three minutes")
    section = README[begin : README.index("## Versions and clients")]
    _, *blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return "\n".join(blocks)


async def test_three_minutes_to_the_first_resumed_upload(
    proxy: App, origin: RecordingOrigin, tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    script = lines().replace("http://127.0.0.1:8080", proxy.addresses[0])
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(shell.communicate(), 50)
    heard = output.decode()
    assert "HTTP/1.1 104 Upload Resumption Supported" in heard
    assert "Upload-Complete: ?0" in heard
    assert heard.endswith("stored")
    (request,) = origin.requests
    assert (request.method, request.target) == ("POST", "/upload")
    assert request.body == (tmp_path / "photo.jpg").read_bytes()
