"""Creations: whole, partial, cut off, odd ones, and those that are none."""

from __future__ import annotations

from proxy.client.target import Target
from proxy.conformance.exchange import Exchange, Story
from proxy.conformance.speaker import Speaker, Unusable
from proxy.conformance.talk import Talk
from proxy.conformance.versions import PARTIAL_UPLOAD, VERSION_FIELD

_SETTLES_S = 0.2
"""Before a cut; the last piece has a network to cross."""


async def created(speaker: Speaker) -> Story:
    """Two uploads with content, of which more follows; an interim has its time."""
    content = bytes(speaker.place.size)
    return {
        "created": await speaker.create(content=content),
        "another": await speaker.create(content=bytes(speaker.place.part)),
    }


async def finished(speaker: Speaker) -> Story:
    """A whole upload in one request, and what can be done with it afterwards."""
    content = bytes(speaker.place.size)
    whole = await speaker.create(content=content, last=True)
    story = {"whole": whole}
    if not whole.resumptions:
        return story
    where, total = speaker.at(whole), len(content)
    more = bytes(speaker.place.part)
    story["asked"] = await speaker.settled(where, total)
    story["more"] = await speaker.append(where, total, more, last=True)
    story["again"] = await speaker.append(where, total, b"", last=True)
    story["elsewhere"] = await speaker.append(where, total + 1, b"", last=True)
    story["afterwards"] = await speaker.head(where)
    return story


async def cut_creation(speaker: Speaker) -> Story:
    """Half of a finishing creation, the offset, and the rest."""
    content = bytes(speaker.place.size)
    half = len(content) // 2
    talk, begun = await _begun(speaker, len(content))
    if begun is None:
        await talk.cut()
        return {}
    await talk.send(content[:half])
    await talk.listen(_SETTLES_S)
    story = {"cut": await talk.cut(), "asked": await speaker.settled(begun, half)}
    told = story["asked"].offset
    if told is not None and told <= half:
        rest = content[told:]
        story["rest"] = await speaker.append(begun, told, rest, last=True)
    return story


async def _begun(speaker: Speaker, length: int) -> tuple[Talk, Target | None]:
    """A finishing creation, and where it is; None: no 104 has told."""
    talk = await speaker.begin_creation(length=length, last=True)
    await talk.listen(speaker.place.interim_s, until=104)
    if not talk.interims:
        return talk, None
    said = Exchange(talk.asked, interims=tuple(talk.interims))
    return talk, speaker.remember(said)


async def unheard(speaker: Speaker) -> Story:
    """A whole upload whose answer is not waited for."""
    content = bytes(speaker.place.size)
    talk, begun = await _begun(speaker, len(content))
    if begun is None:
        await talk.cut()
        return {}
    await talk.send(content)
    await talk.listen(_SETTLES_S)
    story = {"sent": await talk.cut()}
    story["asked"] = await speaker.settled_done(begun)
    return story


async def odd_creations(speaker: Speaker) -> Story:
    """Creations with something that must not matter."""
    version, open_ = speaker.version.field, speaker.version.says(last=False)
    small = tuple((name.lower(), value) for name, value in (version, open_))
    return {
        "invalid length": await speaker.create(("Upload-Length", "many")),
        "with limits": await speaker.create(("Upload-Limit", "max-size=1"), *small),
        "of a part's type": await speaker.create(("Content-Type", PARTIAL_UPLOAD)),
        "with length": await speaker.create(("Upload-Length", "100")),
    }


async def parameters(speaker: Speaker) -> Story:
    """A part whose completeness has a parameter."""
    name, value = speaker.version.says(last=False)
    made = await speaker.create((name, f"{value};x=1"))
    story = {"created": made}
    where = speaker.remember(made)
    if where is not None:
        story["asked"] = await speaker.head(where)
    return story


async def invalid_creation(speaker: Speaker) -> Story:
    """Requests that are no creations: the application gets them."""
    name, value = speaker.version.says(last=True)
    return {
        "no Boolean": await speaker.create((name, "1"), content=b"\0"),
        "two lines": await speaker.create((name, value), (name, value), content=b"\0"),
    }


async def unversioned(speaker: Speaker) -> Story:
    """Creations in no version, and in one that nobody knows."""
    none, unknown = (VERSION_FIELD, ""), (VERSION_FIELD, "99")
    return {
        "whole": await speaker.create(none, content=b"\0", last=True),
        "unknown": await speaker.create(unknown, content=b"\0", last=True),
        "part": await speaker.create(none, content=bytes(speaker.place.part)),
    }


async def old(speaker: Speaker) -> Story:
    """A creation over HTTP/1.0."""
    place, version = speaker.place, speaker.version
    lines = [
        f"{name}: {value}" for name, value in (version.field, version.says(last=False))
    ]
    first = f"{place.method} {place.target.path} HTTP/1.0"
    kind = f"Content-Type: {place.content_type}"
    said = await speaker.raw(
        place.target,
        first,
        kind,
        f"Content-Length: {place.part}",
        *lines,
        content=bytes(place.part),
    )
    return {"created": said}


async def expectation(speaker: Speaker) -> Story:
    """A creation that waits to be told to go on."""
    talk = await speaker.begin_creation(
        ("Expect", "100-continue"), length=speaker.place.part
    )
    await talk.listen(speaker.place.interim_s, until=100)
    await talk.send(bytes(speaker.place.part))
    made = await talk.finish()
    speaker.remember(made)
    return {"created": made}


async def cancelled(speaker: Speaker) -> Story:
    """An upload that is given up."""
    made = await speaker.create()
    where = speaker.located(made)
    if where is None:
        raise Unusable(f"no upload was made: {made.summary}")
    return {
        "cancelled": await speaker.cancel(where),
        "afterwards": await speaker.head(where),
    }


async def digest(speaker: Speaker) -> Story:
    """A part that is not what its digest says."""
    where = await speaker.upload()
    wrong = ("Content-Digest", f"sha-256=:{'A' * 43}=:")
    return {
        "appended": await speaker.append(where, 0, bytes(speaker.place.part), wrong),
        "asked": await speaker.head(where),
    }
