"""An upload as a form: byte for byte, and as readers of forms understand it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.core.errors import UploadLost
from proxy.core.forms import NOTHING, Form, FormField, Wrapping
from proxy.core.upload import Fields, Head, Token
from tests.kit.forms import READERS, Part, boundary_of, by_aiohttp

TOKEN = Token("t" * 43)
SECRET = b"s" * 32
HOST = (b"Host", b"h.test")
JPEG = (b"Content-Type", b"image/jpeg")
NAMED = (b"Content-Disposition", b'attachment; filename="photo.jpg"')
FORM = Form("file", "upload.bin", (FormField("title", b"x-title"),))

Read = Callable[[bytes, bytes], list[Part]]
each_reader = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


def head(*fields: tuple[bytes, bytes]) -> Head:
    return Head("PUT", "/photos?x=%7E", fields)


def fields_of(*fields: tuple[bytes, bytes]) -> Fields:
    return Wrapping(FORM, SECRET).wrapped(head(*fields), TOKEN)[0].fields


def content_of(
    *fields: tuple[bytes, bytes], form: Form = FORM, body: bytes = b"body"
) -> tuple[bytes, bytes]:
    """The type and the content of the request."""
    wrapped, around = Wrapping(form, SECRET).wrapped(head(*fields), TOKEN)
    whole = around.before + body + around.after
    assert len(whole) == len(body) + around.size
    return wrapped.lines(b"content-type")[0], whole


def test_the_whole_of_it() -> None:
    request = head(HOST, (b"content-TYPE", b"image/jpeg"), NAMED, (b"X-Title", b"A b"))
    wrapped, around = Wrapping(FORM, SECRET).wrapped(request, TOKEN)
    boundary = boundary_of(wrapped.lines(b"content-type")[0])
    assert (wrapped.method, wrapped.target) == (request.method, request.target)
    assert wrapped.fields == (
        HOST,
        (b"content-TYPE", b"multipart/form-data; boundary=" + boundary),
        (b"X-Title", b"A b"),
    )
    assert around.before == (
        b"--" + boundary + b"\r\n"
        b'Content-Disposition: form-data; name="title"\r\n'
        b"\r\n"
        b"A b\r\n"
        b"--" + boundary + b"\r\n"
        b'Content-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n"
        b"\r\n"
    )
    assert around.after == b"\r\n--" + boundary + b"--\r\n"


def test_what_the_client_does_not_say() -> None:
    media_type, content = content_of(HOST)
    assert b'name="file"; filename="upload.bin"\r\n' in content
    assert b"Content-Type: application/octet-stream\r\n\r\nbody\r\n" in content
    assert b"title" not in content
    assert fields_of(HOST) == (HOST, (b"Content-Type", media_type))


@pytest.mark.parametrize(
    "field",
    [
        (b"Content-Encoding", b"gzip"),
        (b"Content-MD5", b"x"),
        (b"Content-Range", b"bytes 0-3/4"),
        (b"CONTENT-DIGEST", b"sha-256=:x:"),
        (b"Repr-Digest", b"sha-256=:x:"),
        (b"Unencoded-Digest", b"sha-256=:x:"),
        (b"Digest", b"x"),
        (b"Content-Disposition", b"inline"),
    ],
)
def test_what_is_true_of_the_body_only_is_not_said_of_the_form(
    field: tuple[bytes, bytes],
) -> None:
    assert fields_of(HOST, field, JPEG)[:1] == (HOST,)
    assert len(fields_of(HOST, field, JPEG)) == 2


def test_but_it_can_be_told_in_the_form() -> None:
    digest = FormField("digest", b"repr-digest")
    form = Form("file", "x", (digest, FormField("lines", b"x-line")))
    lines = ((b"Repr-Digest", b"sha-256=:x:"), (b"X-Line", b"a"), (b"x-line", b"b"))
    _, content = content_of(HOST, *lines, form=form)
    assert b'name="digest"\r\n\r\nsha-256=:x:\r\n--' in content
    assert b'name="lines"\r\n\r\na, b\r\n--' in content


def test_all_else_stays_as_it_is_and_where_it_is() -> None:
    others = (HOST, (b"b", b"1"), (b"A", b"\xff"), (b"Content-Language", b"de"))
    two = (*others, JPEG, (b"b", b"2"), (b"Content-Type", b"image/png"))
    names = [name for name, _ in fields_of(*two)]
    assert names == [b"Host", b"b", b"A", b"Content-Language", b"Content-Type", b"b"]


@pytest.mark.parametrize(
    "media_type",
    [b"multipart/form-data; boundary=x", b"Multipart/Form-Data ;boundary=x"],
)
def test_what_is_a_form_already_stays_one(media_type: bytes) -> None:
    request = head(HOST, (b"Content-Type", media_type), NAMED)
    wrapped, around = Wrapping(FORM, SECRET).wrapped(request, TOKEN)
    assert wrapped is request
    assert around is NOTHING
    assert around.size == 0


def test_the_boundary_is_that_of_the_upload_and_of_the_secret() -> None:
    """The same for every attempt; known to no client, which knows the token."""

    def boundary(secret: bytes, token: str) -> bytes:
        wrapping = Wrapping(FORM, secret)
        return wrapping.wrapped(head(HOST), Token(token * 43))[1].after

    one = boundary(SECRET, "t")
    assert len(one) == len(b"\r\n--" + b"--\r\n") + 48
    assert one == boundary(SECRET, "t")
    assert len({one, boundary(SECRET, "u"), boundary(b"o" * 32, "t")}) == 3


@pytest.mark.parametrize("name", [b"Content-Type", b"X-Title"])
@pytest.mark.parametrize("broken", [b"a\r\nX: b", b"a\nb", b"a\rb", b"a\0b"])
def test_a_record_that_would_break_out_of_its_line_is_lost(
    name: bytes, broken: bytes
) -> None:
    """P11."""
    with pytest.raises(UploadLost, match="line break"):
        content_of(HOST, (name, broken))


@each_reader
@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_readers_get_the_body_the_name_and_the_fields(read: Read, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    title = (b"X-Title", "Größe, “quoted”".encode())
    form = content_of(HOST, JPEG, NAMED, title, body=body[:size])
    assert read(*form) == [
        Part("title", title[1]),
        Part("file", body[:size], "photo.jpg", "image/jpeg"),
    ]


BREAKS = st.text("\r\n-abt\x00\xff", max_size=40).map(
    lambda text: text.encode("latin-1")
)


@each_reader
@given(body=st.binary(max_size=200) | BREAKS)
def test_no_body_ends_its_part(read: Read, body: bytes) -> None:
    """Not even one that has the token in it, with everything around it."""
    guess = (
        b"\r\n--" + TOKEN.encode() + b'--\r\nContent-Disposition: form-data; name="x"'
    )
    for content in (body, body + guess + body):
        [part] = read(*content_of(HOST, JPEG, body=content))
        assert (part.name, part.content) == ("file", content)


@each_reader
@pytest.mark.parametrize(
    "name",
    [
        'a"b.jpg',
        'a"; name="evil',
        "a;b=c.jpg",
        "100%.jpg",
        "100%25.jpg",
        "Prüfung €.jpg",
        "\U0001f4f7 photo.jpg",
        "a'b`c.jpg",
        "name=x; filename=y",
        "=?utf-8?q?a?=",
        "a" * 300,
    ],
)
def test_readers_get_a_name_as_browsers_write_it(read: Read, name: str) -> None:
    said = name.replace("\\", "\\\\").replace('"', '\\"').encode()
    disposition = (b"Content-Disposition", b'attachment; filename="%b"' % said)
    [part] = read(*content_of(HOST, JPEG, disposition))
    # some make a quote of its escape again
    filename = (part.filename or "").replace('"', "%22")
    assert (part.name, filename) == ("file", name.replace('"', "%22"))


@each_reader
@given(said=st.binary(max_size=60).filter(lambda said: not set(said) & set(b"\r\n\0")))
def test_no_name_makes_another_form(read: Read, said: bytes) -> None:
    # of a name with two semicolons in it aiohttp reads nothing, whoever has sent it
    assume(read is not by_aiohttp or said.count(b";") < 2)
    for disposition in (b"attachment; " + said, b'x; filename="' + said + b'"'):
        form = content_of(HOST, JPEG, (b"Content-Disposition", disposition))
        [part] = read(*form)
        assert (part.name, part.content) == ("file", b"body")
        assert part.filename
