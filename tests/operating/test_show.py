"""The life of an upload, and nothing of it that gives access (P11)."""

from __future__ import annotations

import json
import re

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Reset
from tests.kit.process import ProxyProcess

from .conftest import VERSION, Operator, name, token, unknown


def life(shown: str) -> list[str]:
    """What has happened, without the times."""
    line = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +\+\w+  (.*)$", re.MULTILINE)
    return [re.sub(" +", " ", words) for words in line.findall(shown)]


@pytest.mark.configured(origin={"retry_for": "0s"})
async def test_from_its_creation_to_its_answer(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    upload = await speaker.create(
        VERSION, length=40, sends=b"a" * 10, then="stall", path="/files?sig=secret"
    )
    assert await upload.ask_offset() == 10
    await upload.append(at=10, last=False, sends=b"a" * 10)
    origin.then(Reset())
    assert (await upload.append(at=20, sends=b"a" * 20)).status == 502
    shown = await operator.types("show", "--", name(upload))
    assert (shown.code, shown.err) == (0, "")
    assert life(shown.out)[:-1] == [
        "created",
        "body attached 0 B",
        "body cut 10 B: superseded",
        "body attached 10 B",
        "part ended 20 B",
        "body attached 20 B",
        "last part ended 40 B",
        "forward began 40 B",
        life(shown.out)[-2],
    ]
    assert life(shown.out)[-2].startswith("origin lost 40 B: ")
    assert life(shown.out)[-1] == "lifetime ends"
    assert "can be     purged, exported, resent" in shown.out
    told = await operator.types("show", "--json", "--", name(upload))
    assert (told.code, told.err) == (0, "")
    assert token(upload) not in told.out
    assert "secret" not in told.out
    one = json.loads(told.out)
    assert (one["token"], one["state"], one["received"]) == (
        name(upload),
        "unknown",
        40,
    )
    assert one["can_be"] == ["purged", "exported", "resent"]
    assert one["target"] == "/files?***"
    assert [moment["event"] for moment in one["history"]][-2:] == [
        "forward_began",
        "origin_lost",
    ]
    assert one["answer"] is None
    origin.then(Reply(201, (), b"made"))
    await operator.types("resend", "--yes", "--", name(upload))
    assert (await upload.append(at=40)).status == 201
    shown = await operator.types("show", "--", name(upload))
    assert "change=resend_asked" in process.log
    told = await operator.types("show", "--json", "--", name(upload))
    assert json.loads(told.out)["answer"]["status"] == 201
    assert life(shown.out)[-4:-1] == [
        "resend asked 40 B: resend asked for by the operator",
        "forward began 40 B",
        "origin answered 40 B: status 201",
    ]
    assert "state      responded: the origin has answered" in shown.out


async def test_what_has_no_body_any_more_can_only_be_purged(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, operator: Operator
) -> None:
    upload = await unknown(speaker, origin, b"a" * 40)
    (body,) = operator.spool.rglob(f"{token(upload)}.body")
    body.unlink()
    shown = await operator.types("show", "--", name(upload))
    assert shown.out.endswith("can be     purged\n")
    refused = await operator.types("resend", "--yes", "--", name(upload))
    assert refused.code == 1
    assert "its body is gone" in refused.err
    assert "exported" not in refused.err


async def test_no_secret_is_shown(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    upload = await speaker.create(
        VERSION,
        last=False,
        sends=b"a" * 10,
        path="/files?signature=secret",
        fields=(
            ("Authorization", "Bearer secret"),
            ("Cookie", "session=secret"),
            ("X-Api-Key", "secret"),
            ("Content-Type", "image/jpeg"),
            ("User-Agent", "phone"),
        ),
    )
    shown = await operator.types("show", "--", name(upload))
    assert "request    POST /files?***\n" in shown.out
    assert "           Authorization: ***\n" in shown.out
    assert "           Cookie: ***\n" in shown.out
    assert "           X-Api-Key: ***\n" in shown.out
    assert "           Content-Type: image/jpeg\n" in shown.out
    assert "secret" not in shown.out
    assert token(upload) not in shown.out
    assert token(upload)[:7] not in shown.out


async def test_only_the_latest_of_a_long_life_is_kept(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=b"a")
    for offset in range(1, 12):
        await upload.append(at=offset, last=False, sends=b"a")
    shown = await operator.types("show", "--", name(upload))
    told = life(shown.out)
    assert (told[0], len(told)) == ("created", 18)
    assert told[-2] == "part ended 12 B"
    assert "(only the latest 16 are kept)" in shown.out
