"""The environment: names to keys, text to values, and names that are no keys."""

from __future__ import annotations

import pytest

from proxy.config import ConfigError, load
from proxy.config.environment import environment, variable
from proxy.config.keys import KEYS

ORIGIN = {"origin.url": "http://flag"}


def test_every_key_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.setenv(variable(tuple(key.split("."))), "x")
    layer = environment()
    assert all(layer.says(tuple(key.split("."))) for key in KEYS)
    assert not layer.mistakes


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("ORIGIN__MAX_FORWARDS", "4", 4),
        ("ORIGIN__PRESERVE_HOST", "false", False),
        ("UPLOADS__LIMITS__MAX_SIZE", "1GiB", 2**30),
        ("UPLOADS__LIMITS__MAX_SIZE", "null", None),
        ("UPLOADS__KEEP_ANSWER", "0", 0.0),
        ("UPLOADS__VERSIONS", "6,rfc", (6, "rfc")),
        ("UPLOADS__VERSIONS", "[6, 8]", (6, 8)),
        ("UPLOADS__VERSIONS", "6", (6,)),
        ("CORS__ALLOW_ORIGINS", "https://a.example, https://b.example",
         ("https://a.example", "https://b.example")),
        ("CORS__ALLOW_ORIGINS", "", ()),
        ("PUBLIC_URL", "", None),
        ("LOG__LEVEL", "debug", "debug"),
    ],
)  # fmt: skip
def test_text_becomes_the_value(
    name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"UPLOAD_PROXY_{name}", text)
    found: object = load(None, ORIGIN)
    for part in name.lower().split("__"):
        found = getattr(found, part)
    assert found == value


def test_an_ipv6_address_is_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOAD_PROXY_LISTEN", "[::1]:8080,127.0.0.1:8080")
    assert list(map(str, load(None, ORIGIN).listen)) == ["[::1]:8080", "127.0.0.1:8080"]


def test_rules_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOAD_PROXY_UPLOADS__MATCH", '[{"methods": ["PUT"]}]')
    assert load(None, ORIGIN).uploads.match[0].methods == ("PUT",)


def test_rules_that_are_no_json_are_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOAD_PROXY_UPLOADS__MATCH", "[{methods: PUT}]")
    with pytest.raises(ConfigError) as refused:
        load(None, ORIGIN)
    assert str(refused.value) == (
        "UPLOAD_PROXY_UPLOADS__MATCH: uploads.match: expected a list, got "
        '"[{methods: PUT}]"'
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ORIGN__URL", "orign.url: unknown key; did you mean UPLOAD_PROXY_ORIGIN__"),
        ("ORIGIN__ULR", "origin.ulr: unknown key; did you mean UPLOAD_PROXY_ORIGIN__"),
        ("ORIGN__COLOUR", "orign.colour: unknown key; did you mean UPLOAD_PROXY_O"),
        ("LOG__LEVEL__X", "log.level.x: unknown key; log.level is a single value"),
        ("COLOUR", "colour: unknown key; known here: listen, workers, reuse_port, "),
        ("LOG__COLOUR", "log.colour: unknown key; known here: level, format"),
    ],
)  # fmt: skip
def test_a_variable_that_is_no_key_is_a_mistake(
    name: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"UPLOAD_PROXY_{name}", "info")
    monkeypatch.setenv("UPLOAD_PROXY_LOG__LEVEL", "info")
    with pytest.raises(ConfigError) as refused:
        load(None, ORIGIN)
    assert str(refused.value).startswith(f"UPLOAD_PROXY_{name}: {told}")
    assert len(refused.value.errors) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_HOST", "10.0.0.11"),
        ("SERVICE_PORT", "8080"),
        ("SERVICE_PORT_HTTP", "8080"),
        ("PORT", "tcp://10.0.0.11:8080"),
        ("PORT_8080_TCP", "tcp://10.0.0.11:8080"),
        ("PORT_8080_TCP_ADDR", "10.0.0.11"),
        ("ADMIN_SERVICE_HOST", "10.0.0.11"),
        ("ADMIN_PORT", "tcp://10.0.0.11:9090"),
        ("ADMIN_PORT_9090_TCP_PROTO", "tcp"),
    ],
)
def test_a_service_of_our_name_does_not_stop_us(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"UPLOAD_PROXY_{name}", value)
    load(None, ORIGIN)


def test_a_port_of_our_own_is_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOAD_PROXY_PORT", "8080")
    with pytest.raises(ConfigError, match="UPLOAD_PROXY_PORT: port: unknown key"):
        load(None, ORIGIN)
