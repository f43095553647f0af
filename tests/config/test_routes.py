"""Routes over the top level: what they have from there, and what is wrong with them."""

from __future__ import annotations

import pytest

from proxy.config import ConfigError, load
from proxy.config.report import effective

from .conftest import Written

TOP = """
origin: {url: "http://a", retry_for: 7s}
uploads: {limits: {max_size: 10MiB, min_size: 1KiB}}
spool: {memory_threshold: 0}
"""
BOTH = (
    TOP
    + """
routes:
  - name: photos
    match: {paths: /photos/*}
    origin: {url: "http://b", unknown_outcome: repeat}
    uploads: {limits: {max_size: null}}
  - name: rest
    origin:
    spool: {memory_threshold: 1KiB}
"""
)


def told(text: str, written: Written) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(written(text), {})
    return [str(error).removeprefix("config.yaml:") for error in refused.value.errors]


def test_what_a_route_does_not_say_the_top_level_says(written: Written) -> None:
    photos, rest = load(written(BOTH), {}).routes
    assert (photos.name, photos.match.paths) == ("photos", ("/photos/*",))
    assert (photos.origin.url, photos.origin.retry_for) == ("http://b", 7.0)
    assert photos.origin.unknown_outcome == "repeat"
    assert photos.uploads.limits.max_size is None
    assert photos.uploads.limits.min_size == 1024
    assert photos.spool.memory_threshold == 0
    assert (rest.origin.url, rest.origin.unknown_outcome) == ("http://a", "keep")
    assert rest.uploads.limits.max_size == 10 * 2**20
    assert rest.spool.memory_threshold == 1024


def test_a_route_has_what_a_flag_or_a_variable_says(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOAD_PROXY_ORIGIN__MAX_FORWARDS", "3")
    _, rest = load(written(BOTH), {"origin.url": "http://flag"}).routes
    assert (rest.origin.url, rest.origin.max_forwards) == ("http://flag", 3)


def test_routes_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "UPLOAD_PROXY_ROUTES",
        '[{"name": "a", "match": {"host": "a.example"}, "origin": '
        '{"retry_for": "9s"}}]',
    )
    [route] = load(None, {"origin.url": "http://flag"}).routes
    assert (route.match.host, route.origin.retry_for) == ("a.example", 9.0)
    assert route.origin.url == "http://flag"


def test_what_is_in_effect_says_all_of_a_route_and_reads_as_itself(
    written: Written,
) -> None:
    config = load(written(BOTH), {})
    assert "      retry_for: 7s" in effective(config).splitlines()
    assert load(written(effective(config)), {}) == config


def test_a_file_without_routes_has_none(written: Written) -> None:
    assert load(written(TOP), {}).routes == ()


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (
            "routes: [{match: {paths: /a}}]",
            "5:10: routes[0].name: expected a name, such as photos, got nothing",
        ),
        (
            "routes: [{name: Photos}]",
            "5:17: routes[0].name: expected a name such as photos: a letter, then up "
            'to 31 of a-z, 0-9, _ and -, got "Photos"',
        ),
        (
            "routes: [{name: default}]",
            '5:17: routes[0].name: expected another name, got "default"; that is what '
            "requests are called that fit no route",
        ),
        (
            "routes: [{name: a, match: {paths: /a}}, {name: a}]",
            '5:48: routes[1].name: expected a name of its own, got "a"; routes[0] has '
            "this one",
        ),
        (
            "routes: [{name: a}, {name: b, match: {paths: /b}}]",
            "5:38: routes[1].match: expected requests that are left to this route, "
            "got only such as routes[0] takes before it; put this one first, or have "
            "that one take less",
        ),
        (
            "routes: [{name: a, match: {}}, {name: b}]",
            "5:32: routes[1].match: expected requests that are left to this route, "
            "got only such as routes[0] takes before it; put this one first, or have "
            "that one take less",
        ),
        (
            "routes: [{name: a, origin: {ulr: http://b}}]",
            '5:29: routes[0].origin.ulr: unknown key; did you mean "url"?',
        ),
        (
            "routes: [{name: a, uploads: {idle_timeout: 5s}}]",
            "5:30: routes[0].uploads.idle_timeout: unknown key; did you mean "
            '"uploads.idle_timeout"?',
        ),
        (
            "routes: [{name: a, cors: {}}]",
            "5:20: routes[0].cors: unknown key; known here: name, match, origin, "
            "uploads, spool, auth",
        ),
        (
            "routes: [{name: a, origin: {retry_for: x}}]",
            "5:40: routes[0].origin.retry_for: expected a duration such as 10s, 1h30m, "
            '7d or a number of seconds, got "x"',
        ),
        (
            "routes: [{name: a, uploads: {limits: {max_size: 10}}}]",
            "5:30: routes[0].uploads.limits.min_size: expected at most max_size (10), "
            "got 1KiB (of the top level)",
        ),
        (
            "routes: [photos]",
            "5:10: routes[0]: expected keys of its own (name, match, origin, uploads, "
            'spool, auth), got "photos"',
        ),
        (
            "routes: photos",
            '5:9: routes: expected a list, got "photos"',
        ),
        (
            "routes: [{name: a, origin: http://b}]",
            "5:28: routes[0].origin: expected keys of its own (url, preserve_host, "
            "connect_timeout, response_timeout, retry_for, max_forwards, "
            'unknown_outcome, credentials, wrap, form, tls), got "http://b"',
        ),
    ],
)
def test_a_mistake_says_where_what_and_what_instead(
    routes: str, expected: str, written: Written
) -> None:
    assert told(TOP + routes, written) == [expected]


def test_what_is_wrong_at_the_top_is_told_once(written: Written) -> None:
    top = TOP.replace("7s", "7x").replace("max_size: 10MiB", "max_size: ten")
    wrong = told(top + "routes: [{name: a}]", written)
    assert [line.partition(": expected")[0] for line in wrong] == [
        "2:38: origin.retry_for",
        "3:30: uploads.limits.max_size",
    ]


def test_an_origin_that_is_missing_is_told_once(written: Written) -> None:
    [wrong] = told("routes: [{name: a, match: {paths: /a}}]", written)
    assert "origin.url: expected the URL of the origin, got nothing" in wrong


def test_the_top_level_needs_an_origin_whatever_routes_have(written: Written) -> None:
    [wrong] = told("routes: [{name: a, origin: {url: 'http://b'}}]", written)
    assert "origin.url: expected the URL of the origin, got nothing" in wrong
