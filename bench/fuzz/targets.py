"""The readers of foreign bytes, each as a function that any bytes may be given to.

``fields`` and ``heads`` read what clients say, ``records`` what a disk gives back. The
one invariant: a target returns when all is well; that something is wrong, it says by an
exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import http_sf

from proxy.core.errors import UploadLost
from proxy.core.intents import Append, Create
from proxy.core.upload import Head, Token
from proxy.dialects import Dialects, fields
from proxy.spool import envelope
from proxy.spool.record import Record, decode, encode
from tests.dialects.speech import dialects
from tests.spool.samples import ANSWER, new_token, upload

Target = Callable[[bytes], None]

_TOKEN: Final = new_token()
_CHOOSERS: Final[tuple[Dialects, ...]] = (dialects(), dialects(rfc=True))
_NAMES: Final = (
    b"Upload-Complete",
    b"Upload-Incomplete",
    b"Upload-Offset",
    b"Upload-Length",
    b"Upload-Draft-Interop-Version",
    b"Transfer-Encoding",
    b"Content-Type",
)
_METHODS: Final = ("POST", "PUT", "PATCH", "HEAD", "DELETE", "OPTIONS", "GET")
_TARGETS: Final = ("/photos", "/resumable_upload/" + "A" * 43, "/resumable_upload/")


def structured(said: bytes) -> None:
    """Each field comes to what the library alone makes of it, or to no value."""
    item = _by_the_library(said)
    boolean, integer = fields.boolean(said), fields.integer(said)
    assert boolean == (item if isinstance(item, bool) else fields.NoValue.INVALID)
    assert integer == (item if type(item) is int else fields.NoValue.INVALID)
    count = fields.count(said)
    assert count is fields.NoValue.INVALID or (isinstance(count, int) and count >= 0)


def _by_the_library(said: bytes) -> object:
    try:
        parsed = http_sf.parse(said.strip(b" \t"), tltype="item")
    except http_sf.StructuredFieldError:
        return None
    assert isinstance(parsed, tuple)
    return parsed[0]


def heads(said: bytes) -> None:
    """A head becomes an intent or an ordinary request; a part is never a whole."""
    head = _head(said)
    for chooser in _CHOOSERS:
        dialect = chooser.choose(head)
        intent = None if dialect is None else dialect.read(head)
        if isinstance(intent, Create | Append) and intent.finishing:
            assert fields.boolean(head.value(b"upload-complete")) is not False
            assert fields.boolean(head.value(b"upload-incomplete")) is not True


def _head(said: bytes) -> Head:
    """A head in which the first bytes choose, and each line is a field's value.

    Its framing is right: what is not never comes so far, as ``tests/fuzz`` tries.
    """
    start, *lines = said.split(b"\n")
    first, second = (*start[:2], 0, 0)[:2]
    named = tuple(
        (_NAMES[line[0] % len(_NAMES)], line[1:]) for line in lines[:8] if line
    )
    named += ((b"Content-Length", b"%d" % len(said)),) if second % 2 else ()
    method, target = _METHODS[first % len(_METHODS)], _TARGETS[second % len(_TARGETS)]
    return Head(method, target, named)


def records(said: bytes) -> None:
    """What was never sealed is refused; what was, is an upload or is refused."""
    for sealed in (said, envelope.seal(said)):
        token = _token_in(said)
        try:
            found = decode(sealed, token)
        except UploadLost:
            continue
        # not by ==: a number that is none is not equal to itself
        assert repr(decode(encode(found), token)) == repr(found)


def _token_in(said: bytes) -> Token:
    """The token that a record made of `said` would have to tell."""
    _, _, rest = said.partition(b'"token":"')
    token = rest.partition(b'"')[0].decode("latin-1")
    return Token(token) if token else _TOKEN


TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {"fields": structured, "heads": heads, "records": records}
)

_RECORD: Final = encode(Record(upload(answer=ANSWER, length=7), "boot", "0" * 32))

SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "fields": (b"?1", b"?0;a", b"12", b" -1 ", b"1.5", b'"a"', b":YQ==:", b"@1"),
        "heads": (
            b"\x00\x00\n\x00?1\n\x048\n\x055",
            b"\x02\x01\n\x02 5\n\x01?0\n\x043\n\x06application/partial-upload",
        ),
        "records": (_RECORD, envelope.unseal(_RECORD)),
    }
)
"""What each begins with: bytes that are right, or nearly."""
