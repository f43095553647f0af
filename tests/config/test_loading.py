"""Flags over environment over file; and every message, word for word."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from proxy.addresses import TcpAddress
from proxy.config import ConfigError, load

from .conftest import Written

ORIGIN = {"origin.url": "http://flag"}


def messages(text: str, written: Written, flags: Mapping[str, object]) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(written(text), flags)
    assert str(refused.value) == "\n".join(map(str, refused.value.errors))
    return [str(error) for error in refused.value.errors]


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(
        "listen: ['a:1', 'b:2']\n"
        "origin: {url: 'http://file', retry_for: 1s, max_forwards: 1}\n"
        "uploads: {limits: {min_size: 1, max_size: 10}}\n"
    )
    monkeypatch.setenv("UPLOAD_PROXY_ORIGIN__URL", "http://environment")
    monkeypatch.setenv("UPLOAD_PROXY_ORIGIN__RETRY_FOR", "2s")
    monkeypatch.setenv("UPLOAD_PROXY_LISTEN", "c:3")
    monkeypatch.setenv("UPLOAD_PROXY_UPLOADS__LIMITS__MAX_SIZE", "20")
    config = load(file, {"origin.url": "http://flag", "listen": None})
    assert config.origin.url == "http://flag"
    assert config.origin.retry_for == 2.0
    assert config.origin.max_forwards == 1
    assert config.listen == (TcpAddress("c", 3),)
    assert config.uploads.limits.max_size == 20
    assert config.uploads.limits.min_size == 1


def test_no_file_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(None, ORIGIN).origin.url == "http://flag"
    monkeypatch.setenv("UPLOAD_PROXY_ORIGIN__URL", "http://environment")
    assert load(None, {}).origin.url == "http://environment"


def test_an_empty_file_says_nothing(written: Written) -> None:
    assert load(written("# nothing\n"), ORIGIN) == load(None, ORIGIN)


def test_null_can_be_set_in_the_environment(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written("admin: {listen: 'a:1'}\npublic_url: https://a.example\n")
    monkeypatch.setenv("UPLOAD_PROXY_ADMIN", "null")
    monkeypatch.setenv("UPLOAD_PROXY_PUBLIC_URL", "null")
    config = load(file, ORIGIN)
    assert config.admin is None
    assert config.public_url is None


def test_variables_are_put_into_values(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("N", "7")
    monkeypatch.setenv("KEY", "log")
    file = written(
        "origin: {url: 'http://${HOST:-app}', max_forwards: '${N}'}\n"
        "uploads:\n"
        "  limits:\n"
        "    max_size: ${MAX:-null}\n"
        "    min_append_size: ${N}KiB\n"
        "spool: {directory: /a$$b}\n"
    )
    config = load(file, {})
    assert config.origin.url == "http://app"
    assert config.origin.max_forwards == 7
    assert config.uploads.limits.max_size is None
    assert config.uploads.limits.min_append_size == 7 * 1024
    assert str(config.spool.directory) == "/a$b"


def test_a_variable_in_a_key_stays_as_it_is(written: Written) -> None:
    assert messages("${KEY}: 1\n", written, ORIGIN)[0].startswith(
        "config.yaml:1:1: ${KEY}: unknown key"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "orign: {}",
            '1:1: orign: unknown key; did you mean "origin"?',
        ),
        (
            "origin:\n  timout: 5",
            '2:3: origin.timout: unknown key; did you mean "connect_timeout" or '
            '"response_timeout"?',
        ),
        (
            "idle_timeout: 5",
            '1:1: idle_timeout: unknown key; did you mean "uploads.idle_timeout"?',
        ),
        (
            "log: {colour: red}",
            "1:7: log.colour: unknown key; known here: level, format, file, access",
        ),
        (
            "log: {3: red}",
            "1:7: log.3: unknown key; known here: level, format, file, access",
        ),
        (
            "uploads: {match: [{path: /a}]}",
            '1:20: uploads.match[0].path: unknown key; did you mean "paths"?',
        ),
        (
            "uploads: {max_age: 5}",
            "1:11: uploads.max_age: unknown key; did you mean "
            '"uploads.limits.max_age"?',
        ),
        (
            "log: json",
            "1:6: log: expected keys of its own (level, format, file, access), "
            'got "json"',
        ),
        (
            "log: {level: [info]}",
            "1:14: log.level: expected debug, info, warning or error, got a list",
        ),
        (
            "log: {level: WARN}",
            "1:14: log.level: expected debug, info, warning or error, "
            'got "WARN"; did you mean "warning"?',
        ),
        (
            "log:\n  level:\n",
            "2:3: log.level: expected debug, info, warning or error, got null",
        ),
        (
            "origin: {preserve_host: yes}",
            '1:25: origin.preserve_host: expected true or false, got "yes"',
        ),
        (
            "keepalive_timeout: 75 s",
            "1:20: keepalive_timeout: expected a duration such as 10s, 1h30m, 7d or "
            'a number of seconds, got "75 s"',
        ),
        (
            "header_limit: 64K",
            "1:15: header_limit: expected a size such as 64KiB, 10GiB, 1MB or a "
            'number of bytes, got "64K"; did you mean "64KiB" or "64KB"?',
        ),
        (
            "trusted_proxies:\n- ::1\n- 10.0.0.1/8\n",
            "3:3: trusted_proxies[1]: expected a network such as 10.0.0.0/8 or "
            'fd00::/8, or an IP address, got "10.0.0.1/8"; did you mean '
            '"10.0.0.0/8"?',
        ),
        (
            "trusted_proxies: {a: b}",
            "1:18: trusted_proxies: expected a list, got keys and values",
        ),
        (
            "listen: []",
            "1:9: listen: expected at least one, got an empty list",
        ),
        (
            "listen: 8080",
            "1:9: listen[0]: expected an address such as 127.0.0.1:8080, "
            "[::1]:8080, unix:/run/upload-proxy.sock or fd:3, got 8080; write "
            '"127.0.0.1:8080" for this machine only, "0.0.0.0:8080" for every '
            "interface",
        ),
        (
            "uploads: {limits: {min_size: 20MiB, max_size: 10MiB}}",
            "1:30: uploads.limits.min_size: expected at most max_size (10MiB), got "
            "20MiB",
        ),
        (
            "uploads: {limits: {min_append_size: 2, max_append_size: 1}}",
            "1:37: uploads.limits.min_append_size: expected at most max_append_size "
            "(1), got 2",
        ),
        (
            "uploads: {keep_answer: 2d}",
            "1:24: uploads.keep_answer: expected at most limits.max_age (24h), got 2d",
        ),
        (
            "uploads: {limits: {max_age: 30m}}",
            "1:1: uploads.keep_answer: expected at most limits.max_age (30m), got 1h "
            "(the default)",
        ),
        (
            "spool: {directory: '${NOPE}/spool'}",
            "1:20: spool.directory: expected a value in the environment variable "
            "NOPE, got nothing; set it, or write ${NOPE:-default}",
        ),
        (
            "spool: {directory: '/${a b}'}",
            "1:20: spool.directory: expected ${VAR} or ${VAR:-default}, got "
            '"${a b}"; a dollar sign itself is written $$',
        ),
        (
            "log:\n  level: info\n  format: json\n  level: debug\n",
            "4:3: log.level: given twice, first in line 2",
        ),
        (
            "? {a: b}\n: c\n",
            "1:3: ?: expected a plain word as the key",
        ),
        (
            "log: &all {level: *all}",
            "1:6: log.level: expected a value, got an alias of what it is in",
        ),
        (
            "uploads: {limits: {max_size: " + "9" * 100 + "}}",
            "1:30: uploads.limits.max_size: expected a size such as 64KiB, 10GiB, "
            "1MB or a number of bytes, got 1e+100",
        ),
        (
            "forwarded_header: " + "x" * 100,
            "1:19: forwarded_header: expected x-forwarded or forwarded, got "
            f'"{"x" * 77}..."',
        ),
    ],
)
def test_a_mistake_says_where_what_and_what_instead(
    text: str, told: str, written: Written
) -> None:
    assert messages(text, written, ORIGIN) == [f"config.yaml:{told}"]


def test_credentials_are_not_repeated(written: Written) -> None:
    text = "origin: {url: 'http://user:pa/ss@word@app'}"
    assert messages(text, written, {}) == [
        "config.yaml:1:15: origin.url: expected a URL without credentials, got "
        '"http://***@app"; leave out what is before the @'
    ]


@pytest.mark.parametrize("text", ["", "origin:\n", "origin: {}\n"])
def test_an_origin_that_is_missing(text: str, written: Written) -> None:
    [told] = messages(text, written, {})
    assert told.startswith("config.yaml:")
    assert told.endswith(
        ": origin.url: expected the URL of the origin, got nothing; set it in the "
        "file, by --origin or UPLOAD_PROXY_ORIGIN__URL"
    )


def test_without_a_file_there_is_no_place_to_name() -> None:
    with pytest.raises(ConfigError, match=r"^origin\.url: expected the URL of the"):
        load(None, {})


def test_a_variable_that_is_not_set_is_told_once(written: Written) -> None:
    [told] = messages("origin:\n  url: ${ORIGIN}\n", written, {})
    assert told.startswith("config.yaml:2:8: origin.url: expected a value in the env")


def test_a_flag_is_named(written: Written) -> None:
    flags: Mapping[str, object] = {
        "origin.url": "app:3000",
        "listen": ["a:1", "b"],
        "spool.directory": "",
    }
    told = messages("", written, flags)
    assert [line.partition(": expected")[0] for line in told] == [
        "--listen: listen[1]",
        "--origin: origin.url",
        "--spool: spool.directory",
    ]
    assert told[1].endswith('got "app:3000"; did you mean "http://app:3000"?')


def test_a_key_without_a_flag_is_named_itself(written: Written) -> None:
    assert messages("", written, {**ORIGIN, "log.level": "loud"}) == [
        'log.level: log.level: expected debug, info, warning or error, got "loud"'
    ]


def test_everything_is_told_at_once_the_file_first(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOAD_PROXY_LOCATION", "pth")
    monkeypatch.setenv("UPLOAD_PROXY_LGO__LEVEL", "info")
    told = messages(
        "log:\n  format: yaml\n  level: ${NOPE}\nheader_limit: 1\nlistne: x\n"
        "header_limit: 2\n",
        written,
        {"origin.url": "ftp://app"},
    )
    assert [line.partition(": ")[0] for line in told] == [
        "config.yaml:2:11",
        "config.yaml:3:10",
        "config.yaml:5:1",
        "config.yaml:6:1",
        "UPLOAD_PROXY_LGO__LEVEL",
        "UPLOAD_PROXY_LOCATION",
        "--origin",
    ]


def test_what_is_wrong_below_is_not_hidden_by_what_is_above(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOAD_PROXY_ORIGIN__URL", "http://environment")
    [told] = messages("origin: http://file\n", written, {})
    assert told.startswith("config.yaml:1:9: origin: expected keys of its own (url, ")
    assert told.endswith('), got "http://file"')


def test_a_value_that_is_hidden_is_not_looked_at(written: Written) -> None:
    assert load(written("origin: {url: nonsense}"), ORIGIN).origin.url == "http://flag"
