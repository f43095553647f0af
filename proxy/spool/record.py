"""How the record of an upload is written: JSON in an envelope, with the boot it is of.

Everything of an ``Upload`` is in it except the offset, which is measured. Bytes of
fields are kept exactly, each byte as the character of the same number. No two records
have the same checksum, so that it can name the record. The one invariant: ``decode``
gives what ``encode`` got, or raises ``UploadLost``; never another exception, never
another value.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from proxy.core.errors import SpoolError, UploadLost, UploadTooNew, UploadTorn
from proxy.core.upload import (
    DEFAULT_ROUTE,
    Answer,
    Fields,
    Head,
    Limits,
    Moment,
    State,
    Token,
    Upload,
)

from . import envelope

# pure ASCII: lone surrogates and control characters survive as escapes
_to_json = json.JSONEncoder(
    ensure_ascii=True, separators=(",", ":"), check_circular=False
).encode


@dataclass(frozen=True, slots=True)
class Record:
    """What a record says."""

    upload: Upload
    """With an offset of 0: it is to be measured."""
    boot_id: str
    """The boot of the machine in which it was written."""
    base: str | None = None
    """Checksum of the record that this one amends; None when it stands by itself."""
    loose: bool = False
    """Nothing of it was durable when it was written: that of a new upload, or of one
    which came from elsewhere, see ``Spool.adopt``."""


def encode(written: Record) -> bytes:
    """The record as a file.

    Raises:
        SpoolError: it would be longer than a record may be.
    """
    upload = written.upload
    content = {
        "token": upload.token,
        "boot": written.boot_id,
        "base": written.base,
        "loose": written.loose,
        "nonce": secrets.token_hex(8),
        "state": upload.state.value,
        "why": upload.why,
        "created_at": upload.created_at,
        "fed_at": upload.fed_at,
        "acknowledged": upload.acknowledged,
        "length": upload.length,
        "finishing": upload.finishing,
        "version": upload.version,
        "peer": upload.peer,
        "route": upload.route,
        "parts": upload.parts,
        "attempts": upload.attempts,
        "hidden": upload.hidden,
        **_authority_out(upload),
        "limits": _limits_out(upload.limits),
        "request": _head_out(upload.request),
        "answer": None if upload.answer is None else _answer_out(upload.answer),
        "answered_at": upload.answered_at,
        "history": [(m.at, m.event, m.offset, m.why) for m in upload.history],
    }
    sealed = envelope.seal(_to_json(content).encode("ascii") + b"\n", _format(upload))
    if len(sealed) > envelope.LIMIT:
        raise SpoolError(
            f"the record has {len(sealed)} bytes, it may have {envelope.LIMIT}"
        )
    return sealed


def decode(sealed: bytes, token: Token) -> Record:
    """What the file `sealed` says, which must be of the upload `token`.

    Raises:
        UploadLost: it is not what was written, or the record of another upload.
        UploadTorn, UploadTooNew
    """
    try:
        content = json.loads(envelope.unseal(sealed))
        written = Record(
            _upload_in(content),
            content["boot"],
            content["base"],
            bool(content.get("loose")),
        )
    except envelope.TooNew as exc:
        raise UploadTooNew(f"its record is of a newer release: {exc}") from exc
    except envelope.Torn as exc:
        raise UploadTorn(f"its record is not whole: {exc}") from exc
    except envelope.Unreadable as exc:
        raise UploadLost(f"its record cannot be read: {exc}") from exc
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as exc:
        # sealed, and yet not ours: somebody wrote it by hand
        raise UploadLost("its record does not tell an upload") from exc
    if written.upload.token != token:
        raise UploadLost("its record is that of another upload")
    return written


def _format(upload: Upload) -> int:
    """The oldest format in which nobody does with `upload` what must not be done."""
    if upload.principal or upload.denied:
        return envelope.FORMAT
    return envelope.PLAIN if upload.route == DEFAULT_ROUTE else envelope.ROUTED


def _authority_out(upload: Upload) -> dict[str, Any]:
    """Whose it is; nothing where it is whoever's has its URL, as most are."""
    told: dict[str, Any] = {}
    if upload.principal:
        told["principal"] = upload.principal
    if upload.denied:
        told["denied"] = True
    return told


def _limits_out(limits: Limits) -> dict[str, Any]:
    return {
        "max_size": limits.max_size,
        "min_size": limits.min_size,
        "max_append_size": limits.max_append_size,
        "min_append_size": limits.min_append_size,
        "max_age_s": limits.max_age_s,
    }


def _head_out(head: Head) -> dict[str, Any]:
    return {
        "method": head.method,
        "target": head.target,
        "http_1_0": head.http_1_0,
        "fields": _fields_out(head.fields),
    }


def _answer_out(answer: Answer) -> dict[str, Any]:
    return {
        "status": answer.status,
        "reason": answer.reason,
        "size": answer.size,
        "kept": answer.kept,
        "fields": _fields_out(answer.fields),
    }


def _fields_out(fields: Fields) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


def _upload_in(content: Any) -> Upload:
    answer = content["answer"]
    return Upload(
        token=content["token"],
        state=State(content["state"]),
        request=_head_in(content["request"]),
        limits=Limits(**content["limits"]),
        created_at=content["created_at"],
        fed_at=content["fed_at"],
        acknowledged=content["acknowledged"],
        length=content["length"],
        finishing=content["finishing"],
        version=content["version"],
        peer=content["peer"],
        route=content.get("route", DEFAULT_ROUTE),
        # earlier records of this format have not counted them
        parts=content.get("parts", 0),
        attempts=content["attempts"],
        hidden=content["hidden"],
        principal=content.get("principal", ""),
        denied=bool(content.get("denied")),
        answer=None if answer is None else _answer_in(answer),
        answered_at=content["answered_at"],
        why=content["why"],
        # earlier records of this format have none
        history=tuple(Moment(*moment) for moment in content.get("history", ())),
    )


def _head_in(head: Any) -> Head:
    return Head(
        method=head["method"],
        target=head["target"],
        fields=_fields_in(head["fields"]),
        http_1_0=head["http_1_0"],
    )


def _answer_in(answer: Any) -> Answer:
    return Answer(
        status=answer["status"],
        reason=answer["reason"],
        fields=_fields_in(answer["fields"]),
        size=answer["size"],
        kept=answer["kept"],
    )


def _fields_in(fields: Any) -> Fields:
    return tuple(
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in fields
    )
