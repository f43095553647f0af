"""URLs as they are typed."""

from __future__ import annotations

import pytest

from proxy.client.target import WrongUrl, target


def test_the_parts_of_a_url() -> None:
    parts = target("HTTPS://a.example/files?to=x")
    assert parts.place == ("https", "a.example", 443)
    assert (parts.authority, parts.path) == ("a.example", "/files?to=x")
    assert target("http://[::1]:8080").place == ("http", "::1", 8080)
    assert target("http://a.example").path == "/"


def test_a_location_may_be_a_path() -> None:
    where = target("http://a.example:81/files").resolve("/u/1")
    assert where.url == "http://a.example:81/u/1"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example",
        "a.example/files",
        "http://",
        "http://u:p@a.example",
        "http://a.example:x",
        "http://a.example/a b",
        "http://a.example/ü",
        "http://a.example/\x7f",
        "http://a..b/",
        f"http://{'a' * 64}.example/",
        "http://[::1/",
    ],
)
def test_what_is_no_url_for_this(url: str) -> None:
    with pytest.raises(WrongUrl):
        target(url)


@pytest.mark.parametrize(
    "reference", ["/u/\x7f", "//a..b/u", "http://[::1/", "ftp://h/", "/ü"]
)
def test_what_is_no_location(reference: str) -> None:
    with pytest.raises(WrongUrl):
        target("http://a.example/files").resolve(reference)
