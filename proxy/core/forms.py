"""An upload as a form: what stands around its body in multipart/form-data.

For endpoints that know files only as a field of a form. The body itself is not looked
at; a few bytes before it and behind it make it the last part of a form, and its request
one with that form. The boundary is made of a secret that no client knows: who could say
it in a body would end its part there and add fields of their own. The one invariant:
for one upload the form is always the same, byte for byte, so that a request that is
repeated is the same request.

Source: RFC 7578; HTML Standard, "Multipart form data", for what browsers escape.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Final

from .dispositions import file_name
from .errors import UploadLost
from .upload import Fields, Head, Token

MEDIA_TYPE: Final = b"multipart/form-data"
UNKNOWN_TYPE: Final = b"application/octet-stream"
"""What browsers say of a file of whose type nothing is known."""
BOUNDARY_DIGITS: Final = 48
"""Hexadecimal: 192 bits, which no body has by chance. At most 70 are allowed."""

_CONTENT_TYPE: Final = b"content-type"
_OF_THE_BODY: Final = frozenset(
    {
        b"content-disposition",
        b"content-encoding",
        b"content-md5",
        b"content-range",
        b"content-digest",
        b"repr-digest",
        b"unencoded-digest",
        b"digest",
    }
)
"""Fields that are true of the body, and not of a form around it. `Repr-Digest` among
them: what the request encloses is the form now. A part cannot have them either: all but
the two that say its name and its type are to be ignored there (RFC 7578 "Other
'Content-' Header Fields")."""
_ESCAPES: Final = ((b"\r", b"%0D"), (b"\n", b"%0A"), (b'"', b"%22"))


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of the form that is told what a field of the request says."""

    name: str
    header: bytes
    """In lower case."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the endpoint expects."""

    file_field: str
    """The name of the field that is the file."""
    file_name: str
    """The name of the file where its client gives none."""
    fields: tuple[FormField, ...] = ()
    """Further ones, in this order before the file."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is sent around a body: together with it, the content of a request."""

    before: bytes = b""
    after: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.before) + len(self.after)


NOTHING: Final = Around()
"""The body is all of the content."""


@dataclass(frozen=True, slots=True)
class Wrapping:
    """How the uploads of a route become forms."""

    form: Form
    secret: bytes
    """Known to all processes on one spool, and to no client."""

    def wrapped(self, request: Head, token: Token) -> tuple[Head, Around]:
        """The request of the upload `token` as a form, and what of that stands around
        its body. One that is a form already stays as it is.

        Raises:
            UploadLost: a field in the record would break out of its line.
        """
        media_type = next(iter(request.lines(_CONTENT_TYPE)), b"")
        if is_form(media_type):
            return request, NOTHING
        boundary = self._boundary(token)
        before = _before(request, media_type or UNKNOWN_TYPE, self.form, boundary)
        told = MEDIA_TYPE + b"; boundary=" + boundary
        head = replace(request, fields=_of_a_form(request.fields, told))
        return head, Around(before, b"\r\n--%b--\r\n" % boundary)

    def _boundary(self, token: Token) -> bytes:
        digest = hmac.digest(self.secret, b"boundary " + token.encode(), "sha256")
        return digest.hex()[:BOUNDARY_DIGITS].encode()


def is_form(media_type: bytes) -> bool:
    """True for content that is multipart/form-data by its `Content-Type`."""
    return media_type.partition(b";")[0].strip().lower() == MEDIA_TYPE


def _before(request: Head, media_type: bytes, form: Form, boundary: bytes) -> bytes:
    """The parts before the file, and the head of the file's own."""
    said = b""
    for field in form.fields:
        value = request.value(field.header)
        if value is not None:
            said += _start(boundary, field.name) + b"\r\n\r\n"
            said += _of_one_line(value) + b"\r\n"
    said += _start(boundary, form.file_field)
    said += b'; filename="%b"\r\n' % _escaped(_file_name(request, form))
    return said + b"Content-Type: %b\r\n\r\n" % _of_one_line(media_type)


def _start(boundary: bytes, name: str) -> bytes:
    """How a part begins, up to the parameters behind its name."""
    said = b'--%b\r\nContent-Disposition: form-data; name="%b"'
    return said % (boundary, _escaped(name))


def _file_name(request: Head, form: Form) -> str:
    said = next(iter(request.lines(b"content-disposition")), b"")
    return file_name(said) or form.file_name


def _escaped(name: str) -> bytes:
    """A name between quotes, as browsers write it: UTF-8, and no other escapes."""
    octets = name.encode()
    for raw, escape in _ESCAPES:
        octets = octets.replace(raw, escape)
    return octets


def _of_one_line(value: bytes) -> bytes:
    """`value`, which comes from a record, unless it is more than that (P11)."""
    if b"\r" in value or b"\n" in value or b"\0" in value:
        raise UploadLost("the recorded request has a line break inside of a line")
    return value


def _of_a_form(fields: Fields, media_type: bytes) -> Fields:
    """`fields` of a request whose content is a form: its type stands where that of the
    body stood, or behind all others."""
    result = []
    for field in fields:
        name = field[0].lower()
        if name == _CONTENT_TYPE:
            if media_type:
                result.append((field[0], media_type))
            media_type = b""
        elif name not in _OF_THE_BODY:
            result.append(field)
    if media_type:
        result.append((b"Content-Type", media_type))
    return tuple(result)
