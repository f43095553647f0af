"""What is made of what was seen: one function for each question, none of which asks.

Each says in one sentence what was seen, and names settings only for what a setting
mends. `front` is the product that shows itself, empty when none does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from .findings import Finding, Verdict
from .patient import VERSIONS
from .products import OURSELVES, Fault, settings
from .seen import Cut, Ending, Interims, Located, Long, Secure, Shared, Silence
from .telling import veiled

_DAY_S: Final = 86_400
_SOON_S: Final = 14 * _DAY_S
"""Before a certificate's end; those that renew it do so earlier. Picked by hand."""
_LATE_S: Final = 1.0
"""More than a round trip to anywhere."""
_NEEDED_HEADERS: Final = ("upload-complete", "upload-offset")
_EXPOSED: Final = ("location", "upload-offset", "upload-complete")
_TOO_LARGE: Final = "too-large"
_BOUNDS: Final = {
    _TOO_LARGE: "uploads.limits, spool.quota, auth.max_bytes",
    "too-many-uploads": "uploads.max_per_client, auth.max_uploads, auth.max_bytes",
    "no-room": "spool.quota, spool.free_floor, uploads.max_open",
}
"""What bounds an upload, by the problem that tells it."""


def tls(seen: Secure | None, now: float) -> Finding:
    """`now`: seconds of the epoch. `seen` is None without TLS."""
    if seen is None:
        text = "not encrypted: anybody on the way can read and change uploads"
        return Finding("tls", Verdict.NOTE, text)
    if seen.version in ("TLSv1", "TLSv1.1"):
        text = f"{seen.version}, which clients of today refuse"
        return Finding("tls", Verdict.NOTE, text)
    if seen.expires is None:
        return Finding("tls", Verdict.GOOD, seen.version)
    days = int((seen.expires - now) // _DAY_S)
    text = f"{seen.version}, the certificate ends in {days} days"
    soon = seen.expires - now < _SOON_S
    return Finding("tls", Verdict.NOTE if soon else Verdict.GOOD, text)


def versions(told: Sequence[int]) -> Finding:
    if not told:
        text = "no interop version is told by OPTIONS"
        return Finding("versions", Verdict.UNKNOWN, text)
    missing = sorted(set(VERSIONS) - set(told))
    spoken = ", ".join(map(str, told))
    if not missing:
        return Finding("versions", Verdict.GOOD, f"interop versions {spoken}")
    text = f"interop versions {spoken}; clients of others upload without resuming"
    setting = (f"{OURSELVES}: uploads.versions",)
    return Finding("versions", Verdict.NOTE, text, setting)


def location(seen: Located | None, front: str) -> Finding:
    help_ = settings(Fault.MISNAMES, front)
    if seen is None:
        text = "an upload was created, and no Location says where it is"
        return Finding("location", Verdict.BREAKS, text)
    url = veiled(seen.url)
    if seen.status == 204:
        if not seen.same_scheme:
            text = f"{url} works, and has another scheme than {seen.asked}"
            return Finding("location", Verdict.NOTE, text, help_)
        where = "" if seen.same_server else ", on another server than the one asked"
        return Finding("location", Verdict.GOOD, f"{url} is reachable{where}")
    came = f"HEAD there: {seen.status}" if seen.status else f"HEAD there: {seen.why}"
    text = f"the upload is not where Location says, {url} ({came})"
    return Finding("location", Verdict.BREAKS, text, help_)


def interims(seen: Interims, front: str) -> Finding:
    if seen.mistaken:
        text = "a front takes the 104 for the answer, and what follows for its content"
        if seen.after_s is None:
            text = "a creation with content was never answered"
        help_ = settings(Fault.MISTAKES, front)
        return Finding("104", Verdict.BREAKS, text, help_)
    if seen.status is not None and seen.status >= 400:
        text = f"a creation with content was answered with {seen.status}"
        return Finding("104", Verdict.BREAKS, text)
    if seen.after_s is None:
        text = "no 104 arrives; URLSession cannot resume, others can"
        help_ = settings(Fault.SWALLOWS, front)
        return Finding("104", Verdict.NOTE, text, help_)
    took = f"{seen.after_s * 1000:.0f} ms"
    if not seen.before_content:
        text = (
            f"the 104 arrives only with the content, after {took}: too late for a cut"
        )
        return Finding("104", Verdict.NOTE, text, settings(Fault.HOLDS, front))
    if seen.after_s > _LATE_S:
        return Finding("104", Verdict.NOTE, f"the 104 arrives late, after {took}")
    return Finding("104", Verdict.GOOD, f"the 104 arrives after {took}")


def cut(seen: Cut, front: str) -> Finding:
    if seen.refused:
        text = f"an append was answered with {seen.refused} before it was whole"
        help_ = settings(Fault.CAPS, front) if seen.refused == 413 else ()
        return Finding("streaming", Verdict.BREAKS, text, help_)
    if seen.kept is None:
        text = "after a cut, nothing tells where the upload stands"
        return Finding("streaming", Verdict.BREAKS, text)
    kept = f"{seen.kept} of {seen.sent} bytes that were sent before a cut are kept"
    if seen.kept >= seen.sent:
        return Finding("streaming", Verdict.GOOD, kept)
    if seen.kept == 0:
        text = f"{kept}: a front collects the content, so nothing can be resumed"
        help_ = settings(Fault.COLLECTS, front)
        return Finding("streaming", Verdict.BREAKS, text, help_)
    text = f"{kept}: a front holds some of it back"
    return Finding("streaming", Verdict.NOTE, text, settings(Fault.COLLECTS, front))


def cap(limits: str | None) -> Finding:
    """What is told, when nothing was tried."""
    told = f"Upload-Limit tells {limits}" if limits else "no limit is told"
    text = f"{told}; a front may have another, which --size tries"
    return Finding("size", Verdict.UNKNOWN, text)


def long(seen: Long, front: str) -> Finding:
    if seen.status is not None and 200 <= seen.status < 300:
        return Finding(
            "size", Verdict.GOOD, f"{seen.size} bytes are taken in a request"
        )
    after = f"after {seen.taken} of {seen.size} bytes"
    if seen.status is None:
        text = f"the connection ended {after}"
        return Finding("size", Verdict.BREAKS, text, settings(Fault.CAPS, front))
    if seen.from_proxy:
        return _refused(seen, after)
    text = f"a front answers {seen.status} {after}"
    return Finding("size", Verdict.BREAKS, text, settings(Fault.CAPS, front))


def _refused(seen: Long, after: str) -> Finding:
    """By the server of uploads itself, for one of several reasons."""
    known = seen.problem or (_TOO_LARGE if seen.status == 413 else "")
    whose = "the uploads' own limit" if known == _TOO_LARGE else "the uploads' server"
    limits = f" (Upload-Limit: {seen.limits})" if seen.limits else ""
    named = f" {seen.problem}" if seen.problem else ""
    text = f"refused by {whose}{limits}: {seen.status}{named} {after}"
    keys = _BOUNDS.get(known)
    setting = () if keys is None else (f"{OURSELVES}: {keys}",)
    return Finding("size", Verdict.BREAKS, text, setting)


def silence(seen: Silence, front: str) -> Finding:
    if seen.ended_after_s is None:
        text = f"a pause of {seen.patience_s:g} s is borne"
        return Finding("pause", Verdict.GOOD, text)
    how = f"answered with {seen.status}" if seen.status else "ended"
    text = f"a pause is {how} after {seen.ended_after_s:.1f} s"
    return Finding("pause", Verdict.NOTE, text, settings(Fault.IMPATIENT, front))


def ending(seen: Ending, front: str) -> Finding:
    took = f"after {seen.after_s:.1f} s"
    if seen.status is None:
        text = f"the upload was completed; the connection ended {took}"
        return Finding("answer", Verdict.BREAKS, text, settings(Fault.HURRIES, front))
    if seen.status == 504 and not seen.from_proxy:
        text = f"the upload was completed; a front answered 504 {took}"
        return Finding("answer", Verdict.BREAKS, text, settings(Fault.HURRIES, front))
    text = f"the upload was completed, and answered with {seen.status} {took}"
    return Finding("answer", Verdict.GOOD, text)


def shared(seen: Shared) -> Finding:
    lacks = _lacks(seen)
    if not lacks:
        text = f"pages of {seen.origin} may upload and resume"
        return Finding("cors", Verdict.GOOD, text)
    text = f"pages of {seen.origin} cannot: " + "; ".join(lacks)
    setting = (f"{OURSELVES}: cors.allow_origins: [{seen.origin}]",)
    return Finding("cors", Verdict.BREAKS, text, setting)


def _lacks(seen: Shared) -> list[str]:
    lacks = []
    if not 200 <= seen.preflight_status < 300:
        lacks.append(f"the preflight is answered with {seen.preflight_status}")
    allowed = (seen.origin, "*")
    if seen.preflight.get("access-control-allow-origin") not in allowed:
        lacks.append("the preflight does not allow the origin")
    methods, headers = "access-control-allow-methods", "access-control-allow-headers"
    if not _has(seen.preflight, methods, "patch"):
        lacks.append("PATCH is not allowed")
    lacks += [
        f"{name} is not allowed"
        for name in _NEEDED_HEADERS
        if not _has(seen.preflight, headers, name)
    ]
    if seen.answer.get("access-control-allow-origin") not in allowed:
        lacks.append("answers do not allow the origin")
    lacks += [
        f"{name} is not exposed"
        for name in _EXPOSED
        if not _has(seen.answer, "access-control-expose-headers", name)
    ]
    return lacks


def _has(fields: Mapping[str, str], name: str, member: str) -> bool:
    """True when the list in the field `name` has `member`, or a star for all."""
    members = {one.strip().lower() for one in fields.get(name, "").split(",")}
    return bool(members & {member, "*"})
