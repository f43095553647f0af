"""One upload as a row of a table, and as an object for machines.

Pure functions of an entry. The columns are as wide as what is usual in them, since a
table of a hundred thousand rows is not held to be measured. The one invariant: neither
form has a token in it, unless that is asked for, nor anything that could be a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.decide import expired
from proxy.core.upload import State, Upload, without_tokens
from proxy.terminals import plain

from .entry import Entry
from .wording import instant, size, span

if TYPE_CHECKING:
    from .guest import Guest

_COLUMNS = "{:<8} {:<11} {:>10} {:>10} {:>4} {:>3}  {:<15} {:>7} {:>7}  {}"
HEADING = _COLUMNS.format(
    *("TOKEN", "STATE", "RECEIVED", "TOTAL", "%", "V"),
    *("CLIENT", "AGE", "LEFT", "LAST EVENT"),
)


def row(guest: Guest, entry: Entry, *, full: bool) -> str:
    """The line of a table. `full`: with the whole token."""
    name = entry.token if full else entry.short
    age = span(guest.now() - entry.created_at)
    upload = entry.upload
    if upload is None:
        told = ("", "", "", "", "", age, "")
    else:
        told = (
            size(upload.offset),
            "" if upload.length is None else size(upload.length),
            "" if (part := percent(upload)) is None else str(part),
            "" if upload.version is None else str(upload.version),
            plain(upload.peer),
            age,
            left(guest, upload),
        )
    cells = (cell or "-" for cell in told)
    return _COLUMNS.format(name, entry.state, *cells, last_event(entry)).rstrip()


def record(guest: Guest, entry: Entry, *, full: bool) -> dict[str, object]:
    """The same for machines; see `docs/operations.md` for what each means."""
    now, upload = guest.now(), entry.upload
    told: dict[str, object] = {
        "token": entry.token if full else entry.short,
        "state": entry.state,
        "at_work": entry.at_work,
        "created_at": instant(guest.wall(entry.created_at)),
        "age_s": round(max(0.0, now - entry.created_at), 3),
        "last_event": last_event(entry),
    }
    if upload is None:
        return told
    return told | {
        "received": upload.offset,
        "length": upload.length,
        "percent": percent(upload),
        "acknowledged": upload.acknowledged,
        "version": upload.version,
        "client": upload.peer,
        "method": upload.request.method,
        "path": without_tokens(upload.request.path),
        "attempts": upload.attempts,
        "status": upload.answer.status if upload.answer else None,
        "time_left_s": round(max(0.0, upload.deadline - now), 3),
    }


def summary(guest: Guest, entry: Entry) -> str:
    """One upload in a few words, for a question."""
    age = span(guest.now() - entry.created_at)
    told = [entry.state]
    if entry.upload is not None:
        request = entry.upload.request
        path = without_tokens(plain(request.path))
        told += [size(entry.upload.offset), f"{plain(request.method)} {path}"]
    return f"{entry.short} ({', '.join([*told, f'created {age} ago'])})"


def percent(upload: Upload) -> int | None:
    """How much of it is there, rounded down; None while its length is not known."""
    if upload.length is None:
        return None
    return 100 * upload.offset // upload.length if upload.length else 100


def left(guest: Guest, upload: Upload) -> str:
    """The time it has left."""
    if expired(upload, guest.now()):
        return "over"
    return span(upload.deadline - guest.now())


def last_event(entry: Entry) -> str:
    """What has happened to it last, as far as its record says."""
    upload = entry.upload
    if entry.problem or upload is None:
        return plain(entry.problem)
    if entry.is_left:
        outcome = ": outcome unknown" if upload.state is State.FORWARDING else ""
        return f"its process has ended{outcome}"
    if upload.hidden:
        return "cancelled, and removed when the forward has ended"
    if upload.answer is not None:
        return f"answered with {upload.answer.status}"
    return plain(upload.why) or _usual(upload)


def _usual(upload: Upload) -> str:
    match upload.state:
        case State.RECEIVING:
            return "its client sends"
        case State.INTERRUPTED:
            return "a part has ended"
        case State.COMPLETE:
            return "all received, to be sent on"
        case State.FORWARDING:
            return f"sent on, attempt {upload.attempts}"
        case _:
            return upload.state.value
