"""Who stands in front, and what is to be set there."""

from __future__ import annotations

import pytest

from proxy.doctor.products import Fault, recognised, settings


@pytest.mark.parametrize(
    ("fields", "product"),
    [
        ([("Server", "nginx/1.22.1")], "nginx"),
        ([("server", "envoy")], "Envoy"),
        ([("Server", "Apache/2.4.71 (Debian)")], "Apache"),
        ([("Via", "1.1 origin.example, 1.1 Caddy")], "Caddy"),
        ([("Via", "1.1 varnish (Varnish/7.1)")], "Varnish"),
        ([("Server", "gunicorn")], ""),
        ([], ""),
    ],
)
def test_a_front_is_known_by_what_it_writes(
    fields: list[tuple[str, str]], product: str
) -> None:
    assert recognised(fields) == product


def test_a_product_that_is_known_is_told_its_own_setting() -> None:
    (line,) = settings(Fault.COLLECTS, "nginx")
    assert line.startswith("nginx: proxy_request_buffering off;")


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_setting_whoever_is_in_front(fault: Fault) -> None:
    assert settings(fault, "")
    assert settings(fault, "of an unknown kind") == settings(fault, "")
