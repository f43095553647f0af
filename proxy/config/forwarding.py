"""The keys of what goes to applications, and of who is asked first.

As in ``model``: what stands under a field is its documentation.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    ValidationInfo,
    field_validator,
)

from proxy.core.auth import Place, Source

from . import kinds
from .quantities import (
    WrongValue,
)
from .section import Section, not_alone


class OriginTls(Section):
    """How https origins are trusted, and how they are shown who asks."""

    ca: kinds.File = None
    """Authorities that may vouch for it, in PEM; null: those of the system."""
    certificate: kinds.File = None
    """The certificate that it is shown when it asks for one, in PEM; null: none. A new
    one is taken as that of `tls.certificate` is."""
    key: kinds.File = None
    """Its private key, in PEM and without a password; null: in the same file."""
    server_name: kinds.ServerName = None
    """The name that it is asked for and that its certificate has to have; null: the
    host of `url`."""
    verify: kinds.Switch = True
    """Whether its certificate has to be valid for that name.

    Danger: with false anybody on the way can pass for the origin, and read and change
    every request, credentials and answers among them. Say whom to believe by `ca`
    instead."""

    @field_validator("key")
    @classmethod
    def _with_certificate(cls, value: Any, info: ValidationInfo) -> Any:
        return not_alone(value, info)


class FormField(Section):
    """A field of the form that is told what a field of the request says."""

    name: kinds.FormName
    """What the form calls it."""
    header: kinds.KeptHeader
    """The field of the request that begins the upload; when that has none, neither has
    the form."""


class Form(Section):
    """The form that the origin gets with `wrap: multipart`."""

    field: kinds.FormName = "file"
    """The name of the field that is the file."""
    filename: kinds.FileName = "upload.bin"
    """The name of the file where the client gives none by Content-Disposition."""
    fields: tuple[FormField, ...] = ()
    """Further fields, in this order before the file: a list of {name, header}, where
    `name` is that of the field in the form, and `header` that of the field of the
    creation request whose value it gets. One that the request does not have is left
    out.

    Danger: clients say what is in them, and can send a form of their own instead."""


class Origin(Section):
    """The application that gets every upload as one ordinary request."""

    url: kinds.OriginUrl
    """Where it is: http or https with host and port, or unix: and the path of a socket.
    No path of a URL: requests keep theirs. The one key that has to be set."""
    preserve_host: kinds.Switch = True
    """Send the Host field of the client; false sends the host of `url`."""
    connect_timeout: kinds.Span = 5.0
    """How long a connection to it may take."""
    response_timeout: kinds.Span = 300.0
    """How long it may take to answer once it has the whole request.

    Danger: past it nobody knows whether the upload took effect; too short a time turns
    slow successes into unknown outcomes."""
    retry_for: kinds.Duration = 5.0
    """How long a client that waits for its answer is held while the origin is down.
    After that it gets 503 and may come back; the upload is tried on without it.
    Requests that are no uploads are not held."""
    max_forwards: kinds.Count = 16
    """Uploads that are sent to it at the same time; the rest wait, oldest first."""
    unknown_outcome: Literal["keep", "repeat"] = "keep"
    """What happens when a whole upload was sent and no answer came: keep it for the
    operator, or repeat the request, with an Idempotency-Key from the first time on.

    Danger: repeat can make the origin store an upload twice, unless it honours that
    field."""
    credentials: Literal["creation", "finishing"] = "creation"
    """Whose Authorization and Cookie it gets: those of the request that began the
    upload, or those of the one that finished it, if the first had them at all. Set
    `auth.principal`, and only those of whom it belongs to are taken."""
    wrap: Literal["raw", "multipart"] = "raw"
    """How it gets an upload: raw, as it came, or multipart, as a file in a form of
    multipart/form-data, which is described under `form`. One that is a form already
    goes as it came, and so do requests that are no uploads."""
    form: Form = Form()
    """The form that the origin gets with `wrap: multipart`."""
    tls: OriginTls = OriginTls()
    """How https origins are trusted, and how they are shown who asks."""


class Auth(Section):
    """Who may upload. Requests that are no uploads are not looked at: they go to the
    origin, which decides about them itself."""

    request: kinds.AuthRequest = None
    """Who is asked whether a request may become an upload, and again before the upload
    is sent on: the URL of an auth server, or origin for the origin that would get it.
    It gets a GET without content and with the client's fields, and the method and
    target in X-Forwarded-Method and X-Forwarded-Uri. 2xx lets the request through;
    another answer below 500, but for 304, is given to the client. null: nobody is
    asked.

    Danger: the credentials of clients go there; over http, so that all on the way can
    read them."""
    path: kinds.AuthPath = "/auth"
    """What is asked for where `request` is origin."""
    timeout: kinds.Span = 5.0
    """How long one such question may take, the way there and the answer included. After
    that the client gets 503, and a complete upload is tried on."""
    principal: kinds.Sources = ()
    """Fields whose values together say whose an upload is: request:FIELD of the client,
    answer:FIELD of the auth server. Whoever has other values gets 404 on the upload as
    if there were none; who has none of them cannot begin one. Empty: whoever has the
    URL of an upload has the upload.

    Danger: clients write the fields of requests as they like; use only one that holds a
    secret or that a front removes from them. With a token that changes, such as
    request:authorization, a client with a new one is a stranger to its own upload. When
    this list is changed, all are."""
    remember: kinds.Duration = 5.0
    """How long it is remembered of a client whose upload it may be, where that takes an
    answer of the auth server, before it is asked again. 0: not at all.

    Danger: so long can somebody go on with an upload who may not do so any more."""
    max_uploads: kinds.Most = None
    """Uploads that one principal may have at the same time, from their beginning until
    the origin has answered; one more is refused with 429. null: no limit."""
    max_bytes: kinds.Bound = None
    """Bytes of all of these together, each with its length, or what came of it as long
    as that is not known. More are refused with 429, and where nothing is announced,
    with 413 once they come; with 413 as well a single upload of more, and clients are
    told no larger `max_size` than this. null: no limit."""

    @field_validator("principal")
    @classmethod
    def _principal(
        cls, value: tuple[Source, ...], info: ValidationInfo
    ) -> tuple[Source, ...]:
        asked = info.data.get("request", "") is not None
        for source in value:
            if source.place is Place.ANSWER and not asked:
                raise WrongValue(
                    "fields of the request, as nobody is asked for an answer",
                    'the key is "request"',
                    got=str(source),
                )
        return value

    @field_validator("max_uploads", "max_bytes")
    @classmethod
    def _of_somebody(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and not info.data.get("principal", True):
            raise WrongValue("a principal to go with it", 'the key is "principal"')
        return value
