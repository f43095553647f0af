"""Where a proxy finds its spool."""

from __future__ import annotations

from pathlib import Path

from proxy.register import place
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


async def test_only_who_comes_first_forgets_what_was_counted(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    file = tmp_path / place.uploads("spool")
    file.parent.mkdir(parents=True)
    file.write_text("left by others")
    bound = {"max_per_client": 9}
    first = await start_proxy(workers=2, uploads=bound)
    assert not file.exists()
    client = Client(first.addresses[0])
    assert (await client.create(8, last=False, sends=b"a")).answer.status == 201
    found = file.stat()
    second = await start_proxy(workers=2, uploads=bound)
    other = Client(second.addresses[0])
    assert (await other.create(8, last=False, sends=b"a")).answer.status == 201
    assert file.stat().st_ino == found.st_ino
    for one in (client, other):
        await one.close()


async def test_who_is_alone_keeps_no_file_of_it(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    app = await start_proxy(uploads={"max_per_client": 1})
    client = Client(app.addresses[0])
    assert (await client.create(8, last=False, sends=b"a")).answer.status == 201
    assert (await client.create(8, last=False, sends=b"a")).answer.status == 429
    assert not (tmp_path / "spool" / "counts").exists()
    await client.close()
