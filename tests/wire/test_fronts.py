"""Behind a front proxy: where uploads live, and what is believed of whom."""

from __future__ import annotations

import pytest

from tests.kit.client import Client, Upload
from tests.kit.raw import request
from tests.kit.words import each_version

PATH = "/resumable_upload/"
TRUSTED = {"trusted_proxies": ["127.0.0.1"]}
FRONT = (
    ("X-Forwarded-For", "203.0.113.7"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "up.example"),
)


def _url(upload: Upload) -> str:
    """The one URL that the 104 and the final response agree on (R90)."""
    told = [answer.location for answer in (*upload.answer.interims, upload.answer)]
    assert len(set(told)) == 1, told
    return told[0] or ""


@each_version
async def test_the_host_of_the_request_is_the_authority(
    client: Client, version: int
) -> None:
    """R90."""
    fields = (("Host", "up.example:8443"),)
    upload = await client.create(version, last=False, sends=b"a", fields=fields)
    assert _url(upload).startswith("http://up.example:8443" + PATH)


@pytest.mark.configured(public_url="https://uploads.example.com/prefix")
async def test_a_public_url_is_believed_before_anything_else(client: Client) -> None:
    """R90."""
    upload = await client.create(9, last=False, sends=b"a", fields=FRONT)
    assert _url(upload).startswith("https://uploads.example.com/prefix" + PATH)


@pytest.mark.configured(**TRUSTED)
async def test_a_trusted_front_says_what_the_client_sees(client: Client) -> None:
    """R90."""
    upload = await client.create(9, last=False, sends=b"a", fields=FRONT)
    assert _url(upload).startswith("https://up.example" + PATH)


@pytest.mark.configured(**TRUSTED)
async def test_a_trusted_front_says_what_it_took_off_the_path(client: Client) -> None:
    fields = (*FRONT, ("X-Forwarded-Prefix", "/app"))
    upload = await client.create(9, last=False, sends=b"a", fields=fields)
    assert _url(upload).startswith("https://up.example/app" + PATH)


@pytest.mark.configured(**TRUSTED, location="path")
async def test_a_path_has_the_prefix_as_well(client: Client) -> None:
    fields = (("X-Forwarded-Prefix", "/app"),)
    upload = await client.create(9, last=False, sends=b"a", fields=fields)
    assert _url(upload).startswith("/app" + PATH)


async def test_a_prefix_of_an_untrusted_front_is_not_believed(client: Client) -> None:
    fields = (("X-Forwarded-Prefix", "/app"),)
    upload = await client.create(9, last=False, sends=b"a", fields=fields)
    assert _url(upload).startswith(PATH)


@pytest.mark.configured(
    public_url="https://uploads.example.com/prefix", **TRUSTED, location="auto"
)
async def test_a_public_url_has_its_own_prefix(client: Client) -> None:
    fields = (("X-Forwarded-Prefix", "/app"),)
    upload = await client.create(9, last=False, sends=b"a", fields=fields)
    assert _url(upload).startswith("https://uploads.example.com/prefix" + PATH)


async def test_an_untrusted_front_is_not_believed(client: Client) -> None:
    """location: auto; a path is right whatever the front is called."""
    upload = await client.create(9, last=False, sends=b"a", fields=FRONT)
    assert _url(upload).startswith(PATH)


@pytest.mark.configured(location="absolute")
async def test_an_absolute_location_can_be_demanded(client: Client) -> None:
    upload = await client.create(9, last=False, sends=b"a", fields=FRONT)
    assert _url(upload).startswith("http://upload.test" + PATH)


@pytest.mark.configured(location="path")
async def test_a_path_can_be_demanded(client: Client) -> None:
    upload = await client.create(9, last=False, sends=b"a")
    assert _url(upload).startswith(PATH)
    assert await upload.ask_offset() == 1


@pytest.mark.parametrize(
    "field",
    [
        ("Via", "1.1 front"),
        ("Forwarded", "for=x"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("X-Forwarded-Host", "up.example"),
    ],
)
async def test_a_front_is_closed_on_after_a_104(
    client: Client, field: tuple[str, str]
) -> None:
    """Some fronts take the 104 for the answer; the close ends their waiting."""
    upload = await client.create(9, last=False, sends=b"a", fields=(field,))
    assert upload.answer.one("Connection") == "close"


async def test_without_a_front_the_connection_stays(client: Client) -> None:
    upload = await client.create(9, last=False, sends=b"a")
    assert upload.answer.one("Connection") != "close"


@pytest.mark.configured(uploads={"path": "/u/"})
async def test_uploads_live_where_the_operator_wants_them(client: Client) -> None:
    upload = await client.create(9, last=False, sends=b"a")
    assert _url(upload).startswith("http://upload.test/u/")
    assert await upload.ask_offset() == 1


async def test_a_target_in_absolute_form_names_the_authority(client: Client) -> None:
    """RFC 9112 "absolute-form": it replaces the Host."""
    connection = await client.connect()
    fields = (
        ("Upload-Draft-Interop-Version", "9"),
        ("Upload-Complete", "?0"),
        ("Content-Length", "1"),
    )
    await connection.send(request("POST", "http://abs.example/files", *fields), b"a")
    response = await connection.hear()
    assert response.status == 201
    location = response.one("Location") or ""
    assert location.startswith("http://abs.example" + PATH)
