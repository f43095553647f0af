"""What this was built of: what is told, and what is made of it."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

import pytest

from proxy import versions

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Installed:
    """A distribution that the installer has noted this of."""

    def __init__(self, noted: Any) -> None:
        self._noted = noted

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self._noted is None else json.dumps(self._noted)


def test_the_environment_tells_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_REVISION", COMMIT)
    assert versions.revision() == COMMIT
    assert versions.versions()["revision"] == COMMIT


@pytest.mark.parametrize(
    ("noted", "told"),
    [
        ({"url": "https://a/b", "vcs_info": {"commit_id": COMMIT}}, COMMIT),
        ({"url": "file:///a", "dir_info": {"editable": True}}, "unknown"),
        (None, "unknown"),
    ],
)
def test_then_what_the_installer_has_noted(
    monkeypatch: pytest.MonkeyPatch, noted: Any, told: str
) -> None:
    monkeypatch.delenv("BUILD_REVISION", raising=False)
    monkeypatch.setattr(versions, "distribution", lambda name: Installed(noted))
    assert versions.revision() == told


def test_a_checkout_that_is_not_installed_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> Any:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.delenv("BUILD_REVISION", raising=False)
    monkeypatch.setattr(versions, "distribution", missing)
    assert versions.revision() == "unknown"
