"""URLs as a client needs them: where to connect, and what to ask for there."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}


class WrongUrl(ValueError):
    """It is no URL of http or https; caught in ``cli`` and where a Location
    is resolved."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL of http or https, taken apart."""

    scheme: str
    host: str
    port: int
    authority: str
    """Host and port as `Host` has them."""
    path: str
    """With the query."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def place(self) -> tuple[str, str, int]:
        """What two URLs of one server have in common."""
        return self.scheme, self.host, self.port

    def resolve(self, reference: str) -> Target:
        """The URL that `reference`, such as a Location, means here.

        Raises:
            WrongUrl: it means none.
        """
        try:
            return target(urljoin(self.url, reference))
        except ValueError as exc:
            raise WrongUrl(f"{reference}: {exc}") from None


def target(url: str) -> Target:
    """`url`, taken apart.

    Raises:
        WrongUrl: it is none of http or https, or names a user.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise WrongUrl(f"{url}: {exc}") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname:
        raise WrongUrl(f"expected a URL such as https://a.example/files, got {url}")
    if "@" in parts.netloc:
        raise WrongUrl("a URL with a user; say --header 'Authorization: ...' instead")
    if not all("!" <= sign <= "~" for sign in url):
        raise WrongUrl(f"{url}: write other signs than ASCII with percents")
    _check_host(parts.hostname)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    default = _PORTS[scheme] if port is None else port
    return Target(scheme, parts.hostname, default, parts.netloc, path)


def _check_host(host: str) -> None:
    """Raises WrongUrl: it is no name that can be looked up."""
    try:
        host.encode("idna")
    except UnicodeError as exc:
        raise WrongUrl(f"{host}: {exc}") from None
