"""How the tests of dialects talk: requests as lines, responses as dictionaries.

Everything is spelled as on the wire. What a version calls things comes from
``kit.words``, which was written from the protocol and not from the code.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from proxy.core.errors import Problem, Refusal
from proxy.core.intents import Intent, Interim, Outcome, Refused
from proxy.core.upload import Fields, Head, Limits, Reply, Standing, Token
from proxy.dialects import Dialects
from proxy.dialects.profiles import PROFILES
from proxy.dialects.rufh import Rufh

from ..kit.words import VERSIONS, words

TOKEN = Token("A" * 43)
UPLOADS = "/resumable_upload/"
UPLOAD = UPLOADS + TOKEN
LOCATION = "https://h" + UPLOAD
MEDIA_TYPE = "Content-Type: application/partial-upload"
LIMITS = Limits(max_size=1000, max_age_s=86400.0)


def request(line: str, *lines: str, http_1_0: bool = False) -> Head:
    """``POST /photos`` and its field lines."""
    method, _, target = line.partition(" ")
    pairs = (entry.partition(":") for entry in lines)
    fields = tuple((name.encode(), value.strip().encode()) for name, _, value in pairs)
    return Head(method, target, fields, http_1_0)


def naming(version: int | str) -> str:
    return f"Upload-Draft-Interop-Version: {version}"


def complete(version: int) -> str:
    """The field line that says: this is all."""
    return f"{words(version).completeness}: {words(version).done}"


def partial(version: int) -> str:
    """The field line that says: more follows."""
    return f"{words(version).completeness}: {words(version).open}"


def append(version: int, *lines: str, says: str | None = None) -> Head:
    """A well-formed append at offset 40; `says`: whether it is the last one."""
    return request(
        f"PATCH {UPLOAD}",
        naming(version),
        MEDIA_TYPE,
        "Upload-Offset: 40",
        says or complete(version),
        *lines,
    )


def without(head: Head, name: str) -> Head:
    kept = (pair for pair in head.fields if pair[0].decode().lower() != name.lower())
    return replace(head, fields=tuple(kept))


def dialects(
    versions: tuple[int, ...] = VERSIONS, *, rfc: bool = False, enabled: bool = True
) -> Dialects:
    return Dialects(UPLOADS, frozenset(versions), rfc, lambda _: enabled)


def read(head: Head, chooser: Dialects | None = None) -> Intent | None:
    """What `head` wants; None when it is passed through."""
    dialect = (chooser or dialects()).choose(head)
    return None if dialect is None else dialect.read(head)


def rufh(version: int | str, *, spoken: bool = True, interims: bool = True) -> Rufh:
    return Rufh(
        PROFILES[version],
        UPLOADS,
        spoken=spoken,
        interims=interims,
    )


def locate(token: Token) -> str:
    return f"https://h{UPLOADS}{token}"


def standing(
    offset: int = 40,
    *,
    finished: bool = False,
    length: int | None = 100,
    limits: Limits = LIMITS,
) -> Standing:
    return Standing(TOKEN, offset, finished, length, limits, 3600.9)


def write(version: int | str, outcome: Outcome, *, spoken: bool = True) -> Reply:
    return rufh(version, spoken=spoken).write(outcome, locate)


def refuse(
    version: int | str, problem: Problem, *, spoken: bool = True, **told: Any
) -> Reply:
    """The response to a refusal with the attributes `told`."""
    refusal = Refusal(problem, "A sentence.", **told)
    return write(version, Refused(refusal), spoken=spoken)


def interim(version: int | str, told: Interim) -> dict[str, str] | None:
    fields = rufh(version).interim(told, locate)
    return None if fields is None else by_name(fields)


def by_name(fields: Fields) -> dict[str, str]:
    """Fields by their exact names, each of them there once."""
    found = {name.decode(): value.decode() for name, value in fields}
    assert len({name.lower() for name in found}) == len(fields), fields
    return found


def document(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.content, bytes)
    parsed = json.loads(reply.content)
    assert isinstance(parsed, dict)
    return parsed
