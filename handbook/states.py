"""The life of an upload as a picture, drawn from the table that the proxy goes by.

``python -m handbook.states`` writes ``docs/states.svg``. Where a state stands is
said here; which arrows there are, and what is written at them, only the table says.
Arrows into states in which an upload is over would cover all others, so those are
written into their boxes. A state without a place, or an arrow without one, is an error.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from proxy.core.lifecycle import TERMINAL, TRANSITIONS, Event
from proxy.core.upload import State

TARGET: Final = Path(__file__).parent.parent / "docs/states.svg"

_WIDTH, _HEIGHT = 1150, 650
_BOX: Final = (150, 46)
"""Width and height of a state."""
_OVER: Final = (320, 110)
"""The same of a state in which an upload is over, with its events inside."""

PLACES: Final = {
    State.CREATED: (230, 60),
    State.RECEIVING: (230, 230),
    State.INTERRUPTED: (230, 410),
    State.COMPLETE: (610, 230),
    State.FORWARDING: (990, 230),
    State.RESPONDED: (990, 60),
    State.UNKNOWN: (990, 410),
    State.EXPIRED: (180, 580),
    State.CANCELLED: (570, 580),
    State.FAILED: (960, 580),
}
"""The middle of each state's box."""


class Way(NamedTuple):
    """How one arrow goes: its points, and where its words begin."""

    points: str
    words: tuple[int, int]


S = State
WAYS: Final = {
    (S.CREATED, S.RECEIVING): Way("M230 83 V205", (240, 130)),
    (S.CREATED, S.COMPLETE): Way("M305 60 H590 V205", (360, 52)),
    (S.RECEIVING, S.INTERRUPTED): Way("M205 253 V385", (95, 280)),
    (S.RECEIVING, S.COMPLETE): Way("M305 230 H533", (330, 222)),
    (S.INTERRUPTED, S.RECEIVING): Way("M255 387 V255", (265, 325)),
    (S.INTERRUPTED, S.COMPLETE): Way("M305 418 H590 V255", (360, 436)),
    (S.COMPLETE, S.COMPLETE): Way("M640 207 C640 140 690 140 670 205", (695, 150)),
    (S.COMPLETE, S.INTERRUPTED): Way("M560 253 V400 H307", (400, 392)),
    (S.COMPLETE, S.FORWARDING): Way("M685 218 H913", (740, 210)),
    (S.FORWARDING, S.COMPLETE): Way("M915 242 H687", (720, 262)),
    (S.FORWARDING, S.RESPONDED): Way("M990 207 V85", (1000, 150)),
    (S.FORWARDING, S.UNKNOWN): Way("M990 253 V385", (1000, 325)),
    (S.FORWARDING, S.INTERRUPTED): Way("M935 253 V310 H890 V470 H230 V435", (480, 487)),
    (S.UNKNOWN, S.COMPLETE): Way("M915 410 H640 V255", (700, 402)),
    (S.RESPONDED, S.RESPONDED): Way("M915 75 C850 95 850 25 913 45", (760, 64)),
}
"""Of every arrow there is."""

_STYLE: Final = """
svg { font: 13px sans-serif; background: #fff }
rect { fill: #eef3fb; stroke: #35507a; stroke-width: 1.4 }
rect.over { fill: #f6eeee; stroke: #7a3535 }
path.way { fill: none; stroke: #35507a; stroke-width: 1.4; marker-end: url(#tip) }
text { fill: #1c2636 }
text.state { font-weight: bold; text-anchor: middle }
text.event { font-size: 12px }
"""


def arrows() -> dict[tuple[State, State], list[Event]]:
    """What leads from one state to another, but for states in which it is over."""
    found: dict[tuple[State, State], list[Event]] = defaultdict(list)
    for (state, event), after in TRANSITIONS.items():
        if after not in TERMINAL:
            found[state, after].append(event)
    return found


def endings(over: State) -> Iterator[str]:
    """What ends an upload so, a line each, with the states in which it can."""
    found: dict[Event, list[State]] = defaultdict(list)
    for (state, event), after in TRANSITIONS.items():
        if after is over:
            found[event].append(state)
    living = [state for state in State if state not in TERMINAL]
    for event, states in found.items():
        missing = [state.name for state in living if state not in states]
        yield words(event)
        if not missing:
            yield "    in any state"
        elif len(missing) < len(states):
            yield f"    in any state but {', '.join(missing)}"
        else:
            yield f"    in {', '.join(state.name for state in states)}"


def words(event: Event) -> str:
    return event.value.replace("_", " ")


def drawn() -> str:
    """The picture, as SVG."""
    if set(PLACES) != set(State) or set(WAYS) != set(arrows()):
        lacking = set(arrows()) ^ set(WAYS), set(State) ^ set(PLACES)
        raise ValueError(f"no place, or nothing at it: {lacking}")
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        "<title>The states of an upload, and what leads from one to another</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8"',
        '  markerHeight="8" orient="auto">',
        '<path d="M0 0 L10 5 L0 10 z" fill="#35507a"/></marker></defs>',
        *(line for pair in arrows() for line in _arrow(*pair)),
        *(line for state in State for line in _box(state)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _arrow(state: State, after: State) -> Iterator[str]:
    way = WAYS[state, after]
    yield f'<path class="way" d="{way.points}"/>'
    yield from _text(*way.words, map(words, arrows()[state, after]))


def _box(state: State) -> Iterator[str]:
    middle, height = PLACES[state]
    wide, high = _OVER if state in TERMINAL else _BOX
    left, top = middle - wide // 2, height - high // 2
    kind = ' class="over"' if state in TERMINAL else ""
    place = f'x="{left}" y="{top}" width="{wide}" height="{high}" rx="6"'
    yield f"<rect{kind} {place}/>"
    line = top + 20 if state in TERMINAL else height + 5
    yield f'<text class="state" x="{middle}" y="{line}">{state.name}</text>'
    if state in TERMINAL:
        yield from _text(left + 12, line + 20, endings(state))


def _text(left: int, top: int, lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        place = f'x="{left + 12 * line.startswith(" ")}" y="{top + 15 * number}"'
        yield f'<text class="event" {place}>{escape(line.strip())}</text>'


if __name__ == "__main__":
    TARGET.write_text(drawn())
    sys.stdout.write(f"{TARGET}\n")
