"""One auth server, asked: does this request pass?

Its answer is taken whole, within a time and a size, or not at all; no redirect is
followed, and nothing in a request says where the question goes. The one invariant: what
is not clearly a yes is none.

Source: nginx "auth_request"; Traefik "ForwardAuth".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

from proxy.core.auth import (
    Verdict,
    question,
    verdict,
    without_content,
    without_credentials,
)
from proxy.core.errors import AuthSilent, Denial, OriginError, Problem, Refusal
from proxy.core.upload import Answer, Fields, Head

AT_ONCE: Final = 64
"""Questions under way at a time, hence connections; the others wait, and that is of
their time, too. Picked by hand: an auth server that answers in 10 ms gets through some
thousands in a second."""
CONTENT: Final = 64 * 1024
"""Bytes of a refusal's content that are passed on; that of a longer one is left out."""
RETRY_AFTER_S: Final = 5


class Stream(Protocol):
    """An answer on its way, see ``origin.AnswerStream``."""

    @property
    def answer(self) -> Answer: ...

    def chunks(self) -> AsyncIterator[bytes]: ...

    async def close(self) -> None: ...


class Server(Protocol):
    """Where questions are sent."""

    async def exchange(self, head: Head, source: None) -> Stream:
        """Raises OriginError: there is no answer."""


class Observer(Protocol):
    """Counts questions."""

    def asked(self, outcome: str, took_s: float) -> None:
        """One has been: passed, refused, later (the same, to be asked again), or
        silent, after so many seconds."""


class _Nobody:
    def asked(self, outcome: str, took_s: float) -> None:
        return


NOBODY: Final[Observer] = _Nobody()


@dataclass(frozen=True, slots=True)
class Passed:
    fields: Fields
    """Of the auth server's answer."""


@dataclass(frozen=True, slots=True)
class Denied:
    denial: Denial
    later: bool
    """It may be otherwise in a while, without anybody doing anything."""


class Gate:
    """Asks one auth server."""

    def __init__(
        self,
        server: Server,
        target: str,
        host: bytes | None,
        timeout_s: float,
        observer: Observer = NOBODY,
    ) -> None:
        """`target`: what is asked for; `host`: its name, None: as clients say it."""
        self._observer = observer
        self._server = server
        self._target = target
        self._host = host
        self._timeout_s = timeout_s
        self._room = asyncio.Semaphore(AT_ONCE)

    async def ask(
        self, head: Head, *, method: str | None = None, uri: str | None = None
    ) -> Passed | Denied:
        """What is said of the request with `head`, as the origin would get it.

        `method`, `uri`: told instead of its own.

        Raises:
            AuthSilent: nothing.
        """
        asked = question(
            head,
            self._target,
            self._host,
            method=method or head.method,
            uri=uri or head.target,
        )
        outcome, began = "silent", time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s), self._room:
                said = await self._exchange(asked)
            outcome = _called(said)
            return said
        except TimeoutError:
            raise AuthSilent("the auth server did not answer in time") from None
        except OriginError as exc:
            raise AuthSilent(f"the auth server did not answer: {exc}") from exc
        except asyncio.CancelledError:
            outcome = ""  # who asked did not wait for it
            raise
        finally:
            if outcome:
                self._observer.asked(outcome, time.monotonic() - began)

    async def _exchange(self, asked: Head) -> Passed | Denied:
        stream = await self._server.exchange(asked, None)
        try:
            answer = stream.answer
            said = verdict(answer.status)
            if said is Verdict.PASSES:
                return Passed(answer.fields)
            if said is Verdict.SAYS_NOTHING:
                raise AuthSilent(f"the auth server answered with {answer.status}")
            content = await _content(stream)
        finally:
            await stream.close()
        fields = without_credentials(answer.fields)
        if content is None:
            fields, content = without_content(fields), b""
        denial = Denial(replace(answer, fields=fields), content)
        return Denied(denial, later=said is Verdict.LATER)


def _called(said: Passed | Denied) -> str:
    if isinstance(said, Passed):
        return "passed"
    return "later" if said.later else "refused"


async def _content(stream: Stream) -> bytes | None:
    """All of it; None for one that is too long."""
    content = b""
    async for chunk in stream.chunks():
        content += chunk
        if len(content) > CONTENT:
            return None
    return content


def settled(said: Passed | Denied) -> Passed | Denied:
    """What was `said`, where it would be said again in a while.

    Raises:
        AuthSilent: it may not.
    """
    if isinstance(said, Denied) and said.later:
        status = said.denial.answer.status
        raise AuthSilent(f"the auth server answered with {status}")
    return said


def denied(denial: Denial) -> Refusal:
    """For who waits: the answer of who did not let it through."""
    return Refusal(
        Problem.NOT_AUTHORISED,
        f"The upload was not authorised; the answer was {denial.answer.status}.",
        denial=denial,
    )


def silent() -> Refusal:
    """For who wants something that nobody can allow just now."""
    return Refusal(
        Problem.AUTH_DOWN,
        "Whether this may be done could not be found out.",
        retry_after_s=RETRY_AFTER_S,
    )


def nobody() -> Refusal:
    """For who does not say who it is."""
    return Refusal(
        Problem.NOT_AUTHORISED, "The request does not say whose the upload would be."
    )
