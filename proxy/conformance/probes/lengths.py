"""Lengths that are told twice, that are too short, that are too long."""

from __future__ import annotations

from proxy.conformance.exchange import Story
from proxy.conformance.exchange import limits as told_in
from proxy.conformance.speaker import Speaker


def _two_parts(speaker: Speaker) -> tuple[str, str]:
    """The length of the uploads here."""
    return "Upload-Length", str(2 * speaker.place.part)


async def length_creations(speaker: Speaker) -> Story:
    """Creations whose lengths contradict each other."""
    known, part = _two_parts(speaker), speaker.place.part
    return {
        "whole": await speaker.create(known, content=bytes(part), last=True),
        "part": await speaker.create(known, content=bytes(3 * part)),
    }


async def short_creation(speaker: Speaker) -> Story:
    """A finishing creation in chunks, short of its length."""
    known = _two_parts(speaker)
    place, version = speaker.place, speaker.version
    lines = version.field, version.says(last=True), known
    said = await speaker.raw(
        place.target,
        f"{place.method} {place.target.path} HTTP/1.1",
        f"Content-Type: {place.content_type}",
        *(f"{name}: {value}" for name, value in lines),
        "Transfer-Encoding: chunked",
        "Connection: close",
        content=chunked(place.part),
    )
    return {"whole": said}


async def short_append(speaker: Speaker) -> Story:
    """A last part that ends short of the length."""
    known, part = _two_parts(speaker), speaker.place.part
    where = await speaker.upload(known)
    return {
        "last": await speaker.append(where, 0, bytes(part), last=True),
        "asked": await speaker.head(where),
    }


async def length_appends(speaker: Speaker) -> Story:
    """The length again, and another one."""
    known, part = _two_parts(speaker), bytes(speaker.place.part)
    other = ("Upload-Length", str(3 * len(part)))
    where = await speaker.upload(known)
    return {
        "again": await speaker.append(where, 0, part, known),
        "another": await speaker.append(where, len(part), part, other),
        "asked": await speaker.head(where),
    }


async def overrun(speaker: Speaker) -> Story:
    """Parts that run over the length, announced and in chunks."""
    known, part = _two_parts(speaker), speaker.place.part
    announced, where = await speaker.upload(known), await speaker.upload(known)
    version = speaker.version
    lines = version.field, version.says(last=False), ("Upload-Offset", "0")
    return {
        "announced": await speaker.append(announced, 0, bytes(3 * part)),
        "announced, asked": await speaker.head(announced),
        "in chunks": await speaker.raw(
            where,
            f"PATCH {where.path} HTTP/1.1",
            f"Content-Type: {version.media_type}",
            *(f"{name}: {value}" for name, value in lines),
            "Transfer-Encoding: chunked",
            "Connection: close",
            content=chunked(3 * part),
        ),
        "in chunks, asked": await speaker.head(where),
    }


async def limits(speaker: Speaker) -> Story:
    """Uploads and parts outside the limits that are told; announced, never sent."""
    made = await speaker.create()
    where, story = speaker.at(made), {"created": made}
    told = (made.said and told_in(made.said)) or {}
    if most := told.get("max-size"):
        size = ("Upload-Length", str(most + 1))
        story["over max-size"] = await speaker.create(size)
    if most := told.get("max-append-size"):
        create = await speaker.begin_creation(length=most + 1)
        await create.listen(speaker.place.interim_s)
        speaker.remember(create.so_far())
        story["over max-append-size, created"] = create.so_far()
        await create.cut()
        append = await speaker.begin_append(where, 0, most + 1)
        await append.listen(speaker.place.interim_s)
        story["over max-append-size"] = append.so_far()
        await append.cut()
    if told.get("min-append-size", 0) > 1:
        other = await speaker.upload()
        story["under min-append-size"] = await speaker.append(other, 0, b"\0")
        story["last"] = await speaker.append(other, 0, b"\0", last=True)
    if told.get("min-size", 0) > 1:
        story["under min-size"] = await speaker.create(content=b"\0", last=True)
    return story


def chunked(size: int) -> bytes:
    """`size` bytes of content in two chunks."""
    half = size // 2
    chunks = (bytes(half), bytes(size - half), b"")
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
