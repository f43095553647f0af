"""The conformance page: its command is run, on a server that is wrong in the way shown.

What is shown is of a server that speaks the versions 3 to 6, the one here speaks 8: the
lines that say so differ, and stand in a table.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.conformance.small_server import NO_OFFSET_WITH_409, small_server

from .consoles import Screen, fence, masked, screens, typed

PLACE: Final = "http://127.0.0.1:8080/files"
OF_OTHER_VERSIONS: Final = {
    "v3 v4 v5 v6",
    "in draft-01, Upload Appending Procedure",
    "Upload-Draft-Interop-Version: 3",
    "Upload-Incomplete: ?1",
    "Content-Type: application/octet-stream",
    "Content-Length: 41",
    "...",
}
"""Besides, the sum of all rules, of which one is asked for here."""
_VERSIONS: Final = re.compile(r"v\d+(?:, v\d+)*")
_FILE: Final = re.compile(r"(?<=/files/)\S+")


def shown() -> Screen:
    (one,) = screens(fence("conformance.md", "$ upload-proxy conformance"))
    return one


def plain(said: str, place: str) -> list[str]:
    """Its lines without addresses, versions, and how often a verdict stands there."""
    text = _VERSIONS.sub("VERSIONS", said.replace(place, PLACE))
    text = re.sub(r"(FAIL +)+", "FAIL ", _FILE.sub("NAME", text))
    return masked(text)


async def test_what_is_missed_is_told_as_shown(tmp_path: Path) -> None:
    async with small_server(NO_OFFSET_WITH_409) as place:
        command = shown().command.replace(PLACE, place)
        came = await typed(f"{command} --rule R53", tmp_path)
    assert came.code == 1, came
    said = plain(came.said, place)
    *lines, total = shown().said.splitlines()
    expected = [
        line
        for line in lines
        if line and " ".join(line.split()) not in OF_OTHER_VERSIONS
    ]
    assert len(expected) == 9
    assert [one for one in plain("\n".join(expected), place) if one not in said] == []
    assert re.fullmatch(r"\d+ pass, \d+ fail \(MUST\).*", total)
    assert re.fullmatch(r"0 pass, 1 fail \(MUST\).*", said[-1])
