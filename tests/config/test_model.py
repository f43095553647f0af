"""The configuration as a value: what the program sees of it."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from proxy.addresses import TcpAddress, UnixAddress
from proxy.config import Config
from proxy.config.keeping import Limits, Match
from proxy.config.keys import KEYS, dotted, section_at
from proxy.dialects.profiles import PROFILES

ORIGIN = {"url": "http://127.0.0.1:3000"}


def config(**sections: object) -> Config:
    return Config.model_validate({"origin": ORIGIN, **sections})


def test_sizes_are_bytes_and_durations_seconds() -> None:
    given = config(
        header_limit="32KiB",
        shutdown_grace="1m30s",
        uploads={"limits": {"max_size": "10GiB", "max_age": "7d"}},
    )
    assert given.header_limit == 32768
    assert given.shutdown_grace == 90.0
    assert given.uploads.limits.max_size == 10 * 2**30
    assert given.uploads.limits.max_age == 7 * 86400.0


def test_places_are_values() -> None:
    given = config(
        listen=["127.0.0.1:0", "unix:/run/a.sock"],
        trusted_proxies="10.0.0.0/8, ::1",
        spool={"directory": "/var/spool/upload-proxy"},
    )
    assert given.listen == (TcpAddress("127.0.0.1", 0), UnixAddress("/run/a.sock"))
    assert given.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert given.spool.directory == Path("/var/spool/upload-proxy")


def test_what_is_not_said_has_its_default() -> None:
    given = config()
    assert given.listen == (TcpAddress("127.0.0.1", 8080),)
    assert given.admin is not None
    assert given.admin.listen == TcpAddress("127.0.0.1", 9090)
    assert given.uploads.limits == Limits()
    assert given.uploads.versions == tuple(PROFILES)[:-1]
    assert given.spool.directory == Path("/home/somebody/.local/state/upload-proxy")


def test_versions_are_a_set_with_numbers_as_numbers() -> None:
    assert config(uploads={"versions": "6, rfc"}).uploads.versions == (6, "rfc")
    assert config(uploads={"versions": 6}).uploads.versions == (6,)


@pytest.mark.parametrize("off", [None, {"listen": None}, {"listen": "null"}])
def test_the_admin_listener_can_be_turned_off(off: object) -> None:
    assert config(admin=off).admin is None


def test_a_section_with_nothing_in_it_has_its_defaults() -> None:
    assert config(uploads=None, spool=None, cors=None, log=None) == config()


def test_a_rule_says_only_what_it_says() -> None:
    given = config(uploads={"match": [{"methods": "POST, PUT", "host": "A.example"}]})
    expected = Match(methods=("POST", "PUT"), host="a.example")
    assert given.uploads.match == (expected,)


def test_nothing_can_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        config().origin.url = "http://elsewhere"
    assert hash(config()) == hash(config())


def test_every_key_is_named_once() -> None:
    assert len(KEYS) == len(set(KEYS))
    assert KEYS[0] == "listen"
    assert "uploads.limits.max_age" in KEYS
    assert "uploads.match" in KEYS


def test_sections_are_found_by_their_key() -> None:
    assert section_at(()) is Config
    assert section_at(("uploads", "limits")) is Limits
    assert section_at(("uploads", "match", 0)) is Match
    assert section_at(("listen",)) is None
    assert section_at(("listen", "below")) is None
    assert section_at(("nothing", "below")) is None


def test_items_are_shown_with_their_number() -> None:
    assert dotted(("uploads", "match", 0, "paths")) == "uploads.match[0].paths"


@pytest.mark.parametrize(
    ("key", "value"),
    [("client_certificates", "optional"), ("pass_client_certificate", True)],
)
def test_nobody_is_asked_for_a_certificate_without_authorities(
    key: str, value: object
) -> None:
    tls = {"certificate": "/a", key: value}
    with pytest.raises(ValidationError, match="authorities to go with it"):
        Config.model_validate({"origin": {"url": "http://a"}, "tls": tls})
    tls["client_ca"] = "/b"
    Config.model_validate({"origin": {"url": "http://a"}, "tls": tls})
