"""Who may see the uploads page, and who may do something there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.admin.guards import Asked, may_act, may_look

HOSTS = frozenset({"uploads.example"})
TOKEN = "a token"
OURS = Asked(
    host="127.0.0.1:9090",
    origin="http://127.0.0.1:9090",
    site="same-origin",
    token=TOKEN,
    media_type="application/json",
)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:9090", True),
        ("10.1.2.3:9090", True),
        ("[::1]:9090", True),
        ("localhost", True),
        ("LOCALHOST:9090", True),
        ("admin.localhost:1", True),
        ("uploads.example", True),
        ("Uploads.Example.:443", True),
        (None, False),
        ("", False),
        ("evil.example:9090", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("notlocalhost", False),
        ("x.uploads.example", False),
        ("user@127.0.0.1", False),
        ("[::1", False),
        ("[zz]:1", False),
        ("127.0.0.1:port", False),
        ("127.1", False),
    ],
)
def test_a_name_that_somebody_else_can_point_here_is_refused(
    host: str | None, allowed: bool
) -> None:
    asked = replace(OURS, host=host, origin=f"http://{host}")
    assert (may_look(asked, HOSTS) == "") is allowed
    assert (may_act(asked, HOSTS, TOKEN) == "") is allowed


@pytest.mark.parametrize(
    ("site", "allowed"),
    [
        (None, True),
        ("none", True),
        ("same-origin", True),
        ("same-site", False),
        ("cross-site", False),
        ("something new", False),
    ],
)
def test_a_page_of_another_site_is_refused(site: str | None, allowed: bool) -> None:
    asked = replace(OURS, site=site)
    assert (may_look(asked, HOSTS) == "") is allowed


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"origin": None}, id="no origin"),
        pytest.param({"origin": "null"}, id="a hidden origin"),
        pytest.param({"origin": "http://evil.example"}, id="another origin"),
        pytest.param({"origin": "http://127.0.0.1:8080"}, id="another port"),
        pytest.param({"origin": "file://127.0.0.1:9090"}, id="a file"),
        pytest.param({"site": "cross-site"}, id="another site"),
        pytest.param({"token": None}, id="no token"),
        pytest.param({"token": "another"}, id="another token"),
        pytest.param({"token": "tök"}, id="a token that can be none"),
        pytest.param({"media_type": "text/plain"}, id="what a form can send"),
    ],
)
def test_only_our_page_may_act(changed: dict[str, Any]) -> None:
    assert may_act(OURS, HOSTS, TOKEN) == ""
    assert may_act(replace(OURS, **changed), HOSTS, TOKEN) != ""
