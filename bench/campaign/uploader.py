"""One upload's walk: create, be cut, ask, go on, until it has come to an end.

It believes what it is told and holds the server to it: what a response may not be is
noted as a violation. It ends when the origin has answered, when the outcome is unknown,
when it was cancelled, or when its time is over, which counts as lost. The one
invariant: an append begins at the offset that was told last.
"""

from __future__ import annotations

import asyncio
from typing import Final

from tests.kit.answer import VERSION_FIELD, Answer
from tests.kit.raw import Lines
from tests.kit.words import words

from .choices import Choices
from .history import History, Outcome
from .origin import EARLY_STATUS, KEY_FIELD, STATUSES, content_for
from .speaker import Said, Speaker

BOUND_S: Final = 150.0
"""Seconds after which an upload that has not ended is lost. Some hundred times what
one needs that meets every fault there is."""

_WAIT_S: Final = 0.2
"""Seconds until it is asked again after a 503."""


class GivenUp(Exception):
    """The server said what it may not say; there is no going on."""


class Uploader:
    """A client with one body."""

    def __init__(self, choices: Choices, history: History, speaker: Speaker) -> None:
        self._choices = choices
        self._history = history
        self._speaker = speaker
        self._try = history.begin()
        self._parts_left = choices.parts
        self._offset: int | None = None
        """Where to go on; None: it has to be asked for."""
        self._done = False
        """It was told that the upload is complete; the answer is still to be had."""
        self._left_the_last = False
        """A request that finishes the upload got no answer: it may arrive at any time,
        also between a HEAD and the append that goes by its offset."""

    async def run(self) -> None:
        """Walk to the end."""
        try:
            async with asyncio.timeout(BOUND_S):
                await self._create()
                while self._try.outcome is None:
                    await asyncio.sleep(self._choices.pause_s())
                    await self._go_on()
                    if self._try.outcome == "forgotten":
                        await self._start_over()
        except GivenUp:
            pass  # the violation is noted
        except TimeoutError:
            self._history.violated("lost", self._try, f"no end after {BOUND_S:.0f} s")
        finally:
            await self._speaker.close()

    async def _create(self) -> None:
        """Until it can be gone on with, or has ended."""
        while not await self._created():
            await asyncio.sleep(self._choices.pause_s())
            # under a new key, unless nothing of the old one can have arrived
            if self._try.begun_at is not None:
                self._try.outcome = "orphan"
                self._begin_anew()

    async def _start_over(self) -> None:
        self._begin_anew()
        await self._create()

    def _begin_anew(self) -> None:
        self._try = self._history.begin()
        self._parts_left = self._choices.parts
        self._offset, self._done, self._left_the_last = None, False, False

    async def _created(self) -> bool:
        """Send the creation; True when the upload can be gone on with, or has ended."""
        choices = self._choices
        size = choices.part_size(choices.size, self._parts_left)
        version, last = choices.version, self._parts_left == 1
        spoken = words(version)
        fields: Lines = (
            (VERSION_FIELD, str(version)),
            (spoken.completeness, spoken.done if last else spoken.open),
            (KEY_FIELD, self._try.key),
            ("Content-Type", "application/x-campaign"),
        )
        if choices.announces:
            fields += (("Upload-Length", str(choices.size)),)
        said = Said(
            choices.method,
            f"/files/{self._history.number}",
            version,
            fields,
            content=choices.body[:size],
            sending=choices.sending(size),
        )
        answer = await self._speaker.exchange(said, self._try)
        self._left_the_last |= last and answer is None
        self._take(answer, said)
        return self._try.path is not None or self._try.outcome is not None

    async def _go_on(self) -> None:
        resuming = self._offset is None
        if self._offset is None or self._choices.asks_first():
            await self._ask()
            if resuming and self._offset is not None:
                self._history.figures.bytes_saved += self._offset
        if self._offset is None or self._try.outcome is not None:
            return
        if resuming and self._choices.cancels and not self._may_be_whole():
            await self._cancel()
        else:
            await self._append(self._offset)

    def _may_be_whole(self) -> bool:
        return self._done or self._offset == self._choices.size

    async def _ask(self) -> None:
        """HEAD. Afterwards the offset is known, or None to ask again."""
        self._offset = None
        version = self._choices.spoken()
        said = Said("HEAD", self._path, version, ((VERSION_FIELD, str(version)),))
        answer = await self._speaker.exchange(said, self._try)
        if answer is None:
            return
        match answer.status:
            case 204:
                self._offset, self._done = answer.offset, answer.complete is True
                if self._done and answer.offset != self._choices.size:
                    self._odd(f"complete at {answer.offset}, not {self._choices.size}")
            case 404:
                self._lost()
            case 503:
                await asyncio.sleep(_WAIT_S)
            case _:
                self._odd(f"HEAD got {answer.status}")

    async def _append(self, at: int) -> None:
        left = self._choices.size - at
        size = self._choices.part_size(left, self._parts_left)
        last = self._parts_left <= 1 or left == 0
        version = self._choices.spoken()
        spoken = words(version)
        fields: Lines = (
            (VERSION_FIELD, str(version)),
            ("Upload-Offset", str(at)),
            (spoken.completeness, spoken.done if last else spoken.open),
        )
        if spoken.media_type is not None:
            fields += (("Content-Type", spoken.media_type),)
        content = self._choices.body[at : at + size]
        sending = self._choices.sending(size)
        said = Said("PATCH", self._path, version, fields, at, content, sending)
        self._offset = None
        answer = await self._speaker.exchange(said, self._try)
        self._left_the_last |= last and answer is None
        self._take(answer, said)
        if answer is not None and answer.status == 503:
            await asyncio.sleep(_WAIT_S)

    async def _cancel(self) -> None:
        version = self._choices.spoken()
        said = Said("DELETE", self._path, version, ((VERSION_FIELD, str(version)),))
        answer = await self._speaker.exchange(said, self._try)
        while answer is None or answer.status == 503:
            await asyncio.sleep(_WAIT_S)
            answer = await self._speaker.exchange(said, self._try)
        # 404: an earlier one was heard by the proxy, its answer not by us.
        if answer.status not in (204, 404):
            self._odd(f"DELETE got {answer.status}")
        self._end("cancelled")

    def _take(self, answer: Answer | None, said: Said) -> None:
        """What the response to a creation or an append means."""
        if answer is None:
            return
        if answer.one(KEY_FIELD) is not None:
            self._take_answer(answer)
        elif answer.status in (201, 204):
            self._take_part(answer, said)
        else:
            self._take_refusal(answer)

    def _take_answer(self, answer: Answer) -> None:
        """The origin's own."""
        key, expected = self._try.key, content_for(self._try.key)
        if answer.one(KEY_FIELD) != key:
            self._corrupt(f"the answer to {answer.one(KEY_FIELD)}")
        if answer.status not in (EARLY_STATUS, *STATUSES):
            self._odd(f"the origin never says {answer.status}")
        if not expected.startswith(answer.content):
            self._corrupt("the answer's content is another")
        if answer.response.whole and answer.content == expected:
            self._end("answered")
        # Otherwise it broke off on its way: ask again, as clients do.

    def _take_part(self, answer: Answer, said: Said) -> None:
        self._parts_left -= 1
        end = said.at + len(said.content or b"")
        if answer.offset != end or answer.complete is not False:
            self._corrupt(f"a part to {end} was acknowledged as {answer.offset}")
        self._offset = answer.offset

    def _take_refusal(self, answer: Answer) -> None:
        kind = str(answer.problem.get("type", "")).rpartition(":")[2].rpartition("#")[2]
        match answer.status, kind:
            case 404, _:
                self._lost()
            case 400, "completed-upload" if self._left_the_last:
                self._history.figures.conflicts += 1
            case 409, _:
                self._history.figures.conflicts += 1
            case 410, "answer-not-kept":
                self._end("answered")
            case 502, "outcome-unknown":
                self._end("unknown")
            case 503, _:
                pass  # later
            case status, kind:
                self._odd(f"{status} {kind}: {answer.problem.get('detail')}")

    @property
    def _path(self) -> str:
        assert self._try.path is not None
        return self._try.path

    def _end(self, outcome: Outcome) -> None:
        self._history.note(f"== {outcome}")
        self._try.outcome = outcome

    def _lost(self) -> None:
        """404 for an upload whose URL was told."""
        if self._history.may_be_forgotten(self._try):
            self._end("forgotten")
            return
        why = f"404, {self._try.highest} bytes had been told"
        self._history.violated("lost", self._try, why)
        raise GivenUp

    def _corrupt(self, why: str) -> None:
        self._history.violated("corrupt", self._try, why)
        raise GivenUp

    def _odd(self, why: str) -> None:
        self._history.violated("odd", self._try, why)
        raise GivenUp
