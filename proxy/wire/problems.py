"""Errors of ours that are about HTTP itself, as problem documents.

Those about uploads are worded by the dialects. Every type has a name that stays the
same from release to release; a document never tells a path, a token or a trace.

Source: RFC 9457.
"""

from __future__ import annotations

from http import HTTPStatus

from proxy.core.upload import Fields, Reply
from proxy.dialects.problems import FIELDS, document, own_type


def problem_reply(
    status: int,
    name: str,
    detail: str,
    *,
    fields: Fields = (),
    close: bool = False,
) -> Reply:
    """A response that says what went wrong in one sentence, `detail`.

    `name` is the last part of its type, such as ``bad-request``.
    """
    title = HTTPStatus(status).phrase
    content = document(own_type(name), title, status, detail)
    return Reply(status, (*FIELDS, *fields), content, close=close, problem=name)
