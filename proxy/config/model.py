"""The configuration as one frozen, checked value: every key, its default, its meaning.

What stands under a field is its documentation: it goes into the JSON Schema, the
reference file and ``docs/configuration.md``, a paragraph that starts with "Danger:"
included. Sizes are bytes, durations seconds, once they are in here. The one invariant:
a key that is here has an effect; what the program cannot do yet has no key.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from proxy.addresses import TcpAddress
from proxy.core.auth import Place

from . import kinds
from .forwarding import Auth, Origin
from .keeping import Limits, Match, Spool, Uploads
from .routes import completed, named_twice, never_taken, nobody_asked
from .section import Section
from .serving import Admin, Cors, Log, Tls, Tracing
from .together import shared_with_clients, without_effect


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
