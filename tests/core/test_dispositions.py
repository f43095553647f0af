"""The name of a file in `Content-Disposition`: how it is said, what is made of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.dispositions import file_name


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'attachment; filename="photo.jpg"', "photo.jpg"),
        (b"attachment;filename=photo.jpg", "photo.jpg"),
        (b'inline ; FileName = "photo.jpg" ; x=y', "photo.jpg"),
        (b'form-data; name="file"; filename="photo.jpg"', "photo.jpg"),
        (b"attachment; filename=my photo.jpg ; x=y", "my photo.jpg"),
        (b'attachment; filename="a;b=c.jpg"; x=y', "a;b=c.jpg"),
        (b'attachment; filename="a\\"b\\c.jpg"', 'a"bc.jpg'),
        (b'attachment; filename="100%25.jpg"', "100%25.jpg"),
        (b'attachment; filename="Pr\xc3\xbcfung.jpg"', "Prüfung.jpg"),
        (b'attachment; filename="Pr\xfcfung.jpg"', "Prüfung.jpg"),
        (b"attachment; filename*=UTF-8''Pr%C3%BCfung%20%22.jpg", 'Prüfung ".jpg'),
        (b"attachment; filename*=utf-8'de-AT'%e2%82%ac", "€"),
        (b"attachment; filename*=ISO-8859-1''Pr%FCfung.jpg", "Prüfung.jpg"),
        # the one with a character set wins, wherever it stands
        (b"attachment; filename=\"x\"; filename*=UTF-8''%C3%BC", "ü"),
        (b"attachment; filename*=UTF-8''%C3%BC; filename=x", "ü"),
        # unless it cannot be read, or names no file
        (b"attachment; filename*=UTF-8''%FC; filename=x", "x"),
        (b"attachment; filename*=UTF-8''a%2; filename=x", "x"),
        (b"attachment; filename*=UTF-7''a; filename=x", "x"),
        (b"attachment; filename*=a; filename=x", "x"),
        (b"attachment; filename*=UTF-8''a%2F; filename=x", "x"),
        # no paths, by anybody's separators
        (b'attachment; filename="/etc/passwd"', "passwd"),
        (b'attachment; filename="../../x"', "x"),
        (b"attachment; filename*=UTF-8''C%3A%5CUsers%5Cx.txt", "x.txt"),
        (b'attachment; filename="..\\\\..\\\\x"', "x"),
        # nothing that is not seen
        (b"attachment; filename*=UTF-8''a%00%0D%0A%7F%C2%85%E2%80%A8b", "ab"),
        (b'attachment; filename="  a b  "', "a b"),
        (b"attachment; filename*=UTF-8''..%00", None),
        (b'attachment; filename=".."', None),
        (b'attachment; filename="."', None),
        (b'attachment; filename=""', None),
        (b'attachment; filename="a/"', None),
        (b"attachment", None),
        (b"attachment;", None),
        (b"attachment; name=x", None),
        (b"", None),
        # what is not well-formed says nothing
        (b"attachment; filename=a; filename=b", None),
        (b"attachment; filename=a; FileName=a", None),
        (b"attachment; x=1; filename=a; x=2", None),
        (b'attachment; filename="a', None),
        (b'attachment; filename="a" b', None),
        (b"attachment; filename=\"a\" b; filename*=UTF-8''c", None),
        (b'filename="a"', None),
        (b"attachment; filename=", None),
    ],
)
def test_the_name_that_is_said(value: bytes, expected: str | None) -> None:
    assert file_name(value) == expected


def extended(name: str) -> bytes:
    return b"attachment; filename*=UTF-8''" + quote(name, safe="").encode()


def quoted(name: str) -> bytes:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return b'attachment; filename="' + escaped.encode() + b'"; x=y'


@given(st.binary(max_size=200) | st.text(max_size=80).map(extended))
def test_whatever_is_said_the_name_is_that_of_a_file(value: bytes) -> None:
    name = file_name(value)
    if name is not None:
        assert name not in {"", ".", ".."}
        assert not set(name) & {"/", "\\", "\0"}
        assert "Cc" not in {unicodedata.category(char) for char in name}


NAMES = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1
)


@given(NAMES)
@pytest.mark.parametrize("said", [extended, quoted])
def test_both_ways_of_saying_it_are_read(
    said: Callable[[str], bytes], name: str
) -> None:
    last = re.split(r"[/\\]", name)[-1]
    assert file_name(said(name)) == (last if last.strip(".") or len(last) > 2 else None)
