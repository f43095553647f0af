"""What the operator decided, as the values that the rooms take.

Beside ``app`` the only place that reads the configuration to run by it: rooms get
values, never the configuration. The one invariant: a key is handed on in one place.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from structlog.typing import FilteringBoundLogger

from proxy import __version__
from proxy.addresses import Address, TcpAddress, UnixAddress
from proxy.admin.guards import Terms as PageTerms
from proxy.certificates import Files, client_context, server_context
from proxy.config import Config, Origin, OriginTls, Route
from proxy.config.model import RouteAuth, RouteUploads
from proxy.config.places import ORIGIN
from proxy.core.forms import Form, FormField
from proxy.core.front import Family, Trust
from proxy.core.headers import Passage
from proxy.core.matching import Rule, fits_any_rule
from proxy.core.room import Bounds, default_floor
from proxy.core.upload import DEFAULT_ROUTE, Limits, Token
from proxy.dialects import Dialects
from proxy.dialects.cors import Pages
from proxy.holdings import Holdings
from proxy.recognition import Terms
from proxy.register import Register
from proxy.tally import Tally
from proxy.visit import Manners
from proxy.wire import Shortcut, lacking

if TYPE_CHECKING:
    from proxy.tracing import Tracing

TOKEN_BYTES: Final = 32
"""256 random bits (R93, P11)."""


def page(config: Config) -> PageTerms | None:
    """What the uploads page is; None: there is none."""
    admin = config.admin
    if admin is None or admin.page == "off":
        return None
    acts = admin.page == "act" or (admin.page == "auto" and _is_near(admin.listen))
    return PageTerms(frozenset(admin.hosts), acts)


def admin_hosts(config: Config) -> frozenset[str] | None:
    """Names by which figures may be asked for; None: any.

    Where others than this machine reach the listener, what collects figures comes by
    names that only its network knows.
    """
    admin = config.admin
    if admin is None or not _is_near(admin.listen):
        return None
    return None if isinstance(admin.listen, UnixAddress) else frozenset(admin.hosts)


def _is_near(address: Address) -> bool:
    """Reached from this machine only; what was handed over may be anything."""
    if isinstance(address, UnixAddress):
        return True
    return isinstance(address, TcpAddress) and (
        address.host == "localhost" or _is_loopback(address.host)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def routes(config: Config) -> tuple[Route, ...]:
    """Every way for requests, in order; the last is that of the top level, for what is
    left."""
    default = Route.model_construct(
        name=DEFAULT_ROUTE,
        origin=config.origin,
        uploads=RouteUploads(limits=config.uploads.limits),
        auth=RouteAuth.model_construct(
            request=config.auth.request,
            path=config.auth.path,
            timeout=config.auth.timeout,
        ),
    )
    return (*config.routes, default)


def origin_urls(config: Config) -> frozenset[str]:
    """Where requests may be sent, as the configuration names it."""
    return frozenset(route.origin.url for route in routes(config))


def route_names(config: Config) -> list[str]:
    """What the routes are called, the one of everything else included."""
    return [route.name for route in routes(config)]


def new_pseudonym() -> bytes:
    """Our name in `Via`, the same for all that this process passes on."""
    return f"upload-proxy-{secrets.token_hex(4)}".encode()


def passage(
    config: Config, route: Route, authority: bytes, pseudonym: bytes
) -> Passage:
    """How requests of `route` go on to its origin, whose host and port are
    `authority`."""
    return Passage(
        authority=authority,
        pseudonym=pseudonym,
        family=Family(config.forwarded_header),
        preserve_host=route.origin.preserve_host,
    )


def dialects(config: Config) -> Dialects:
    """The dialects that are spoken, and where."""
    return Dialects(
        uploads=config.uploads.path,
        versions=frozenset(v for v in config.uploads.versions if v != "rfc"),
        rfc="rfc" in config.uploads.versions,
        enabled_for=partial(fits_any_rule, rules=rules(config)),
    )


def rules(config: Config) -> tuple[Rule, ...]:
    """Which requests may become uploads."""
    return tuple(match.rule for match in config.uploads.match)


def pages(config: Config) -> Pages:
    """What pages of other origins may do."""
    cors = config.cors
    return Pages(cors.allow_origins, cors.allow_headers, cors.expose_headers)


def limits(config: Config, route: Route) -> Limits:
    """Those of every new upload of `route`.

    What could never be stored is not promised: no upload is larger than the quota, or
    than all that its principal may have.
    """
    told = route.uploads.limits
    sizes = (told.max_size, config.spool.quota, config.auth.max_bytes)
    bounds = [size for size in sizes if size is not None]
    return Limits(
        max_size=min(bounds, default=None),
        min_size=min([told.min_size, *bounds]),
        max_append_size=told.max_append_size,
        min_append_size=told.min_append_size,
        max_age_s=told.max_age,
    )


def bounds(config: Config, file_system: int) -> Bounds:
    """What the spool may take of a file system of so many bytes."""
    floor = config.spool.free_floor
    return Bounds(
        quota=config.spool.quota,
        floor=default_floor(file_system) if floor is None else floor,
    )


def tally(config: Config, register: Register) -> Tally:
    """The count of open uploads of one process; all have `register` together."""
    return Tally(
        config.uploads.max_per_client,
        config.uploads.max_open,
        Holdings(config.auth.max_uploads, config.auth.max_bytes, register),
        # A supervisor begins no uploads, so it needs no part.
        share=config.workers,
    )


def longest_age_s(config: Config) -> float:
    """Seconds that an upload may be kept of which nobody can tell the route."""
    return max(route.uploads.limits.max_age for route in routes(config))


def manners(config: Config, log: FilteringBoundLogger) -> Manners:
    """How clients are treated."""
    return Manners(
        upload_path=config.uploads.path,
        public_url=config.public_url,
        location=config.location,
        interim_responses=config.interim_responses,
        trust=Trust(
            networks=config.trusted_proxies,
            family=Family(config.forwarded_header),
            certificates=config.tls.pass_client_certificate,
        ),
        header_limit=config.header_limit,
        idle_timeout_s=config.uploads.idle_timeout,
        minimum_rate=config.uploads.minimum_rate,
        shortcut=shortcut(config, log),
        warn_once=_warn_once(log),
    )


def shortcut(config: Config, log: FilteringBoundLogger) -> Shortcut | None:
    """The shortcut of long bodies, where there is one and it is wanted."""
    if config.fast_receive == "off":
        return None
    lacks = lacking()
    if lacks:
        log.debug("long bodies take the ordinary way", lacking=lacks)
        return None
    return Shortcut()


def tls_files(config: Config) -> Files | None:
    """What clients are shown; None: they are served without TLS."""
    told = config.tls
    if told.certificate is None:
        return None
    return Files(
        "tls",
        told.certificate,
        told.key,
        told.client_ca,
        optional=told.client_certificates == "optional",
    )


def form(origin: Origin) -> Form:
    """The form that an origin gets for every upload."""
    told = origin.form
    fields = tuple(FormField(one.name, one.header.encode()) for one in told.fields)
    return Form(told.field, told.filename, fields)


def origin_files(origin: Origin) -> Files:
    """What an origin is shown, and who may vouch for it."""
    told = origin.tls
    return Files("origin.tls", told.certificate, told.key, told.ca, "ca")


def origin_context(origin: Origin) -> ssl.SSLContext | None:
    """How an origin is spoken to; None: without TLS.

    Raises:
        Unusable: by the files of the configuration, it cannot be.
    """
    if not origin.url.startswith("https:"):
        return None
    return client_context(origin_files(origin), verify=origin.tls.verify)


def check_files(config: Config) -> None:
    """See whether everything that the configuration names can be used.

    Raises:
        Unusable: the first that cannot.
    """
    files = tls_files(config)
    if files is not None:
        server_context(files)
    for route in routes(config):
        origin_context(route.origin)


@dataclass(frozen=True, slots=True)
class Asked:
    """An auth server."""

    url: str
    """Scheme, host and port; or a unix socket."""
    target: str
    tls: OriginTls | None
    """As that of the origin that it is; None: one that the system's authorities vouch
    for."""
    preserve_host: bool
    """It gets the `Host` of the client."""
    timeout_s: float


def asked(route: Route) -> Asked | None:
    """Who says which uploads of `route` may go to its origin; None: nobody has to."""
    told, origin = route.auth, route.origin
    if told.request is None:
        return None
    if told.request == ORIGIN:
        preserve = origin.preserve_host
        return Asked(origin.url, told.path, origin.tls, preserve, told.timeout)
    parts = urlsplit(told.request)
    target = urlunsplit(("", "", parts.path, parts.query, ""))
    url = f"{parts.scheme}://{parts.netloc}"
    return Asked(url, target, None, preserve_host=False, timeout_s=told.timeout)


def recognises(config: Config) -> bool:
    """Somebody is asked who may upload, or uploads belong to somebody."""
    asks = any(route.auth.request is not None for route in routes(config))
    return asks or bool(config.auth.principal)


def terms(config: Config, key: bytes) -> Terms:
    """How clients are recognised, with the secret of the spool."""
    told = config.auth
    return Terms(told.principal, told.remember, config.uploads.path, key)


def tracing(config: Config, log: FilteringBoundLogger) -> Tracing | None:
    """Where spans go; None: nowhere, and the library is not even loaded.

    Raises:
        ImportError: it is not there.
    """
    if config.tracing.export == "off":
        return None
    from proxy.tracing import Tracing

    return Tracing(log, __version__)


def new_token() -> Token:
    """A token that nobody has had and nobody can guess."""
    return Token(secrets.token_urlsafe(TOKEN_BYTES))


def _warn_once(log: FilteringBoundLogger) -> Callable[[str], None]:
    said: set[str] = set()

    def warn(text: str) -> None:
        if text not in said:
            said.add(text)
            log.warning(text)

    return warn
