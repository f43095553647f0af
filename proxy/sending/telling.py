"""What happens, told: a bar on a terminal, lines in a log, JSON for machines.

Servers may answer anything. The one invariant: nothing of it steers a terminal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from .batch import Tell

_EVERY_S: Final = 1.0
"""Between two lines of JSON about progress; whatever else happens is told at once."""
_ANSWER: Final = 500
"""Signs of an answer that are shown."""


@contextmanager
def teller(*, as_json: bool) -> Iterator[Tell]:
    """Tells to standard output; the command to go on to standard error."""
    console = Console(highlight=False, soft_wrap=True)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    if as_json:
        yield _Json()
    elif console.is_terminal:
        with _bar(console) as bar:
            yield _Bar(bar, errors)
    else:
        yield _Lines(console, errors)


class _Json:
    """One object a line."""

    def __init__(self) -> None:
        self._last: tuple[str, float] = ("", 0.0)

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            doing, now = event["doing"], time.monotonic()
            if doing == self._last[0] and now - self._last[1] < _EVERY_S:
                return
            self._last = doing, now
        print(json.dumps(event), flush=True)


class _Lines:
    """What matters, without progress: for a log, and for whoever reads it later."""

    def __init__(self, console: Console, errors: Console) -> None:
        self._console, self._errors = console, errors
        self._doing = "sending"

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            doing = event["doing"]
            if doing != self._doing and "waiting" in doing:
                self._console.print(f"{_name(event)}: {_plain(doing)}")
            self._doing = doing
        else:
            say(self._console, self._errors, event)


class _Bar:
    """A bar for each file."""

    def __init__(self, bar: Progress, errors: Console) -> None:
        self._bar, self._errors = bar, errors
        self._task: TaskID | None = None

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self._progress(event)
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        if event["event"] == "begun":
            self._task = self._bar.add_task(
                _name(event), total=None, doing="", saved=""
            )
        else:
            say(self._bar.console, self._errors, event)

    def _progress(self, event: dict[str, Any]) -> None:
        if self._task is None:
            return
        self._bar.update(
            self._task,
            completed=event["sent"],
            total=event["length"],
            doing="" if event["doing"] == "sending" else _plain(event["doing"]),
            saved=f"{decimal(event['saved'])} saved" if event["saved"] else "",
        )


def say(console: Console, errors: Console, event: dict[str, Any]) -> None:
    """One line about what happened."""
    match event["event"]:
        case "done":
            status = event["status"] or "uploaded, its answer is lost"
            saved = f", {decimal(event['saved'])} saved" if event["saved"] else ""
            size = decimal(event["length"])
            console.print(f"{_name(event)}: {status}, {size}{saved}")
            _content(console, event)
        case "failed":
            errors.print(f"{_name(event)}: {_plain(event['why'])}")
            _content(errors, event)
        case "left":
            count = len(event["files"])
            files = "1 file is" if count == 1 else f"{count} files are"
            errors.print(f"{files} not done; to go on:")
            errors.print(f"  {escape(event['command'])}")


def _content(console: Console, event: dict[str, Any]) -> None:
    """The beginning of what was answered; what is no text is left out."""
    answer = event.get("answer", "").strip()
    if answer and "\ufffd" not in answer:
        console.print(f"  {_plain(answer[:_ANSWER])}")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[saved]}"),
        TextColumn("{task.fields[doing]}"),
        console=console,
    )


def _name(event: dict[str, Any]) -> str:
    return _plain(event["file"])


def _plain(text: str) -> str:
    """`text` without anything that a terminal, or markup, would obey."""
    plain = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
        for one in text
    )
    return escape(plain)
