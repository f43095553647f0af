"""What was said, held against the rules: pure, from values to verdicts.

Each judge is a function of a version and a story; it tells the points that its rule has
there. The one invariant: a rule is failed at the level of its gravest point.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from proxy.conformance.exchange import Story
from proxy.conformance.results import Result, Verdict
from proxy.conformance.rules import Rule
from proxy.conformance.versions import Version

from . import append, asking, creation
from .points import Judge, NotOffered, NotRun, Point

JUDGES: Final = MappingProxyType[str, Judge](
    {
        "R1": creation.parameters,
        "R2": creation.no_boolean,
        "R3": creation.two_lines,
        "R4": append.integers,
        "R5": creation.no_creation,
        "R6": append.no_boolean,
        "R7": append.no_offset,
        "R8": creation.ignored_length,
        "R10": creation.ignored_limits,
        "R11": asking.written_well,
        "R12": creation.own_version,
        "R13": creation.without_version,
        "R14": creation.unknown_version,
        "R15": creation.part_without_version,
        "R16": append.without_version,
        "R20": creation.own_url,
        "R21": creation.announced,
        "R22": creation.old,
        "R23": creation.partial,
        "R24": creation.finished,
        "R25": creation.kept,
        "R26": append.two_lengths,
        "R27": append.longer_part,
        "R28": append.short_creation,
        "R29": append.over_max_size,
        "R31": append.over_at_creation,
        "R32": append.least_at_creation,
        "R33": append.least_size,
        "R35": asking.empty_creation,
        "R36": creation.any_type,
        "R39": creation.harmless_length,
        "R40": asking.open_upload,
        "R41": asking.finished,
        "R42": asking.unknown_asked,
        "R43": asking.forbidden_asked,
        "R44": asking.other_fields,
        "R45": append.takeover,
        "R46": append.never_less,
        "R47": asking.got,
        "R49": append.refusals_tell,
        "R50": asking.unknown_appended,
        "R51": append.media_types,
        "R52": append.unsaid,
        "R53": append.wrong_offset,
        "R54": append.short_last,
        "R55": append.repeated_length,
        "R56": append.overrun,
        "R57": append.over_max_append,
        "R58": append.least_append,
        "R59": append.part,
        "R60": asking.takes_no_more,
        "R61": append.last,
        "R63": creation.kept,
        "R64": creation.unheard,
        "R65": creation.expectation,
        "R66": append.progress,
        "R67": creation.digest,
        "R70": creation.cancelled,
        "R71": asking.unknown_cancelled,
        "R72": asking.forbidden_cancels,
        "R73": creation.cannot_cancel,
        "R80": asking.discovered,
        "R83": asking.of_all,
        "R90": creation.one_location,
        "R91": creation.before_content,
        "R92": asking.not_moved,
        "R93": creation.unguessable,
        "R94": asking.lifetime,
        "R101": append.nothing_left,
    }
)


def judged(rule: Rule, version: Version, story: Story) -> Result:
    """What `story` says of `rule`."""
    number = version.number
    level = rule.level(number)
    try:
        points = list(JUDGES[rule.name](version, story))
    except NotOffered as exc:
        return Result(rule, number, level, Verdict.NOT_OFFERED, why=str(exc))
    except NotRun as exc:
        return Result(rule, number, level, Verdict.NOT_RUN, why=str(exc))
    missed = [point for point in points if not point.holds]
    if not missed:
        return Result(rule, number, level, Verdict.PASS)
    gravest = min(
        (point.level or level for point in missed), key=lambda one: one.weight
    )
    worst = [point for point in missed if (point.level or level) is gravest]
    expected = "; ".join(dict.fromkeys(point.expected for point in worst))
    return Result(
        rule, number, gravest, Verdict.FAIL, expected, exchange=worst[0].exchange
    )


__all__ = ["JUDGES", "NotOffered", "NotRun", "Point", "judged"]
