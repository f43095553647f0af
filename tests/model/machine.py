"""The machine that takes the steps: clients, faults, crashes and power losses.

Hypothesis chooses the steps and makes what it finds as short as it can. Each step runs
until nothing can go on without time passing, so that bodies that stall, slow origins
and pauses overlap with what comes next. At the end of every walk all trouble is over,
and what is complete must come to its origin.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
)

from proxy.core.errors import Problem
from proxy.core.intents import (
    Append,
    AskLimits,
    AskOffset,
    Cancel,
    Create,
    Intent,
    Malformed,
)
from proxy.core.upload import State, Token
from proxy.spool.disk import Sync
from proxy.spool.writeback import Pace

from .content import Content
from .disk import Disk
from .loop import Later
from .origin import Deed, Shore
from .part import PARTS, Part
from .promise import Promise
from .world import World

DEEDS = st.builds(
    Deed,
    st.sampled_from(["answers", "breaks off", "unreached", "gone", "cut", "lost"]),
    st.booleans(),
)
ACTS = st.just(0) | st.integers(0, 25)
"""Acts to the end of a life: none, or so many that it comes in the middle of one of the
next steps."""
_CLOSE = Pace(start=1, sync=2)
"""Bytes: even the shortest part is written and synced ahead."""
At = Literal["asked", "told", "sent", "wrong"]


class Machine(RuleBasedStateMachine):
    """The proxy, its clients, its origin, and the power plug."""

    uploads: Bundle[Token] = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._set_up()
        self._base = tempfile.TemporaryDirectory()
        self._bytes = count()
        self._boot = 0
        self._plug: Callable[[Path], None] | None = None
        """Lays out what the next power loss leaves; None: the next death is none."""

    @initialize(
        sync=st.sampled_from(["acknowledged", "acknowledged", "never"]),
        repeatable=st.sampled_from([False, False, True]),
        threshold=st.sampled_from([0, 0, 6]),
        shared=st.booleans(),
    )
    def start(self, sync: Sync, repeatable: bool, threshold: int, shared: bool) -> None:
        self._sync = sync
        self._threshold, self._shared = threshold, shared
        self._shore = Shore(repeatable=repeatable)
        self._place().mkdir()
        self._disk = Disk(self._place(), self._patch)
        self._live()

    @rule(target=uploads, part=PARTS, empty_finishes=st.booleans())
    def create(self, part: Part, empty_finishes: bool) -> MultipleResults[Token]:
        """A new upload."""
        announced = part.announced(0)
        internal = empty_finishes and announced == 0
        intent = Create(
            finishing=part.finishing,
            content_length=part.content_length,
            announced_length=announced,
            overrun_is_fatal=part.fatal,
            empty_finishes=empty_finishes,
            progress=part.progress,
            interims=part.interims,
            cut_on_storage_failure=part.cut_on_storage_failure,
        )
        content = self._content(part, 0, internal=internal and not part.size)
        content.kills = part.fatal and announced is not None and announced < part.size
        token = self._request(intent, content)
        return multiple() if token is None else multiple(token)

    @rule(
        token=uploads,
        part=PARTS,
        at=st.sampled_from(["asked", "asked", "asked", "told", "sent", "wrong"]),
    )
    def append(self, token: Token, part: Part, at: At) -> None:
        """Some more of an upload, at an offset that its client has reason to believe
        in, or has not."""
        if at == "asked":
            self._request(AskOffset(token))
        promise = self._shore.promises[token]
        offset = len(promise.sent) if at == "sent" else promise.told
        offset += at == "wrong"
        if part.fatal and promise.length is not None:
            promise.may_be_gone |= offset + part.size > promise.length
        intent = Append(
            token,
            offset,
            finishing=part.finishing,
            content_length=part.content_length,
            announced_length=part.announced(offset),
            overrun_is_fatal=part.fatal,
            progress=part.progress,
            interims=part.interims,
            cut_on_storage_failure=part.cut_on_storage_failure,
        )
        self._request(intent, self._content(part, offset))

    @rule(token=uploads)
    def finish(self, token: Token) -> None:
        """Ask, and then for the answer, with the empty finishing append."""
        self._request(AskOffset(token))
        told = self._shore.promises[token].told
        self._request(
            Append(token, told, finishing=True, content_length=0),
            Content(at=told, finishing=True, length=told, act=self._disk.act),
        )

    @rule(token=uploads)
    def ask(self, token: Token) -> None:
        self._request(AskOffset(token))

    @rule(token=uploads)
    def glance(self, token: Token) -> None:
        """What disturbs nothing: discovery, and a request that makes no sense."""
        self._request(AskLimits(token))
        self._request(Malformed(token, Problem.MALFORMED, "no sense"))

    @rule(token=uploads)
    def cancel(self, token: Token) -> None:
        self._shore.promises[token].is_given_up()
        self._request(Cancel(token))

    @rule(deeds=st.lists(DEEDS, min_size=1, max_size=3))
    def origin_will(self, deeds: list[Deed]) -> None:
        self._shore.deeds = deeds

    @rule()
    def connections_break(self) -> None:
        """Every content that stalls is cut."""
        for content in tuple(self._world.contents):
            content.breaks()
        self._world.pass_time(0)
        self._survive()

    @rule(seconds=st.sampled_from([0.5, 1.5, 6, 40]))
    def time_passes(self, seconds: float) -> None:
        self._world.pass_time(seconds)
        self._survive()

    @rule()
    def clients_leave(self) -> None:
        """Those that wait for the origin's answer."""
        self._world.leave()
        self._survive()

    @rule(token=uploads)
    def secure(self, token: Token) -> None:
        """Another process needs it on the disk."""
        self._world.secure(token)
        self._survive()

    @rule()
    def sweep(self) -> None:
        self._world.sweep()
        self._survive()

    @rule(after=st.integers(0, 12), failures=st.integers(1, 3))
    def spool_will_fail(self, after: int, failures: int) -> None:
        """Some of the next calls of the spool to the system."""
        self._disk.fails_after, self._disk.failures = after, failures

    @rule(after=ACTS)
    def process_dies(self, after: int) -> None:
        """Killed, after some more acts."""
        self._disk.dies_after, self._plug = after, None
        self._survive(surely=after == 0)

    @rule(
        after=ACTS,
        fortune=st.sampled_from([0.0, 0.5, 1.0]),
        seed=st.integers(0, 1000),
        hollow=st.booleans(),
    )
    def power_fails(self, after: int, fortune: float, seed: int, hollow: bool) -> None:
        """After some more acts; of what was not synced, each survives with the
        probability `fortune`."""
        luck = random.Random(seed)
        self._disk.dies_after = after
        self._plug = partial(
            self._disk.leave,
            survives=lambda: luck.random() < fortune,
            hollow=hollow,
        )
        self._survive(surely=after == 0)

    @property
    def newest(self) -> Token:
        """The upload that was created last."""
        return list(self._shore.promises)[-1]

    def promise(self, token: Token) -> Promise:
        """What the model knows of an upload."""
        return self._shore.promises[token]

    def teardown(self) -> None:
        try:
            if hasattr(self, "_world"):
                self._bring_to_an_end()
        finally:
            self._patch.undo()
            self._base.cleanup()

    def _bring_to_an_end(self) -> None:
        """Without any more trouble everything that is complete is forwarded."""
        try:
            self._disk.failures, self._shore.deeds = 0, []
            self._disk.dies_after, self._plug = 0, None
            self._world.pass_time(0)
            self._survive(surely=True)
            self._world.sweep()
            self._world.pass_time(1000)
            for token in [*self._shore.promises] * 2:
                # twice: what was found and set right is found again as it was told
                self.ask(token)
            waiting = {State.COMPLETE, State.FORWARDING, State.RECEIVING}
            assert not waiting & set(self._world.states())
        finally:
            self._world.end()
        assert not self._open_files(), "files were left open"

    def _place(self) -> Path:
        return Path(self._base.name) / f"boot-{self._boot}"

    def _live(self) -> None:
        boot = f"boot-{self._boot}"
        self._world = World(
            self._shore,
            self._disk,
            self._place(),
            boot,
            self._sync,
            self._threshold,
            shared=self._shared,
        )

    def _request(self, intent: Intent, content: Content | None = None) -> Token | None:
        token = self._world.request(intent, content or Content())
        self._survive()
        return token

    def _survive(self, *, surely: bool = False) -> None:
        """If the process has died in this step, or does `surely`, start it again."""
        if not self._disk.dead and not surely:
            return
        self._world.end()
        for promise in self._shore.promises.values():
            promise.has_trouble()
            if self._threshold:
                promise.loses_memory()
        if self._plug is not None:
            self._lose_power(self._plug)
        self._disk.dead, self._disk.dies_after, self._plug = False, None, None
        self._disk.failures = 0
        self._live()

    def _lose_power(self, leave: Callable[[Path], None]) -> None:
        if self._sync == "acknowledged":
            for promise in self._shore.promises.values():
                promise.loses_power(in_memory=self._threshold > 0)
            self._boot += 1
            self._place().mkdir()
            leave(self._place())
            self._patch.undo()
            self._set_up()
            self._disk = Disk(self._place(), self._patch)

    def _set_up(self) -> None:
        self._patch.setattr("proxy.spool.threads.ThreadPoolExecutor", _later)
        self._patch.setattr("proxy.spool.disk.CLOSE", _CLOSE)

    def _content(self, part: Part, at: int, *, internal: bool = False) -> Content:
        data = bytes(1 + next(self._bytes) % 255 for _ in range(part.size))
        return part.content(data, at, internal=internal, act=self._disk.act)

    def _open_files(self) -> list[str]:
        descriptors = Path("/proc/self/fd")
        places = [os.path.realpath(fd) for fd in descriptors.iterdir()]
        return [place for place in places if place.startswith(self._base.name)]


def _later(*_: object, **__: object) -> Later:
    return Later()
