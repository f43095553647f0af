"""What appends have to be answered with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from proxy.conformance.exchange import Exchange, Story, limits, offset
from proxy.conformance.rules import Level
from proxy.conformance.versions import (
    FROM_6,
    FROM_7,
    FROM_9,
    TO_6,
    VERSION_FIELD,
    Version,
)

from .creation import offset_told
from .points import NotOffered, NotRun, Point, asked, found, no_104

_SAID_OPEN = (3, 7, 8, 9, 10)
"""Versions whose drafts say which value a part is answered with; those of v4 to v6 say
"true", a slip that their own creations contradict."""


def part(v: Version, story: Story) -> Iterator[Point]:
    told, after = story["part"], story["asked"]
    yield Point(told.succeeded, "2xx", told)
    yield from asked(v, told.status == 201, "201", told, must=TO_6)
    yield from offset_told(v, told, told.content)
    done, wanted = told.done(v), ": ".join(v.says(last=False))
    if v.number in _SAID_OPEN:
        yield Point(done is False, wanted, told)
    else:
        yield Point(done is not None, v.completeness, told)
    yield Point(after.offset == told.content, f"Upload-Offset: {told.content}", after)


def last(v: Version, story: Story) -> Iterator[Point]:
    told, total = story["last"], story["part"].content + story["last"].content
    if v.number in TO_6 and not told.succeeded:
        raise NotRun(f"the application answered {told.summary}")
    yield from offset_told(v, told, total)
    done, open_ = told.done(v), ": ".join(v.says(last=False))
    yield Point(done is not False, f"not {open_}", told)
    wanted = ": ".join(v.says(last=True))
    yield from asked(v, done is True, wanted, told, must=FROM_7)


def wrong_offset(v: Version, story: Story) -> Iterator[Point]:
    here = story["part"].content
    for name in ("beyond", "before"):
        told = story[name]
        yield Point(told.status == 409, "409", told)
        yield Point(told.offset == here, f"Upload-Offset: {here}", told)
        wanted = ": ".join(v.says(last=False))
        says = told.done(v) is False
        yield from asked(v, says, wanted, told, must=(range(7, 8)))
        yield from asked(v, says, wanted, told, must=FROM_9)
        yield from _members(told, here)
    yield Point(story["asked"].offset == here, f"still at {here}", story["asked"])
    yield Point(story["right"].succeeded, "2xx at the right offset", story["right"])


def _members(told: Exchange, here: int) -> Iterator[Point]:
    if told.problem != "mismatching-upload-offset":
        return
    right = told.problem_members.get("expected-offset") == here
    yield Point(right, f"expected-offset: {here}", told, Level.SHOULD)


def refusals_tell(v: Version, story: Story) -> Iterator[Point]:
    told = story["no offset"]
    if not told.refused:
        raise NotOffered("an append without offset is not refused")
    yield Point(told.offset == 0, "Upload-Offset: 0", told)


def nothing_left(v: Version, story: Story) -> Iterator[Point]:
    refused = story.get("refused")
    if refused is None:
        raise NotRun("the append was not answered")
    behind, more = story.get("behind"), story.get("more")
    if behind is not None:
        wanted = "the connection ended, or the question answered"
        yield Point(behind.offset is not None and more is None, wanted, behind)
    else:
        yield Point(True, "the connection ended", refused)


def integers(v: Version, story: Story) -> Iterator[Point]:
    for name in ("negative", "decimal"):
        yield Point(story[name].refused, "a refusal", story[name], Level.SHOULD)
    told = story["with parameter"]
    yield Point(told.succeeded, "taken as 0", told)


def no_offset(v: Version, story: Story) -> Iterator[Point]:
    yield Point(story["no offset"].refused, "a refusal", story["no offset"])
    told = story["asked"]
    yield Point(told.offset in (0, None), "nothing appended", told)


def no_boolean(v: Version, story: Story) -> Iterator[Point]:
    told, after = story["no Boolean"], story["asked"]
    yield Point(told.refused, "a refusal", told, Level.SHOULD)
    yield Point(after.done(v) is not True, "not complete", after)


def unsaid(v: Version, story: Story) -> Iterator[Point]:
    told, after = story["appended"], story["asked"]
    if not told.succeeded:
        raise NotRun(f"the application answered {told.summary}")
    complete = after.done(v) is True or after.refused
    yield Point(complete, ": ".join(v.says(last=True)), after)


def media_types(v: Version, story: Story) -> Iterator[Point]:
    another, told, spelled = story["another"], story["asked"], story["spelled"]
    yield Point(another.refused, "a refusal", another, Level.SHOULD)
    if told.offset == 0:
        wanted = "2xx: media types have no case, and may have parameters"
        yield Point(spelled.succeeded, wanted, spelled)


def without_version(v: Version, story: Story) -> Iterator[Point]:
    yield from no_104(story["appended"], "no 104")


def two_lengths(v: Version, story: Story) -> Iterator[Point]:
    yield from _refused(v, story["whole"])


def longer_part(v: Version, story: Story) -> Iterator[Point]:
    yield Point(story["part"].refused, "a refusal", story["part"])


def short_creation(v: Version, story: Story) -> Iterator[Point]:
    yield Point(story["whole"].refused, "a refusal", story["whole"])


def short_last(v: Version, story: Story) -> Iterator[Point]:
    yield from _refused(v, story["last"])
    told = story["asked"]
    yield Point(told.done(v) is not True, "not complete", told)


def _refused(v: Version, exchange: Exchange) -> Iterator[Point]:
    if v.number in TO_6:
        yield Point(exchange.status == 400, "400", exchange)
    else:
        yield Point(exchange.refused, "a refusal", exchange)


def repeated_length(v: Version, story: Story) -> Iterator[Point]:
    again, another = story["again"], story["another"]
    yield Point(again.succeeded, "2xx for the same length", again)
    if again.succeeded:
        yield Point(another.refused, "a refusal of another length", another)
        told = story["asked"]
        same = told.refused or told.offset == again.content
        yield Point(same, f"still at {again.content}", told)


def overrun(v: Version, story: Story) -> Iterator[Point]:
    length = story["announced"].content * 2 // 3
    for name in ("announced", "in chunks"):
        yield from _refused(v, story[name])
        told = story[f"{name}, asked"]
        inside = told.offset is None or told.offset <= length
        yield Point(inside, f"at most {length} bytes, the length", told)
        level = Level.MUST if name == "in chunks" else Level.CLIENT
        if v.number in FROM_7:
            yield Point(told.refused, "no upload any more", told, level)


def takeover(v: Version, story: Story) -> Iterator[Point]:
    told = story["asked"]
    yield Point(told.offset is not None, "the offset, beside a transfer", told)
    if told.offset is None:
        return
    appended = story["part"]
    yield Point(appended.succeeded, f"an append at {told.offset} is taken", appended)
    after = story["afterwards"]
    end = told.offset + appended.content
    if appended.succeeded:
        wanted = f"Upload-Offset: {end}, nothing of the older transfer"
        yield Point(after.offset == end and after.done(v) is not True, wanted, after)


def never_less(v: Version, story: Story) -> Iterator[Point]:
    seen = [one for one in story.values() if one.offset is not None]
    for before, after in pairwise(seen):
        fine = (before.offset or 0) <= (after.offset or 0)
        yield Point(fine, f"not less than {before.offset}", after)


def progress(v: Version, story: Story) -> Iterator[Point]:
    half, told = story["half"], story["part"]
    if v.number in (3, 4):
        none = not told.resumptions
        yield Point(none, "no 104 to an append", told, Level.SHOULD)
        return
    if not told.resumptions:
        raise NotOffered("no 104 with progress")
    for one in told.resumptions:
        yield Point(one.value("Location") is None, "no Location", told)
        same = one.value(VERSION_FIELD) == str(v.number)
        yield Point(same, f"{VERSION_FIELD}: {v.number}", told)
    offsets = [offset(one) or 0 for one in half.resumptions]
    true = offsets == sorted(offsets) and all(one <= half.content for one in offsets)
    yield Point(true, f"offsets up to {half.content}", told)


def over_max_size(v: Version, story: Story) -> Iterator[Point]:
    told = found(story, "over max-size", "no max-size is told")
    yield from _over(v, told)


def over_at_creation(v: Version, story: Story) -> Iterator[Point]:
    name = "over max-append-size, created"
    yield from _over(v, found(story, name, "no max-append-size is told"))


def over_max_append(v: Version, story: Story) -> Iterator[Point]:
    name = "over max-append-size"
    yield from _over(v, found(story, name, "no max-append-size is told"))


def _over(v: Version, told: Exchange) -> Iterator[Point]:
    """Beyond a limit: it may be taken all the same."""
    if told.said is None or told.succeeded:
        raise NotOffered("the limit is told and not enforced at the head")
    yield Point(told.refused, "a refusal, 4xx", told, Level.SHOULD)
    limited = limits(told.said) is not None
    yield from asked(v, limited, "Upload-Limit", told, should=FROM_9)


def least_at_creation(v: Version, story: Story) -> Iterator[Point]:
    found(story, "last", "no min-append-size is told")
    yield Point(story["created"].succeeded, "an empty creation", story["created"])


def least_append(v: Version, story: Story) -> Iterator[Point]:
    told = found(story, "last", "no min-append-size is told")
    taken = told.status not in (400, 413)
    yield from asked(v, taken, "the last part is taken", told, must=FROM_6)


def least_size(v: Version, story: Story) -> Iterator[Point]:
    told = found(story, "under min-size", "no min-size is told")
    yield Point(told.status not in (400, 413), "it is taken", told)
