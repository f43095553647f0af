"""Errors of ours that are about HTTP itself, as problem documents.

Those about uploads are worded by the dialects. Every type has a name that stays the
same from release to release; a document never tells a path, a token or a trace.

Source: RFC 9457.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from proxy.core.upload import Fields, Reply, first_of
from proxy.core.values import replace
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


def with_request_id(reply: Reply, request_id: str, fields: Fields) -> Reply:
    """`reply` with these `fields` and the id of its request, unless the origin told one
    of its own.

    A problem document of ours names it as its ``instance`` too: what somebody reads out
    over the telephone is then what stands in the log.
    """
    if first_of(fields, b"x-request-id") is None:
        fields = (*fields, (b"X-Request-ID", request_id.encode("ascii")))
    if not reply.problem or not isinstance(reply.content, bytes):
        return replace(reply, fields=fields)
    told = {**json.loads(reply.content), "instance": request_id}
    return replace(reply, fields=fields, content=json.dumps(told).encode())
