"""The versions of the proxy and of what it stands on, for reports and bug reports."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Final

from proxy import __version__
from proxy.dialects.profiles import PROFILES, RFC

UNKNOWN: Final = "unknown"


def revision() -> str:
    """The commit that this was built of: what BUILD_REVISION says, as in the container,
    else what the installer has noted of a repository; ``unknown`` otherwise."""
    told = os.environ.get("BUILD_REVISION")
    if told:
        return told[:64]
    try:
        noted = distribution("resumable-upload-proxy").read_text("direct_url.json")
        commit = json.loads(noted or "{}").get("vcs_info", {}).get("commit_id")
    except (PackageNotFoundError, ValueError):
        return UNKNOWN
    return commit if isinstance(commit, str) else UNKNOWN


def versions() -> dict[str, str | list[int | str]]:
    """By name; the interop versions are those that can be spoken, not those enabled."""
    return {
        "upload-proxy": __version__,
        "interop versions": [name for name in PROFILES if name != RFC],
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "platform": platform.platform(),
        "revision": revision(),
    }
