"""OPTIONS on a target of uploads: our own answer, and what is added to the origin's."""

from __future__ import annotations

import pytest

from proxy.core.upload import Fields, Limits
from proxy.dialects.discovery import (
    beside_discovery,
    discovery_fields,
    with_discovery,
)

from ..kit.words import each_version
from .speech import by_name

ALLOW = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


@each_version
def test_r80_our_own_answer(version: int) -> None:
    assert by_name(discovery_fields(Limits(max_size=5, max_age_s=60.0), version)) == {
        "Upload-Draft-Interop-Version": str(version),
        "Upload-Limit": "max-size=5",
        "Accept-Patch": "application/partial-upload",
        "Allow": ALLOW,
    }


def test_r80_without_version_and_limits() -> None:
    assert by_name(discovery_fields(Limits(), None)) == {
        "Upload-Limit": "min-size=0",
        "Accept-Patch": "application/partial-upload",
        "Allow": ALLOW,
    }


@pytest.mark.parametrize(
    ("own", "allow"),
    [
        pytest.param((), [ALLOW.encode()], id="R81-none"),
        pytest.param(((b"allow", b"POST"),), [b"POST"], id="R81-its-own"),
    ],
)
def test_r81_what_is_added_to_the_origins(own: Fields, allow: list[bytes]) -> None:
    theirs = ((b"Accept-Patch", b"text/x"), (b"upload-limit", b"max-size=1"), *own)
    fields = with_discovery(theirs, Limits(max_size=5), 6)

    def said(name: bytes) -> list[bytes]:
        return [value for key, value in fields if key.lower() == name]

    assert said(b"allow") == allow
    assert said(b"accept-patch") == [b"text/x", b"application/partial-upload"]
    assert said(b"upload-limit") == [b"max-size=5"]
    assert said(b"upload-draft-interop-version") == [b"6"]


def test_beside_ours_what_an_empty_answer_says_of_other_protocols_stays() -> None:
    """R81."""
    theirs = (
        (b"DAV", b"1, 2"),
        (b"Allow", b"GET, , PUT"),
        (b"allow", b"LOCK"),
        (b"Upload-Limit", b"max-size=1"),
    )
    fields = beside_discovery(theirs, Limits(max_size=5), None)
    assert fields == (
        (b"DAV", b"1, 2"),
        (b"Upload-Limit", b"max-size=5"),
        (b"Accept-Patch", b"application/partial-upload"),
        (b"Allow", b"GET, PUT, LOCK, HEAD, POST, PATCH, DELETE, OPTIONS"),
    )
    assert beside_discovery((), Limits(), 6) == discovery_fields(Limits(), 6)
