"""The keys of listeners, of pages, and of what is told of the work.

As in ``model``: what stands under a field is its documentation.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    ValidationInfo,
    field_validator,
)

from proxy.addresses import TcpAddress

from . import kinds
from .quantities import (
    WrongValue,
)
from .section import Section, not_alone


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
        return not_alone(value, info)

    @field_validator("client_certificates", "pass_client_certificate")
    @classmethod
    def _of_somebody(cls, value: Any, info: ValidationInfo) -> Any:
        if value in ("optional", True) and info.data.get("client_ca", True) is None:
            raise WrongValue("authorities to go with it", 'the key is "client_ca"')
        return value


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
