"""The products that stand in front: how they show, and which setting mends what.

Some write a `Server` or a `Via` of their own, some do not show at all; then every
product is named that has such a setting. The settings are those of ``config/fronts``,
which are tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum, auto
from typing import Final


class Fault(StrEnum):
    """What a front can do to uploads."""

    COLLECTS = auto()
    """It passes a request on only when it has all of it."""
    CAPS = auto()
    """It refuses long content."""
    SWALLOWS = auto()
    """No 104 comes through."""
    HOLDS = auto()
    """A 104 comes through only with the answer."""
    MISTAKES = auto()
    """It takes a 104 for the answer."""
    IMPATIENT = auto()
    """A pause of the client ends the upload."""
    HURRIES = auto()
    """The answer has to come soon."""
    MISNAMES = auto()
    """It asks for another host, scheme or path than the client did."""


NGINX: Final = "nginx"
HAPROXY: Final = "HAProxy"
APACHE: Final = "Apache"
CADDY: Final = "Caddy"
TRAEFIK: Final = "Traefik"
ENVOY: Final = "Envoy"
VARNISH: Final = "Varnish"
OURSELVES: Final = "upload-proxy"

_SHOWN: Final = {
    "nginx": NGINX,
    "openresty": NGINX,
    "haproxy": HAPROXY,
    "apache": APACHE,
    "caddy": CADDY,
    "traefik": TRAEFIK,
    "envoy": ENVOY,
    "varnish": VARNISH,
}
"""Words in `Server` or `Via`, in lower case."""

SETTINGS: Final[Mapping[Fault, Mapping[str, str]]] = {
    Fault.COLLECTS: {
        NGINX: "proxy_request_buffering off; proxy_http_version 1.1;",
        HAPROXY: "no option http-buffer-request",
        APACHE: "no SetEnv proxy-sendcl",
        CADDY: "no request_buffers in reverse_proxy",
        TRAEFIK: "no buffering middleware",
        ENVOY: "no filter envoy.filters.http.buffer",
    },
    Fault.CAPS: {
        NGINX: "client_max_body_size 0;",
        APACHE: "LimitRequestBody 0",
        CADDY: "no request_body max_size",
        TRAEFIK: "no maxRequestBodyBytes in a buffering middleware",
        ENVOY: "no max_request_bytes in envoy.filters.http.buffer",
    },
    Fault.SWALLOWS: {
        NGINX: "it passes no 104; where clients need one, put another front there",
        TRAEFIK: "no buffering middleware",
        ENVOY: "proxy_100_continue: true in the HTTP connection manager",
        OURSELVES: "interim_responses: auto",
    },
    Fault.HOLDS: {
        APACHE: "none; clients that send Expect: 100-continue hear it in time",
    },
    Fault.MISTAKES: {
        NGINX: "proxy_set_header X-Upload-Interim never; and the address of nginx in "
        "trusted_proxies of upload-proxy",
        VARNISH: "return (pipe) for requests with content",
        OURSELVES: "interim_responses: never",
    },
    Fault.IMPATIENT: {
        NGINX: "client_body_timeout 300s; proxy_send_timeout 300s;",
        HAPROXY: "timeout client 300s",
        APACHE: "RequestReadTimeout body=0, Timeout 330",
        CADDY: "servers { timeouts { read_body_idle 5m } }",
        TRAEFIK: "respondingTimeouts: {readTimeout: 0}",
        ENVOY: "stream_idle_timeout: 300s",
        VARNISH: "-p timeout_idle=300 -p between_bytes_timeout=300",
        OURSELVES: "uploads.idle_timeout",
    },
    Fault.HURRIES: {
        NGINX: "proxy_read_timeout 330s;",
        HAPROXY: "timeout server 330s",
        APACHE: "Timeout 330",
        ENVOY: "timeout: 0s in the route",
        VARNISH: "-p first_byte_timeout=330",
        OURSELVES: "origin.response_timeout",
    },
    Fault.MISNAMES: {
        NGINX: "proxy_set_header Host $http_host; and X-Forwarded-Proto, -Prefix",
        HAPROXY: "http-request set-header X-Forwarded-Proto https, and -Prefix",
        APACHE: "ProxyPreserveHost On; RequestHeader set X-Forwarded-Proto https",
        CADDY: "header_up X-Forwarded-Prefix, where handle_path takes one off",
        TRAEFIK: "passHostHeader: true",
        ENVOY: "request_headers_to_add X-Forwarded-Prefix, with prefix_rewrite",
        OURSELVES: "trusted_proxies with the front's address, or public_url",
    },
}


def recognised(fields: Sequence[tuple[str, str]]) -> str:
    """The product that response fields show; empty when none does.

    The nearest to the client wins: it writes `Server` last, and `Via` at the end.
    """
    told = [value for name, value in fields if name.lower() in ("server", "via")]
    for value in told:
        for member in reversed(value.lower().split(",")):
            for word, product in _SHOWN.items():
                if word in member:
                    return product
    return ""


def settings(fault: Fault, product: str) -> tuple[str, ...]:
    """What to set against `fault` in `product` and here; in every one when it is
    empty, or has no setting for it."""
    known = SETTINGS[fault]
    chosen = (product, OURSELVES) if product in known else tuple(known)
    return tuple(f"{name}: {known[name]}" for name in chosen if name in known)
