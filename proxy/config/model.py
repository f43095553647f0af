"""The configuration as one frozen, checked value: every key, its default, its meaning.

What stands under a field is its documentation: it goes into the JSON Schema, the
reference file and ``docs/configuration.md``, a paragraph that starts with "Danger:"
included. Sizes are bytes, durations seconds, once they are in here. The one invariant:
a key that is here has an effect; what the program cannot do yet has no key.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from proxy.addresses import TcpAddress
from proxy.core.auth import Place, Source
from proxy.core.matching import Rule

from . import kinds, places
from .quantities import (
    INTEROP_VERSIONS,
    WrongValue,
    duration_text,
    size_within,
)
from .routes import completed, named_twice, never_taken, nobody_asked
from .together import shared_with_clients, without_effect


class Section(BaseModel):
    """A group of keys. One of which nothing is said has its defaults."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_said(cls, value: Any) -> Any:
        # "uploads:" with every line below it commented out is null in YAML
        return {} if value is None else value


def _not_alone(value: Any, info: ValidationInfo) -> Any:
    """`value`, unless it goes with a certificate that is not there.

    Raises:
        WrongValue: so it is.
    """
    if value is not None and info.data.get("certificate", value) is None:
        raise WrongValue("a certificate to go with it", 'the key is "certificate"')
    return value


class Tls(Section):
    """TLS for clients, version 1.2 or newer. For every TCP listener there is, those of
    clients and not that of operators; unix sockets stay plain."""

    certificate: kinds.File = None
    """The certificate and those that lead to an authority, in this order, in PEM; null:
    no TLS. It is looked at every few seconds: a new one is served to the connections
    that come after, and one that cannot be used is told and not taken."""
    key: kinds.File = None
    """Its private key, in PEM and without a password; null: in the same file.

    Danger: whoever can read it can pass for this server."""
    client_ca: kinds.File = None
    """Authorities, in PEM, by which clients show certificates; null: nobody is asked
    for one. Who it is that the certificate names is not looked at.

    Danger: with the authorities of the public web in it, everybody has such a one."""
    client_certificates: Literal["required", "optional"] = "required"
    """Whether a client without a certificate of `client_ca` is refused, or served as
    well. One that shows another certificate is refused in either case.

    Danger: with optional a certificate keeps nobody out by itself; the origin, or
    `auth`, has to look at what `pass_client_certificate` tells."""
    pass_client_certificate: kinds.Switch = False
    """Whether the origin is told which certificate the client has shown, in the field
    Client-Cert (RFC 9440). Then that field, and Client-Cert-Chain, are taken from
    everybody but trusted fronts. false: nothing is told, and whatever clients say in
    such fields goes on as any other field does.

    Danger: an origin that believes this field must not be reached past the proxy."""

    @field_validator("key", "client_ca")
    @classmethod
    def _with_certificate(cls, value: Any, info: ValidationInfo) -> Any:
        return _not_alone(value, info)

    @field_validator("client_certificates", "pass_client_certificate")
    @classmethod
    def _of_somebody(cls, value: Any, info: ValidationInfo) -> Any:
        if value in ("optional", True) and info.data.get("client_ca", True) is None:
            raise WrongValue("authorities to go with it", 'the key is "client_ca"')
        return value


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
        return _not_alone(value, info)


class Admin(Section):
    """What operators and containers ask."""

    listen: kinds.Address = TcpAddress("127.0.0.1", 9090)
    """Where /livez, /readyz, /metrics, /drain, /reload and /uploads are answered.

    Danger: whoever reaches it can stop the proxy; keep it off public networks."""
    page: Literal["auto", "off", "look", "act"] = "auto"
    """The page on which uploads are seen, /uploads. act: uploads of unknown outcome
    can be sent once more there, and uploads removed; look: nothing can be done; auto:
    act where `listen` is an address of this machine only or a unix socket, else look.

    Danger: with act whoever reaches it can remove uploads."""
    hosts: kinds.HostNames = ()
    """Names by which the page is asked for, beside addresses and localhost: others
    could be made to point here by anybody, to read it in an operator's browser. Where
    `listen` is an address of this machine only, /metrics and GET /drain as well."""


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


class Match(Section):
    """One kind of request; what is not said fits every request."""

    methods: kinds.Methods = ()
    """Methods, in capitals."""
    paths: kinds.Paths = ()
    """Paths as they stand in the request, not decoded; * stands for any characters."""
    media_types: kinds.MediaTypes = ()
    """Media types of the content, without parameters; image/* for all images."""
    host: kinds.Host = None
    """Host of the request, without port; *.example.com for every name below it."""

    @property
    def rule(self) -> Rule:
        """The same, to be held against requests."""
        return Rule(self.methods, self.paths, self.media_types, self.host)


class Limits(Section):
    """What an upload may be: told to clients, and fixed for each when it begins."""

    max_size: kinds.Bound = None
    """Bytes of a whole upload; null: no limit but `spool.quota`.

    Danger: without a limit one client can take up all the room that the spool has."""
    min_size: kinds.Size = 0
    """Bytes below which an upload is not made resumable. It is not refused."""
    max_append_size: kinds.Bound = None
    """Bytes of one request of an upload; null: no limit. Of use when something in front
    refuses large requests."""
    min_append_size: kinds.Size = 0
    """Bytes of every request of an upload but the last."""
    max_age: kinds.Span = 86400.0
    """How long an upload is kept after its last byte; at most seven times as long after
    its beginning."""

    @field_validator("min_size")
    @classmethod
    def _min_size(cls, value: int, info: ValidationInfo) -> int:
        return size_within(value, "max_size", info.data)

    @field_validator("min_append_size")
    @classmethod
    def _min_append_size(cls, value: int, info: ValidationInfo) -> int:
        return size_within(value, "max_append_size", info.data)


class Uploads(Section):
    """Which requests become uploads, and how long they and their answers are kept."""

    path: kinds.UploadsPath = "/resumable_upload/"
    """Path below which upload resources live, with a slash at both ends. Requests below
    it never reach the origin."""
    match: tuple[Match, ...] = ()
    """Which requests may become uploads: a list of {methods, paths, media_types, host},
    where all that one item says has to fit. Empty: every request that asks for it.
    Others are passed through."""
    versions: kinds.Versions = INTEROP_VERSIONS
    """Versions of the protocol that are spoken; rfc adds requests that name no version.

    Danger: the drafts forbid the interim response 104 to clients that name no version
    until the RFC is out; some may not survive it."""
    limits: Limits = Limits()
    """What an upload may be."""
    max_open: kinds.Most = 100_000
    """Uploads that may be open in all, from their beginning until the origin has
    answered; one more is refused with 507. null: no limit. To count one takes about 200
    bytes of memory; a round through so many records, some minutes.

    Danger: what clients begin and abandon counts until `limits.max_age` has passed."""
    max_per_client: kinds.Most = None
    """Uploads that one client may have at the same time, from their beginning until the
    origin has answered; one more is refused with 429. null: no limit. A client is an
    address, as far as trusted fronts tell; of IPv6, the first 64 bits of one.

    Danger: users behind one address share it, and behind a front that is not in
    trusted_proxies all users do."""
    keep_answer: Annotated[kinds.Duration, Field(validate_default=True)] = 3600.0
    """How long the origin's answer is kept for a client that lost it; at most
    `limits.max_age`. Its status is kept as long as the upload."""
    keep_answer_size: kinds.Size = 2**20
    """Bytes of an answer's content that are kept. A larger one still reaches the client
    that waits for it, but cannot be had again."""
    idle_timeout: kinds.Span = 60.0
    """How long a client may pause while it sends; then its request is ended and what it
    sent is kept."""
    minimum_rate: kinds.Size = 0
    """Bytes a second that a client has to send, measured over a minute of waiting for
    it; with fewer its request is ended and what it sent is kept. For requests that are
    passed through as well. 0: any rate will do.

    Danger: clients on networks that are slower for a minute are cut again and again,
    and one that cannot resume never gets through."""
    finish_stalled_after: kinds.Wait = None
    """How long after its last byte an upload whose length is reached, but which no
    request has ended, is taken for whole and sent to the origin all the same; null:
    never. For clients that never say which part is the last, such as tus-js-client in
    Node with a file stream.

    Danger: by the protocol only the client says that an upload is whole; one that meant
    to cancel it now gets it delivered."""

    @field_validator("keep_answer")
    @classmethod
    def _keep_answer(cls, value: float, info: ValidationInfo) -> float:
        limits = info.data.get("limits")
        if limits is not None and value > limits.max_age:
            longest = f"at most limits.max_age ({duration_text(limits.max_age)})"
            raise WrongValue(longest, got=duration_text(value))
        return value


class Spool(Section):
    """Where the bytes of uploads rest until the origin has them."""

    directory: kinds.Directory = Field(default_factory=places.default_directory)
    """A directory on a disk with room for every upload that is under way. It is made
    when it is not there, and used with the rights it has when it is. A relative path
    starts where the command was started. null: STATE_DIRECTORY where systemd sets it,
    else upload-proxy below XDG_STATE_HOME or ~/.local/state.

    Danger: on a disk in memory, or one that goes with the container, uploads are lost
    when that goes."""
    sync: Literal["acknowledged", "never"] = "acknowledged"
    """When bytes are forced to the disk: before a client is told that they are here, or
    never.

    Danger: with never, a power failure can take bytes that clients were told are safe;
    they have to start over."""
    memory_threshold: kinds.PieceSize = 2**20
    """Bytes of an upload, and no more, that is kept in memory as long as it need not be
    on the disk: when it comes in one piece and the origin answers within a second, the
    disk is not touched. All of them together take 16 MiB in each process, and as much
    for answers; what finds no room there is on the disk. 0: every upload is on the disk
    from its beginning.

    Danger: when the process dies, such an upload and its answer are gone, and a client
    that was waiting for it starts over, though the origin may have had it. Clients that
    were told an offset lose nothing."""
    quota: kinds.Bound = None
    """Bytes that all stored bodies, answers and records may take; null: no bound but
    `free_floor`. An upload that is larger is refused with 413, one that does not fit
    just now with 507. Clients are told no larger `max_size` than this. Kept answers
    count, and are stored even when that takes it over.

    Danger: what clients begin and abandon counts until `uploads.limits.max_age` has
    passed."""
    free_floor: kinds.Reserve = None
    """Bytes that stay free on the spool's file system: an upload that would take more
    is refused with 507, and with fewer free /readyz says 503. null: the smaller of 1GiB
    and a twentieth of the file system. 0: nobody looks how much is free.

    Danger: with 0 the disk can be filled to its last byte, and uploads break off in the
    middle."""


class Cors(Section):
    """What pages of other origins may do, by browsers' rules (CORS)."""

    allow_origins: kinds.WebOrigins = ()
    """Origins whose pages may upload, such as https://app.example, or "*" for all. For
    these the proxy answers preflights and replaces the origin's CORS fields.

    Danger: with "*" every page on the web may upload from its visitors' browsers."""
    allow_headers: kinds.HeaderNames = ()
    """Fields that their requests may have, such as X-CSRF-Token, beside those of the
    protocol, `Authorization`, `Content-Type`, `Content-Disposition` and a few more."""
    expose_headers: kinds.HeaderNames = ()
    """Fields of answers that their scripts may read beside those of the protocol,
    `Location` and `Retry-After`."""


class AccessLog(Section):
    """The lines about requests, one for each."""

    file: kinds.LinesTo = None
    """Where they go: stdout, a file that is opened anew on SIGUSR1 as `log.file` is, or
    off for nowhere; null: they stand among the other lines, as far as `log.level`
    allows. On their own all of them are written, whatever `log.level` says."""


class Log(Section):
    """What is written to the log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    format: Literal["console", "json"] = "console"
    """Lines for people, or one JSON object a line."""
    file: kinds.File = None
    """A file to which lines are added; null: standard error. It is opened anew on
    SIGUSR1, so that it can be renamed before: see docs/operations.md."""
    access: AccessLog = AccessLog()
    """The lines about requests, one for each."""


class Tracing(Section):
    """Spans of requests and forwards, by OpenTelemetry."""

    export: Literal["off", "otlp"] = "off"
    """Where they go: nowhere, or to a collector by OTLP over HTTP, which the variables
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and their like name and adjust.
    Then requests to the origin have a `traceparent` of ours. Needs the extra `otel`.

    Danger: clients may say that their trace is to be recorded; see docs/operations.md
    on samplers."""


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
    the origin has answered; one more is refused with 429. null: no limit. Each worker
    counts what it has seen."""
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


class RouteUploads(Section):
    limits: Limits = Limits()
    """As `uploads.limits`."""


class RouteSpool(Section):
    memory_threshold: kinds.PieceSize = 2**20
    """As `spool.memory_threshold`."""


class RouteAuth(Section):
    request: kinds.AuthRequest = None
    """As `auth.request`; null: nobody is asked about uploads of this route."""
    path: kinds.AuthPath = "/auth"
    """As `auth.path`, where `request` is origin."""
    timeout: kinds.Span = 5.0
    """As `auth.timeout`."""


class Route(Section):
    """Requests that go another way; what it does not say, the top level says."""

    name: kinds.RouteName
    """What logs and records call it: a letter, then up to 31 of a-z, 0-9, _ and -.

    Danger: uploads belong to the name. When it is gone they wait until it is back; when
    it means another origin by then, they go there."""
    match: Match = Match()
    """Which requests take it: {methods, paths, media_types, host}, where all that is
    said has to fit; nothing said: all of them. For OPTIONS a path or host is enough."""
    origin: Origin
    """The keys of `origin`, as far as they differ."""
    uploads: RouteUploads = RouteUploads()
    """`limits`: the keys of `uploads.limits`, as far as they differ."""
    spool: RouteSpool = RouteSpool()
    """`memory_threshold`, if it differs."""
    auth: RouteAuth = RouteAuth()
    """`request`, `path` and `timeout`: who is asked about its uploads, if that differs;
    null for `request`: nobody."""


def _nowhere(value: Any) -> Any:
    """An admin listener that listens nowhere is none."""
    return None if value in ({"listen": None}, {"listen": "null"}) else value


class Config(Section):
    """The configuration of upload-proxy."""

    listen: kinds.Addresses = (TcpAddress("127.0.0.1", 8080),)
    """Where clients are served: host:port, unix:/path, or sockets that were handed over
    by systemd or another parent: fd:number, or fd:name for all of that name. Or a list
    of these. [::]:8080 has to stand in quotes."""
    workers: kinds.Workers = 1
    """Processes that serve clients, up to 31. With more than one, another process
    starts them, sweeps the spool and answers operators. About as many as there are
    processors: one of them is enough for most networks.

    Danger: what has a bound here has it for all of them together, divided among them,
    so that one that happens to have more of the load reaches its part of it first."""
    reuse_port: kinds.Switch = False
    """Let a second proxy of the same user listen on the same ports while this one still
    runs, if that one allows it, too: so that a new one can begin before the old one
    stops. Where both have an admin listener, either may answer there.

    Danger: a proxy that was started twice by mistake is no longer told so."""
    public_url: kinds.PublicUrl = None
    """URL under which clients reach the proxy, with a path prefix if a front adds one.
    null: taken from the request, and from forwarding fields of trusted proxies, a
    prefix from X-Forwarded-Prefix.

    Danger: a wrong one sends clients elsewhere with their bytes."""
    location: Literal["auto", "absolute", "path"] = "auto"
    """How the URL of an upload is told: absolute, as a path only, or auto: absolute,
    unless there are signs of a front that is not trusted."""
    trusted_proxies: kinds.Networks = ()
    """Networks of fronts whose forwarding fields are believed. The peer of a unix
    socket always is.

    Danger: whoever is in them can claim any client address, scheme, host and prefix."""
    forwarded_header: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    """The family of forwarding fields that fronts set; the other one is dropped. Of the
    first, X-Forwarded-Prefix tells a path prefix that the front took off; the second
    has no word for it.

    Danger: if the front sets the other one, clients can set this one."""
    interim_responses: Literal["auto", "always", "never"] = "auto"
    """Whether clients are told in an interim response 104 where their upload is, while
    they send it. auto: not on HTTP/1.0, and not where a trusted front forbids it by
    X-Upload-Interim: never. Set never behind nginx, which takes it for the answer."""
    header_timeout: kinds.Span = 10.0
    """How long a whole request head may take: the first of a connection from its start,
    later ones from their first byte. One of which only a part has come is answered with
    408; a connection that has said nothing is closed without a word.

    Danger: a front that opens connections before it needs them has to use them within
    this time."""
    header_limit: kinds.HeadSize = 64 * 2**10
    """Bytes of a request's head, all its fields together; more is refused with 431."""
    keepalive_timeout: kinds.Duration = 75.0
    """How long a connection is kept after an answer until the next request begins.
    Longer than the front keeps its connections to us, or it may send into one that is
    just being closed."""
    max_connections: kinds.Count = 20000
    """Connections of clients at the same time, on all listeners together. One more is
    answered with 503 and closed; the others notice nothing.

    Danger: every connection needs a file descriptor, and an upload two or three more;
    where the process may not have as many, that ends them first, and all alike."""
    shutdown_grace: kinds.Duration = 30.0
    """How long requests to the origin may go on once the proxy is told to stop.

    Danger: what stops the proxy has to wait longer than this, or it kills it, and the
    outcome of the uploads that were being forwarded is unknown."""
    tls: Tls = Tls()
    """TLS for clients, version 1.2 or newer. For every TCP listener there is, those of
    clients and not that of operators; unix sockets stay plain."""
    admin: Annotated[Admin | None, BeforeValidator(_nowhere)] = Admin()
    """The listener for operators and containers; null turns it off."""
    origin: Origin
    """The application behind the proxy."""
    uploads: Uploads = Uploads()
    """Which requests become uploads, and how long they and their answers are kept."""
    spool: Spool = Field(default_factory=Spool)
    """Where the bytes of uploads rest until the origin has them."""
    auth: Auth = Auth()
    """Who may upload. Requests that are no uploads are not looked at: they go to the
    origin, which decides about them itself."""
    routes: tuple[Route, ...] = ()
    """Other ways for some requests: a list of {name, match, origin, uploads, spool,
    auth}. The first one that fits a request is taken; what it does not say, and
    requests that fit none, are as `origin`, `uploads.limits`, `spool.memory_threshold`
    and `auth` say. An upload keeps the route that it began with."""
    cors: Cors = Cors()
    """What pages of other origins may do, by browsers' rules (CORS)."""
    fast_receive: Literal["auto", "off"] = "auto"
    """Whether the bytes of long bodies go past the HTTP library: auto where it allows
    that, or off. It costs less CPU and changes nothing else."""
    log: Log = Log()
    """What is written to the log."""
    tracing: Tracing = Tracing()
    """Spans of requests and forwards, by OpenTelemetry."""

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, value: Any) -> Any:
        return completed(value)

    @field_validator("routes")
    @classmethod
    def _routes(
        cls, routes: tuple[Route, ...], info: ValidationInfo
    ) -> tuple[Route, ...]:
        wrong = [*named_twice([route.name for route in routes])]
        wrong += never_taken([route.match.rule for route in routes])
        auth = info.data.get("auth", Auth())
        if any(source.place is Place.ANSWER for source in auth.principal):
            wrong += nobody_asked([route.auth.request for route in routes])
        if wrong:
            raise ValidationError.from_exception_data("routes", wrong)
        return routes

    @model_validator(mode="after")
    def _together(self) -> Self:
        wrong = [*without_effect(self.origin, self.routes)]
        if self.admin is not None:
            wrong += shared_with_clients(self.admin.listen, self.listen)
        if wrong:
            raise ValidationError.from_exception_data("configuration", wrong)
        return self
