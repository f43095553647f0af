"""The body of an upload, copied out of a spool that is in use."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.process import ProxyProcess

from .conftest import VERSION, Operator, name, unknown

BODY = bytes(range(256)) * 10


async def test_all_of_it(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
    tmp_path: Path,
) -> None:
    upload = await unknown(speaker, origin, BODY)
    out = tmp_path / "out"
    done = await operator.types("export", "-o", str(out), "--", name(upload))
    digest = sha256(BODY).hexdigest()
    assert (done.code, done.out) == (0, "")
    assert done.err == f"{name(upload)}: 2560 bytes, sha256 {digest}\n"
    assert out.read_bytes() == BODY
    assert out.stat().st_mode & 0o777 == 0o600


async def test_what_has_arrived_so_far_goes_into_a_pipe(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    """And its client goes on sending."""
    upload = await speaker.create(
        VERSION, length=100, sends=b"a" * 40, then="stall", announce=100
    )
    assert await upload.ask_offset() == 40
    transfer = await upload.begin(at=40, length=60, sends=b"b" * 20, then="stall")
    listed = await operator.listed()
    assert listed[0]["state"] == "receiving"
    done = await operator.types("export", "-o", "-", "--", name(upload))
    assert done.code == 0
    assert done.out == "a" * 40 + "b" * 20
    assert f"{name(upload)}: not whole: 60 of 100 bytes have arrived" in done.err
    await transfer.send(b"c" * 40)
    assert (await transfer.hear()).status == 200


async def test_nothing_is_overwritten_unasked(
    process: ProxyProcess, speaker: Client, operator: Operator, tmp_path: Path
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=b"a" * 40)
    out = tmp_path / "out"
    out.write_bytes(b"mine")
    words = ("export", "-o", str(out), "--", name(upload))
    done = await operator.types(*words)
    assert done.code == 1
    assert done.err == (
        f"upload-proxy: {out} is there: overwrite it with --force, or give -o another "
        "name\n"
    )
    assert out.read_bytes() == b"mine"
    assert (await operator.types("export", "--force", *words[1:])).code == 0
    assert out.read_bytes() == b"a" * 40


@pytest.mark.configured(spool={"memory_threshold": 0})
async def test_one_that_was_answered_has_none(
    process: ProxyProcess, speaker: Client, operator: Operator, tmp_path: Path
) -> None:
    upload = await speaker.create(VERSION, sends=b"a" * 40)
    out = tmp_path / "out"
    done = await operator.types("export", "-o", str(out), "--", name(upload))
    assert done.code == 1
    assert "the origin has answered it, and so it was removed" in done.err
    assert not out.exists()


async def test_one_that_was_cut_short_on_the_disk_is_copied_and_fails(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
    tmp_path: Path,
) -> None:
    upload = await unknown(speaker, origin, BODY)
    (body,) = operator.spool.rglob("*.body")
    body.write_bytes(BODY[:100])
    out = tmp_path / "out"
    done = await operator.types("export", "-o", str(out), "--", name(upload))
    assert done.code == 1
    assert "the upload is damaged: its body has 100 bytes" in done.err
    assert out.read_bytes() == BODY[:100]


async def test_a_place_that_cannot_be_written(
    process: ProxyProcess, speaker: Client, operator: Operator, tmp_path: Path
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=b"a" * 40)
    out = tmp_path / "no" / "out"
    done = await operator.types("export", "-o", str(out), "--", name(upload))
    assert (done.code, done.err) == (
        1,
        f"upload-proxy: {out} cannot be written: No such file or directory\n",
    )
