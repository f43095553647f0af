"""Transfers that are cut, taken over, or long enough to be told of on the way."""

from __future__ import annotations

from proxy.conformance.exchange import Story
from proxy.conformance.speaker import Speaker

_SETTLES_S = 0.2
PROGRESS_S = 1.5
"""Seconds for a 104 with progress; they come every second or so."""


async def cut_append(speaker: Speaker) -> Story:
    """Half of a last part, the offset, and the rest."""
    where, size = await speaker.upload(), speaker.place.size
    half = size // 2
    talk = await speaker.begin_append(where, 0, size, last=True)
    await talk.send(bytes(half))
    await talk.listen(_SETTLES_S)
    story = {"cut": await talk.cut(), "asked": await speaker.settled(where, half)}
    told = story["asked"].offset
    if told is not None and told <= half:
        story["rest"] = await speaker.append(where, told, bytes(size - told), last=True)
    return story


async def takeover(speaker: Speaker) -> Story:
    """A question and an append while an older append hangs; then that one goes on."""
    where, size = await speaker.upload(), speaker.place.size
    half = size // 2
    hanging = await speaker.begin_append(where, 0, size, last=True)
    await hanging.send(bytes(half))
    await hanging.listen(_SETTLES_S)
    story = {"asked": await speaker.head(where)}
    told = story["asked"].offset
    if told is None:
        await hanging.cut()
        return story
    story["part"] = await speaker.append(where, told, bytes(speaker.place.part))
    await hanging.send(bytes(size - half))
    await hanging.listen(_SETTLES_S)
    story["older"] = await hanging.cut()
    story["afterwards"] = await speaker.head(where)
    return story


async def progress(speaker: Speaker) -> Story:
    """A part that takes a while."""
    where, size = await speaker.upload(), speaker.place.size
    half = size // 2
    talk = await speaker.begin_append(where, 0, size)
    await talk.send(bytes(half))
    await talk.listen(PROGRESS_S)
    sent = talk.so_far()
    await talk.send(bytes(size - half))
    return {"half": sent, "part": await talk.finish()}
