"""Appends: in order, at wrong offsets, malformed, of wrong types."""

from __future__ import annotations

from proxy.conformance.exchange import Story
from proxy.conformance.speaker import Speaker
from proxy.conformance.versions import VERSION_FIELD


async def appended(speaker: Speaker) -> Story:
    """Two parts, the second the last."""
    where, half = await speaker.upload(), speaker.place.size // 2
    return {
        "part": await speaker.append(where, 0, bytes(half)),
        "asked": await speaker.head(where),
        "last": await speaker.append(where, half, bytes(half), last=True),
    }


async def mismatch(speaker: Speaker) -> Story:
    """Appends that start elsewhere, and one that starts right."""
    where, part = await speaker.upload(), bytes(speaker.place.part)
    here = len(part)
    return {
        "part": await speaker.append(where, 0, part),
        "beyond": await speaker.append(where, here + 10, part),
        "before": await speaker.append(where, 0, part),
        "asked": await speaker.head(where),
        "right": await speaker.append(where, here, part),
    }


async def pipelined(speaker: Speaker) -> Story:
    """A question right behind an append that is refused, on one connection.

    The content of the append looks like a request, too: whoever leaves it unread and
    keeps the connection answers that.
    """
    where = await speaker.upload()
    content = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    name, value = speaker.version.field
    says = ": ".join(speaker.version.says(last=False))
    kind = speaker.version.media_type or "text/plain"
    behind = (
        f"HEAD {where.path} HTTP/1.1\r\nHost: {where.authority}\r\n"
        + "".join(f"{one}: {other}\r\n" for one, other in speaker.place.fields)
        + f"{name}: {value}\r\nConnection: close\r\n\r\n"
    )
    finals = await speaker.finals(
        where,
        f"PATCH {where.path} HTTP/1.1",
        f"{name}: {value}",
        says,
        "Upload-Offset: 7",
        f"Content-Type: {kind}",
        f"Content-Length: {len(content)}",
        content=content + behind.encode("latin-1"),
    )
    return dict(zip(("refused", "behind", "more"), finals, strict=False))


async def integers(speaker: Speaker) -> Story:
    """Offsets as only a structured field has them."""
    where = await speaker.upload()
    return {
        "negative": await speaker.append(
            where, 0, bytes(speaker.place.part), ("Upload-Offset", "-1")
        ),
        "decimal": await speaker.append(
            where, 0, bytes(speaker.place.part), ("Upload-Offset", "0.0")
        ),
        "with parameter": await speaker.append(
            where, 0, bytes(speaker.place.part), ("Upload-Offset", "0;x=1")
        ),
    }


async def invalid_append(speaker: Speaker) -> Story:
    """Appends that lack what they need."""
    where, name = await speaker.upload(), speaker.version.completeness
    return {
        "no offset": await speaker.append(
            where, 0, bytes(speaker.place.part), ("Upload-Offset", "")
        ),
        "no Boolean": await speaker.append(where, 0, b"", (name, "1")),
        "asked": await speaker.head(where),
    }


async def unsaid(speaker: Speaker) -> Story:
    """An append that does not say whether it is the last."""
    where, name = await speaker.upload(), speaker.version.completeness
    return {
        "appended": await speaker.append(
            where, 0, bytes(speaker.place.part), (name, "")
        ),
        "asked": await speaker.head(where),
    }


async def media_types(speaker: Speaker) -> Story:
    """Appends of another media type, and of the right one, spelled otherwise."""
    where = await speaker.upload()
    kind = "Content-Type"
    return {
        "another": await speaker.append(
            where, 0, bytes(speaker.place.part), (kind, "text/plain")
        ),
        "asked": await speaker.head(where),
        "spelled": await speaker.append(
            where,
            0,
            bytes(speaker.place.part),
            (kind, "Application/Partial-Upload;x=1"),
        ),
    }


async def unversioned_append(speaker: Speaker) -> Story:
    """An append without a version, with time for a 104."""
    where = await speaker.upload()
    half = speaker.place.part
    talk = await speaker.begin_append(where, 0, 2 * half, (VERSION_FIELD, ""))
    await talk.send(bytes(half))
    await talk.listen(speaker.place.interim_s)
    await talk.send(bytes(half))
    return {"appended": await talk.finish()}
