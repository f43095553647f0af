"""What is in a spool, told to people and to machines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.process import ProxyProcess

from .conftest import VERSION, Operator, name, token, unknown

FIELDS = {
    *("token", "state", "at_work", "created_at", "age_s", "last_event", "received"),
    *("length", "percent", "acknowledged", "version", "client", "method", "path"),
    *("attempts", "status", "time_left_s"),
}


@pytest.mark.configured(spool={"memory_threshold": 0})
async def test_a_table_oldest_first(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    first = await unknown(speaker, origin, b"a" * 40)
    second = await speaker.create(VERSION, last=False, sends=b"a" * 2048)
    origin.then(Reply(201, (), b"made"))
    third = await speaker.create(VERSION, sends=b"a" * 40)
    done = await operator.types("list")
    heading, *rows = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert heading.split()[:6] == ["TOKEN", "STATE", "RECEIVED", "TOTAL", "%", "V"]
    assert [row.split()[0] for row in rows] == [name(first), name(second), name(third)]
    told = [re.sub(r" +|\d+s +23h59m", " ", row).split(" ", 1)[1] for row in rows]
    assert told[0].startswith("unknown 40 B 40 B 100 8 127.0.0.1")
    assert [re.sub(" +", " ", each) for each in told[1:]] == [
        "interrupted 2.0 KiB - - 8 127.0.0.1 a part has ended",
        "responded 40 B 40 B 100 8 127.0.0.1 answered with 201",
    ]


async def test_objects_for_machines(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    upload = await speaker.create(
        VERSION, last=False, sends=b"a" * 30, announce=40, path="/files?key=secret"
    )
    (told,) = await operator.listed()
    assert set(told) == FIELDS
    assert told | {"created_at": "", "age_s": 0, "time_left_s": 0} == {
        "token": name(upload),
        "state": "interrupted",
        "at_work": False,
        "created_at": "",
        "age_s": 0,
        "last_event": "a part has ended",
        "received": 30,
        "length": 40,
        "percent": 75,
        "acknowledged": 30,
        "version": 8,
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/files",
        "attempts": 0,
        "status": None,
        "time_left_s": 0,
    }
    (whole,) = await operator.listed("--full-tokens")
    assert whole["token"] == token(upload)


async def test_filters(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    lost = await unknown(speaker, origin, b"a" * 40)
    large = await speaker.create(VERSION, last=False, sends=b"a", announce=2**20)

    async def found(*words: str) -> list[object]:
        return [told["token"] for told in await operator.listed(*words)]

    both = [name(lost), name(large)]
    assert await found("--state", "unknown") == [name(lost)]
    assert await found("--state", "unknown", "--state", "interrupted") == both
    assert await found("--min-size", "1MiB") == [name(large)]
    assert await found("--older-than", "1h") == []
    assert await found("--client", "127.0.0.0/8") == both
    assert await found("--client", "192.0.2.1") == []


async def test_damage_is_told_and_the_rest_as_well(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    broken = await speaker.create(VERSION, last=False, sends=b"a" * 40)
    short = await speaker.create(VERSION, last=False, sends=b"a" * 40)
    await speaker.create(VERSION, last=False, sends=b"a" * 40)
    for path in operator.spool.rglob(f"{token(broken)}.record"):
        path.write_bytes(path.read_bytes()[:-9])
    for path in operator.spool.rglob(f"{token(short)}.body"):
        path.write_bytes(b"a")
    told = {each["token"]: each for each in await operator.listed()}
    assert told[name(broken)]["state"] == told[name(short)]["state"] == "damaged"
    assert "its record is not whole" in told[name(broken)]["last_event"]
    assert "40 were acknowledged" in told[name(short)]["last_event"]
    assert told[name(short)]["received"] == 1
    assert [each["state"] for each in told.values()].count("interrupted") == 1
    assert (await operator.types("list")).out.count("damaged") == 2
    shown = await operator.types("show", "--", name(broken))
    assert shown.out.splitlines()[1].startswith("state      damaged: its record is")


async def test_a_place_without_a_spool(operator: Operator) -> None:
    done = await operator.types("list")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"upload-proxy: there is no spool in {operator.spool}: no proxy has worked "
        "there; say which one is meant by --spool DIR, or by -c FILE of its proxy\n"
    )
    assert not operator.spool.exists()


async def test_tokens_that_are_not_there_too_short_or_not_one(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=b"a" * 40)
    twin = token(upload)[:8] + "x" * 35
    (record,) = operator.spool.rglob("*.record")
    record.with_name(f"{twin}.record").write_bytes(b"")
    for start in (name(upload), token(upload)[:8]):
        done = await operator.types("show", "--", start)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(f"upload-proxy: {start}: 2 uploads begin so: ")
        assert token(upload)[:9] in done.err
        assert twin[:9] in done.err
    assert (await operator.types("show", "--", token(upload)[:9])).code == 0
    assert (await operator.types("show", "--", token(upload))).code == 0
    done = await operator.types("show", "abc")
    assert "at least 4 characters" in done.err
    done = await operator.types("show", "../../etc/passwd")
    assert (done.code, done.out) == (1, "")


@pytest.mark.parametrize(
    "words",
    [
        ("--state", "lost"),
        ("--older-than", "long"),
        ("--min-size", "big"),
        ("--client", "somebody"),
    ],
)
async def test_wrong_usage(operator: Operator, words: tuple[str, ...]) -> None:
    assert (await operator.types("list", *words)).code == 2


async def test_a_wrong_configuration(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("spol: {}\n")
    done = await operator.types("list", "-c", str(file))
    assert done.code == 78
    assert 'did you mean "spool"' in done.err
