"""The same conversations as without TLS, but on the ordinary way."""

from __future__ import annotations

import pytest

from proxy.wire import Shortcut
from tests.kit.client import Client
from tests.wire.test_long_bodies import *  # noqa: F403

# These are about the shortcut, which is never taken here; the import of all that is
# there does not tell ruff their names.
del test_the_shortcut_is_taken_unless_it_is_off  # noqa: F821
del test_another_http_library_means_the_ordinary_way  # noqa: F821


@pytest.mark.parametrize("way", ["auto"])
async def test_the_shortcut_is_never_taken(
    client: Client, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """What the loop has decrypted and not given would be lost with the connection."""
    entered: list[object] = []
    monkeypatch.setattr(Shortcut, "joined", lambda self: entered.append(self))
    upload = await client.create(10, sends=b"x" * (3 * 2**20))
    assert upload.answer.status == 200
    assert not entered
