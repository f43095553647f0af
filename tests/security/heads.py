"""Whole heads that two readers could take differently: targets, hosts, first lines.

Data only, like ``corpus``, which has single fields and what follows a head. The one
invariant: a case that is to pass has one meaning, by the letter of RFC 9112.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Asked:
    """A whole head, for what is no field."""

    head: bytes
    target: str | None = None
    """What the origin is asked for; None: it is refused."""
    host: str = "upload.test"
    """What the origin takes for the host."""


def _get(
    target: bytes, host: bytes = b"upload.test", protocol: bytes = b"HTTP/1.1"
) -> bytes:
    return b"GET %b %b\r\nHost: %b\r\n" % (target, protocol, host)


_AMBIGUOUS: Final = {
    "doubled slashes": b"//resumable_upload/x",
    "a doubled slash inside": b"/resumable_upload/..//resumable_upload//../x",
    "dots from elsewhere": b"/a/../resumable_upload/x",
    "encoded dots from elsewhere": b"/a/%2e%2e/resumable_upload/x",
    "half encoded dots from elsewhere": b"/a/.%2E/resumable_upload/x",
    "dots out of it": b"/resumable_upload/../admin",
    "encoded dots out of it": b"/resumable_upload/%2e%2e/admin",
    "an encoded slash and dots": b"/resumable_upload/x%2f..%2f..%2fadmin",
    "an encoded slash": b"/resumable_upload%2Fx",
    "an encoded letter": b"/%72esumable_upload/x",
    "a backslash": b"/\\resumable_upload/x",
    "a backslash inside": b"/resumable_upload\\x",
    "an encoded backslash": b"/resumable_upload%5Cx",
    "a single dot": b"/./resumable_upload/x",
    "in absolute form": b"http://upload.test//resumable_upload/x",
}

TARGETS: Final = {
    "a path": Asked(_get(b"/a?b=c"), "/a?b=c"),
    "two slashes": Asked(_get(b"//evil.test/x"), "//evil.test/x"),
    "a slash and a backslash": Asked(_get(b"/\\evil.test/x"), "/\\evil.test/x"),
    "an at sign": Asked(_get(b"/@evil.test/"), "/@evil.test/"),
    "a URL in the path": Asked(_get(b"/http://evil.test/"), "/http://evil.test/"),
    "a URL in the query": Asked(_get(b"/?u=http://e.test"), "/?u=http://e.test"),
    "an encoded CRLF": Asked(_get(b"/a%0d%0aX:y"), "/a%0d%0aX:y"),
    "an encoded NUL": Asked(_get(b"/a%00b"), "/a%00b"),
    "absolute form": Asked(_get(b"http://upload.test/a"), "/a"),
    "absolute form of another host": Asked(
        _get(b"http://other.test:81/a"), "/a", "other.test:81"
    ),
    "absolute form in capitals": Asked(
        _get(b"HTTP://other.test/a"), "/a", "other.test"
    ),
    "absolute form of https": Asked(_get(b"https://other.test/a"), "/a", "other.test"),
    "absolute form without a path": Asked(_get(b"http://upload.test?q"), "/?q"),
    "absolute form without a host": Asked(_get(b"http:///a")),
    "absolute form with a user": Asked(_get(b"http://a:b@evil.test/")),
    "absolute form with an empty user": Asked(_get(b"http://@evil.test/")),
    "absolute form with a bad port": Asked(_get(b"http://upload.test:x/")),
    "absolute form with a port of 100 digits": Asked(
        _get(b"http://upload.test:" + b"1" * 100 + b"/")
    ),
    "absolute form with a backslash": Asked(_get(b"http://upload.test\\@evil.test/")),
    "absolute form, and Host is bad": Asked(_get(b"http://upload.test/", b"a/b")),
    "absolute form, and no Host": Asked(b"GET http://upload.test/ HTTP/1.1\r\n"),
    "one slash behind the scheme": Asked(_get(b"http:/evil.test/")),
    "another scheme": Asked(_get(b"ftp://evil.test/")),
    "the scheme of files": Asked(_get(b"file:///etc/passwd")),
    "the scheme of unix sockets": Asked(_get(b"unix:/run/other.sock")),
    "authority form": Asked(_get(b"evil.test:80")),
    "an asterisk": Asked(_get(b"*")),
    "no slash": Asked(_get(b"a")),
    "a query only": Asked(_get(b"?a")),
    "nothing": Asked(_get(b"")),
    "a fragment": Asked(_get(b"/a#b")),
    "a blank inside": Asked(_get(b"/a b")),
    "a tab inside": Asked(_get(b"/a\tb")),
    "a NUL inside": Asked(_get(b"/a\0b")),
    "a bare LF inside": Asked(_get(b"/a\nb")),
    "a bare CR inside": Asked(_get(b"/a\rb")),
    "a control byte inside": Asked(_get(b"/a\x01b")),
    "a DEL inside": Asked(_get(b"/a\x7fb")),
    "a byte that is not ASCII": Asked(_get(b"/a\xe9b")),
    # Not right, and one meaning all the same; the origin gets one blank.
    "two blanks before": Asked(_get(b" /a"), "/a"),
    "two blanks behind": Asked(_get(b"/a "), "/a"),
    "100 kB": Asked(_get(b"/" + b"y" * 100_000)),
    **{
        f"an upload's for one reader: {name}": Asked(_get(path))
        for name, path in _AMBIGUOUS.items()
    },
}
"""Request-targets."""

HOSTS: Final = {
    "a host": Asked(_get(b"/", b"other.test"), "/", "other.test"),
    "a host with a port": Asked(_get(b"/", b"h.test:8080"), "/", "h.test:8080"),
    "an IPv6 address": Asked(_get(b"/", b"[::1]:80"), "/", "[::1]:80"),
    "absent": Asked(b"GET / HTTP/1.1\r\n"),
    "twice": Asked(_get(b"/") + b"Host: other.test\r\n"),
    "twice, the same": Asked(_get(b"/") + b"Host: upload.test\r\n"),
    "twice in HTTP/1.0": Asked(_get(b"/", protocol=b"HTTP/1.0") + b"Host: b\r\n"),
    "empty": Asked(_get(b"/", b"")),
    "a list": Asked(_get(b"/", b"a.test, b.test")),
    "a path": Asked(_get(b"/", b"a.test/b")),
    "a user": Asked(_get(b"/", b"a@b.test")),
    "a URL": Asked(_get(b"/", b"http://a.test")),
    "a query": Asked(_get(b"/", b"a.test?b")),
    "a fragment": Asked(_get(b"/", b"a.test#b")),
    "a backslash": Asked(_get(b"/", b"a.test\\b")),
    "a blank": Asked(_get(b"/", b"a b")),
    "two ports": Asked(_get(b"/", b"a.test:80:81")),
    "a port that is none": Asked(_get(b"/", b"a.test:x")),
    "a port of 100 digits": Asked(_get(b"/", b"a.test:" + b"1" * 100)),
    "brackets that stay open": Asked(_get(b"/", b"[::1")),
    "quotes": Asked(_get(b"/", b'"a.test"')),
    "angle brackets": Asked(_get(b"/", b"<script>")),
    "a NUL": Asked(_get(b"/", b"a\0b")),
    "a control byte": Asked(_get(b"/", b"a\x01b")),
}
"""Host, with a target that says nothing of it."""

_HOST: Final = b"Host: upload.test\r\n"

STARTS: Final = {
    "CONNECT": Asked(b"CONNECT evil.test:443 HTTP/1.1\r\n" + _HOST),
    "CONNECT of a path": Asked(b"CONNECT / HTTP/1.1\r\n" + _HOST),
    "CONNECT of a URL": Asked(b"CONNECT http://evil.test/ HTTP/1.1\r\n" + _HOST),
    "TRACE": Asked(b"TRACE / HTTP/1.1\r\n" + _HOST),
    "PRI": Asked(b"PRI * HTTP/2.0\r\n\r\nSM\r\n"),
    "a method that nobody knows": Asked(b"FOO / HTTP/1.1\r\n" + _HOST),
    "a method in small letters": Asked(b"get / HTTP/1.1\r\n" + _HOST),
    "a method with a NUL": Asked(b"G\0ET / HTTP/1.1\r\n" + _HOST),
    "a method of 100 kB": Asked(b"G" * 100_000 + b" / HTTP/1.1\r\n" + _HOST),
    "no method": Asked(b" / HTTP/1.1\r\n" + _HOST),
    "a blank before the method": Asked(b" GET / HTTP/1.1\r\n" + _HOST),
    "a tab behind the method": Asked(b"GET\t/ HTTP/1.1\r\n" + _HOST),
    "no version": Asked(b"GET /\r\n" + _HOST),
    "HTTP/0.9": Asked(b"GET / HTTP/0.9\r\n" + _HOST),
    "HTTP/2.0": Asked(b"GET / HTTP/2.0\r\n" + _HOST),
    "HTTP/1.2": Asked(b"GET / HTTP/1.2\r\n" + _HOST),
    "HTTP/1.10": Asked(b"GET / HTTP/1.10\r\n" + _HOST),
    "HTTP/01.1": Asked(b"GET / HTTP/01.1\r\n" + _HOST),
    "http/1.1": Asked(b"GET / http/1.1\r\n" + _HOST),
    "HTTP/1.1 and a blank": Asked(b"GET / HTTP/1.1 \r\n" + _HOST),
    "a bare LF behind the version": Asked(b"GET / HTTP/1.1\n" + _HOST),
    "a bare CR behind the version": Asked(b"GET / HTTP/1.1\r" + _HOST),
    "a blank line of blanks behind": Asked(b"GET / HTTP/1.1\r\n  \r\n" + _HOST),
    "a field before the first line": Asked(b"X: y\r\nGET / HTTP/1.1\r\n" + _HOST),
}
"""The line a request begins with."""
