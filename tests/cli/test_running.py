"""Commands that run a proxy: with what was said, and nothing else."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.config import Config

from .typed import ROOT, run, within


def test_serving_needs_an_origin() -> None:
    done = run("serve")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("origin.url: expected the URL of the origin, got not")


def test_a_wrong_flag_is_named() -> None:
    done = run("serve", "--origin", "http://app/path")
    assert done.returncode == 78
    assert done.stderr.startswith(
        "--origin: origin.url: expected an origin's URL without a path, got "
        '"http://app/path"; every request keeps the path it came with\n'
    )


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("code", [0, 1])
def test_serving_runs_the_proxy_with_what_was_said(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Config] = []

    def serve(config: Config, read: Callable[[], Config]) -> int:
        assert read() == config
        served.append(config)
        return code

    room = types.ModuleType("proxy.service")
    room.serve = serve  # type: ignore[attr-defined]  # an empty module made here
    monkeypatch.setitem(sys.modules, "proxy.service", room)
    words = ["--origin", "http://app", "--spool", "/s", "--listen", "a:1"]
    words += ["--listen", "unix:/b", "-c", str(ROOT / "config/minimal.yaml")]
    assert within("serve", *words) == code
    [config] = served
    assert config.origin.url == "http://app"
    assert list(map(str, config.listen)) == ["a:1", "unix:/b"]
    assert config.spool.directory == Path("/s")


@pytest.mark.parametrize(("words", "kept"), [((), False), (("--keep",), True)])
def test_the_demonstration_is_run(
    words: tuple[str, ...], kept: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[bool] = []

    def demonstrate(keep: bool) -> int:
        runs.append(keep)
        return 1

    room = types.ModuleType("proxy.demo")
    room.run = demonstrate  # type: ignore[attr-defined]  # the same
    monkeypatch.setitem(sys.modules, "proxy.demo", room)
    assert within("demo", *words) == 1
    assert runs == [kept]
