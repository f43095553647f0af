"""Who may upload: what an auth server is asked, what its answer means, whose it is.

The question is the client's request without its content: a GET, because that is what
auth servers of nginx, Traefik and Caddy are asked with, and what none of them takes for
a request with a body that is missing. The method and the target that it is about are
told in fields. The one invariant: a principal is only ever a hash here, and that of
nobody is empty.

Source: nginx "auth_request"; Traefik "ForwardAuth"; R20, R99.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from .upload import Field, Fields, Head

METHOD: Final = "GET"
_NOT_ASKED: Final = frozenset(
    {
        b"range",
        b"x-forwarded-method",
        b"x-forwarded-uri",
        b"x-forwarded-path",
        b"x-rewrite-url",
        b"x-envoy-original-path",
        b"x-auth-request-redirect",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
    }
)
"""They would make something else of the question: another request, or one for another
target or method than ours. The target is ours to tell also where a trusted front told
it before: it may have a token in it."""
_NOT_ASKED_PREFIX: Final = (b"if-", b"x-original-")
_OF_ONE_REQUEST: Final = frozenset({b"x-request-id", b"traceparent", b"tracestate"})
_OF_CONTENT: Final = b"content-"
_NOT_MODIFIED: Final = 304
"""Nobody asked with a precondition."""
_FOR_NOW: Final = frozenset({408, 425, 429})


class Place(Enum):
    """Where a field of the principal is looked for."""

    REQUEST = "request"
    ANSWER = "answer"
    """The auth server's."""


@dataclass(frozen=True, slots=True)
class Source:
    """One field of the principal."""

    place: Place
    name: str
    """In lower case."""

    def __str__(self) -> str:
        return f"{self.place.value}:{self.name}"


class Verdict(Enum):
    """What an answer of the auth server means."""

    PASSES = auto()
    REFUSES = auto()
    """Its answer is for the client."""
    LATER = auto()
    """The same for whoever waits for it; but to be asked again."""
    SAYS_NOTHING = auto()
    """It is in trouble itself."""


def verdict(status: int) -> Verdict:
    """What an answer with `status` means."""
    if 200 <= status < 300:
        return Verdict.PASSES
    if status >= 500 or status < 200 or status == _NOT_MODIFIED:
        return Verdict.SAYS_NOTHING
    return Verdict.LATER if status in _FOR_NOW else Verdict.REFUSES


def question(
    head: Head, target: str, host: bytes | None, *, method: str, uri: str
) -> Head:
    """What is asked about a request, from its `head` as the origin would get it.

    `target` of the auth server; `host`: its name, None to say the client's. `method`,
    `uri`: of the request that is asked about.
    """
    fields = tuple(
        (name, host if host is not None and key == b"host" else value)
        for name, value in head.fields
        if _is_asked(key := name.lower())
    )
    told: Fields = (
        (b"X-Forwarded-Method", method.encode("ascii")),
        (b"X-Forwarded-Uri", uri.encode("ascii")),
    )
    return Head(METHOD, target, fields + told)


def _is_asked(name: bytes) -> bool:
    """True for a field (in lower case) that is part of a question. What only an
    application behind CGI or WSGI takes for another name counts as that."""
    meant = name.replace(b"_", b"-")
    return meant not in _NOT_ASKED and not meant.startswith(_NOT_ASKED_PREFIX)


def without_credentials(fields: Fields) -> Fields:
    """`fields` of the auth server's answer that its client may have, if it refuses.

    Cookies are left out: they would be those of another address.
    """
    return tuple(field for field in fields if field[0].lower() != b"set-cookie")


def without_content(fields: Fields) -> Fields:
    """The same of an answer whose content was too long to be passed on."""
    return tuple(
        field for field in fields if not field[0].lower().startswith(_OF_CONTENT)
    )


@dataclass(frozen=True, slots=True)
class Principal:
    """Whose a request is."""

    keyed: str
    """As it is recorded: 32 hexadecimal digits; empty for nobody."""
    bare: str
    """As it was recorded before there was a key."""

    @property
    def is_nobody(self) -> bool:
        return not self.keyed

    def is_that_of(self, recorded: str) -> bool:
        """True when an upload is theirs, in a time that does not tell."""
        keyed = hmac.compare_digest(recorded, self.keyed)
        return keyed | hmac.compare_digest(recorded, self.bare)


NOBODY: Final = Principal("", "")


def principal(
    sources: Sequence[Source], request: Head, answer: Fields, key: bytes
) -> Principal:
    """Whose a request is; nobody's when none of the fields is there.

    `key`: without it nobody can try which values a hash was made of.
    """
    told = Head("", "", answer)
    values = [
        (told if source.place is Place.ANSWER else request).value(source.name.encode())
        or b""
        for source in sources
    ]
    if not any(values):
        return NOBODY
    # lengths, so that no value can reach into the next one
    said = b"principal" + b"".join(
        b"\0%s\0%d\0%s" % (str(source).encode(), len(value), value)
        for source, value in zip(sources, values, strict=True)
    )
    keyed = hmac.new(key, said, hashlib.sha256).hexdigest()
    return Principal(keyed[:32], hashlib.sha256(said).hexdigest()[:32])


def asker(head: Head, sources: Sequence[Source] = ()) -> bytes:
    """A short name for who makes a request: the same for two only if all fields that
    could tell them apart are the same, whichever of them hold credentials; those of
    `sources` always could."""
    told = {one.name.encode() for one in sources if one.place is Place.REQUEST}
    digest = hashlib.sha256()
    for field in head.fields:
        name = field[0].lower()
        if name in told or _tells_apart(name):
            digest.update(_measured((name, field[1])))
    return digest.digest()


def _tells_apart(name: bytes) -> bool:
    """True for a field (in lower case) that may be another one for another client."""
    of_one_request = name in _OF_ONE_REQUEST or name.startswith(_OF_CONTENT)
    return not of_one_request and _is_asked(name)


def _measured(field: Field) -> bytes:
    return b"%d\0%s%d\0%s" % (len(field[0]), field[0], len(field[1]), field[1])
