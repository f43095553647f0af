"""Uploads of plain files into real servers that take files only in forms."""

from __future__ import annotations

import json
from hashlib import sha256
from random import Random
from urllib.parse import quote

import pytest

from tests.conftest import StartProxy
from tests.kit.client import Client

from .store import Store

NAME = "Prüfung 1.bin"
TITLE = "Größe über alles, “quoted”"
CONTENT = Random(11).randbytes(3_000_000)
FORM = {"field": "document", "fields": [{"name": "title", "header": "X-Title"}]}
FIELDS = (
    ("Content-Type", "image/x-test"),
    ("Content-Disposition", f"attachment; filename*=UTF-8''{quote(NAME)}"),
    # what is sent is UTF-8
    ("X-Title", TITLE.encode().decode("latin-1")),
)


@pytest.mark.parametrize("running_store", ["flask", "django", "busboy"], indirect=True)
@pytest.mark.parametrize("size", [1, 65_536, len(CONTENT)])
async def test_a_plain_file_is_a_file_in_a_form(
    start_proxy: StartProxy, store: Store, size: int
) -> None:
    app = await start_proxy(
        origin={"url": store.address, "wrap": "multipart", "form": FORM}
    )
    client, content = Client(app.addresses[0]), CONTENT[:size]
    upload = await client.create(
        10,
        length=size,
        sends=content[: size // 2],
        then="cut",
        path="/documents",
        fields=FIELDS,
    )
    here = await upload.ask_offset()
    answer = await upload.append(at=here, sends=content[here:])
    await client.close()
    assert (answer.status, answer.offset) == (201, size), answer.content
    told = {"name": NAME, "title": TITLE, "media_type": "image/x-test"}
    assert json.loads(answer.content) == told
    [stored] = store.stored()
    assert sha256(stored).digest() == sha256(content).digest()
