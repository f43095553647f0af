"""What the container installs is pinned: everything we need, with hashes, from no host.

Held against ``pyproject.toml``, without asking a registry. ``make lock`` writes them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-build.lock": PROJECT["build-system"]["requires"],
}


def pinned(name: str) -> dict[str, str]:
    """Package to version."""
    text = (ROOT / name).read_text()
    pins = re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)
    return {canonicalize_name(package): version for package, version in pins}


@pytest.mark.parametrize("name", NEEDED)
def test_everything_needed_is_pinned_to_a_version_that_fits(name: str) -> None:
    pins = pinned(name)
    for requirement in map(Requirement, NEEDED[name]):
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("name", NEEDED)
def test_every_pin_has_a_hash(name: str) -> None:
    _, *entries = re.split(r"\n(?=\w)", (ROOT / name).read_text())
    assert len(entries) == len(pinned(name))
    for entry in entries:
        assert "--hash=sha256:" in entry


@pytest.mark.parametrize("name", NEEDED)
def test_no_host_is_named(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash)", text, re.MULTILINE)
