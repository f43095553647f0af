"""What a process says of an upload that is removed while another one asks for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from proxy.asks import Ask, Said, Wish, Word
from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import Token
from proxy.courtesy import Courtesy

T = Token("t" * 43)


def courtesy(trouble: SpoolError) -> Courtesy:
    """Of a process that has the upload, and meets `trouble` whatever it does."""

    async def fails(*_: Any, **__: Any) -> None:
        raise trouble

    delivery = SimpleNamespace(upload=SimpleNamespace(token=T), hide=fails)
    parts = SimpleNamespace(
        live=lambda token: delivery,
        withdraw=fails,
        acknowledged_by=fails,
        secure=fails,
    )
    part = cast("Any", parts)
    return Courtesy(part, part, part, part, holds=lambda token: True)


@pytest.mark.parametrize("wish", [Wish.SHOW, Wish.ACKNOWLEDGE, Wish.CANCEL])
async def test_one_that_is_gone_is_none_here(wish: Wish) -> None:
    """Who asks looks again, and tells 404; not that the disk has failed."""
    assert await courtesy(UploadMissing("gone"))(Ask(wish, T)) == Said(Word.NONE)
    failed = Said(Word.FAILED)
    assert await courtesy(SpoolError("no space left"))(Ask(wish, T)) == failed
