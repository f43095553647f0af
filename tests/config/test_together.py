"""Settings that are right one by one, and wrong together."""

from __future__ import annotations

import pytest

from proxy.config import ConfigError, load

from .conftest import Written

HTTP = 'origin: {url: "http://a"}\n'


def told(text: str, written: Written) -> list[str]:
    try:
        load(written(text), {})
    except ConfigError as refused:
        return [str(error).removeprefix("config.yaml:") for error in refused.errors]
    return []


@pytest.mark.parametrize(
    ("listen", "admin", "meet"),
    [
        ("127.0.0.1:9000", "127.0.0.1:9000", True),
        ("0.0.0.0:9000", "127.0.0.1:9000", True),
        ("127.0.0.1:9000", "0.0.0.0:9000", True),
        ("'[::]:9000'", "'[::1]:9000'", True),
        ("0.0.0.0:9000", "localhost:9000", True),
        ("a.example:9000", "A.example:9000", True),
        ("[127.0.0.1:1, 'unix:/run/a.sock']", "unix:/run/a.sock", True),
        ("fd:http", "fd:http", True),
        ("127.0.0.1:9000", "127.0.0.1:9001", False),
        ("127.0.0.1:9000", "127.0.0.2:9000", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
        # IPv6 sockets of ours take no IPv4
        ("'[::]:9000'", "0.0.0.0:9000", False),
        ("unix:/run/a.sock", "unix:/run/b.sock", False),
        ("unix:/run/a.sock", "127.0.0.1:9000", False),
    ],
)
def test_operators_have_an_address_of_their_own(
    listen: str, admin: str, written: Written, *, meet: bool
) -> None:
    text = f"{HTTP}reuse_port: true\nlisten: {listen}\nadmin:\n  listen: {admin}\n"
    errors = told(text, written)
    assert len(errors) == meet
    for error in errors:
        assert error.startswith("5:11: admin.listen: expected another address than")
        assert "; listen has " in error


def test_the_default_is_an_address_as_well(written: Written) -> None:
    (error,) = told(HTTP + "listen: 0.0.0.0:9090\n", written)
    assert error.lstrip() == (
        "admin.listen: expected another address than that of clients, got "
        "127.0.0.1:9090 (the default); listen has 0.0.0.0:9090"
    )
    assert told(HTTP + "listen: 0.0.0.0:9090\nadmin: null\n", written) == []


TLS = 'origin: {url: "http://a", tls: {server_name: b.example, verify: false}}\n'
FORM = 'origin: {url: "http://a", form: {filename: a.bin}}\n'
ROUTE = "routes:\n  - {name: x, match: {paths: /x}, origin: %s}\n"


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (
            TLS,
            [
                "1:46: origin.tls.server_name: expected an https origin to go with it, "
                'got "b.example"; the key is "url"',
                "1:65: origin.tls.verify: expected an https origin to go with it, "
                'got false; the key is "url"',
            ],
        ),
        (
            FORM,
            [
                '1:44: origin.form.filename: expected "wrap: multipart" to go with it, '
                'got "a.bin"'
            ],
        ),
        # meant for a route
        (TLS + ROUTE % '{url: "https://b"}', []),
        (FORM + ROUTE % "{wrap: multipart}", []),
        # of a route that has it from the top level, and does without
        (TLS.replace("http:", "https:") + ROUTE % '{url: "http://b"}', []),
        (FORM.replace("form", "wrap: multipart, form") + ROUTE % "{wrap: raw}", []),
        # what is as by default says nothing
        ('origin: {url: "http://a", tls: {verify: true, ca: null}}', []),
        (
            HTTP + ROUTE % "{tls: {ca: /b.pem}, form: {field: b}}",
            [
                "3:54: routes[0].origin.tls.ca: expected an https origin to go with "
                'it, got "/b.pem"; the key is "url"',
                '3:77: routes[0].origin.form.field: expected "wrap: multipart" to go '
                'with it, got "b"',
            ],
        ),
        (
            'origin: {url: "unix:/run/a", form: {fields: [{name: a, header: b}]}}',
            [
                '1:45: origin.form.fields: expected "wrap: multipart" to go with it, '
                "got a list"
            ],
        ),
    ],
)
def test_what_has_no_effect_is_told(
    text: str, errors: list[str], written: Written
) -> None:
    assert told(text, written) == errors
