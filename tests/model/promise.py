"""The model: what the promises mean for one upload, in a hundred lines.

It knows what its client has sent and heard and what its origin got, and nothing of how
the proxy works. Every method is something that has been seen from outside; what must
not be seen fails. P1: an offset told is there, and never decreases. P2: without a fault
of ours all that came is there. P3: one complete request, and exactly what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.core.upload import Standing


@dataclass
class Promise:
    """One upload, as seen from outside."""

    repeatable: bool
    """The operator declared that the origin may get it twice."""
    sent: bytes = b""
    """What the proxy may have of the body: told, and what has been sent since."""
    told: int = 0
    """The highest offset its client was told."""
    heard: bool = False
    """Its client was told one, be it 0."""
    length: int | None = None
    """Of the whole body, as its client announced it."""
    forgettable: bool = False
    """A power loss may have taken what was announced of the length."""
    whole: int | None = None
    """Of the whole body, once its client has sent all of it and said so."""
    known: bool = False
    """Nothing has failed since it was whole: the proxy has to know of that, too."""
    wished: int | None = None
    """Of the whole body, where its client has asked to end it with what was there."""
    faultless: bool = True
    """Nothing has failed since the last offset was told: all that came is there."""
    may_be_gone: bool = True
    """It was never known to its client, or is over, or was lost before it mattered."""
    over: bool = False
    """Cancelled, or run over its length: not to be forwarded any more."""
    giving_up: bool = False
    """Its client has asked to give it up, and perhaps not heard how that went."""
    requests: int = 0
    """Complete requests its origin has got."""
    answer: bytes | None = None
    """What the origin has answered, if it answered whole."""
    answered: bool = False
    """Its client has heard that the origin has answered."""

    def begins(self, at: int, length: int | None) -> None:
        """Content is taken from the offset `at` on."""
        assert self.whole is None or self.requests == 0, "taken after it was forwarded"
        assert at <= len(self.sent)
        self.sent, self.whole = self.sent[:at], None
        if length is not None:
            self.length, self.forgettable = length, False

    def comes(self, chunk: bytes, *, finishing: bool) -> None:
        """`chunk` has reached the proxy; `finishing`: the last part of the body."""
        if self.length is not None and len(self.sent + chunk) > self.length:
            self._forgets_length()
        self.sent = (self.sent + chunk)[: self.length]
        if finishing and len(self.sent) == self.length:
            self.whole, self.known = self.length, True

    def ends(self) -> None:
        """The last part has come to its proper end."""
        if self.length in (None, len(self.sent)):
            self.whole, self.known = len(self.sent), True
        elif self.forgettable:
            self.whole, self.known = len(self.sent), False

    def _forgets_length(self) -> None:
        """More comes than was announced: it is taken, unless that is known still."""
        if self.forgettable:
            self.length = self.whole = None
            self.faultless = False

    def is_known(self) -> None:
        """Its client knows where it is: until the power fails, it stays."""
        self.may_be_gone = self.over

    def tells(self, standing: Standing) -> None:
        """P1, P2."""
        offset = standing.offset
        assert offset >= self.told, f"{self.told} was told, now {offset}"
        assert offset <= len(self.sent), f"{offset} is told, {len(self.sent)} came"
        if self.faultless:
            assert offset == len(self.sent), f"{offset} is told, {len(self.sent)} came"
        assert standing.finished or not self.answered, "no longer answered"
        self.is_known()
        self.told, self.heard, self.faultless = offset, True, True
        self.sent = self.sent[:offset]
        if standing.finished:
            assert self.requests, "told as answered, never sent"
            self.answered = True

    def tells_at_least(self, offset: int) -> None:
        """P1, of an offset told on the way: more has come since."""
        assert self.told <= offset <= len(self.sent)
        self.told, self.heard = offset, True

    def is_gone(self) -> None:
        """It is said not to exist. P1: not after an offset was told, or an answer."""
        assert self.may_be_gone, f"gone, though {self.told} was told"
        self.over |= not self.giving_up

    def reaches_origin(self, body: bytes, *, complete: bool) -> None:
        """P3. Its origin gets a request with `body`; `complete`: all of it."""
        assert not self.over, "forwarded after it was given up"
        whole = self.wished if self.whole is None else self.whole
        assert body == self.sent[:whole], f"{body!r} is not {self.sent!r}"
        assert len(body) == whole, f"forwarded with {len(body)} of {whole}"
        self.requests += complete
        assert self.requests <= 1 or self.repeatable, "forwarded twice"

    def hears_answer(self, content: bytes) -> None:
        """Its client gets the origin's answer, live or replayed, to its end."""
        assert content == self.answer, f"{content!r} is not {self.answer!r}"
        self.answered = True
        # a client that waits gets it, though another of its requests has cancelled
        self.may_be_gone = self.over or self.giving_up

    def is_given_up(self) -> None:
        """Its client asks to cancel it."""
        self.giving_up = self.may_be_gone = True

    def is_over(self) -> None:
        """Its client hears that it is cancelled, or has killed it by an overrun."""
        self.over = self.may_be_gone = True

    def has_trouble(self) -> None:
        """A call of the spool has failed, or the process has died."""
        self.faultless = self.known = False

    def loses_memory(self) -> None:
        """P8: the process has died, and may have kept it in memory."""
        self.may_be_gone |= not self.heard

    def loses_power(self, *, in_memory: bool) -> None:
        """P1: what was never told may be gone. `in_memory`: nothing of it may have been
        durable till then, its answer neither (P8)."""
        self.answered &= self.heard or not in_memory
        self.forgettable = True
        self.may_be_gone |= not (self.heard or self.answered)
