"""Every proxy of these tests speaks TLS, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kit.sealed import Pair, pair_in
from tests.kit.words import NEWEST

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What differs between versions, and between the ways of a body, differs above TLS:
    here one version is enough, with bodies that would take the shortcut if they could.
    """
    items[:] = [item for item in items if _is_enough(item)]


def _is_enough(item: pytest.Item) -> bool:
    if item.path.parent != HERE or not isinstance(item, pytest.Function):
        return True
    spec = getattr(item, "callspec", None)
    chosen = {} if spec is None else spec.params
    version, way = chosen.get("version", NEWEST), chosen.get("each_way", "shortcut")
    return bool(version == NEWEST and way == "shortcut")


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return pair_in(tmp_path)


@pytest.fixture
def everywhere(
    pair: Pair, tmp_path: Path, request: pytest.FixtureRequest
) -> dict[str, Any]:
    settings: dict[str, Any] = {"tls": pair.settings}
    if "log" in request.fixturenames:
        settings["log"] = {"file": str(tmp_path / "log")}
    return settings


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of the proxies of a test that asks for it."""
    return tmp_path / "log"
