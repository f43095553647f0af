"""The room in memory for small uploads: which body may come in, and which answer goes.

Uploads under way have a budget, and answers that were given have another. A body takes
its length as soon as that is known, else it takes room as it grows; answers are kept
for a replay, and the oldest make room for younger ones. The one invariant: what was
taken for an upload is given back once, when it is in memory no more and nobody holds on
to its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.core.upload import Token, Upload

from .held import ANSWER_SHARE, SMALL, Budget, Held, weight


class Room:
    """Memory that may be taken, and what has taken it."""

    def __init__(
        self,
        bodies: int,
        answers: int,
        threshold: int,
        thresholds: Mapping[str, int],
        *,
        forget: Callable[[Held], None],
    ) -> None:
        """`bodies`, `answers`: bytes for uploads under way, and for answers that were
        given. `threshold`, `thresholds`: see `keep_up_to`. `forget` removes an upload
        whose answer makes room, and has it `let_go`."""
        self.bodies = Budget(bodies)
        self.answers = Budget(answers)
        self.settled: dict[Token, Held] = {}
        """Uploads whose answer has been given, oldest first."""
        self._forget = forget
        self.keep_up_to(threshold, thresholds)

    def keep_up_to(self, threshold: int, thresholds: Mapping[str, int]) -> None:
        """From now on take in bodies of up to `threshold` bytes; 0: none. `thresholds`:
        the same for uploads of some routes."""
        self._threshold, self._thresholds = threshold, dict(thresholds)

    def _longest(self, upload: Upload) -> int:
        return self._thresholds.get(upload.route, self._threshold)

    def taken_in(self, upload: Upload) -> Held | None:
        """The new `upload` with room taken for it; None when it has to go to the
        disk."""
        length = upload.length or 0
        if not 0 < self._longest(upload) >= length:
            return None
        own = weight(upload)
        taken = self._take(own + length, length)
        return Held(upload, own, length) if taken else None

    def _take(self, size: int, length: int) -> bool:
        """Take `size` bytes for an upload whose body has `length`, as far as it is
        known; False when they are not to be had."""
        spared = self.bodies.most // 2 if length > SMALL else 0
        return self.bodies.take(size, spared=spared)

    def takes(self, held: Held, size: int) -> bool:
        """Whether `size` more bytes of its body stay in memory; then they are taken."""
        if not held.is_here or held.body is None:
            return False
        length = len(held.body) + size
        if length > self._longest(held.upload):
            return False
        if length > held.reserved:
            if not self._take(length - held.reserved, length):
                return False
            held.reserved = length
        return True

    def takes_answer(self, held: Held, size: int) -> bool:
        """The same for its answer's content; older answers make room."""
        share = held.answer_share + size
        if not held.is_here or share > self.answers.most // ANSWER_SHARE:
            return False
        self._forget_for(size)
        if not self.answers.take(size):
            return False
        held.answer_share = share
        return True

    def empty_answer(self, held: Held) -> None:
        """Let its answer's content begin anew, or be none."""
        size, held.answer = len(held.answer), bytearray()
        held.answer_share -= size
        self.answers.give(size)

    def settle(self, held: Held) -> None:
        """Its answer has been given: from now on it is kept for a replay only."""
        self.settled[held.upload.token] = held
        self._give_back_body(held)
        size = weight(held.upload)
        held.answer_share += size
        self.answers.taken += size
        self._forget_for(0)

    def _forget_for(self, size: int) -> None:
        """Forget the oldest answers until there is room for `size` bytes, if it can be
        made: one that is being read stays."""
        while not self.answers.fits(size):
            oldest = next((one for one in self.settled.values() if not one.users), None)
            if oldest is None:
                return
            self._forget(oldest)

    def leave(self, held: Held) -> None:
        """One reader or writer less holds on to its bytes."""
        held.users -= 1
        self._give_back(held)

    def let_go(self, held: Held) -> None:
        """It is in memory no more, but for those who hold on to its bytes."""
        self.settled.pop(held.upload.token, None)
        self._give_back(held)

    def _give_back(self, held: Held) -> None:
        """What it has taken, once nobody holds on to it."""
        if held.is_here or held.users:
            return
        self._give_back_body(held)
        self.answers.give(held.answer_share)
        held.answer_share = 0

    def _give_back_body(self, held: Held) -> None:
        self.bodies.give(held.weight + held.reserved)
        held.weight = held.reserved = 0
