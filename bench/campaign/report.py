"""The figures of a campaign, for people and as JSON.

The one invariant: whatever is said of a campaign can be made again from what stands in
its report: the command, the date, the machine and the file system.
"""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from .disturbances import Counts
from .history import Figures, History, Kind
from .origin import Seen


@dataclass(frozen=True, slots=True)
class Setting:
    """Under what it ran."""

    command: str
    date: str
    """When it ended, in UTC."""
    file_system: str
    """Of the spool."""
    sync: str
    """The setting `spool.sync`."""
    workers: int
    """The setting `workers`."""
    clients: int
    """Uploads at a time."""
    wanted: int
    """Uploads that were asked for."""
    bytes_of_bodies: int
    duration_s: float
    system: str = (
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}"
    )


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a campaign."""

    setting: Setting
    uploads: int
    """Uploads that were begun; fewer than wanted when the time was over."""
    outcomes: dict[str, int]
    """Creations by how they ended."""
    unknown_whole: int
    """Of those of unknown outcome, how many the origin had whole."""
    unknown_unseen: int
    """Of those of unknown outcome, how many the origin never heard of."""
    forgotten_whole: int
    """Of those that were forgotten, how many the origin had whole."""
    lost: int
    corrupt: int
    doubled: int
    odd: int
    """Violations of each kind; several may be of one upload."""
    clients: Figures
    processes: Counts
    origin_requests: int
    origin_complete: int
    origin_faults: dict[str, int]
    errors_logged: dict[str, int]
    """Lines of level error in the proxy's log, by what they say."""

    @property
    def good(self) -> bool:
        """Nothing was lost, corrupt, doubled or odd."""
        return not (self.lost or self.corrupt or self.doubled or self.odd)

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    def as_text(self) -> str:
        """A line for each figure."""
        return "".join(f"{name:>20}  {value}\n" for name, value in self._rows().items())

    def as_markdown(self) -> str:
        """A table with a row for each figure."""
        rows = (f"| {name} | {value} |" for name, value in self._rows().items())
        return "\n".join(["| | |", "|---|---|", *rows]) + "\n"

    def _rows(self) -> dict[str, object]:
        """Every figure, by its name."""
        what, said, did = self.setting, self.clients, self.processes
        cuts, bodies = sum(said.cuts.values()), what.bytes_of_bodies
        unknown = self.outcomes.get("unknown", 0)
        return {
            "command": what.command,
            "ended": f"{what.date}, after {what.duration_s:.0f} s",
            "system": f"{what.system}; spool on {what.file_system}",
            "settings": f"spool.sync {what.sync}, workers {what.workers}; "
            f"{what.clients} clients",
            "uploads": f"{self.uploads} of {what.wanted} ({_listed(self.outcomes)})",
            "cuts by clients": f"{cuts} ({_listed(said.cuts)})",
            "broken by the proxy": f"{said.broken} of {said.requests} requests",
            "kill -9, proxy": f"{did.kills} of all of it, {did.worker_kills} of one "
            f"worker; {did.stops} stops by SIGTERM",
            "kill -9, origin": did.origin_kills,
            "origin requests": f"{self.origin_requests}, whole {self.origin_complete}",
            "origin did": _listed(self.origin_faults),
            "errors logged": _listed(self.errors_logged),
            "offsets told": f"{said.offsets_told}, conflicts {said.conflicts}",
            "bytes sent": f"{said.bytes_sent:,} for bodies of {bodies:,}",
            "saved by resuming": f"{said.bytes_saved:,}",
            "unknown outcomes": f"{unknown}, whole at the origin {self.unknown_whole}, "
            f"never seen there {self.unknown_unseen}",
            "forgotten": f"{self.outcomes.get('forgotten', 0)} before an offset was "
            f"told, whole at the origin {self.forgotten_whole}; "
            f"{said.forgotten_answers} after their answer",
            "lost": self.lost,
            "corrupt": self.corrupt,
            "doubled": self.doubled,
            "odd answers": self.odd,
        }


def report_of(
    setting: Setting,
    histories: list[History],
    clients: Figures,
    processes: Counts,
    ledger: list[Seen],
    log: str,
) -> Report:
    """Everything counted."""
    tries = [one for history in histories for one in history.tries]
    complete = {seen.key for seen in ledger if seen.complete}
    unknown = {one.key for one in tries if one.outcome == "unknown"}
    forgotten = {one.key for one in tries if one.outcome == "forgotten"}
    kinds: Counter[Kind] = Counter(
        violation.kind for history in histories for violation in history.violations
    )
    return Report(
        setting=setting,
        uploads=len(histories),
        outcomes=dict(Counter(one.outcome or "no end" for one in tries)),
        unknown_whole=len(unknown & complete),
        unknown_unseen=len(unknown - {seen.key for seen in ledger}),
        forgotten_whole=len(forgotten & complete),
        lost=kinds["lost"],
        corrupt=kinds["corrupt"],
        doubled=kinds["doubled"],
        odd=kinds["odd"] + processes.bad_exits,
        clients=clients,
        processes=processes,
        origin_requests=len(ledger),
        origin_complete=sum(seen.complete for seen in ledger),
        origin_faults=dict(Counter(seen.fault for seen in ledger)),
        errors_logged=_errors(log),
    )


def file_system_of(path: Path) -> str:
    """Type of the file system that `path` is on, as Linux calls it."""
    best, found = "", "unknown"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split(" ")
        if path.resolve().is_relative_to(place) and len(place) >= len(best):
            best, found = place, kind
    return found


def _errors(log: str) -> dict[str, int]:
    """What the lines of level error say, how often; a torn line counts as well."""
    said: Counter[str] = Counter()
    for line in log.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            told = {"level": "error", "event": "no line of a log"}
        if told["level"] == "error":
            said[told.get("change") or told.get("problem") or told["event"]] += 1
    return dict(said)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
