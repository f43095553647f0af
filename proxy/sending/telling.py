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
from rich.table import Column

from proxy.terminals import plain

from .batch import Tell

_EVERY_S: Final = 1.0
"""Between two lines of JSON about progress; whatever else happens is told at once."""
_ANSWER: Final = 500
"""Signs of an answer that are shown."""
_NAME: Final = 20
"""Columns for the name of a file."""
_BAR: Final = 10
"""Columns for its bar."""


@contextmanager
def teller(*, as_json: bool) -> Iterator[Tell]:
    """Tells to standard output; the command to go on to standard error."""
    # without soft_wrap: what wraps by itself is not erased as it was drawn
    console = Console(highlight=False)
    errors = Console(stderr=True, highlight=False)
    if as_json:
        yield _Json()
    elif console.is_terminal:
        with _bar(console) as bar:
            # what goes to the same screen goes past the bar, which would erase it
            yield _Bar(bar, bar.console if errors.is_terminal else errors)
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
                _line(self._console, f"{_name(event)}: {_plain(doing)}")
            self._doing = doing
        else:
            say(self._console, self._errors, event)


class _Bar:
    """A bar for each file."""

    def __init__(self, bar: Progress, errors: Console) -> None:
        self._bar, self._errors = bar, errors
        self._task: TaskID | None = None
        self._doing = ""

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self._progress(event)
            return
        if event["event"] != "warning" and self._task is not None:
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
        doing = _short(event["doing"])
        if not doing and event["sent"] == event["length"]:
            # the last bytes may still be in buffers of ours
            doing = "waiting for the answer"
        news, self._doing = doing != self._doing, doing
        self._bar.update(
            self._task,
            refresh=news,
            completed=event["sent"],
            total=event["length"],
            doing=doing,
            saved="" if doing or not event["saved"] else _saved(event),
        )


def say(console: Console, errors: Console, event: dict[str, Any]) -> None:
    """One line about what happened."""
    match event["event"]:
        case "done":
            status = event["status"] or "uploaded, its answer is lost"
            saved = f", {_saved(event)}" if event["saved"] else ""
            size = decimal(event["length"])
            _line(console, f"{_name(event)}: {status}, {size}{saved}")
            _content(console, event)
        case "failed":
            _line(errors, f"{_name(event)}: {_plain(event['why'])}")
            _content(errors, event)
        case "warning":
            _line(errors, _plain(event["why"]))
        case "left":
            count = len(event["files"])
            files = "1 file is" if count == 1 else f"{count} files are"
            _line(errors, f"{files} not done; to go on:")
            _line(errors, f"  {escape(event['command'])}")


def _saved(event: dict[str, Any]) -> str:
    return f"{decimal(event['saved'])} saved"


def _short(doing: str) -> str:
    """Nothing while it sends; else what it does before why, which may be cut."""
    if doing == "sending":
        return ""
    why, _, now = _plain(doing).rpartition("; ")
    return f"{now}: {why}" if why else now


def _content(console: Console, event: dict[str, Any]) -> None:
    """The beginning of what was answered; what is no text is left out."""
    answer = event.get("answer", "").strip()
    if answer and "\ufffd" not in answer:
        _line(console, f"  {_plain(answer[:_ANSWER])}")


def _line(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True)


def _bar(console: Console) -> Progress:
    """One line, whatever the width: what has no room is cut, what it does last."""
    name, doing = Column(max_width=_NAME, no_wrap=True), Column(no_wrap=True, ratio=1)
    return Progress(
        TextColumn("{task.description}", table_column=name),
        BarColumn(_BAR, table_column=Column(no_wrap=True)),
        DownloadColumn(table_column=Column(no_wrap=True)),
        TransferSpeedColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[saved]}{task.fields[doing]}", table_column=doing),
        console=console,
        expand=True,
    )


def _name(event: dict[str, Any]) -> str:
    return _plain(event["file"])


def _plain(text: str) -> str:
    """`text` without anything that a terminal, or markup, would obey."""
    return escape(plain(text))
