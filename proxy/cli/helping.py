"""The list of commands in the help, and what is said to who types one we have not.

Commands stand under the headings of what they are for. The one invariant: a word that
is no command is answered with the one that was most likely meant.
"""

from __future__ import annotations

from typing import Any, Final

from typer.core import TyperGroup

RUN: Final = "Run it"
USE: Final = "Upload with it"
LOOK: Final = "Look at it"
ASK: Final = "Tell a running one"
SET_UP: Final = "Set it up"

_ELSEWHERE: Final = {
    "run": "serve",
    "start": "serve",
    "proxy": "serve",
    "validate": "check",
    "test": "check",
    "lint": "check",
    "config": "schema",
    "reference": "schema",
    "status": "healthcheck",
    "health": "healthcheck",
    "ping": "healthcheck",
    "stop": "drain",
    "quit": "drain",
    "restart": "reload",
    "diagnose": "doctor",
    "probe": "doctor",
    "completions": "completion",
    "autocomplete": "completion",
    "ls": "list",
    "get": "show",
    "info": "show",
    "cat": "export",
    "download": "export",
    "retry": "resend",
    "rm": "purge",
    "remove": "purge",
    "delete": "purge",
}
"""What other programs call it."""


class Grouped(TyperGroup):
    """Lists its commands under headings, whole sentences, none cut short."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            if command.hidden:
                continue
            panel = getattr(command, "rich_help_panel", None)
            heading = panel if isinstance(panel, str) else "Commands"
            summary = (command.help or "").partition("\n\n")[0]
            panels.setdefault(heading, []).append((name, " ".join(summary.split())))
        # names below each other through all panels
        width = max(len(name) for rows in panels.values() for name, _ in rows)
        for heading, rows in panels.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        meant = _ELSEWHERE.get(args[0])
        if meant in self.commands and args[0] not in self.commands:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{meant}'?")
        return super().resolve_command(ctx, args)
