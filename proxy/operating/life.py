"""One upload with all of its life: what it is, what has happened, what can be done.

Pure functions of an entry. The one invariant: as in ``rows``, no token and no secret.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.core.decide import expired
from proxy.core.headers import veiled
from proxy.core.upload import MOMENTS, Moment, State, Upload, without_tokens
from proxy.terminals import plain

from .entry import DAMAGED, Entry
from .guest import Guest
from .rows import last_event, left, percent, record
from .wording import instant, size, span, why_not_resent

_MEANS = {
    State.CREATED: "nothing received",
    State.RECEIVING: "its content is being stored",
    State.INTERRUPTED: "waits for its client to go on",
    State.COMPLETE: "all bytes are in, and it is to be sent on",
    State.FORWARDING: "it is being sent on",
    State.UNKNOWN: "the whole request left, and no answer came",
    State.RESPONDED: "the origin has answered",
    State.EXPIRED: "its lifetime has ended",
    State.CANCELLED: "its client has given it up",
    State.FAILED: "its content cannot be had any more",
}


def life(guest: Guest, entry: Entry) -> Iterator[str]:
    """The lines that tell it."""
    upload = entry.upload
    if upload is None or entry.problem:
        yield _line("state", f"{DAMAGED}: {plain(entry.problem)}")
    else:
        yield _line("state", f"{entry.state}: {_meaning(entry, upload)}")
    if upload is not None:
        yield from _facts(guest, upload)
        yield from _request(upload)
        yield ""
        yield from _timeline(guest, upload)
    yield ""
    yield _line("can be", ", ".join(_acts(guest, entry)))


def life_record(guest: Guest, entry: Entry) -> dict[str, object]:
    """The same for machines: what a list says of it, and the rest of its life; see
    `docs/operations.md` for what each means."""
    told = record(guest, entry, full=False) | {
        "problem": entry.problem or None,
        "can_be": _acts(guest, entry),
    }
    upload = entry.upload
    if upload is None:
        return told
    head = veiled(upload.request)
    return told | {
        "route": upload.route,
        "target": without_tokens(head.target),
        "fields": [
            [name.decode("latin-1"), without_tokens(value.decode("latin-1"))]
            for name, value in head.fields
        ],
        "answer": _answer(upload),
        "ends_at": instant(guest.wall(upload.deadline)),
        "history": [_moment(guest, upload, one) for one in upload.history],
    }


def _answer(upload: Upload) -> dict[str, object] | None:
    answer = upload.answer
    if answer is None:
        return None
    return {
        "status": answer.status,
        "reason": answer.reason,
        "size": answer.size,
        "kept": answer.kept,
    }


def _moment(guest: Guest, upload: Upload, one: Moment) -> dict[str, object]:
    return {
        "at": instant(guest.wall(one.at)),
        "since_s": round(max(0.0, one.at - upload.created_at), 3),
        "event": one.event,
        "offset": one.offset,
        "why": one.why,
    }


def _meaning(entry: Entry, upload: Upload) -> str:
    return last_event(entry) if entry.is_left else _MEANS[upload.state]


def _facts(guest: Guest, upload: Upload) -> Iterator[str]:
    total = "a length not known yet" if upload.length is None else size(upload.length)
    part = percent(upload)
    told = "" if part is None else f" ({part} %)"
    yield _line("received", f"{size(upload.offset)} of {total}{told}")
    yield _line("durable", f"{size(upload.acknowledged)} promised to its client")
    yield _line("client", plain(upload.peer) or "-")
    version = "none" if upload.version is None else str(upload.version)
    yield _line("version", version)
    yield _line("attempts", str(upload.attempts))
    if upload.answer is not None:
        answer = upload.answer
        kept = "kept" if answer.kept else "not kept"
        length = "" if answer.size is None else f"{size(answer.size)}, "
        reason = f" {plain(answer.reason)}" if answer.reason else ""
        yield _line("answer", f"{answer.status}{reason}, content {length}{kept}")
    yield _line("time left", left(guest, upload))


def _request(upload: Upload) -> Iterator[str]:
    """The head that the origin gets, without what could be a secret."""
    head = veiled(upload.request)
    yield _line("request", f"{plain(head.method)} {without_tokens(plain(head.target))}")
    for name, value in head.fields:
        yield _line("", f"{_text(name)}: {without_tokens(_text(value))}")


def _text(content: bytes) -> str:
    return plain(content.decode("latin-1"))


def _timeline(guest: Guest, upload: Upload) -> Iterator[str]:
    """What has happened, oldest first, with the time that has passed since creation."""

    def line(moment: float, words: str) -> str:
        since = span(moment - upload.created_at)
        return f"{instant(guest.wall(moment))} {'+' + since:>8}  {words}".rstrip()

    yield line(upload.created_at, "created")
    history = upload.history
    if not history:
        yield from (line(moment, words) for moment, words in _known(upload))
    if len(history) == MOMENTS:
        yield f"{'':31}  (only the latest {MOMENTS} are kept)"
    for one in history:
        yield line(one.at, _told(one))
    over = "its lifetime has ended" if expired(upload, guest.now()) else "lifetime ends"
    yield line(upload.deadline, over)


def _known(upload: Upload) -> Iterator[tuple[float, str]]:
    """What the record of an older release tells."""
    yield upload.fed_at, f"the last byte came, {size(upload.offset)} in all"
    if upload.answered_at is not None and upload.answer is not None:
        yield upload.answered_at, f"the origin answered with {upload.answer.status}"


def _told(one: Moment) -> str:
    words = plain(one.event).replace("_", " ")
    why = f": {plain(one.why)}" if one.why else ""
    return f"{words:<20} {size(one.offset):>10}{why}"


def _acts(guest: Guest, entry: Entry) -> list[str]:
    """What an operator can have done to it."""
    upload = entry.upload
    acts = ["purged"]
    if guest.looks.size(entry.token) is None:
        return acts
    if upload is None or upload.state is not State.RESPONDED:
        acts.append("exported")
    if upload is not None and not entry.problem:
        busy = guest.is_delivered(entry.token)
        if not why_not_resent(upload, busy=busy) and not expired(upload, guest.now()):
            acts.append("resent")
    return acts


def _line(name: str, words: str) -> str:
    return f"{name:<10} {words}"
