"""Who may see the uploads page, and who may do something there: pure rules.

The page has no password, as nothing on this listener has one: who reaches it is an
operator. But a browser reaches whatever its user reaches, for every site that it shows.
So no page but ours may read or act: not one of another origin, nor one whose name was
made to point here (DNS rebinding), which is of our origin to the browser. The one
invariant: what is not understood is refused.

Source: RFC 9110 "Host and :authority"; Fetch "Sec-Fetch-Site" (Fetch Metadata).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

TOKEN_FIELD: Final = "X-Page-Token"
"""Only a page that has read what we tell can say it; and none of another origin can set
a field like this without asking, which is not answered."""

_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?",
    re.ASCII,
)
_SITES: Final = ("same-origin", "none")
"""`none`: typed, or a bookmark."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator lets the page be."""

    hosts: frozenset[str] = frozenset()
    """Names by which it is asked for, in lower case."""
    acts: bool = True
    """Something can be done there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of where it comes from; None where it does not say."""

    host: str | None
    origin: str | None = None
    site: str | None = None
    token: str | None = None
    media_type: str = ""


def may_look(asked: Asked, hosts: frozenset[str]) -> str:
    """Why what is told here must not be; empty when it may. `hosts`: names of ours."""
    if not is_ours(asked.host, hosts):
        return (
            "this page is asked for by an address, by localhost, or by a name in "
            "admin.hosts"
        )
    if asked.site is not None and asked.site not in _SITES:
        return "not for pages of other sites"
    return ""


def may_act(asked: Asked, hosts: frozenset[str], token: str) -> str:
    """Why nothing may be done; empty when it may. `token`: of this process."""
    refused = may_look(asked, hosts)
    if refused:
        return refused
    if asked.origin is None or not _is_of(asked.origin, asked.host):
        return "only this page may ask for that"
    if asked.media_type != "application/json":
        return "only JSON is taken here"
    if not hmac.compare_digest((asked.token or "").encode(), token.encode()):
        return "the proxy has been started anew; look at the page again"
    return ""


def is_ours(host: str | None, hosts: frozenset[str]) -> bool:
    """No name that somebody else can make point here: an address, which needs none;
    `localhost`, which stays on the machine; or one that the operator has named."""
    match = _AUTHORITY.fullmatch(host or "")
    if match is None:
        return False
    if match["six"]:
        return _is_address(match["six"])
    name = match["name"].lower().removesuffix(".")
    local = name == "localhost" or name.endswith(".localhost")
    return local or name in hosts or _is_address(name)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_of(origin: str, host: str | None) -> bool:
    """A front may speak TLS for us, so either scheme will do."""
    scheme, _, authority = origin.partition("://")
    return scheme in ("http", "https") and authority == host


FIELDS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of everything that is answered here."""
