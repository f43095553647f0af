"""The versions of the proxy and of what it stands on, for reports and bug reports."""

from __future__ import annotations

import platform
from importlib.metadata import version

from proxy import __version__
from proxy.dialects.profiles import PROFILES, RFC


def versions() -> dict[str, str | list[int | str]]:
    """By name; the interop versions are those that can be spoken, not those enabled."""
    return {
        "upload-proxy": __version__,
        "interop versions": [name for name in PROFILES if name != RFC],
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "platform": platform.platform(),
    }
