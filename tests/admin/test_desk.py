"""The uploads page over HTTP: what it carries, who may ask, what can be done."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from proxy.admin import roster, watcher
from proxy.app import App
from proxy.core.errors import SpoolError
from tests.conftest import StartProxy
from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Reset

ADMIN = {"listen": "127.0.0.1:0"}


@pytest.fixture
def everywhere() -> dict[str, Any]:
    return {"admin": ADMIN}


async def now(admin: ClientSession, query: str = "") -> dict[str, Any]:
    async with admin.get(f"/uploads/now{query}") as answer:
        assert answer.status == 200, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told


async def settled(admin: ClientSession, *states: str) -> dict[str, Any]:
    """What is told once the uploads are in these states."""

    async def so() -> dict[str, Any] | None:
        told = await now(admin)
        found = sorted(row["state"] for row in told["uploads"])
        return told if found == sorted(states) else None

    return await until(so)


async def act(
    admin: ClientSession, what: str, row: dict[str, Any], token: str, **fields: str
) -> tuple[int, str]:
    headers = {"Origin": str(admin._base_url).rstrip("/"), "X-Page-Token": token}
    async with admin.post(
        f"/uploads/{what}", json={"upload": row["handle"]}, headers=headers | fields
    ) as answer:
        return answer.status, (await answer.json())["said"]


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/uploads", "text/html"),
        ("/uploads/page.css", "text/css"),
        ("/uploads/page.js", "text/javascript"),
        ("/uploads/rows.js", "text/javascript"),
        ("/uploads/icon.svg", "image/svg+xml"),
        ("/uploads/now", "application/json"),
        ("/uploads/purge", "text/plain"),
    ],
)
async def test_everything_is_kept_from_being_misused(
    admin: ClientSession, path: str, media_type: str
) -> None:
    async with admin.get(path) as answer:
        assert answer.status == (405 if path.endswith("purge") else 200)
        assert answer.content_type == media_type
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy)
        assert not any("unsafe" in one or "http" in one for one in policy)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        text = await answer.text()
        assert "http://" not in text.replace("http://127.0.0.1", "").replace(
            "http://www.w3.org/2000/svg", ""
        )


async def test_the_root_leads_to_it(admin: ClientSession) -> None:
    async with admin.get("/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "uploads")


async def test_a_page_on_which_nothing_has_happened_is_not_told_again(
    admin: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "ROUND_PAUSE_S", 60.0)
    monkeypatch.setattr(watcher, "FRESH_S", 60.0)
    async with admin.get("/uploads/now") as answer:
        tag = answer.headers["ETag"]
    again = admin.get("/uploads/now", headers={"If-None-Match": tag})
    async with again as answer:
        assert (answer.status, answer.headers["ETag"]) == (304, tag)


async def test_however_many_look_it_is_looked_once(
    admin: ClientSession, proxy: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    hands = proxy.outlook.hands

    def counted() -> Any:
        nonlocal looks
        looks += 1
        return hands()

    monkeypatch.setattr(watcher, "FRESH_S", 60.0)
    monkeypatch.setattr(proxy.outlook, "hands", counted)
    await asyncio.gather(*(now(admin, f"?search={one}") for one in range(20)))
    assert looks == 1


async def test_a_life_as_it_is_seen(
    admin: ClientSession, client: Client, origin: RecordingOrigin
) -> None:
    upload = await client.create(8, length=100, sends=b"a" * 40, then="cut", path="/x")
    (row,) = (await settled(admin, "interrupted"))["uploads"]
    assert (row["received"], row["length"], row["cuts"]) == (40, 100, 1)
    assert (row["version"], row["client"], row["path"]) == (8, "127.0.0.1", "/x")
    assert upload.path.rpartition("/")[2].startswith(row["name"])
    assert len(row["name"]) == 6
    origin.then(Reply(201))
    assert (await upload.append(at=40, sends=b"b" * 60)).status == 201
    told = await settled(admin, "responded")
    assert told["uploads"][0]["status"] == 201
    (forward,) = told["forwards"]
    assert (forward["outcome"], forward["status"]) == ("origin_answered", 201)
    assert (forward["size"], forward["name"]) == (100, row["name"])
    assert (told["totals"]["saved"], told["totals"]["delivered"]) == (40, 1)


async def test_what_comes_in_has_a_rate(admin: ClientSession, client: Client) -> None:
    await client.create(8, length=1000, sends=b"a" * 40, then="stall")
    (row,) = (await settled(admin, "receiving"))["uploads"]
    assert (row["received"], row["group"]) == (40, "flight")

    async def paced() -> int | None:
        rate: int | None = (await now(admin))["uploads"][0]["rate"]
        return rate

    assert await until(paced) == 0


async def test_an_unknown_outcome_is_resent_once(
    admin: ClientSession, client: Client, origin: RecordingOrigin
) -> None:
    origin.then(Reset(), Reply(201))
    await client.create(8, sends=b"a" * 100_000)
    told = await settled(admin, "unknown")
    (row,) = told["uploads"]
    assert row["resend"]
    assert (await act(admin, "resend", row, told["token"]))[0] == 200
    await settled(admin, "responded")
    status, said = await act(admin, "resend", row, told["token"])
    assert (status, len(origin.complete)) == (409, 2)
    assert "answered it with 201" in said


async def test_one_that_is_being_received_is_purged(
    admin: ClientSession, client: Client
) -> None:
    upload = await client.create(8, length=100, sends=b"a" * 40, then="stall")
    told = await settled(admin, "receiving")
    status, said = await act(admin, "purge", told["uploads"][0], told["token"])
    assert (status, said) == (200, "removed")
    await settled(admin)
    assert (await client.ask("HEAD", upload.path)).status == 404


async def test_what_is_not_known_is_not_done(admin: ClientSession) -> None:
    token = (await now(admin))["token"]
    status, said = await act(admin, "purge", {"handle": "0" * 24}, token)
    assert (status, said) == (404, "it is not known here any more")


async def test_the_name_of_an_upload_is_no_handle(
    admin: ClientSession, client: Client
) -> None:
    upload = await client.create(8, length=100, sends=b"a" * 40, then="cut")
    told = await settled(admin, "interrupted")
    for handle in (told["uploads"][0]["name"], upload.path.rpartition("/")[2]):
        row = {"handle": handle}
        assert (await act(admin, "purge", row, told["token"]))[0] == 404


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"Origin": "https://evil.test"}, id="another origin"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site"),
        pytest.param({"X-Page-Token": "guessed"}, id="no token of ours"),
        pytest.param({"Content-Type": "text/plain"}, id="a form"),
        pytest.param(
            {"Host": "evil.test:80", "Origin": "http://evil.test:80"}, id="rebinding"
        ),
    ],
)
async def test_others_can_do_nothing(
    admin: ClientSession, client: Client, fields: dict[str, str]
) -> None:
    upload = await client.create(8, length=100, sends=b"a" * 40, then="cut")
    told = await settled(admin, "interrupted")
    row = told["uploads"][0]
    assert (await act(admin, "purge", row, told["token"], **fields))[0] == 403
    assert await upload.ask_offset() == 40


@pytest.mark.parametrize("path", ["/", "/uploads", "/uploads/now", "/uploads/page.js"])
async def test_a_name_of_somebody_else_sees_nothing(
    admin: ClientSession, path: str
) -> None:
    asked = admin.get(path, headers={"Host": "evil.test:9090"}, allow_redirects=False)
    async with asked as answer:
        assert answer.status == 403
        assert "admin.hosts" in await answer.text()


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b'{"upload": 1}', b" " * 2000])
async def test_what_names_nothing_does_nothing(
    admin: ClientSession, sent: bytes
) -> None:
    token = (await now(admin))["token"]
    headers = {
        "Origin": str(admin._base_url).rstrip("/"),
        "X-Page-Token": token,
        "Content-Type": "application/json",
    }
    async with admin.post("/uploads/purge", data=sent, headers=headers) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("settings", "status", "acts"),
    [
        ({"page": "off"}, 404, None),
        ({"page": "look"}, 200, False),
        ({"page": "act"}, 200, True),
        ({"listen": "0.0.0.0:0"}, 200, False),
        ({"listen": "0.0.0.0:0", "page": "act"}, 200, True),
    ],
)
async def test_what_the_operator_lets_it_be(
    start_proxy: StartProxy, settings: dict[str, str], status: int, acts: bool | None
) -> None:
    app = await start_proxy(admin=ADMIN | settings)
    assert app.admin_address is not None
    address = app.admin_address.replace("0.0.0.0", "127.0.0.1")
    async with ClientSession(address) as session:
        async with session.get("/uploads") as answer:
            assert answer.status == status
        if acts is None:
            return
        told = await now(session)
        assert told["acts"] is acts
        expected = 404 if acts else 403
        assert (await act(session, "purge", {"handle": ""}, told["token"]))[
            0
        ] == expected


async def test_the_spool_is_looked_at_where_it_was_found(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    """A link of the operator may lead elsewhere by now, and what is purged there is
    another proxy's."""
    for name in ("spool", "other"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link"
    link.symlink_to("spool")
    app = await start_proxy(admin=ADMIN, spool={"directory": str(link)})
    link.unlink()
    link.symlink_to("other")
    client = Client(app.addresses[0])
    upload = await client.create(8, last=False, sends=b"a" * 40)
    assert upload.answer.status == 201
    assert app.admin_address is not None
    async with ClientSession(app.admin_address) as session:
        await settled(session, "interrupted")
    await client.close()


@pytest.mark.parametrize("looked_before", [False, True])
async def test_another_spool_in_the_place_of_ours_is_not_looked_at(
    start_proxy: StartProxy, tmp_path: Path, looked_before: bool
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    app = await start_proxy(admin=ADMIN, spool={"directory": str(ours)})
    other = await start_proxy(spool={"directory": str(theirs)})
    for proxy, length in ((app, 100), (other, 200)):
        client = Client(proxy.addresses[0])
        await client.create(8, length=length, sends=b"a" * 40, then="cut")
        await client.close()
    assert app.admin_address is not None
    async with ClientSession(app.admin_address) as session:
        if looked_before:
            await settled(session, "interrupted")
        ours.rename(tmp_path / "away")
        theirs.rename(ours)

        async def troubled() -> dict[str, Any] | None:
            told = await now(session)
            assert all(row["length"] == 100 for row in told["uploads"])
            return told if told["trouble"] else None

        told = await until(troubled)
        assert told["trouble"] == "another directory is where the spool was"
        for row in told["uploads"]:
            assert await act(session, "purge", row, told["token"]) == (
                503,
                told["trouble"],
            )
        ours.rename(theirs)
        (tmp_path / "away").rename(ours)
        await settled(session, "interrupted")


async def test_a_name_that_the_operator_gave_it(start_proxy: StartProxy) -> None:
    app = await start_proxy(admin=ADMIN | {"hosts": "uploads.example"})
    assert app.admin_address is not None
    async with (
        ClientSession(app.admin_address) as session,
        session.get("/uploads/now", headers={"Host": "Uploads.example"}) as answer,
    ):
        assert answer.status == 200


async def test_what_is_in_hand_is_seen_where_the_spool_cannot_be(
    admin: ClientSession, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(directory: Path) -> None:
        raise SpoolError("the spool is gone")

    monkeypatch.setattr(watcher, "Guest", closed)
    await client.create(8, length=100, sends=b"a" * 40, then="stall")
    told = await settled(admin, "receiving")
    assert (told["trouble"], told["read"]) == ("the spool is gone", None)
    (row,) = told["uploads"]
    status, said = await act(admin, "purge", row, told["token"])
    assert (status, said) == (503, "the spool is gone")


async def test_what_nobody_has_looked_at_for_long_is_looked_at_anew(
    admin: ClientSession, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await client.create(8, length=100, sends=b"a" * 40, then="cut")
    await settled(admin, "interrupted")
    assert (await upload.cancel()).status == 204
    monkeypatch.setattr(watcher, "FORGOTTEN_S", -1.0)
    assert (await now(admin))["uploads"] == []


async def test_handles_are_forgotten_when_there_are_too_many(
    admin: ClientSession, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await client.create(8, length=100, sends=b"a" * 40, then="cut")
    told = await settled(admin, "interrupted", "interrupted")
    monkeypatch.setattr(watcher, "MOST_HANDLES", 1)
    told = await now(admin)
    results = [await act(admin, "purge", row, told["token"]) for row in told["uploads"]]
    assert [status for status, _ in results] == [404, 200]


async def test_the_spool_is_read_up_to_a_bound(
    admin: ClientSession, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "MOST_SEEN", 2)
    monkeypatch.setattr(roster, "BATCH", 1)
    for number in range(5):
        await client.create(8, length=100, sends=b"a", then="cut", path=f"/{number}")

    async def read() -> dict[str, Any] | None:
        told = await now(admin)
        return told if told["counts"]["waiting"] == 5 and told["unlisted"] else None

    told = await until(read)
    assert (len(told["uploads"]), told["unlisted"]) == (2, 3)
    assert [row["path"] for row in told["uploads"]] == ["/4", "/3"]
