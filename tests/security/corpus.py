"""Requests that two readers could take differently: what is tried, and what is right.

Data only. Each case says one thing about a request in bytes; the tests put it into
requests of every kind, with another request behind it on the same connection. The
content is a request as well, which nobody may ever take for one. The one invariant: a
case that is to pass has one meaning, by the letter of RFC 9112.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CONTENT: Final = b"GET /smuggled HTTP/1.1\r\nHost: upload.test\r\n\r\n"
"""What is uploaded. To the origin it must never be a request."""
_N: Final = len(CONTENT)
_HUGE: Final = b"y" * 100_000


@dataclass(frozen=True, slots=True)
class Framed:
    """How the end of the content is told."""

    lines: tuple[bytes, ...]
    """Of the head, with their ends left out."""
    rest: bytes
    """All that follows the head."""
    passes: bool = False
    """It has one meaning: the content is `CONTENT`. Otherwise it is refused."""
    protocol: bytes = b"HTTP/1.1"
    is_late: bool = False
    """What is wrong comes behind the head, when HEAD and DELETE have their answer."""


@dataclass(frozen=True, slots=True)
class Headed:
    """One thing about the head of a request that is right otherwise."""

    line: bytes
    """Put among its lines; may hold more than one."""
    passes: bool = False


def _length(*values: bytes, passes: bool = False) -> Framed:
    lines = tuple(b"Content-Length: " + value for value in values)
    return Framed(lines, CONTENT, passes)


def _coding(*values: bytes, passes: bool = False) -> Framed:
    lines = tuple(b"Transfer-Encoding: " + value for value in values)
    return Framed(lines, _chunked(), passes)


def _chunked(
    size: bytes = b"%x" % _N,
    after_size: bytes = b"\r\n",
    after_content: bytes = b"\r\n",
    end: bytes = b"0\r\n\r\n",
) -> bytes:
    return size + after_size + CONTENT + after_content + end


def _chunks(rest: bytes, *, passes: bool = False) -> Framed:
    return Framed((b"Transfer-Encoding: chunked",), rest, passes, is_late=not passes)


_RIGHT: Final = b"Content-Length: %d" % _N
_CHUNKED: Final = b"Transfer-Encoding: chunked"

LENGTHS: Final = {
    "a length": _length(b"%d" % _N, passes=True),
    "a length between blanks": _length(b" \t%d\t " % _N, passes=True),
    "two lengths, the same": _length(b"%d" % _N, b"%d" % _N),
    "two lengths, the longer first": _length(b"%d" % _N, b"0"),
    "two lengths, the longer last": _length(b"0", b"%d" % _N),
    "a list of lengths, the same": _length(b"%d, %d" % (_N, _N)),
    "a list of lengths": _length(b"0, %d" % _N),
    "a list with nothing behind": _length(b"%d," % _N),
    "a plus": _length(b"+%d" % _N),
    "a minus": _length(b"-%d" % _N),
    "a minus and zero": _length(b"-0"),
    "hexadecimal": _length(b"0x%x" % _N),
    "hexadecimal without a sign": _length(b"%x" % _N),
    "a decimal point": _length(b"%d.0" % _N),
    "an exponent": _length(b"%de0" % _N),
    "an underscore": _length(b"0_%d" % _N),
    "a blank inside": _length(b"0 %d" % _N),
    "a semicolon": _length(b"%d;x" % _N),
    "quotes": _length(b'"%d"' % _N),
    "no digits": _length(b""),
    "a letter behind": _length(b"%dx" % _N),
    "digits of another script": _length("٤٢".encode()),
    "a vertical tab before": _length(b"\x0b%d" % _N),
    "a NUL behind": _length(b"%d\0" % _N),
    "2^64": _length(b"18446744073709551616"),
    "2^64 and the length": _length(b"%d" % (2**64 + _N)),
    "2^63": _length(b"9223372036854775808"),
    "zeros before it": _length(b"003"),
    "zeros alone": _length(b"00"),
    "a hundred digits": _length(b"9" * 100),
    "a blank before the colon": Framed((b"Content-Length : %d" % _N,), CONTENT),
    "a tab before the colon": Framed((b"Content-Length\t: %d" % _N,), CONTENT),
    "a blank before the name": Framed((b"X: y", b" " + _RIGHT), CONTENT),
    "a folded line": Framed((b"Content-Length:", b" %d" % _N), CONTENT),
    "an underscore for the hyphen": Framed((_RIGHT, b"Content_Length: 0"), CONTENT),
}
"""Content-Length by itself."""

CODINGS: Final = {
    "chunked": _coding(b"chunked", passes=True),
    "chunked in capitals": _coding(b"CHUNKED", passes=True),
    "a blank before": _coding(b" \tchunked", passes=True),
    "a blank behind": _coding(b"chunked ", passes=True),
    # Allowed, and refused all the same.
    "a tab behind": _coding(b"chunked\t"),
    "xchunked": _coding(b"xchunked"),
    "chunkedx": _coding(b"chunkedx"),
    "identity": _coding(b"identity"),
    "gzip": _coding(b"gzip"),
    "gzip, chunked": _coding(b"gzip, chunked"),
    "identity, chunked": _coding(b"identity, chunked"),
    "chunked, identity": _coding(b"chunked, identity"),
    "chunked, chunked": _coding(b"chunked, chunked"),
    "a list with nothing before": _coding(b", chunked"),
    "a list with nothing behind": _coding(b"chunked,"),
    "a parameter": _coding(b"chunked;q=1"),
    "quotes": _coding(b'"chunked"'),
    "nothing": _coding(b""),
    "two lines, the same": _coding(b"chunked", b"chunked"),
    "two lines, identity last": _coding(b"chunked", b"identity"),
    "two lines, identity first": _coding(b"identity", b"chunked"),
    "a vertical tab before": _coding(b"\x0bchunked"),
    "a form feed behind": _coding(b"chunked\x0c"),
    "a NUL inside": _coding(b"chu\0nked"),
    "a NUL in the name": Framed((b"Transfer-Encoding\0: chunked",), _chunked()),
    "a blank before the colon": Framed((b"Transfer-Encoding : chunked",), _chunked()),
    "a blank before the name": Framed((b"X: y", b" " + _CHUNKED), _chunked()),
    "a blank in the name": Framed((b"Transfer Encoding: chunked",), _chunked()),
    "a folded line": Framed((b"Transfer-Encoding:", b" chunked"), _chunked()),
    "a folded list": Framed((_CHUNKED, b" , identity"), _chunked()),
    "behind a bare LF": Framed((b"X: y\n" + _CHUNKED,), _chunked()),
    "behind a bare CR": Framed((b"X: y\r" + _CHUNKED,), _chunked()),
    "an underscore for the hyphen": Framed(
        (_RIGHT, b"Transfer_Encoding: chunked"), CONTENT
    ),
    "HTTP/1.0": Framed((_CHUNKED,), _chunked(), protocol=b"HTTP/1.0"),
    "HTTP/1.0 with a length": Framed(
        (_CHUNKED, _RIGHT), _chunked(), protocol=b"HTTP/1.0"
    ),
}
"""Transfer-Encoding by itself, and beside a length where it is not one."""

BOTH: Final = {
    "a length, then chunked": Framed((_RIGHT, _CHUNKED), CONTENT),
    "chunked, then a length": Framed((_CHUNKED, _RIGHT), _chunked()),
    "no length, then chunked": Framed((b"Content-Length: 0", _CHUNKED), _chunked()),
    "chunked, then no length": Framed((_CHUNKED, b"Content-Length: 0"), _chunked()),
    "chunked between two lengths": Framed((_RIGHT, _CHUNKED, _RIGHT), _chunked()),
    "a length between two codings": Framed((_CHUNKED, _RIGHT, _CHUNKED), _chunked()),
    "the length of the chunks": Framed(
        (b"Content-Length: %d" % len(_chunked()), _CHUNKED), _chunked()
    ),
    "a length and identity": Framed((_RIGHT, b"Transfer-Encoding: identity"), CONTENT),
    "a length and xchunked": Framed((_RIGHT, b"Transfer-Encoding: xchunked"), CONTENT),
    "a length and a folded coding": Framed(
        (_RIGHT, b"Transfer-Encoding:", b"\tchunked"), CONTENT
    ),
    "names in other capitals": Framed(
        (b"content-LENGTH: %d" % _N, b"transfer-ENCODING: chunked"), CONTENT
    ),
}
"""Both, which is one too many."""

CHUNKS: Final = {
    "an extension": _chunks(_chunked(after_size=b";a=b\r\n"), passes=True),
    "a size in capitals": _chunks(_chunked(b"%X" % _N), passes=True),
    "zeros before the size": _chunks(_chunked(b"000%x" % _N), passes=True),
    "trailers": _chunks(_chunked(end=b"0\r\nX-Sum: 1\r\n\r\n"), passes=True),
    "a length among the trailers": _chunks(
        _chunked(end=b"0\r\nContent-Length: 5\r\n\r\n")
    ),
    "a coding among the trailers": _chunks(
        _chunked(end=b"0\r\nTransfer-Encoding: chunked\r\n\r\n")
    ),
    "a host among the trailers": _chunks(_chunked(end=b"0\r\nHost: other\r\n\r\n")),
    "credentials among the trailers": _chunks(
        _chunked(end=b"0\r\nAuthorization: Basic YQ==\r\n\r\n"), passes=True
    ),
    "0x": _chunks(_chunked(b"0x%x" % _N)),
    "a plus": _chunks(_chunked(b"+%x" % _N)),
    "a minus": _chunks(_chunked(b"-%x" % _N)),
    "an underscore": _chunks(_chunked(b"0_%x" % _N)),
    "a blank before the size": _chunks(_chunked(b" %x" % _N)),
    "a letter behind the size": _chunks(_chunked(b"%xg" % _N)),
    "a NUL behind the size": _chunks(_chunked(b"%x\0" % _N)),
    "no size": _chunks(_chunked(b"")),
    "a size of 2^64 and more": _chunks(_chunked(b"1%016x" % _N)),
    "a size of 2^64 - 1": _chunks(_chunked(b"f" * 16)),
    "a size of a hundred digits": _chunks(_chunked(b"f" * 100)),
    "a bare LF behind the size": _chunks(_chunked(after_size=b"\n")),
    "a bare CR behind the size": _chunks(_chunked(after_size=b"\r")),
    "two CRs behind the size": _chunks(_chunked(after_size=b"\r\r\n")),
    "a LF in an extension": _chunks(_chunked(after_size=b";a\nb\r\n")),
    "a CR in an extension": _chunks(_chunked(after_size=b";a\rb\r\n")),
    "a NUL in an extension": _chunks(_chunked(after_size=b";a\0b\r\n")),
    "an extension that ends with a LF": _chunks(_chunked(after_size=b";a\n")),
    "an extension of 100 kB": _chunks(
        _chunked(after_size=b";" + _HUGE + b"\r\n"), passes=True
    ),
    "zeros of 100 kB before the size": _chunks(_chunked(b"0" * 100_000 + b"1")),
    "nothing behind the chunk": _chunks(_chunked(after_content=b"")),
    "a bare LF behind the chunk": _chunks(_chunked(after_content=b"\n")),
    "a bare CR behind the chunk": _chunks(_chunked(after_content=b"\r")),
    "bytes behind the chunk": _chunks(_chunked(after_content=b"XX")),
    "a bare LF behind the last size": _chunks(_chunked(end=b"0\n\n")),
    "a last chunk of minus zero": _chunks(_chunked(end=b"-0\r\n\r\n")),
    "no last chunk": _chunks(_chunked(end=b"")),
    "no end of the trailers": _chunks(_chunked(end=b"0\r\n")),
    "a bare LF among the trailers": _chunks(_chunked(end=b"0\r\nX: y\n\r\n")),
    "a bare CR among the trailers": _chunks(_chunked(end=b"0\r\nX: y\rZ: a\r\n\r\n")),
    "a NUL among the trailers": _chunks(_chunked(end=b"0\r\nX: a\0b\r\n\r\n")),
    "a folded trailer": _chunks(_chunked(end=b"0\r\nX: y\r\n z\r\n\r\n")),
    "a trailer without a colon": _chunks(_chunked(end=b"0\r\nX\r\n\r\n")),
    "a blank before the colon of a trailer": _chunks(
        _chunked(end=b"0\r\nX : y\r\n\r\n")
    ),
    "trailers of 100 kB": _chunks(_chunked(end=b"0\r\nX: " + _HUGE + b"\r\n\r\n")),
    "a thousand trailers": _chunks(
        _chunked(end=b"0\r\n" + b"X: y\r\n" * 1000 + b"\r\n")
    ),
}
"""Chunks that are nearly right."""

LINES: Final = {
    "a field": Headed(b"X-Name: value", passes=True),
    "an empty field": Headed(b"X-Name:", passes=True),
    "a folded line": Headed(b"X-Name: a\r\n b"),
    "a folded line with a tab": Headed(b"X-Name: a\r\n\tb"),
    "a folded line of nothing": Headed(b"X-Name: a\r\n "),
    "a bare LF": Headed(b"X-Name: a\nX-Other: b"),
    "a bare LF and the end of the head": Headed(b"X-Name: a\n\nGET /smuggled HTTP/1.1"),
    "a bare CR": Headed(b"X-Name: a\rX-Other: b"),
    "two CRs": Headed(b"X-Name: a\r"),
    "a NUL in the value": Headed(b"X-Name: a\0b"),
    "a NUL in the name": Headed(b"X-Na\0me: a"),
    "a control byte in the name": Headed(b"X-Na\x01me: a"),
    "a DEL in the name": Headed(b"X-Na\x7fme: a"),
    "a blank before the colon": Headed(b"X-Name : a"),
    "a tab before the colon": Headed(b"X-Name\t: a"),
    "a blank in the name": Headed(b"X Name: a"),
    "a blank before the name": Headed(b" X-Name: a"),
    "parentheses in the name": Headed(b"X(Name): a"),
    "a slash in the name": Headed(b"X/Name: a"),
    "a name that is not ASCII": Headed("X-Näme: a".encode()),
    "no name": Headed(b": a"),
    "no colon": Headed(b"X-Name"),
    "bytes that are not UTF-8": Headed(b"X-Name: \xff\xfe"),
    "a second host": Headed(b"Host: other.test"),
    "the same host again": Headed(b"Host: upload.test"),
    "a host behind a fold": Headed(b"X: y\r\n Host: other.test"),
    "Connection: host": Headed(b"Connection: host"),
    "Connection: content-length": Headed(b"Connection: content-length"),
    "Connection: transfer-encoding, upload-complete": Headed(
        b"Connection: transfer-encoding, upload-complete"
    ),
    "Connection: x-forwarded-for": Headed(b"Connection: x-forwarded-for"),
    "another expectation": Headed(b"Expect: 200-ok"),
    "two hundred fields": Headed(b"\r\n".join([b"X: y"] * 200)),
    "a field of 100 kB": Headed(b"X: " + _HUGE),
    "a name of 100 kB": Headed(_HUGE + b": x"),
    "fields of 100 kB together": Headed(b"\r\n".join([b"X: " + b"y" * 1000] * 100)),
}
"""Fields, and what looks like them."""
