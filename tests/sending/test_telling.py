"""What is shown on a terminal, as the bytes that come to it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest

from proxy.sending.telling import teller

WIDTH = 80
UP = "\x1b[1A"


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", str(WIDTH))


@contextmanager
def screen() -> Iterator[io.StringIO]:
    """A terminal, where both kinds of output come."""
    seen = io.StringIO()
    with redirect_stdout(seen), redirect_stderr(seen):
        yield seen


def progress(doing: str, sent: int = 3_000_000) -> dict[str, object]:
    return {
        "event": "progress",
        "file": "a film with a long name.mp4",
        "sent": sent,
        "acknowledged": 1_500_000,
        "length": 3_000_000,
        "saved": 1_500_000,
        "doing": doing,
    }


def test_nothing_erases_how_to_go_on(wide: None) -> None:
    with screen() as seen, teller(as_json=False) as tell:
        tell({"event": "begun", "file": "a film with a long name.mp4", "url": "http:"})
        for _ in range(3):
            tell(progress("the connection ended without an answer; waiting 12.3 s"))
        command = "upload-proxy upload --resume /home/somebody/" + "x" * WIDTH
        tell({"event": "left", "files": ["film.mp4"], "state": "x", "command": command})
    before, _, after = seen.getvalue().partition(f"{command}\n")
    assert "waiting 12.3 s" in before
    assert "1 file is not done; to go on:\n" in before
    assert UP not in before
    assert after
    assert UP not in after


def test_what_was_sent_is_not_yet_answered(wide: None) -> None:
    with screen() as seen, teller(as_json=False) as tell:
        tell({"event": "begun", "file": "film.mp4", "url": "http:"})
        tell(progress("sending"))
    assert "waiting for the answer" in seen.getvalue()
