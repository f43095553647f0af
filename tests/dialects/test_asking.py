"""Requests that ask for an offset, for limits, or cancel (R43, R44, R72, R82, R84)."""

from __future__ import annotations

import pytest

from proxy.core.errors import Problem
from proxy.core.intents import AskLimits, AskOffset, Cancel, Malformed

from ..kit.words import each_version
from .speech import TOKEN, UPLOAD, naming, read, request

FORBIDDEN = [
    "Upload-Offset: 0",
    "Upload-Offset: no number",
    "upload-complete: ?1",
    "Upload-Complete: ?0",
    "Upload-Complete: no boolean",
    "UPLOAD-INCOMPLETE: ?0",
    "Upload-Incomplete: ?1",
]


@each_version
@pytest.mark.parametrize("line", FORBIDDEN)
@pytest.mark.parametrize("method", ["HEAD", "GET", "DELETE"])
def test_r43_r72_fields_that_do_not_belong_there(
    version: int, method: str, line: str
) -> None:
    intent = read(request(f"{method} {UPLOAD}", naming(version), line))
    assert isinstance(intent, Malformed)
    assert (intent.token, intent.problem) == (TOKEN, Problem.MALFORMED)
    assert line.partition(":")[0] in intent.detail


@each_version
def test_r43_a_length_is_forbidden_from_v6_on(version: int) -> None:
    intent = read(request(f"HEAD {UPLOAD}", naming(version), "Upload-Length: 100"))
    if version < 6:
        assert intent == AskOffset(TOKEN)
    else:
        assert isinstance(intent, Malformed)


@each_version
def test_r72_a_length_does_not_stop_a_cancel(version: int) -> None:
    head = request(f"DELETE {UPLOAD}", naming(version), "Upload-Length: 100")
    assert read(head) == Cancel(TOKEN)


@each_version
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_r44_all_other_fields_are_ignored(version: int, method: str) -> None:
    head = request(
        f"{method} {UPLOAD}",
        naming(version),
        "Content-Type: image/jpeg",
        "Content-Length: 0",
        "Repr-Digest: sha-256=:AA==:",
        "Range: bytes=0-1",
        "Accept: */*",
        "Upload-Metadata: name YQ==",
    )
    assert read(head) == AskOffset(TOKEN)


@each_version
@pytest.mark.parametrize("line", FORBIDDEN)
def test_r82_options_ignores_them(version: int, line: str) -> None:
    assert read(request(f"OPTIONS {UPLOAD}", naming(version), line)) == AskLimits(TOKEN)
