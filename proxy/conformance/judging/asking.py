"""What questions have to be answered with."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.conformance.exchange import Exchange, Story, boolean, integer, limits
from proxy.conformance.rules import Level
from proxy.conformance.versions import (
    FROM_7,
    FROM_8,
    PARTIAL_UPLOAD,
    TO_6,
    Version,
)

from .points import NotOffered, Point, asked, found

_LENGTH = 100
"""Of the upload that is asked about, in bytes."""
_STATUSES = {3: (204,), 4: (204,), 5: (200, 204), 6: (200, 204)}
_FORGOTTEN = "finished uploads are forgotten"


def open_upload(v: Version, story: Story) -> Iterator[Point]:
    told = story["asked"]
    fine = _STATUSES.get(v.number, range(200, 300))
    words = " or ".join(map(str, fine)) if isinstance(fine, tuple) else "2xx"
    yield Point(told.status in fine, words, told)
    yield Point(told.offset == 0, "Upload-Offset: 0", told)
    done = told.done(v)
    wanted = ": ".join(v.says(last=False))
    yield Point(done is not True, "not said to be complete", told)
    yield from asked(v, done is False, wanted, told, must=range(3, 10))
    known = told.length == _LENGTH
    yield from asked(v, known, "Upload-Length: 100", told, must=range(6, 10))
    limited = told.said is not None and limits(told.said) is not None
    yield from asked(v, limited, "Upload-Limit", told, must=FROM_8)
    stored = "no-store" in (told.value("Cache-Control") or "")
    yield Point(stored, "Cache-Control: no-store", told, Level.SHOULD)


def written_well(v: Version, story: Story) -> Iterator[Point]:
    for exchange in story.values():
        for name in ("Upload-Offset", "Upload-Length"):
            text = exchange.value(name)
            wrong = text is not None and integer(text) is None
            yield Point(not wrong, f"{name} as an Integer", exchange)
        text = exchange.value(v.completeness)
        wrong = text is not None and boolean(text, v) is None
        yield Point(not wrong, f"{v.completeness} as a Boolean", exchange)
        text = exchange.value("Upload-Limit")
        wrong = text is not None and (
            exchange.said is None or limits(exchange.said) is None
        )
        yield Point(not wrong, "Upload-Limit as a Dictionary of Integers", exchange)


def empty_creation(v: Version, story: Story) -> Iterator[Point]:
    created = story["created"]
    made = created.succeeded and created.value("Location") is not None
    yield Point(made, "an upload, 2xx with Location", created)
    yield Point(story["asked"].offset == 0, "Upload-Offset: 0", story["asked"])


def other_fields(v: Version, story: Story) -> Iterator[Point]:
    told, more = story["asked"], story["with more"]
    same = more.status == told.status and more.offset == told.offset
    yield Point(same, f"the same answer, {told.status}", more)


def got(v: Version, story: Story) -> Iterator[Point]:
    if not story["got"].succeeded:
        raise NotOffered(f"GET is answered with {story['got'].status}")
    yield Point(story["got"].offset == 0, "Upload-Offset: 0", story["got"])


def not_moved(v: Version, story: Story) -> Iterator[Point]:
    for exchange in (story["asked"], story["with more"]):
        moved = exchange.status in (301, 302)
        yield Point(not moved, "no 301 or 302", exchange)


def lifetime(v: Version, story: Story) -> Iterator[Point]:
    for exchange in (story["created"], story["asked"]):
        told = (exchange.said and limits(exchange.said)) or {}
        if {"expires", "max-age"} & set(told):
            name, other = ("max-age", "expires")
            if v.number not in FROM_7:
                name, other = other, name
            fine = name in told and other not in told
            yield Point(fine, f"{name}, and no {other}", exchange)
            return
    raise NotOffered("no lifetime is told")


def finished(v: Version, story: Story) -> Iterator[Point]:
    told = found(story, "asked", "no 104, so nobody knows what to ask")
    if told.refused:
        raise NotOffered(_FORGOTTEN)
    total = story["whole"].content
    yield Point(told.offset == total, f"Upload-Offset: {total}", told)
    done, wanted = told.done(v), ": ".join(v.says(last=True))
    yield Point(done is not False, f"not {': '.join(v.says(last=False))}", told)
    yield from asked(v, done is True, wanted, told, must=range(3, 10))


def takes_no_more(v: Version, story: Story) -> Iterator[Point]:
    more = found(story, "more", "no 104, so nobody knows where to append")
    if story["asked"].refused:
        raise NotOffered(_FORGOTTEN)
    for name in ("more", "elsewhere"):
        exchange = story[name]
        yield Point(exchange.refused, "a refusal", exchange)
    strict = "400, as the upload is complete"
    yield from asked(v, more.status == 400, strict, more, must=range(6, 7))
    after, total = story["afterwards"], story["whole"].content
    same = after.refused or after.offset == total
    yield Point(same, f"still at {total}", after)
    again = story["again"]
    refused = again.status == 400 if v.number in TO_6 else again.refused
    strict = "400" if v.number in TO_6 else "a refusal"
    wanted = f"{strict}, though the append is empty"
    yield from asked(v, refused, wanted, again, must=range(6, 9))


def forbidden_asked(v: Version, story: Story) -> Iterator[Point]:
    names = ["offset asked", "completeness asked"]
    if v.number == 6:
        names.append("length asked")
    yield from _all_400(story, *names)


def forbidden_cancels(v: Version, story: Story) -> Iterator[Point]:
    if story["cancel with offset"].status in (405, 501):
        raise NotOffered("uploads cannot be cancelled")
    yield from _all_400(story, "cancel with offset", "cancel with completeness")
    after = story["afterwards"]
    yield Point(after.succeeded, "the upload is still there", after)


def _all_400(story: Story, *names: str) -> Iterator[Point]:
    for name in names:
        exchange = story[name]
        gone = exchange.status == 404 and name.startswith("cancel")
        if not gone:  # by the cancel before, which is held against it already
            yield Point(exchange.status == 400, "400", exchange)


def unknown_asked(v: Version, story: Story) -> Iterator[Point]:
    told = story["asked"]
    yield from _not_found(v, told)
    yield Point(told.offset is None, "no Upload-Offset", told, Level.SHOULD)


def unknown_appended(v: Version, story: Story) -> Iterator[Point]:
    yield from _not_found(v, story["appended"])


def unknown_cancelled(v: Version, story: Story) -> Iterator[Point]:
    if story["cancelled"].status in (405, 501):
        raise NotOffered("uploads cannot be cancelled")
    yield from _not_found(v, story["cancelled"])


def _not_found(v: Version, exchange: Exchange) -> Iterator[Point]:
    yield from asked(v, exchange.status == 404, "404", exchange, must=TO_6)
    wanted = "404, 410 or the like"
    yield from asked(v, exchange.refused, wanted, exchange, should=FROM_7)


def discovered(v: Version, story: Story) -> Iterator[Point]:
    told, bare = story["options"], story["without version"]
    limited = told.value("Upload-Limit") is not None
    yield Point(limited, "Upload-Limit", told)
    takes = PARTIAL_UPLOAD in (told.value("Accept-Patch") or "")
    wanted = f"Accept-Patch: {PARTIAL_UPLOAD}"
    yield from asked(v, takes, wanted, told, must=range(8, 9))
    limited = bare.value("Upload-Limit") is not None
    wanted = "Upload-Limit without a version in the request"
    yield Point(limited, wanted, bare, Level.CLIENT)


def of_all(v: Version, story: Story) -> Iterator[Point]:
    told = story["of all"]
    if told.value("Upload-Limit") is None:
        raise NotOffered("nothing told; fine, unless all resources are alike")
    wanted = "Upload-Limit as a Dictionary"
    yield Point(told.said is not None and limits(told.said) is not None, wanted, told)
