"""One request on its way through the server: what is known of it, and its few rights.

Gathers what the head, the connection and the operator's manners say together: who asks,
under which id, where its uploads are to be found, and whether and how often it may be
told something before the final response.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from aiohttp import web

from proxy.core.front import Front, Trust
from proxy.core.headers import Passage, upload_to_origin
from proxy.core.intents import Interim, Resumable
from proxy.core.target import origin_form
from proxy.core.upload import Head, Token
from proxy.dialects import Dialect
from proxy.wire import Shortcut, client_present, send_interim

MOST_INTERIMS: Final = 4
"""104s for one request, beside a 100: front proxies turn the sixth to tenth interim
response into a 502."""
_STATUS_104: Final = "104 Upload Resumption Supported"
_FRONT_FIELDS: Final = frozenset(
    {
        b"via",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-forwarded-server",
    }
)


@dataclass(frozen=True, slots=True)
class Manners:
    """How the operator wants clients to be treated."""

    upload_path: str
    """Path below which uploads live, with a slash at both ends."""
    public_url: str | None
    """URL under which clients reach us, without a slash at the end; None: as asked."""
    location: Literal["auto", "absolute", "path"]
    interim_responses: Literal["auto", "always", "never"]
    trust: Trust
    header_limit: int
    """Bytes of a whole request head."""
    idle_timeout_s: float
    """Seconds without a byte after which a body is ended."""
    minimum_rate: int
    """Bytes per second below which a body is ended; 0: never."""
    shortcut: Shortcut | None
    """The shortcut of long bodies; None: they take the ordinary way."""
    warn_once: Callable[[str], None]
    """Logs a warning the first time it is said."""


@dataclass(slots=True)
class Visit:
    """One request, from its head to its answer."""

    request: web.BaseRequest
    head: Head
    front: Front
    manners: Manners
    request_id: str
    dialect: Dialect | None = field(default=None, init=False)
    """How its client is spoken to; None unless it is about an upload."""
    passage: Passage | None = field(default=None, init=False)
    """How it would go on to the origin; None unless it is about an upload."""
    interims_sent: int = field(default=0, init=False)
    locations_sent: int = field(default=0, init=False)
    """Of these, the ones that told where the upload is."""
    _above: str | None = field(default=None, init=False)
    """The URL above those of all uploads, once it was asked for."""
    interims_withheld: int = field(default=0, init=False)
    """Those that this client, or what stands before it, may not have."""

    def locate(self, token: Token) -> str:
        """The URL of an upload as this client can use it (R90).

        The same for every response to one request, and as far as the front says the
        same, for all of an upload.
        """
        if self._above is None:
            self._above = self._uploads_url()
        return self._above + token

    def _uploads_url(self) -> str:
        path = self.manners.upload_path
        if self.manners.public_url is not None:
            return self.manners.public_url + path
        path = self.front.prefix + path
        if self.manners.location == "path" or not self.front.host:
            return path
        if self.manners.location == "auto" and self._front_unknown:
            self.manners.warn_once(
                "requests show a front proxy that is not in trusted_proxies: uploads "
                "are located by path only; set trusted_proxies or public_url"
            )
            return path
        return f"{self.front.scheme}://{self.front.host}{path}"

    def tell(self, interim: Interim) -> None:
        """Send an interim response, if this client may have it and knows of such."""
        assert self.dialect is not None
        if self.interims_sent >= MOST_INTERIMS or not self._may_be_told:
            self.interims_withheld += 1
            return
        fields = self.dialect.interim(interim, self.locate)
        if fields is None:
            return
        if not send_interim(self.request, _STATUS_104, fields):
            self.interims_withheld += 1
            return
        self.interims_sent += 1
        self.locations_sent += isinstance(interim, Resumable)

    def to_origin(self) -> Head:
        """The request the origin will get, should this one become an upload (R19)."""
        assert self.passage is not None
        head = self.head
        fields = upload_to_origin(head, self.front, self.passage, self.request_id)
        return Head(head.method, origin_form(head.method, head.target), fields)

    def present(self) -> client_present:
        """See ``client_present``."""
        return client_present(self.request)

    @property
    def must_close(self) -> bool:
        """True when a front may have taken a 104 for the answer.

        Such a front relays what follows only once the connection ends; closing it turns
        a client that would hang into one that is served.
        """
        return self.interims_sent > 0 and (self.front.trusted or self._shows_front)

    @property
    def _may_be_told(self) -> bool:
        match self.manners.interim_responses:
            case "never":
                return False
            case "always":
                return not self.head.http_1_0
            case "auto":
                return not self.head.http_1_0 and not self._front_forbids

    @property
    def _front_forbids(self) -> bool:
        if not self.front.trusted:
            return False
        told = (self.head.value(b"x-upload-interim") or b"").strip().lower()
        return told == b"never"

    @property
    def _shows_front(self) -> bool:
        return self.head.has_any(_FRONT_FIELDS)

    @property
    def _front_unknown(self) -> bool:
        return not self.front.trusted and self._shows_front
