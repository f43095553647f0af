"""URLs, networks, paths and patterns: in one spelling, or refused with a reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from proxy.addresses import TcpAddress
from proxy.config import places
from proxy.config.quantities import WrongValue


def refusal(read: Callable[[object], object], written: object) -> str:
    """What was expected, and the hint."""
    with pytest.raises(WrongValue) as refused:
        read(written)
    return f"{refused.value.expected}; {refused.value.hint}".removesuffix("; ")


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        ("HTTPS://App.Example", "https://app.example"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://legacy_app:80", "http://legacy_app:80"),
        ("unix:/run/app.sock", "unix:/run/app.sock"),
    ],
)
def test_an_origin_is_scheme_host_and_port_or_a_socket(written: str, url: str) -> None:
    assert places.origin_url(written) == url


@pytest.mark.parametrize(
    "written",
    [
        *(None, 3000, "", "app", "ftp://app", "http://", "http://:3000", "http://a:x"),
        *("http://a:99999", "http://a:0", "http://a:", "http://a b", "http://[::1"),
        *(
            "http://[::x]:1",
            "http://ä.example",
            "http://a\n",
            "http:/a",
            "//a",
            "http://[v1.a:b]",
            [],
        ),
    ],
)
def test_what_is_no_url_is_no_origin(written: object) -> None:
    assert refusal(places.origin_url, written) == (
        "the origin's URL such as http://127.0.0.1:3000, https://app.example "
        "or unix:/run/app.sock"
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("http://app/api", "an origin's URL without a path; every request keeps the"),
        ("http://u:p@app", "a URL without credentials; leave out what is before the @"),
        ("http://app/?", "a URL without query and fragment"),
        ("http://app#x", "a URL without query and fragment"),
        ("127.0.0.1:3000", 'did you mean "http://127.0.0.1:3000"?'),
        ("app.example/", 'did you mean "http://app.example"?'),
        ("unix:run/app.sock", "after unix: comes the absolute path of a socket"),
        ("unix:///run/app.sock", 'write "unix:/run/app.sock", with one slash'),
    ],
)
def test_an_origin_that_says_too_much_or_too_little(written: str, told: str) -> None:
    assert told in refusal(places.origin_url, written)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://uploads.example.com", "https://uploads.example.com"),
        ("https://uploads.example.com/", "https://uploads.example.com"),
        ("http://Example.com:8443/a/B/", "http://example.com:8443/a/B"),
    ],
)
def test_a_public_url_may_have_a_prefix(written: str, url: str) -> None:
    assert places.public_url(written) == url


@pytest.mark.parametrize(
    "written",
    ["example.com", "https://e/a//b", "https://e/a b", "https://e/?x", "unix:/a", 5],
)
def test_other_public_urls_are_refused(written: object) -> None:
    refusal(places.public_url, written)


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("*", "*"),
        ("https://App.example", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("http://localhost:5173", "http://localhost:5173"),
    ],
)
def test_a_web_origin_is_spelled_as_browsers_do(written: str, origin: str) -> None:
    assert places.web_origin(written) == origin


@pytest.mark.parametrize("written", ["https://a.example/", "https://a.example/x"])
def test_a_web_origin_has_no_path(written: str) -> None:
    told = refusal(places.web_origin, written)
    assert told == "an origin without a path; leave out what follows the host"


@pytest.mark.parametrize("written", ["null", "*.example", "", None, "ws://a.example"])
def test_other_web_origins_are_refused(written: object) -> None:
    assert refusal(places.web_origin, written).startswith("an origin such as https://")


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("::1", "::1/128"),
        ("fd00::/8", "fd00::/8"),
    ],
)
def test_a_network_or_one_address(written: str, network: str) -> None:
    assert places.network(written) == ip_network(network)


def test_an_address_within_a_network_is_not_taken_for_it() -> None:
    assert 'did you mean "10.0.0.0/8"?' in refusal(places.network, "10.1.2.3/8")


@pytest.mark.parametrize("written", ["10.0.0.0/33", "localhost", "", 10, None])
def test_other_networks_are_refused(written: object) -> None:
    assert refusal(places.network, written) == (
        "a network such as 10.0.0.0/8 or fd00::/8, or an IP address"
    )


def test_an_address_is_read_from_text() -> None:
    assert places.address("127.0.0.1:8080") == TcpAddress("127.0.0.1", 8080)


def test_an_address_needs_a_host() -> None:
    assert refusal(places.address, 8080) == (
        "an address such as 127.0.0.1:8080, [::1]:8080, unix:/run/upload-proxy.sock "
        'or fd:3; write "127.0.0.1:8080" for this machine only, "0.0.0.0:8080" for '
        "every interface"
    )
    refusal(places.address, None)


def test_the_path_of_uploads_has_slashes_at_both_ends() -> None:
    assert places.uploads_path("/a/b-c_~.d/") == "/a/b-c_~.d/"


@pytest.mark.parametrize(
    "written",
    [
        *("/", "", "uploads", "/uploads", "uploads/", "//", "/a//", "/a b/", "/%2f/"),
        *("/./", "/a/../", 5),
    ],
)
def test_other_paths_of_uploads_are_refused(written: object) -> None:
    assert refusal(places.uploads_path, written).startswith(
        "a path that starts and ends with a slash, such as /resumable_upload/; "
    )


def test_a_directory_starts_where_the_command_was_started() -> None:
    assert places.directory("spool") == Path.cwd() / "spool"
    assert places.directory("~/spool") == Path("/home/somebody/spool")
    assert places.directory(Path("/a")) == Path("/a")


@pytest.mark.parametrize("written", ["", 5, [], "/a\0b", True])
def test_other_directories_are_refused(written: object) -> None:
    refusal(places.directory, written)


def _homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that no file knows, as containers give."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 2**30)


def test_a_home_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _homeless(monkeypatch)
    assert "no home directory is known" in refusal(places.directory, "~/spool")


@pytest.mark.parametrize(
    ("variables", "directory"),
    [
        ({}, "/home/somebody/.local/state/upload-proxy"),
        ({"XDG_STATE_HOME": "/var/spool"}, "/var/spool/upload-proxy"),
        ({"XDG_STATE_HOME": "spool"}, "/home/somebody/.local/state/upload-proxy"),
        ({"STATE_DIRECTORY": "/var/lib/upload-proxy"}, "/var/lib/upload-proxy"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a"),
        ({"STATE_DIRECTORY": "/a", "XDG_STATE_HOME": "/b"}, "/a"),
    ],
)
def test_the_spool_is_in_the_state_directory(
    variables: dict[str, str], directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert places.directory(None) == Path(directory)


def test_without_a_home_it_is_where_spools_are(monkeypatch: pytest.MonkeyPatch) -> None:
    _homeless(monkeypatch)
    assert places.directory(None) == places.FALLBACK_SPOOL


@pytest.mark.parametrize(
    ("read", "written", "value"),
    [
        (places.method, "POST", "POST"),
        (places.method, "M-SEARCH", "M-SEARCH"),
        (places.path_pattern, "/files/*", "/files/*"),
        (places.path_pattern, "/a%20b", "/a%20b"),
        (places.media_type, "Image/*", "image/*"),
        (places.media_type, "application/vnd.x+json", "application/vnd.x+json"),
        (places.host_pattern, "Files.Example.com", "files.example.com"),
        (places.host_pattern, "*.example.com", "*.example.com"),
    ],
)
def test_what_a_request_may_match(
    read: Callable[[object], object], written: str, value: str
) -> None:
    assert read(written) == value


@pytest.mark.parametrize(
    ("read", "written", "told"),
    [
        (places.method, "post", 'a method in capitals; did you mean "POST"?'),
        (places.method, "PO ST", "a method such as POST or PUT"),
        (places.method, 5, "a method such as POST or PUT"),
        (places.path_pattern, "upload", "it starts with a slash"),
        (places.path_pattern, None, "it starts with a slash"),
        (places.path_pattern, "/a?b", "without query"),
        (places.path_pattern, "/a b", "escaped as in a request"),
        (places.path_pattern, "/ä", "escaped as in a request"),
        (places.media_type, "image", "a media type such as"),
        (places.media_type, "image/png; q=1", "a media type such as"),
        (places.media_type, None, "a media type such as"),
        (places.host_pattern, "a.example:80", "without port"),
        (places.host_pattern, "a.*.example", "without port"),
        (places.host_pattern, 5, "without port"),
    ],
)
def test_what_no_request_could_match(
    read: Callable[[object], object], written: object, told: str
) -> None:
    assert told in refusal(read, written)


def test_a_field_name_stays_as_it_was_written() -> None:
    assert places.header_name("X-CSRF-Token") == "X-CSRF-Token"


@pytest.mark.parametrize("written", ["", "X Title", "X-Title:", "a\r\nb", "*", 7, None])
def test_what_is_no_field_name_is_refused(written: object) -> None:
    assert refusal(places.header_name, written).startswith("the name of a field")
