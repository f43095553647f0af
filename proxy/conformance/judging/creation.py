"""What creations have to be answered with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from urllib.parse import urlsplit

from proxy.conformance.exchange import Exchange, Story
from proxy.conformance.rules import Level
from proxy.conformance.versions import (
    ALL,
    FROM_7,
    FROM_8,
    FROM_9,
    TO_6,
    VERSION_FIELD,
    Version,
)

from .points import NotOffered, NotRun, Point, asked, found, no_104, with_104

_UNKNOWN_BITS = 18
"""Letters that differ, from the first to the last: of 120 bits in base64 there are 20,
and at both ends some are the same by chance."""
_NO_URL = "no 104, so nobody knows where to go on"


def own_version(v: Version, story: Story) -> Iterator[Point]:
    created = with_104(story["created"])
    told = [said.value(VERSION_FIELD) for said in created.resumptions]
    wanted = f"{VERSION_FIELD}: {v.number} in every 104"
    yield Point(told == [str(v.number)] * len(told), wanted, created)


def own_url(v: Version, story: Story) -> Iterator[Point]:
    created, another = story["created"], story["another"]
    urls = created.value("Location"), another.value("Location")
    yield Point(urls[0] != urls[1], f"another Location than {urls[0]}", another)


def announced(v: Version, story: Story) -> Iterator[Point]:
    created = with_104(story["created"])
    first = created.resumptions[0]
    yield Point(first.value("Location") is not None, "Location in the 104", created)
    if created.value("Upload-Limit") is not None:
        limited = first.value("Upload-Limit") is not None
        yield from asked(v, limited, "Upload-Limit in the 104", created, must=FROM_8)


def old(v: Version, story: Story) -> Iterator[Point]:
    created = story["created"]
    yield Point(not created.interims, "no 1xx to HTTP/1.0", created)


def partial(v: Version, story: Story) -> Iterator[Point]:
    created = story["created"]
    yield Point(created.succeeded, "2xx", created)
    yield from asked(v, created.status == 201, "201", created, must=TO_6, should=FROM_7)
    yield Point(created.value("Location") is not None, "Location", created)
    yield from offset_told(v, created, created.content)
    done = created.done(v)
    yield Point(done is not True, "not said to be complete", created)
    wanted = _field(v, last=False)
    yield from asked(v, done is False, wanted, created, must=TO_6, should=FROM_9)
    if any(one.value("Upload-Limit") for one in created.resumptions):
        told = created.value("Upload-Limit") is not None
        yield from asked(v, told, "Upload-Limit", created, must=FROM_8)


def offset_told(v: Version, exchange: Exchange, offset: int) -> Iterator[Point]:
    """The offset in a response: asked for up to v6, and true wherever it is told."""
    if v.number in TO_6 or exchange.value("Upload-Offset") is not None:
        told = exchange.offset == offset
        yield from asked(v, told, f"Upload-Offset: {offset}", exchange, must=ALL)


def finished(v: Version, story: Story) -> Iterator[Point]:
    whole = story["whole"]
    _accepted(whole)
    yield from offset_told(v, whole, whole.content)
    done = whole.done(v)
    wanted = f"not {_field(v, last=False)}"
    yield from asked(v, done is not False, wanted, whole, must=TO_6, should=FROM_7)
    yield from asked(v, done is True, _field(v, last=True), whole, should=FROM_9)
    if whole.resumptions:
        url = whole.resumptions[0].value("Location")
        same = whole.value("Location") == url
        yield from asked(v, same, f"Location: {url}", whole, must=TO_6)


def _accepted(whole: Exchange) -> None:
    """Raises NotRun when the application refused."""
    if not whole.succeeded:
        raise NotRun(f"the application answered {whole.summary}")


def kept(v: Version, story: Story) -> Iterator[Point]:
    """Content that was cut off."""
    cut = found(story, "cut", _NO_URL)
    told = story["asked"]
    if cut.status is not None:
        raise NotRun(f"answered before the cut: {cut.summary}")
    yield Point(told.offset is not None, "the offset", told)
    if told.offset is None:
        return
    yield Point(told.done(v) is not True, "not complete", told)
    most = f"at most the {cut.content} bytes that were sent"
    yield Point(told.offset <= cut.content, most, told)
    whole = f"Upload-Offset: {cut.content}, everything that was sent"
    yield Point(told.offset == cut.content, whole, told, Level.SHOULD)
    rest = story.get("rest")
    if rest is not None:
        taken = rest.status is not None and rest.status not in (400, 404, 409, 410)
        yield Point(taken, "an append at that offset is taken", rest)


def unheard(v: Version, story: Story) -> Iterator[Point]:
    """Up to v8 completeness is that of the whole; an application may be long at it."""
    sent, told = found(story, "sent", _NO_URL), story["asked"]
    if told.refused:
        raise NotOffered("finished uploads are forgotten")
    yield Point(told.offset == sent.content, f"Upload-Offset: {sent.content}", told)
    done = told.done(v)
    if done is False and told.offset == sent.content:
        if v.number in FROM_9:
            return
        raise NotRun("the application is still at work")
    wanted = _field(v, last=True)
    yield from asked(v, done is True, wanted, told, must=range(3, 9), should=FROM_9)


def ignored_length(v: Version, story: Story) -> Iterator[Point]:
    yield from _made(story["invalid length"])


def ignored_limits(v: Version, story: Story) -> Iterator[Point]:
    yield from _made(story["with limits"])


def any_type(v: Version, story: Story) -> Iterator[Point]:
    yield from _made(story["of a part's type"])


def harmless_length(v: Version, story: Story) -> Iterator[Point]:
    yield from _made(story["with length"])


def _made(exchange: Exchange) -> Iterator[Point]:
    made = exchange.succeeded and exchange.value("Location") is not None
    yield Point(made, "an upload, 2xx with Location", exchange)


def parameters(v: Version, story: Story) -> Iterator[Point]:
    yield from _made(story["created"])
    told = story.get("asked")
    if told is not None:
        yield Point(told.done(v) is False, _field(v, last=False), told)


def no_boolean(v: Version, story: Story) -> Iterator[Point]:
    yield from no_104(story["no Boolean"], "no 104")


def two_lines(v: Version, story: Story) -> Iterator[Point]:
    yield from no_104(story["two lines"], "no 104")


def no_creation(v: Version, story: Story) -> Iterator[Point]:
    for exchange in story.values():
        said = exchange.done(v) is None and exchange.offset is None
        yield Point(said, "nothing said of an upload", exchange)


def without_version(v: Version, story: Story) -> Iterator[Point]:
    yield from no_104(story["whole"], "no 104")


def unknown_version(v: Version, story: Story) -> Iterator[Point]:
    unknown = story["unknown"]
    yield from no_104(unknown, "no 104")
    let_through = unknown.status not in (400, 412, 501)
    yield Point(let_through, "taken like any request", unknown, Level.CLIENT)


def part_without_version(v: Version, story: Story) -> Iterator[Point]:
    yield from no_104(story["part"], "no 104")


def expectation(v: Version, story: Story) -> Iterator[Point]:
    created = story["created"]
    if not created.succeeded:
        raise NotRun(f"no upload was made: {created.summary}")
    went_on = any(one.status == 100 for one in created.interims)
    yield Point(went_on, "100 (Continue)", created)


def one_location(v: Version, story: Story) -> Iterator[Point]:
    created = with_104(story["created"])
    told = [one.value("Location") for one in created.resumptions]
    urls = {created.value("Location"), *told} - {None}
    yield Point(len(urls) == 1, f"the same Location, not {_list(urls)}", created)
    absolute = all(urlsplit(str(url)).scheme for url in urls)
    yield Point(absolute, "an absolute Location", created, Level.CLIENT)


def before_content(v: Version, story: Story) -> Iterator[Point]:
    created = with_104(story["created"])
    early = created.interims[: created.before_content]
    yield Point(any(one.status == 104 for one in early), "a 104 at once", created)


def unguessable(v: Version, story: Story) -> Iterator[Point]:
    """Chance is in what two URLs differ in, wherever they have it."""
    created, another = story["created"], story["another"]
    own, other = created.value("Location") or "", another.value("Location") or ""
    if not own or not other:
        raise NotRun("no two uploads to compare")
    longest = max(
        (
            _differing(one, with_)
            for one, with_ in zip(_parts(own), _parts(other), strict=False)
        ),
        default=0,
    )
    yield Point(longest >= _UNKNOWN_BITS, "120 bits or more of chance", created)


def _parts(url: str) -> list[str]:
    """Of its path and query."""
    split = urlsplit(url)
    return re.split("[/?&=;]", f"{split.path}?{split.query}")


def _differing(one: str, other: str) -> int:
    """Letters from the first in which they differ to the last."""
    places = [at for at, (a, b) in enumerate(zip_longest(one, other)) if a != b]
    return places[-1] - places[0] + 1 if places else 0


def digest(v: Version, story: Story) -> Iterator[Point]:
    appended, told = story["appended"], story["asked"]
    if appended.succeeded:
        raise NotOffered("digests are not verified")
    yield Point(told.offset in (0, None), "nothing appended", told)


def cancelled(v: Version, story: Story) -> Iterator[Point]:
    gone, after = story["cancelled"], story["afterwards"]
    if gone.status in (405, 501):
        raise NotOffered(f"uploads cannot be cancelled: {gone.status}")
    yield Point(gone.succeeded, "2xx", gone)
    yield from asked(v, gone.status == 204, "204", gone, must=range(3, 8))
    yield from asked(v, after.status == 404, "404", after, must=TO_6)
    yield from asked(v, after.refused, "404, 410 or the like", after, should=FROM_7)


def cannot_cancel(v: Version, story: Story) -> Iterator[Point]:
    gone = story["cancelled"]
    if gone.succeeded:
        raise NotOffered("uploads can be cancelled")
    yield Point(gone.status == 405, "405", gone)


def _field(v: Version, *, last: bool) -> str:
    return ": ".join(v.says(last=last))


def _list(urls: set[str | None]) -> str:
    return " and ".join(sorted(str(url) for url in urls))
