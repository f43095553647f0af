"""What these tests need beside Python, and what to say when it is not there.

A test whose needs are not met is skipped with the reason in words, and listed as NOT
RUN at the end (``tests/kit/not_run.py``). ``tests/prepare`` brings all of it where it
can.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent

_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
"""Debian puts servers where the PATH of an ordinary user does not look."""


def program(name: str) -> str:
    """Path of an installed program; without it the test is NOT RUN."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def node(*packages: str) -> str:
    """Path of node, which finds these npm packages; else the test is NOT RUN."""
    found = program("node")
    for package in packages:
        if not (HERE / "node_modules" / package / "package.json").exists():
            pytest.skip(f"{package} is not installed (npm ci in tests/interop)")
    return found


def modules(*names: str) -> None:
    """Python packages that have to be importable; else the test is NOT RUN."""
    for name in names:
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed (pip install --group interop)")
