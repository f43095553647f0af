"""Requests that are nearly right: a small grammar of heads, framings and bodies.

What is generated is bytes, and beside them nothing: whether they are a request at all
is for the proxy to find out. Bodies carry requests that must never be taken for such,
so that the origin can tell what was smuggled from what was sent.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

MARK: Final = b"/sent-"
"""The path of what is sent as a request."""
SMUGGLED: Final = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
"""Lies in bodies. To the origin it must never be a request."""
TOKEN: Final = b"A" * 43

_METHODS = st.sampled_from(
    [b"POST", b"PUT", b"PATCH", b"GET", b"HEAD", b"DELETE", b"OPTIONS"]
)
_ODD_METHODS = st.sampled_from([b"CONNECT", b"TRACE", b"PRI", b"get", b"P\x00T", b""])
_TARGETS = st.sampled_from(
    [MARK] * 6
    + [b"/resumable_upload/" + TOKEN] * 2
    + [
        b"/resumable_upload/x",
        b"/resumable_upload/../sent-",
        b"/%72esumable_upload/" + TOKEN,
        b"http://h/sent-",
        b"*",
        b"h:443",
        b"/sent-#x",
        b"/sent-\xff",
        b"",
    ]
)
_PROTOCOLS = st.sampled_from(
    [b"HTTP/1.1"] * 8 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.1 ", b""]
)
_LINES = st.sampled_from(
    [
        b"Upload-Complete: ?1",
        b"Upload-Complete: ?0",
        b"Upload-Incomplete: ?0",
        b"Upload-Offset: 0",
        b"Upload-Offset: 5",
        b"Upload-Length: 5",
        b"Upload-Draft-Interop-Version: 3",
        b"Upload-Draft-Interop-Version: 8",
        b"Content-Type: application/partial-upload",
        b"Connection: close",
        b"Expect: 100-continue",
        b"TE: trailers",
        b"Origin: https://evil",
        b"Access-Control-Request-Method: PATCH",
        b"X-Forwarded-For: 1.2.3.4",
        b"Content-Encoding: gzip",
    ]
)
_ODD_LINES = st.sampled_from(
    [
        b"Upload-Length: 99999999999999999999",
        b"Connection: keep-alive, host",
        b"Connection: upgrade",
        b"Upgrade: websocket",
        b"Expect: tea",
        b"Host: other",
        b"Forwarded: for=\x01",
        b"X-Odd: \xff\xfe",
        b"X-Nul: a\x00b",
        b"X Space: 1",
        b" Folded: 1",
        b"X-CR: a\rb",
        b": no name",
        b"no colon",
    ]
)
_BODIES = st.sampled_from([b"", b"hello", SMUGGLED, b"0\r\n\r\n" + SMUGGLED])
_CHUNK_HEADS = st.sampled_from(
    [b"%x\r\n"] * 6
    + [b"%x;ext=1\r\n", b"0x%x\r\n", b"%x \r\n", b"+%x\r\n", b"-%x\r\n", b"%x\n"]
    + [b"%xffffffffffffffff\r\n", b"%x;\n\r\n"]
)
_CHUNK_ENDS = st.sampled_from([b"\r\n"] * 8 + [b"", b"\n", b"X\r\n"])
_LAST_CHUNKS = st.sampled_from(
    [b"0\r\n\r\n"] * 6
    + [b"0\r\nTrailer: 1\r\n\r\n", b"0\r\nContent-Length: 5\r\n\r\n", b"", b"0\r\n"]
)


@st.composite
def _chunked(draw: st.DrawFn, body: bytes, *, odd: bool) -> bytes:
    pieces = b""
    if not odd:
        return (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    if body:
        pieces += draw(_CHUNK_HEADS) % len(body) + body + draw(_CHUNK_ENDS)
    return pieces + draw(_LAST_CHUNKS)


@st.composite
def _framed(draw: st.DrawFn, *, odd: bool) -> tuple[list[bytes], bytes]:
    """Lines that frame a body, more or less, and the body as it is sent."""
    body = draw(_BODIES)
    length = b"Content-Length: %d"
    chunked = b"Transfer-Encoding: chunked"
    right = length % len(body)
    coded = draw(_chunked(body, odd=odd))
    if not odd:
        return draw(st.sampled_from([([right], body), ([chunked], coded)]))
    return draw(
        st.sampled_from(
            [([right], body)] * 6
            + [([chunked], coded)] * 6
            + [
                ([], body),
                ([right, chunked], coded),
                ([chunked, right], body),
                ([right, length % (len(body) + 1)], body),
                ([right, right], body),
                ([length % (len(body) + 7)], body),
                ([b"Content-Length: +%d" % len(body)], body),
                ([b"Content-Length: %d, %d" % (len(body), len(body))], body),
                ([b"Content-Length : %d" % len(body)], body),
                ([b"Content-Length: -1"], body),
                ([b"Transfer-Encoding: gzip, chunked"], coded),
                ([b"Transfer-Encoding: chunked, identity"], coded),
                ([b"Transfer-Encoding: xchunked"], coded),
                ([b"Transfer-Encoding:\x0bchunked"], coded),
                ([chunked, chunked], coded),
            ]
        )
    )


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request: right, but for one thing or none; that each field is right does not
    mean that they agree."""
    odd = draw(st.sampled_from(["", "", "", "method", "target", "line", "rest"]))
    lines, body = draw(_framed(odd=odd == "rest"))
    method = draw(_ODD_METHODS if odd == "method" else _METHODS)
    path = draw(_TARGETS) if odd == "target" else MARK
    protocol = draw(_PROTOCOLS) if odd == "rest" else b"HTTP/1.1"
    lines = draw(st.lists(_LINES, max_size=3)) + lines
    if odd == "line":
        lines.append(draw(_ODD_LINES))
    hosts = [[b"Host: h"]] * 8 + ([[], [b"Host: h/x"]] if odd == "rest" else [])
    end = draw(st.sampled_from([b"\r\n"] * 9 + ([b"\n"] if odd == "rest" else [])))
    start = b" ".join([method, path, protocol])
    shuffled = draw(st.permutations(lines))
    return end.join([start, *draw(st.sampled_from(hosts)), *shuffled, b"", b""]) + body


@st.composite
def uploads(draw: st.DrawFn) -> bytes:
    """A creation that is right up to its framing: it becomes an upload or nothing."""
    lines, body = draw(_framed(odd=draw(st.booleans())))
    words = draw(
        st.sampled_from(
            [
                [b"Upload-Draft-Interop-Version: 8", b"Upload-Complete: ?1"],
                [b"Upload-Draft-Interop-Version: 3", b"Upload-Incomplete: ?0"],
                [b"Upload-Draft-Interop-Version: 6", b"Upload-Complete: ?0"],
            ]
        )
    )
    head = [b"POST " + MARK + b" HTTP/1.1", b"Host: h", *words, *lines, b"", b""]
    return b"\r\n".join(head) + body


@st.composite
def conversations(draw: st.DrawFn) -> bytes:
    """What one connection says: some requests, some bytes of it changed."""
    said = bytearray(
        b"".join(draw(st.lists(requests() | uploads(), min_size=1, max_size=4)))
    )
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 3]))):
        at = draw(st.integers(0, max(0, len(said))))
        cut = draw(st.integers(0, 3))
        said[at : at + cut] = draw(st.binary(max_size=3))
    return bytes(said[: draw(st.sampled_from([None, None, None, 20, 90, 200]))])
