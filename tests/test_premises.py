"""Where a proxy finds its spool."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import StartProxy
from tests.kit.client import Client


async def test_a_link_of_the_operator_is_followed_once(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    """Later it may lead elsewhere: all of the spool stays where it was."""
    spool, link = tmp_path / "elsewhere", tmp_path / "link"
    spool.mkdir()
    link.symlink_to("elsewhere")
    app = await start_proxy(spool={"directory": str(link)})
    link.unlink()
    client = Client(app.addresses[0])
    upload = await client.create(8, length=100, sends=b"a" * 40, then="cut")
    assert await upload.ask_offset() == 40
    await client.close()
    app._premises.clock.save()
    app._premises.secret()
    (body,) = spool.rglob("*.body")
    assert body.read_bytes() == b"a" * 40
