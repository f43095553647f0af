"""Targets and authorities."""

from __future__ import annotations

import pytest

from proxy.core.target import authority_of, is_authority, origin_form, resolved

AS_THEY_ARE = [
    "/",
    "/a%2Fb/%7Eu?x=%20+&y",
    "//d//s",
    "/a/../b",
    "/a%zz?%",
    "/p;v=1?x=[1]&y={z}|",
    "/x?",
    "/?http://other.test/",
    "*",
]


@pytest.mark.parametrize("target", AS_THEY_ARE)
def test_a_path_is_taken_as_it_is(target: str) -> None:
    assert origin_form("GET", target) == target
    assert authority_of(target) is None


@pytest.mark.parametrize(
    ("method", "target", "form", "authority"),
    [
        ("GET", "http://h.test/x?y", "/x?y", "h.test"),
        ("GET", "HTTPS://h.test:0080//x", "//x", "h.test:0080"),
        ("GET", "http://h.test", "/", "h.test"),
        ("GET", "http://h.test?x=1", "/?x=1", "h.test"),
        ("OPTIONS", "http://h.test", "*", "h.test"),
        ("OPTIONS", "http://h.test/", "/", "h.test"),
        ("GET", "http://", "/", ""),
        ("GET", "http://u:p@h.test/", "/", "u:p@h.test"),
    ],
)
def test_absolute_form_loses_scheme_and_authority(
    method: str, target: str, form: str, authority: str
) -> None:
    assert origin_form(method, target) == form
    assert authority_of(target) == authority


@pytest.mark.parametrize(
    "text",
    [
        "h",
        "h.test:80",
        "h:",
        "127.0.0.1",
        "[::1]:8080",
        "[v1.a:b]",
        "a_b",
        "%41",
        "x,y",
    ],
)
def test_valid_authorities(text: str) -> None:
    assert is_authority(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":80",
        "a/b@c",
        "u@h",
        "h:x",
        "h:123456",
        "a b",
        "caf\xe9",
        "[::1",
        "%4",
        "h\n",
    ],
)
def test_invalid_authorities(text: str) -> None:
    assert not is_authority(text)


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b/"),
        ("/", "/"),
        ("*", "*"),
        ("//a//b", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("/../../a", "/a"),
        ("/a/%2e%2E/b/", "/b/"),
        ("/%61%2Fb", "/a/b"),
        ("/a%5cb", "/a/b"),
        ("/a\\b", "/a/b"),
        ("/a/..", "/"),
        ("/%zz", "/%zz"),
        ("/.well-known/x", "/.well-known/x"),
    ],
)
def test_a_path_as_another_server_may_read_it(path: str, read: str) -> None:
    assert resolved(path) == read
