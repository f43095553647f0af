"""URLs, networks, paths and what a request may match: from what was written.

Functions as in ``quantities``: each gives the plain value the program uses, in
one spelling (scheme and host in lower case, no slash at the end), or ``WrongValue``.
URLs are taken apart and never mended by guessing: what would be dropped is refused.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from proxy.addresses import ADDRESS_EXAMPLES, Address, parse_address, unix_path
from proxy.core.auth import Place, Source
from proxy.core.upload import DEFAULT_ROUTE

from .quantities import WrongValue

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FALLBACK_SPOOL: Final = Path("/var/spool/upload-proxy")
"""Where spools are when there is no home either, as in some containers."""
ORIGIN: Final = "origin"
"""Stands for the origin of a request, where a URL may stand, too."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NO_SCHEME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_.-]+|:[0-9]+)+/?", re.ASCII)
_URL_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*", re.ASCII)
_TARGET = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*", re.ASCII)
_UPLOADS_PATH = re.compile(r"/(?:[A-Za-z0-9._~-]+/)+", re.ASCII)
_NOT_IN_A_PATH: Final = frozenset(' "<>\\^`{|}?#')
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_MEDIA_TYPE = re.compile(rf"{_TOKEN.pattern}/{_TOKEN.pattern}", re.ASCII)
_ROUTE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_HOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)


def address(value: object) -> Address:
    """Where to listen."""
    expected = f"an address such as {ADDRESS_EXAMPLES}"
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise WrongValue(expected)
    try:
        return parse_address(value)
    except ValueError as exc:
        raise WrongValue(expected, str(exc)) from None


def network(value: object) -> Network:
    """A network, or one address as a network of its own."""
    expected = "a network such as 10.0.0.0/8 or fd00::/8, or an IP address"
    if not isinstance(value, str):
        raise WrongValue(expected)
    try:
        whole = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise WrongValue(expected) from None
    _, slash, _ = value.partition("/")
    if slash and whole.network_address != ipaddress.ip_interface(value).ip:
        raise WrongValue(expected, f'did you mean "{whole}"?')
    return whole


def origin_url(value: object) -> str:
    """Scheme, host and port of an origin, or ``unix:/path``."""
    expected = (
        "the origin's URL such as http://127.0.0.1:3000, https://app.example "
        "or unix:/run/app.sock"
    )
    if isinstance(value, str) and value.startswith("unix:"):
        try:
            return f"unix:{unix_path(value)}"
        except ValueError as exc:
            raise WrongValue(expected, str(exc)) from None
    parts = _http_url(value, expected)
    if parts.path not in ("", "/"):
        raise WrongValue(
            "an origin's URL without a path",
            "every request keeps the path it came with",
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def auth_request(value: object) -> str:
    """``origin``, or the URL of an auth server, with its path and query."""
    expected = "origin, or a URL such as http://127.0.0.1:4181/auth"
    if value == ORIGIN:
        return ORIGIN
    if not isinstance(value, str):
        raise WrongValue(expected)
    url, mark, query = value.partition("?")
    parts = _http_url(url, expected)
    target = f"{parts.path or '/'}{mark}{query}"
    if not _TARGET.fullmatch(target):
        raise WrongValue(expected, "its path and query have to be escaped")
    return f"{parts.scheme}://{parts.netloc.lower()}{target}"


def auth_path(value: object) -> str:
    """A path at the origin, with a query if that is wanted."""
    expected = "a path such as /auth, escaped as in a request"
    if not isinstance(value, str) or not _TARGET.fullmatch(value):
        raise WrongValue(expected, "it starts with a slash")
    return value


def source(value: object) -> Source:
    """A field of the request, or of the auth server's answer."""
    expected = "request: or answer: and the name of a field, such as answer:x-auth-user"
    if isinstance(value, Source):
        return value
    if not isinstance(value, str):
        raise WrongValue(expected)
    place, _, name = value.lower().partition(":")
    if place not in [one.value for one in Place] or not _TOKEN.fullmatch(name):
        raise WrongValue(expected)
    return Source(Place(place), name)


def public_url(value: object) -> str:
    """Scheme, host, port and path prefix under which clients reach us."""
    expected = "a URL such as https://uploads.example.com or https://example.com/prefix"
    parts = _http_url(value, expected)
    prefix = parts.path.rstrip("/")
    if not _PREFIX.fullmatch(prefix):
        raise WrongValue(expected, "its path is empty between slashes, or not escaped")
    return f"{parts.scheme}://{parts.netloc.lower()}{prefix}"


def web_origin(value: object) -> str:
    """An origin as browsers send it: scheme, host, and a port that is not the usual."""
    expected = 'an origin such as https://app.example, or "*" for every one'
    if value == "*":
        return "*"
    parts = _http_url(value, expected)
    if parts.path:
        raise WrongValue("an origin without a path", "leave out what follows the host")
    netloc = parts.netloc.lower()
    if parts.port == _DEFAULT_PORTS[parts.scheme]:
        netloc = netloc.rpartition(":")[0]
    return f"{parts.scheme}://{netloc}"


def _http_url(value: object, expected: str) -> SplitResult:
    """`value` taken apart: scheme, host, perhaps a port and a path, nothing else."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise WrongValue(expected)
    if _NO_SCHEME.fullmatch(value):
        raise WrongValue(expected, f'did you mean "http://{value.rstrip("/")}"?')
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:  # a port that is no number, an address that is none
        if "@" in value:
            raise _credentials() from None
        raise WrongValue(expected) from None
    if "@" in parts.netloc:
        raise _credentials()
    if "?" in value or "#" in value:
        raise WrongValue("a URL without query and fragment")
    well_formed = _is_host(parts.hostname) and not parts.netloc.endswith(":")
    if parts.scheme not in _DEFAULT_PORTS or port == 0 or not well_formed:
        raise WrongValue(expected)
    return parts


def _credentials() -> WrongValue:
    return WrongValue("a URL without credentials", "leave out what is before the @")


def _is_host(text: str | None) -> bool:
    if text and ":" in text:
        try:
            ipaddress.IPv6Address(text)
        except ipaddress.AddressValueError:
            return False
        return True
    return bool(text and _URL_HOST.fullmatch(text))


def uploads_path(value: object) -> str:
    """The path below which upload resources live."""
    expected = "a path that starts and ends with a slash, such as /resumable_upload/"
    if not isinstance(value, str) or not _UPLOADS_PATH.fullmatch(value):
        raise WrongValue(expected, "between slashes: letters, digits and . _ ~ -")
    if {".", ".."} & set(value.split("/")):
        raise WrongValue(expected, "neither . nor .. may stand between slashes")
    return value


def directory(value: object) -> Path:
    """An absolute path; a relative one starts where the command was started."""
    if value is None:
        return default_directory()
    expected = "a directory such as /var/spool/upload-proxy"
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise WrongValue(expected)
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise WrongValue(expected, "no home directory is known for ~") from None


def file(value: object) -> Path:
    """A file, absolute; a relative path starts where the command was started. Whether
    it is there is not asked here."""
    expected = "the path of a file such as /etc/upload-proxy/tls.pem"
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise WrongValue(expected)
    if str(value).endswith("/"):
        raise WrongValue(expected, "this is a directory")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise WrongValue(expected, "no home directory is known for ~") from None


def lines_to(value: object) -> Path | str:
    """A file as `file` has it, or one of two words for what is none."""
    return value if value in ("stdout", "off") else file(value)


def host(value: object) -> str:
    """A host without port, in lower case; a name or an IP address."""
    if not isinstance(value, str) or not _is_host(value.lower()):
        raise WrongValue("a host such as app.example, without port")
    return value.lower()


def default_directory() -> Path:
    """Where the spool is when nothing is said: the state directory of this user.

    systemd names it in STATE_DIRECTORY; without a home, as some containers are, only
    the usual place for spools is left.

    Source: XDG Base Directory Specification: a relative XDG_STATE_HOME is ignored.
    """
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given.startswith("/"):
        return Path(given)
    state = os.environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):
        return Path(state) / "upload-proxy"
    try:
        return Path.home() / ".local/state/upload-proxy"
    except RuntimeError:
        return FALLBACK_SPOOL


def route_name(value: object) -> str:
    """The name of a route: short, and plain wherever it is written."""
    expected = "a name such as photos: a letter, then up to 31 of a-z, 0-9, _ and -"
    if not isinstance(value, str) or not _ROUTE_NAME.fullmatch(value):
        raise WrongValue(expected)
    if value == DEFAULT_ROUTE:
        raise WrongValue(
            "another name", "that is what requests are called that fit no route"
        )
    return value


def method(value: object) -> str:
    """A request method. Capitals matter in it, and those in use are all capitals."""
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise WrongValue("a method such as POST or PUT")
    if value != value.upper():
        raise WrongValue("a method in capitals", f'did you mean "{value.upper()}"?')
    return value


def header_name(value: object) -> str:
    """The name of a field of requests or answers, as it was written."""
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise WrongValue("the name of a field such as X-CSRF-Token")
    if value == "*":
        raise WrongValue("the name of a field", "a star names none where cookies count")
    return value


def path_pattern(value: object) -> str:
    """A path as it stands in the request, ``*`` for any characters."""
    expected = "a path such as /upload or /files/*"
    if not isinstance(value, str) or not value.startswith("/"):
        raise WrongValue(expected, "it starts with a slash")
    plain = value.isascii() and value.isprintable()
    if not plain or _NOT_IN_A_PATH.intersection(value):
        raise WrongValue(expected, "without query, and escaped as in a request")
    return value


def media_type(value: object) -> str:
    """A media type without parameters, in lower case; ``*`` for any subtype."""
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        raise WrongValue("a media type such as multipart/form-data or image/*")
    return value.lower()


def host_pattern(value: object) -> str:
    """A host without port, in lower case; ``*.`` in front for every name below it."""
    if not isinstance(value, str) or not _HOST_PATTERN.fullmatch(value.lower()):
        raise WrongValue("a host such as files.example or *.example, without port")
    return value.lower()
