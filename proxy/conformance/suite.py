"""Every probe in every version, and what is made of it.

A few probes run at a time, each on uploads of its own. The one invariant: every rule
gets a verdict in every version that it holds in, or a reason why it has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from proxy.client.wire import NoAnswer, Unreached

from .exchange import Exchange, limits, speaks_of_uploads
from .judging import judged
from .probes import PROBES
from .results import Report, Result, Verdict
from .rules import RULES, Level, Rule
from .speaker import Place, Speaker, Unusable
from .versions import VERSION_FIELD, VERSIONS, Version

AT_ONCE: Final = 4
"""Probes; few enough for a server that bounds the uploads of a client."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be judged."""

    place: Place
    versions: Sequence[int] = tuple(VERSIONS)
    rules: Collection[str] = tuple(RULES)
    told: bool = False
    """The versions were named: they are spoken even where nothing echoes them."""


async def run(plan: Plan) -> Report:
    """Every result there is.

    Raises:
        Unreached: nobody is there.
    """
    greeted = await asyncio.gather(*(_greeted(plan, one) for one in plan.versions))
    answers = dict(zip(plan.versions, greeted, strict=True))
    spoken = _spoken(answers, told=plan.told)
    plan = replace(plan, place=fitting(plan.place, answers.values()))
    gate = asyncio.Semaphore(AT_ONCE)
    rules = [RULES[name] for name in RULES if name in plan.rules]
    newest = max(spoken, default=0)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                _probed(plan, gate, VERSIONS[number], name, rules, newest)
            )
            for number in spoken
            for name in PROBES
        ]
    results = [one for task in tasks for one in task.result()]
    results += [_unseen(rule) for rule in rules if rule.why_not]
    order = list(RULES)
    results.sort(key=lambda one: (order.index(one.rule.name), one.version or 0))
    unspoken = {
        number: answer.summary
        for number, answer in answers.items()
        if number not in spoken
    }
    silent = not any(one.said or one.interims for one in greeted)
    url = plan.place.target.url
    return Report(url, tuple(spoken), unspoken, tuple(results), silent)


async def _greeted(plan: Plan, number: int) -> Exchange:
    """A part in a version: who speaks it says so, and tells limits."""
    speaker = Speaker(plan.place, VERSIONS[number])
    try:
        return await speaker.create(content=bytes(plan.place.size))
    finally:
        await speaker.cancel_all()


def fitting(place: Place, answers: Iterable[Exchange]) -> Place:
    """`place` with sizes that are within the limits that were told there."""
    told: dict[str, int] = {}
    for answer in answers:
        for said in (*answer.resumptions, *([answer.said] if answer.said else [])):
            told.update(limits(said) or {})
    most = min(
        told.get("max-size", place.size), told.get("max-append-size", place.size)
    )
    least = max(told.get("min-append-size", 0), told.get("min-size", 0))
    return replace(place, size=min(place.size, most), part=max(place.part, least))


def _spoken(answers: dict[int, Exchange], *, told: bool) -> list[int]:
    """Versions that are echoed; where none is, those in which uploads are made."""
    echoed = [number for number, answer in answers.items() if _echoes(number, answer)]
    if echoed and not told:
        return echoed
    return [
        number
        for number, answer in answers.items()
        if number in echoed or _made(answer)
    ]


def _made(answer: Exchange) -> bool:
    """It told of an upload, and not of something that an application has made."""
    said = answer.said
    made = answer.succeeded and answer.value("Location") is not None
    return made and said is not None and speaks_of_uploads(said)


def _echoes(number: int, answer: Exchange) -> bool:
    """A 104 is not sent in a version that is not spoken; nor is its number."""
    said = [*answer.resumptions]
    if answer.said is not None and answer.succeeded:
        said.append(answer.said)
    return any(one.value(VERSION_FIELD) == str(number) for one in said)


async def _probed(
    plan: Plan,
    gate: asyncio.Semaphore,
    version: Version,
    name: str,
    rules: Sequence[Rule],
    newest: int,
) -> list[Result]:
    wanted = [
        rule
        for rule in rules
        if rule.probe == name
        and version.number in rule.versions
        and (not rule.once or version.number == newest)
    ]
    if not wanted:
        return []
    async with gate:
        speaker = Speaker(plan.place, version)
        try:
            story = await PROBES[name](speaker)
        except (Unusable, Unreached, NoAnswer) as exc:
            return [_not_run(rule, version, str(exc)) for rule in wanted]
        finally:
            await speaker.cancel_all()
    return [judged(rule, version, story) for rule in wanted]


def _not_run(rule: Rule, version: Version, why: str) -> Result:
    level = rule.level(version.number)
    return Result(rule, version.number, level, Verdict.NOT_RUN, why=why)


def _unseen(rule: Rule) -> Result:
    return Result(rule, None, Level.CLIENT, Verdict.NOT_OBSERVABLE, why=rule.why_not)
