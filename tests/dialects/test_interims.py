"""What a 104 says, and when there is none (R21, R22, R66)."""

from __future__ import annotations

import pytest

from proxy.core.intents import Progress, Resumable
from proxy.core.upload import Limits

from ..kit.words import each_version, words
from .speech import LOCATION, TOKEN, interim, locate, rufh

RESUMABLE = Resumable(TOKEN, Limits(max_size=1000), 3600.9)


@each_version
def test_r21_the_first_one_names_version_url_and_limits(version: int) -> None:
    lifetime = words(version).lifetime
    expected = {"Upload-Draft-Interop-Version": str(version), "Location": LOCATION}
    if lifetime is not None:
        expected["Upload-Limit"] = f"max-size=1000, {lifetime}=3600"
    assert interim(version, RESUMABLE) == expected


@each_version
def test_r66_progress_is_told_from_v5_on_without_location(version: int) -> None:
    expected = {"Upload-Draft-Interop-Version": str(version), "Upload-Offset": "40"}
    assert interim(version, Progress(40)) == (expected if version >= 5 else None)


@each_version
@pytest.mark.parametrize("told", [RESUMABLE, Progress(40)], ids=["first", "progress"])
def test_r22_there_is_none_where_none_may_be_sent(
    version: int, told: Resumable | Progress
) -> None:
    assert rufh(version, interims=False).interim(told, locate) is None
    unspoken = rufh(version, spoken=False, interims=False)
    assert unspoken.interim(told, locate) is None
