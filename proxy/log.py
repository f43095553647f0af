"""How log lines look: for people on a console, or one JSON object a line for machines.

Lines go to standard error, in the order they are written. Rooms get a logger handed in
and never configure anything. Tokens are capabilities: wherever they stand, in the path
of an upload URL too, they appear shortened.
"""

from __future__ import annotations

import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
"""Without the values of variables: a head among them holds credentials (P11)."""
_LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def logger(
    level: Level, form: Literal["console", "json"], out: TextIO | None = None
) -> FilteringBoundLogger:
    """A logger that writes lines of at least `level` to `out`, standard error if
    None."""
    stream = sys.stderr if out is None else out
    bound: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=_processors(form, colors=stream.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return bound


def _processors(form: Literal["console", "json"], *, colors: bool) -> list[Processor]:
    common: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]
    if form == "json":
        return [
            *common,
            structlog.processors.ExceptionRenderer(_TRACEBACK),
            structlog.processors.JSONRenderer(),
        ]
    return [
        *common,
        structlog.dev.ConsoleRenderer(
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,
            colors=colors,
            timestamp_key="ts",
            pad_event_to=8,
        ),
    ]
