"""The types of the model's fields: how each is read, written, and shown to editors.

A ``Kind`` joins a function of ``quantities`` or ``places`` with the way back to text
and a JSON Schema, whose title names the kind in the documents. A list may also be
written as one text with commas, because a variable holds nothing else. The one
invariant: what a kind writes, it reads as the same value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from proxy import addresses
from proxy.core.auth import Source

from . import forms, places, quantities

REFERENCE_PATTERN: Final = r"\$\{"
"""Text that refers to a variable: what it will be, no editor can know."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to write a value, told to pydantic by the hooks it looks for."""

    title: str
    read: Callable[[object], Any]
    """Raises WrongValue."""
    write: Callable[[Any], Any] = str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    """JSON Schema of one value, without title."""
    nullable: bool = False
    many: bool = False
    """A list of such values; one alone need not be written as a list."""
    least: int = 0
    """Items there have to be, at least; for a list."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema: CoreSchema = core_schema.no_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                self.write, when_used="json"
            ),
        )
        if self.many:
            items = core_schema.tuple_variable_schema(schema, min_length=self.least)
            schema = core_schema.no_info_before_validator_function(listed, items)
        return core_schema.nullable_schema(schema) if self.nullable else schema

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        if not self.many:
            null = [{"type": "null"}] if self.nullable else []
            shape = {"anyOf": [self.schema, *null]} if null else self.schema
            return {"title": self.title, **shape}
        array = {"type": "array", "items": self.schema, "minItems": self.least}
        return {"title": self.title, "anyOf": [array, self.schema]}


def listed(value: object) -> object:
    """A list, from a list, from text with commas between items, or from one number."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return [value] if type(value) is int else value


def _same(value: Any) -> Any:
    return value


def _quantity(pattern: str, *examples: str) -> dict[str, Any]:
    return {
        "type": ["string", "number"],
        "minimum": 0,
        "pattern": f"{pattern}|{REFERENCE_PATTERN}",
        "examples": list(examples),
    }


def _text(*examples: str) -> dict[str, Any]:
    return {"type": "string", "examples": list(examples)}


def _or_reference(**schema: Any) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "string", "pattern": REFERENCE_PATTERN}]}


_SIZE_TITLE: Final = "size; a plain number is bytes"
_DURATION_TITLE: Final = "duration; a plain number is seconds"
_ADDRESS_TITLE: Final = "address; host:port, unix:/path, fd:number or fd:name"
_SIZE = _quantity(quantities.SIZE_PATTERN, "64KiB", "10GiB")
_DURATION = _quantity(quantities.DURATION_PATTERN, "10s", "1h30m", "7d")
_ADDRESS = _text("127.0.0.1:8080", "[::1]:8080", "unix:/run/upload-proxy.sock", "fd:3")
_VERSION = _or_reference(enum=[*quantities.INTEROP_VERSIONS, "rfc"])

Size = Annotated[int, Kind(_SIZE_TITLE, quantities.size, quantities.size_text, _SIZE)]
HeadSize = Annotated[
    int, Kind(_SIZE_TITLE, quantities.head_size, quantities.size_text, _SIZE)
]
PieceSize = Annotated[
    int, Kind(_SIZE_TITLE, quantities.piece_size, quantities.size_text, _SIZE)
]
Bound = Annotated[
    int | None,
    Kind(_SIZE_TITLE, quantities.bound, quantities.size_text, _SIZE, nullable=True),
]
Reserve = Annotated[
    int | None,
    Kind(_SIZE_TITLE, quantities.size, quantities.size_text, _SIZE, nullable=True),
]
Duration = Annotated[
    float,
    Kind(_DURATION_TITLE, quantities.duration, quantities.duration_text, _DURATION),
]
Span = Annotated[
    float, Kind(_DURATION_TITLE, quantities.span, quantities.duration_text, _DURATION)
]
Wait = Annotated[
    float | None,
    Kind(
        _DURATION_TITLE,
        quantities.span,
        quantities.duration_text,
        _DURATION,
        nullable=True,
    ),
]
Switch = Annotated[
    bool, Kind("true or false", quantities.switch, _same, _or_reference(type="boolean"))
]
Count = Annotated[
    int,
    Kind("number", quantities.count, _same, _or_reference(type="integer", minimum=1)),
]
Workers = Annotated[
    int,
    Kind(
        "number",
        quantities.workers,
        _same,
        _or_reference(type="integer", minimum=1, maximum=quantities.MOST_WORKERS),
    ),
]
Most = Annotated[
    int | None,
    Kind(
        "number",
        quantities.count,
        _same,
        _or_reference(type="integer", minimum=1),
        nullable=True,
    ),
]
Versions = Annotated[
    tuple[int | Literal["rfc"], ...],
    Kind(
        "list of interop versions",
        quantities.version,
        _same,
        _VERSION,
        many=True,
        least=1,
    ),
]
Address = Annotated[
    addresses.Address, Kind(_ADDRESS_TITLE, places.address, str, _ADDRESS)
]
Addresses = Annotated[
    tuple[addresses.Address, ...],
    Kind(
        "list of addresses; host:port, unix:/path, fd:number or fd:name",
        places.address,
        str,
        _ADDRESS,
        many=True,
        least=1,
    ),
]
Networks = Annotated[
    tuple[places.Network, ...],
    Kind(
        "list of networks", places.network, str, _text("10.0.0.0/8", "::1"), many=True
    ),
]
OriginUrl = Annotated[
    str,
    Kind("URL", places.origin_url, str, _text("http://127.0.0.1:3000", "unix:/run/a")),
]
PublicUrl = Annotated[
    str | None,
    Kind("URL", places.public_url, str, _text("https://a.example"), nullable=True),
]
AuthRequest = Annotated[
    str | None,
    Kind(
        "origin, or URL",
        places.auth_request,
        str,
        _text("origin", "http://127.0.0.1:4181/auth"),
        nullable=True,
    ),
]
AuthPath = Annotated[str, Kind("path", places.auth_path)]
Sources = Annotated[
    tuple[Source, ...],
    Kind(
        "list of request:FIELD and answer:FIELD",
        places.source,
        str,
        _text("answer:x-auth-user", "request:authorization"),
        many=True,
    ),
]
WebOrigins = Annotated[
    tuple[str, ...],
    Kind(
        "list of origins",
        places.web_origin,
        str,
        _text("https://a.example", "*"),
        many=True,
    ),
]
HeaderNames = Annotated[
    tuple[str, ...],
    Kind(
        "list of field names",
        places.header_name,
        str,
        _text("X-CSRF-Token"),
        many=True,
    ),
]
UploadsPath = Annotated[str, Kind("path", places.uploads_path)]
Directory = Annotated[
    Path, Kind("directory", places.directory, schema={"type": ["string", "null"]})
]
File = Annotated[
    Path | None,
    Kind("file", places.file, schema=_text("/etc/upload-proxy/tls.pem"), nullable=True),
]
LinesTo = Annotated[
    Path | Literal["stdout", "off"] | None,
    Kind(
        "file, stdout or off",
        places.lines_to,
        schema=_text("/var/log/upload-proxy/access.log", "stdout", "off"),
        nullable=True,
    ),
]
HostNames = Annotated[
    tuple[str, ...],
    Kind("list of hosts", places.host, str, _text("uploads.a.example"), many=True),
]
ServerName = Annotated[str | None, Kind("host", places.host, nullable=True)]
Methods = Annotated[tuple[str, ...], Kind("list of methods", places.method, many=True)]
Paths = Annotated[
    tuple[str, ...], Kind("list of paths", places.path_pattern, many=True)
]
MediaTypes = Annotated[
    tuple[str, ...], Kind("list of media types", places.media_type, many=True)
]
FormName = Annotated[str, Kind("name", forms.field_name)]
FileName = Annotated[str, Kind("file name", forms.file_name)]
KeptHeader = Annotated[str, Kind("field name", forms.kept_header)]
RouteName = Annotated[str, Kind("name", places.route_name)]
Host = Annotated[str | None, Kind("host", places.host_pattern, nullable=True)]
