"""How log lines look: for people on a console, or one JSON object a line for machines.

Lines go to standard error or a file, in the order they are written; those about
requests may go elsewhere. Rooms get a logger handed in and never configure anything.
Tokens are capabilities: wherever they stand, in the path of an upload URL too, they
appear shortened.
"""

from __future__ import annotations

import json
import re
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, TextIO, cast
from weakref import WeakSet

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from proxy.logfile import Lines, LogFile

Level = Literal["debug", "info", "warning", "error"]
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
"""Without the values of variables: a head among them holds credentials (P11)."""
_LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_ABOVE_ALL: Final = 50
"""A level that no line has."""
STDOUT: Final = 1
"""The descriptor."""
_ENCODE: Final = json.JSONEncoder(default=repr).encode
_PLAIN: Final = re.compile(r"[!#-&(-<>-~]*")
"""What needs no quotes in a line for people: ASCII that can be seen, but for quotes and
the equals sign."""


_files: Final = WeakSet[LogFile]()
"""Those that loggers of this process write to."""


def logger(
    level: Level,
    form: Literal["console", "json"],
    out: TextIO | Lines | Path | None = None,
) -> FilteringBoundLogger:
    """A logger that writes lines of at least `level` to `out`, standard error if None.

    Raises:
        OSError: `out` is a file that cannot be opened.
    """
    if isinstance(out, Path):
        out = LogFile(out)
        _files.add(out)
    stream = sys.stderr if out is None else cast("TextIO", out)
    bound: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=_processors(form, colors=stream.isatty()),
        wrapper_class=_wrapper(_Least(_LEVELS[level])),
        context_class=dict,
    ).bind()  # the logger itself, not one that makes it for every line
    return bound


def access_logger(
    log: FilteringBoundLogger,
    form: Literal["console", "json"],
    out: Path | Literal["stdout", "off"] | None,
) -> FilteringBoundLogger:
    """A logger for the lines about requests: `log` itself for None, else one of their
    own that has them all.

    Raises:
        OSError: `out` is a file that cannot be opened.
    """
    if out is None:
        return log
    if out == "off":
        return silent()
    own = logger("debug", form, out if isinstance(out, Path) else Lines(STDOUT))
    return own.bind(**structlog.get_context(log))


def silent() -> FilteringBoundLogger:
    """A logger that writes nothing."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(_ABOVE_ALL),
    )
    return log


def change_level(log: FilteringBoundLogger, level: Level) -> None:
    """From now on, write lines of at least `level` to `log` and all bound from it."""
    least = getattr(log, "least", None)
    if isinstance(least, _Least):
        least.number = _LEVELS[level]


class _Least:
    """The least level that is written, for all loggers that were bound from one."""

    def __init__(self, number: int) -> None:
        self.number = number


def _wrapper(least: _Least) -> type[Any]:
    """The class of a logger whose level can be changed: that of the library has it for
    good."""
    whole = structlog.make_filtering_bound_logger(min(_LEVELS.values()))
    methods: dict[str, Any] = {
        name: _filtered(getattr(whole, name), number, least)
        for name, number in (*_LEVELS.items(), ("exception", _LEVELS["error"]))
    }

    def log(self: Any, number: int, event: str, *args: Any, **told: Any) -> Any:
        if number >= least.number:
            return whole.log(self, number, event, *args, **told)
        return None

    def is_enabled_for(_: Any, number: int) -> bool:
        return number >= least.number

    own = {"least": least, "log": log, "is_enabled_for": is_enabled_for}
    return type("Filtered", (whole,), own | methods)


def _filtered(method: Any, number: int, least: _Least) -> Any:
    def write(self: Any, event: str, *args: Any, **told: Any) -> Any:
        if number >= least.number:
            return method(self, event, *args, **told)
        return None

    return write


def reopen() -> list[OSError]:
    """Open every log file of this process anew, for one that was renamed.

    What is given names those that cannot be opened, and why: they are written on where
    they were. The others do not suffer for it.
    """
    errors = []
    for file in tuple(_files):
        try:
            file.reopen()
        except OSError as exc:
            errors.append(exc)
    return errors


def _processors(form: Literal["console", "json"], *, colors: bool) -> list[Processor]:
    common: list[Processor] = [
        structlog.processors.add_log_level,
        _stamped,
    ]
    if form == "json":
        return [
            *common,
            structlog.processors.ExceptionRenderer(_TRACEBACK),
            _as_json,
        ]
    if not colors:
        return [*common, structlog.processors.format_exc_info, _as_text]
    return [
        *common,
        structlog.dev.ConsoleRenderer(
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,
            timestamp_key="ts",
            pad_event_to=8,
        ),
    ]


def _stamped(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """`line` with the time of day, as the library writes it, and in a third of the
    time: of the lines of one second only the end differs."""
    second, micros = divmod(time.time_ns() // 1000, 1_000_000)
    line["ts"] = (
        f"{_written(second)}.{micros:06}Z" if micros else f"{_written(second)}Z"
    )
    return line


@lru_cache(maxsize=1)
def _written(second: int) -> str:
    """A second since 1970, by the date and time of day in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _as_json(_logger: Any, _method: str, line: EventDict) -> str:
    return _ENCODE(line)


def _as_text(_logger: Any, _method: str, line: EventDict) -> str:
    """As the library does it for a terminal, but for the colours, and in a sixth of the
    time: each upload writes five lines."""
    ts, level, event = line.pop("ts"), line.pop("level"), line.pop("event")
    exception = line.pop("exception", "")
    told = " ".join(f"{key}={_shown(value)}" for key, value in line.items())
    text = f"{ts} [{level:<9}] {event:<8} {told}".rstrip()
    return f"{text}\n{exception}" if exception else text


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    if text is value and not _PLAIN.fullmatch(text):
        return repr(text)
    return text
