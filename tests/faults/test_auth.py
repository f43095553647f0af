"""Who may upload, with real workers, and in what they log."""

from __future__ import annotations

from tests.kit.auth import ALICE, BOB, AuthServer
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin

from .conftest import StartProcess

VERSION = 9


async def test_strangers_are_strangers_to_every_worker(
    start_process: StartProcess, origin: RecordingOrigin
) -> None:
    auth = AuthServer()
    await auth.start()
    process = await start_process(
        workers=2,
        auth={"request": auth.address, "principal": ["answer:x-auth-user"]},
        log={"level": "debug"},
    )
    client = Client(process.address)
    try:
        upload = await client.create(
            VERSION, last=False, sends=b"a" * 5, announce=10, fields=ALICE
        )
        for _ in range(10):  # each connection lands on whichever worker takes it
            assert (await upload.head(*BOB)).status == 404
            assert (await upload.head(*ALICE)).offset == 5
        answer = await upload.append(at=5, sends=b"b" * 5, fields=ALICE)
        assert (answer.status, origin.bodies) == (200, [b"a" * 5 + b"b" * 5])
    finally:
        await client.close()
        await auth.stop()
    assert "stranger" in process.log
    for secret in ("alice", "bob-1", upload.path.rpartition("/")[2]):
        assert secret not in process.log
