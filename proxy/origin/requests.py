"""The head of a request on a connection of ours, as bytes (P7).

The fields go out as they are kept, in their order and spelling; behind them stands the
true length of the content, unless the client's own word for it is among them. The one
invariant: what is made here is one head, whatever the record holds (P11).

Source: RFC 9112 "Message Format".
"""

from __future__ import annotations

from proxy.core.errors import UploadLost
from proxy.core.target import origin_form
from proxy.core.upload import Head


def request_head(head: Head, length: int | None, *, keep: bool) -> bytes:
    """`head` for content of `length` bytes; unless `keep`, with `Connection: close`.

    `length`: None when it is among the fields already.

    Raises:
        UploadLost: it is no head, for something in it ends its line.
    """
    target = origin_form(head.method, head.target)
    lines = [f"{head.method} {target} HTTP/1.1".encode()]
    lines += [name + b": " + value for name, value in head.fields]
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    if not keep:
        lines.append(b"Connection: close")
    said = b"\r\n".join(lines)
    breaks = len(lines) - 1
    if said.count(b"\n") != breaks or said.count(b"\r") != breaks or b"\0" in said:
        raise UploadLost("the recorded request has a line break inside of a line")
    return said + b"\r\n\r\n"
