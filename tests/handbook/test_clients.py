"""The clients' page: what it shows is run, through a connection that breaks."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from proxy.app import App
from tests.interop import needs
from tests.interop.link import Link
from tests.kit.origin import RecordingOrigin

from .blocks import blocks, commands
from .shell import shell

PAGE = "clients.md"
CONTENT = Random(3).randbytes(1_000_000)
NAME = "Größe (1).jpg"

TUS = """
import {{ readFileSync }} from 'node:fs'
import {{ upload }} from './upload.mjs'
const told = {{ endpoint: {endpoint}, name: {name}, type: 'image/jpeg' }}
const answer = await upload(readFileSync('photo.jpg'), told)
console.log(answer.getStatus(), answer.getBody())
process.exit()
"""

# Uppy asks files how large they are, and tus-js-client in Node takes buffers only
UPPY = """
import {{ readFileSync }} from 'node:fs'
import {{ uppy }} from './uppy.mjs'
uppy.getPlugin('Tus').setOptions({{ endpoint: {endpoint} }})
const content = readFileSync('photo.jpg')
const data = Object.assign(content, {{ size: content.length }})
uppy.addFile({{ name: {name}, type: 'image/jpeg', data }})
const ended = await uppy.upload()
console.log(ended.successful.length, ended.failed.map((file) => file.error))
process.exit()
"""


@pytest.mark.parametrize(
    ("module", "driver", "says"),
    [("upload.mjs", TUS, "200 stored\n"), ("uppy.mjs", UPPY, "1 []\n")],
    ids=["tus-js-client", "uppy"],
)
async def test_what_is_shown_for_browsers_survives_a_break(
    proxy: App,
    origin: RecordingOrigin,
    tmp_path: Path,
    module: str,
    driver: str,
    says: str,
) -> None:
    node = needs.node("tus-js-client", "@uppy/core", "@uppy/tus")
    (shown,) = (block.text for block in blocks(PAGE) if block.title == module)
    (tmp_path / module).write_text(shown)
    (tmp_path / "node_modules").symlink_to(needs.HERE / "node_modules")
    (tmp_path / "photo.jpg").write_bytes(CONTENT)
    link = Link(proxy.addresses[0], 500_000, "reset")
    await link.start()
    words = {"endpoint": f"{link.address}/files", "name": NAME}
    quoted = {key: json.dumps(value) for key, value in words.items()}
    (tmp_path / "driver.mjs").write_text(driver.format(**quoted))
    heard = await shell(f"{node} driver.mjs", tmp_path)
    await link.stop()
    assert link.broken.is_set()
    assert heard == says
    (request,) = origin.requests
    assert request.body == CONTENT
    assert request.one("Content-Type") == "image/jpeg"
    told = "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%281%29.jpg"
    assert request.one("Content-Disposition") == told


async def test_what_is_shown_for_a_shell_survives_a_break(
    proxy: App, origin: RecordingOrigin, tmp_path: Path
) -> None:
    needs.program("curl")
    (tmp_path / "upload.sh").write_text(commands(PAGE)["upload.sh"])
    (tmp_path / "photo.jpg").write_bytes(CONTENT)
    link = Link(proxy.addresses[0], 500_000, "reset")
    await link.start()
    script = f"sh upload.sh photo.jpg {link.address}/files"
    heard = await shell(script, tmp_path)
    await link.stop()
    assert link.broken.is_set()
    assert heard == "stored"
    assert origin.bodies == [CONTENT]
