"""The command line as it is typed: in a process of its own, or in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.cli import app

ROOT = Path(__file__).parents[2]

BOUND_S = 30.0

ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("UPLOAD_PROXY_", "XDG_", "STATE_DIRECTORY"))
}


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``python -m proxy`` with `words`."""
    return subprocess.run(
        [sys.executable, "-m", "proxy", *words],
        cwd=ROOT,
        env={**ENVIRONMENT, **variables},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )


def within(*words: str) -> int:
    """The same in this process; its exit code."""
    with pytest.raises(SystemExit) as left:
        app(list(words))
    assert isinstance(left.value.code, int)
    return left.value.code
