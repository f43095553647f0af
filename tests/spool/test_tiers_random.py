"""Two tiers beside a spool in memory: whatever is done to both, they say the same.

Small thresholds and budgets, other processes' wishes, and a disk that fails now and
then have an upload move at any moment, or try to; nobody who asks can tell.
"""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

from proxy.core.errors import SpoolError, UploadLost, UploadMissing
from proxy.core.upload import State, Token
from proxy.spool import Spool, Writer
from proxy.spool.disk import DiskSpool
from proxy.spool.held import OBJECTS
from proxy.spool.memory import MemorySpool

from ..kit.effort import EFFORT, effort
from .samples import ANSWER, BOOT, answer_of, body_of, tiered, upload
from .system import Calls

PIECES = st.binary(max_size=6)


class Pair(RuleBasedStateMachine):
    """The tiers, and what they are compared with."""

    uploads: Bundle[Token] = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._runner = asyncio.Runner()
        self._directory = tempfile.TemporaryDirectory()
        self._writers: dict[Token, tuple[Writer, Writer]] = {}
        self._answers: dict[Token, tuple[Writer, Writer]] = {}
        self._failures = 0

    @initialize(
        threshold=st.sampled_from([0, 4, 10]),
        shared=st.booleans(),
        bodies=st.sampled_from([0, 3, 100]),
    )
    def start(self, threshold: int, shared: bool, bodies: int) -> None:
        calls = Calls(Path(self._directory.name), self._patch)
        calls.before = self._may_fail
        self._disk = DiskSpool(Path(self._directory.name), boot_id=BOOT, sync="never")
        self._tiers = tiered(
            self._disk, threshold=threshold, shared=shared, bodies=bodies * OBJECTS
        )
        self._plain = MemorySpool()

    def _may_fail(self, call: str) -> None:
        if self._failures:
            self._failures -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _do(self, act: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(act)

    def _both(self, act: Callable[[Spool], Coroutine[Any, Any, None]]) -> None:
        """`act` on both; on the plain one only if it came about."""
        try:
            self._do(act(self._tiers))
        except UploadMissing:
            with pytest.raises(UploadMissing):
                self._do(act(self._plain))
        except SpoolError:
            # the disk has failed, and nothing has changed
            return
        else:
            self._do(act(self._plain))

    @rule(target=uploads, length=st.none() | st.integers(0, 12))
    def create(self, length: int | None) -> Token:
        created = upload(length=length)
        self._both(lambda spool: spool.create(created))
        return created.token

    @rule(token=uploads, piece=PIECES)
    def write(self, token: Token, piece: bytes) -> None:
        """Through a writer that stays open, over whatever happens to the upload."""
        if token not in self._writers:
            try:
                below = self._tiers.writer(token)
            except SpoolError:
                return
            self._writers[token] = below, self._plain.writer(token)
        tiers, plain = self._writers[token]
        before = tiers.offset
        try:
            tiers.write(piece)
        except SpoolError:
            plain.write(piece[: tiers.offset - before])
        else:
            plain.write(piece)
        assert tiers.offset == plain.offset

    @rule(token=uploads, piece=PIECES, anew=st.booleans())
    def answer(self, token: Token, piece: bytes, anew: bool) -> None:
        """The same for an answer; of one that failed nothing is kept, as by rooms
        above."""
        if not self._is_there(token):
            return
        try:
            if anew or token not in self._answers:
                self._close(self._answers, token)
                below = self._tiers.answer_writer(token)
                self._answers[token] = below, self._plain.answer_writer(token)
            pair = self._answers[token]
            pair[0].write(piece)
        except SpoolError:
            self._failures = 0
            self._close(self._answers, token)
            self._both(lambda spool: spool.drop_answer(token))
            return
        pair[1].write(piece)

    @rule(
        token=uploads,
        state=st.sampled_from(State),
        acknowledged=st.booleans(),
        durable=st.booleans(),
    )
    def save(
        self, token: Token, state: State, acknowledged: bool, durable: bool
    ) -> None:
        size = self._size(token)
        saved = replace(
            upload(token=token, state=state, length=size, answer=ANSWER),
            acknowledged=size if acknowledged else 0,
            attempts=int(state in (State.FORWARDING, State.RESPONDED)),
        )
        self._both(lambda spool: spool.save(saved, durable=durable))

    @rule(token=uploads)
    def secure(self, token: Token) -> None:
        self._both(lambda spool: spool.secure(token))

    @rule(token=uploads)
    def sync(self, token: Token) -> None:
        async def act(spool: Spool) -> None:
            writer = spool.writer(token)
            try:
                assert await writer.sync() == writer.offset
            finally:
                writer.close()

        self._both(act)

    @rule(token=uploads)
    def drop_body(self, token: Token) -> None:
        self._close(self._writers, token)
        self._both(lambda spool: spool.drop_body(token))

    @rule(token=uploads)
    def delete(self, token: Token) -> None:
        self._close(self._writers, token)
        self._close(self._answers, token)
        self._failures = 0
        self._both(lambda spool: spool.delete(token))

    @rule(count=st.integers(1, 3))
    def the_disk_fails(self, count: int) -> None:
        self._failures = count

    @rule(token=uploads)
    def compare(self, token: Token) -> None:
        """All that can be asked of one upload."""
        for ask in (body_of, answer_of):
            found = _outcome(partial(ask, self._tiers, token))
            assert found == _outcome(partial(ask, self._plain, token))
        assert self._loaded(self._tiers, token) == self._loaded(self._plain, token)

    @rule()
    def compare_lists(self) -> None:
        left = {token for token in self._tiers.tokens() if self._is_there(token)}
        assert left == set(self._plain.tokens())
        assert set(self._plain.unfinished()) <= set(self._tiers.unfinished())

    def _is_there(self, token: Token) -> bool:
        return self._loaded(self._tiers, token) is not UploadMissing

    def _loaded(self, spool: Spool, token: Token) -> Any:
        return _outcome(lambda: self._do(spool.load(token)))

    def _size(self, token: Token) -> int:
        found = _outcome(lambda: len(body_of(self._plain, token)))
        return found if isinstance(found, int) else 0

    def _close(self, writers: dict[Token, tuple[Writer, Writer]], token: Token) -> None:
        for writer in writers.pop(token, ()):
            writer.close()

    def teardown(self) -> None:
        self._failures = 0
        try:
            if hasattr(self, "_tiers"):
                self._end()
        finally:
            self._runner.close()
            self._patch.undo()
            self._directory.cleanup()

    def _end(self) -> None:
        for token in list(self._plain.tokens()):
            self.compare(token)
        for writers in (self._writers, self._answers):
            for token in list(writers):
                self._close(writers, token)
        for token in list(self._tiers.tokens()):
            self._do(self._tiers.delete(token))
        assert (self._tiers.room.bodies.taken, self._tiers.room.answers.taken) == (0, 0)
        self._tiers.close()


def _outcome(ask: Callable[[], Any]) -> Any:
    """What `ask` gives, or how it fails."""
    try:
        return ask()
    except (UploadMissing, UploadLost) as exc:
        return type(exc)


TestPair = Pair.TestCase
TestPair.settings = effort(100, steps=40)
# the suite's bound is for the suite's effort
TestPair.pytestmark = [pytest.mark.timeout(60 * max(1, EFFORT))]  # type: ignore[attr-defined]
