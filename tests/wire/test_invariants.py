"""What always holds, whatever a client does: conversations drawn by seed."""

from __future__ import annotations

import random

import pytest

from tests.kit.client import Client, Leaving
from tests.kit.origin import RecordingOrigin
from tests.kit.words import VERSIONS

WAYS: tuple[Leaving, ...] = ("cut", "reset", "stall")


@pytest.mark.parametrize("seed", range(12))
async def test_a_random_conversation_loses_and_doubles_nothing(
    client: Client, origin: RecordingOrigin, seed: int
) -> None:
    """R46, R12, and the invariants: offsets only grow, refusals change nothing, the
    origin gets exactly the bytes of the representation exactly once."""
    chance = random.Random(seed)
    body = chance.randbytes(chance.randint(1, 200_000))
    version = chance.choice(VERSIONS)
    upload = await client.create(version, last=False, announce=len(body))
    offset = 0
    for _ in range(chance.randint(3, 10)):
        upload = upload.speaking(chance.choice(VERSIONS))
        end = chance.randint(offset, len(body))
        part = body[offset:end]
        match chance.randrange(4):
            case 0:
                answer = await upload.append(at=offset, last=False, sends=part)
                assert answer.offset == end
            case 1:
                wrong = offset + chance.choice([-1, 1, 1000])
                answer = await upload.append(at=max(wrong, 0), sends=b"")
                assert answer.status in ((409,) if wrong >= 0 else (400, 409))
                assert answer.offset == offset
            case _:
                length = len(body) - offset
                way = chance.choice(WAYS)
                await upload.begin(
                    at=offset, last=False, length=length, sends=part, then=way
                )
        told = await upload.ask_offset()
        assert offset <= told <= max(offset, end)
        offset = told
    answer = await upload.append(at=offset, sends=body[offset:])
    assert (answer.status, answer.offset, answer.complete) == (200, len(body), True)
    assert origin.bodies == [body]
    assert len(origin.requests) == 1
