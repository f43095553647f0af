"""What each case has to come to, whoever it is put to.

Either it is refused: an error of the client's kind or none, the end of the connection,
and nothing of it reaches the origin. Or the origin gets exactly the request that was
meant, once. What lies behind it on the connection may be served only after that.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from tests.fuzz.strict import Sent, sent

from .conftest import Heard, Stage
from .corpus import CONTENT, Framed, Headed
from .heads import Asked

NEXT: Final = b"GET /next HTTP/1.1\r\nHost: upload.test\r\nConnection: close\r\n\r\n"
"""Lies behind every case, and ends its connection when the case did not."""
KINDS: Final = ("passed through", "creation", "append", "HEAD", "DELETE")
_VERSION: Final = b"Upload-Draft-Interop-Version: 8\r\n"
_ALL: Final = _VERSION + b"Upload-Complete: ?1\r\n"
_PART: Final = b"Upload-Offset: 0\r\nContent-Type: application/partial-upload\r\n"
_HOST: Final = b"Host: upload.test\r\n"
_REFUSALS: Final = frozenset({400, 404, 405, 408, 413, 415, 417, 431, 501, 505})
"""What says that it was the client. 404: an upload that went with a bad append."""


async def tries_framing(stage: Stage, kind: str, case: Framed) -> None:
    """Put `case` into a request of `kind`."""
    start, path = await _start(stage, kind, case.protocol)
    lines = b"".join(line + b"\r\n" for line in case.lines)
    said = start + lines + b"\r\n" + case.rest + NEXT
    heard = await stage.says(said)
    if case.passes:
        _is_meant(said, path)
        _came_through(heard, kind, path)
    else:
        answered = case.is_late and kind in ("HEAD", "DELETE")
        _is_refused(heard, _REFUSALS | {204} if answered else _REFUSALS)


async def tries_line(stage: Stage, kind: str, case: Headed) -> None:
    """Put the line of `case` into a request of `kind` that is right otherwise."""
    await tries_framing(
        stage,
        kind,
        Framed((b"Content-Length: %d" % len(CONTENT), case.line), CONTENT, case.passes),
    )


async def tries_head(stage: Stage, case: Asked) -> None:
    """Ask with the head of `case`."""
    heard = await stage.says(case.head + b"\r\n" + NEXT)
    if case.target is None:
        _is_refused(heard)
        return
    assert not heard.unclear
    first, *others = heard.requests
    assert (first.method, first.target) == ("GET", case.target)
    assert first.values(b"host") == [case.host.encode()]
    assert [one.target for one in others] in ([], ["/next"])


async def _start(stage: Stage, kind: str, protocol: bytes) -> tuple[bytes, str]:
    """The first lines of a request of `kind`, and the path that they name."""
    if kind == "passed through":
        return b"POST /form " + protocol + b"\r\n" + _HOST, "/form"
    if kind == "creation":
        return b"POST /files " + protocol + b"\r\n" + _HOST + _ALL, "/files"
    path = await stage.upload()
    method = {"append": b"PATCH"}.get(kind, kind.encode())
    more = _ALL + _PART if kind == "append" else _VERSION
    first = b"%b %b %b\r\n" % (method, path.encode(), protocol)
    return first + _HOST + more, path


def _is_meant(said: bytes, path: str) -> None:
    """It has one meaning: with the content, and the next request behind it."""
    first, second = sent(said)
    assert (first.target, first.body, second.target) == (path, CONTENT, "/next")


def _came_through(heard: Heard, kind: str, path: str) -> None:
    assert not heard.unclear
    meant = [("POST", "/files" if kind == "append" else path, CONTENT)]
    if kind in ("HEAD", "DELETE"):
        meant = []
    next_one = ("GET", "/next", b"")
    assert _told(heard.requests) in (meant, [*meant, next_one])
    assert heard.statuses[:1] in ([200], [204])


def _is_refused(heard: Heard, statuses: Set[int] = _REFUSALS) -> None:
    """And the origin has seen nothing, not even of what lay behind."""
    assert _told(heard.requests) == [], heard
    assert not heard.unclear, heard
    assert len(heard.statuses) <= 1
    assert set(heard.statuses) <= statuses, heard


def _told(requests: list[Sent]) -> list[tuple[str, str, bytes]]:
    return [(one.method, one.target, one.body) for one in requests]
