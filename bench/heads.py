"""The heads of the requests that are sent, byte for byte.

An upload is a creation in one request that says it is complete, as URLSession sends it;
a plain request has no field of the protocol, and the product passes it through. The one
invariant: what peers get differs from what the product gets in those fields alone.
"""

from __future__ import annotations

CHUNKED = None
"""For a size: content that does not say how long it is."""


def plain(size: int | None, method: str = "POST", target: str = "/upload") -> bytes:
    """An ordinary request with `size` bytes of content."""
    return _head(method, target, framing(size))


def upload(size: int | None, *, version: int = 6, complete: bool = True) -> bytes:
    """A creation with `size` bytes of content."""
    fields = [*framing(size), *protocol(version, complete=complete)]
    return _head("POST", "/upload", fields)


def offset(target: str, *, version: int = 6) -> bytes:
    """Asks how far an upload is."""
    return _head("HEAD", target, [f"Upload-Draft-Interop-Version: {version}"])


def append(
    target: str, at: int, size: int, *, version: int = 6, complete: bool
) -> bytes:
    """`size` more bytes of an upload that has `at`."""
    fields = [
        f"Upload-Offset: {at}",
        f"Content-Length: {size}",
        "Content-Type: application/partial-upload",
        *protocol(version, complete=complete),
    ]
    return _head("PATCH", target, fields)


def cancel(target: str, *, version: int = 6) -> bytes:
    """Gives an upload up."""
    return _head("DELETE", target, [f"Upload-Draft-Interop-Version: {version}"])


def protocol(version: int, *, complete: bool) -> list[str]:
    """The fields that make a request an upload, in versions from 4 on."""
    said = "?1" if complete else "?0"
    return [f"Upload-Draft-Interop-Version: {version}", f"Upload-Complete: {said}"]


def framing(size: int | None) -> list[str]:
    """How long the content is, and what."""
    length = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    return [length, "Content-Type: application/octet-stream"]


def tus(method: str, target: str, fields: list[str]) -> bytes:
    """A request of the tus protocol."""
    return _head(method, target, ["Tus-Resumable: 1.0.0", *fields])


def _head(method: str, target: str, fields: list[str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: bench.test", *fields, "", ""]
    return "\r\n".join(lines).encode("ascii")
