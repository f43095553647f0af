"""Questions: where an upload stands, what is possible, uploads that nobody knows."""

from __future__ import annotations

from dataclasses import replace

from proxy.client.target import Target
from proxy.conformance.exchange import Story
from proxy.conformance.speaker import Speaker


async def asked(speaker: Speaker) -> Story:
    """An empty upload of a known length, asked in several ways."""
    made = await speaker.create(("Upload-Length", "100"))
    where = speaker.at(made)
    own = ("Content-Type", "text/plain"), ("Range", "bytes=0-0"), ("Accept", "x/y")
    return {
        "created": made,
        "asked": await speaker.head(where),
        "with more": await speaker.head(where, *own),
        "got": await speaker.ask("GET", where, speaker.version.field),
    }


async def forbidden(speaker: Speaker) -> Story:
    """Questions and cancels with fields that they must not have."""
    where = await speaker.upload()
    at, says = ("Upload-Offset", "0"), speaker.version.says(last=False)
    return {
        "offset asked": await speaker.head(where, at),
        "completeness asked": await speaker.head(where, says),
        "length asked": await speaker.head(where, ("Upload-Length", "1")),
        "cancel with offset": await speaker.cancel(where, at),
        "cancel with completeness": await speaker.cancel(where, says),
        "afterwards": await speaker.head(where),
    }


async def unknown(speaker: Speaker) -> Story:
    """An upload that never was: the URL of one, with other letters."""
    where = unlike(await speaker.upload())
    return {
        "asked": await speaker.head(where),
        "appended": await speaker.append(where, 0, bytes(speaker.place.part)),
        "cancelled": await speaker.cancel(where),
    }


def unlike(where: Target) -> Target:
    """A URL that looks like `where` and is not: its last eight letters are turned."""
    path, query, rest = where.path.partition("?")
    end = "".join(
        {"0": "1"}.get(letter, "0")
        if letter.isdigit()
        else ("a" if letter not in "aA" else "b")
        if letter.isalpha()
        else letter
        for letter in path[-8:]
    )
    return replace(where, path=path[:-8] + end + query + rest)


async def discovered(speaker: Speaker) -> Story:
    """What OPTIONS tells of the target, and of everything."""
    target, version = speaker.place.target, speaker.version.field
    return {
        "options": await speaker.ask("OPTIONS", target, version),
        "without version": await speaker.ask("OPTIONS", target),
        "of all": await speaker.ask("OPTIONS", replace(target, path="*"), version),
    }
