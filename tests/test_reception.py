"""What reception asks of the spool for the parts of an upload."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import structlog

from proxy.admission import Admission
from proxy.core.decide import Receive
from proxy.core.errors import Problem
from proxy.core.intents import Create
from proxy.core.lifecycle import Event
from proxy.core.room import Bounds
from proxy.core.upload import DEFAULT_ROUTE, Head, Limits, State, Token, Upload
from proxy.holdings import BOUNDLESS
from proxy.leases import LocalLeases
from proxy.ledger import Ledger
from proxy.reception import Exchange, Reception
from proxy.spool import Writer
from proxy.spool.memory import MemorySpool
from proxy.tasks import Tasks

from .space import PlayedFigures
from .test_intake import Script

HEAD = Head("POST", "/", ())
UPLOAD = Upload(Token("t" * 43), State.CREATED, HEAD, Limits(), 0, 0)


class Noting(MemorySpool):
    """Notes which bodies are to be told at their end."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[bool] = []

    def writer(self, token: Token, *, to_be_told: bool = False) -> Writer:
        self.noted.append(to_be_told)
        return super().writer(token, to_be_told=to_be_told)


class Whole(Script):
    """A body that comes to its end."""

    def begin(self) -> None:
        """There is nobody to tell."""


@pytest.mark.parametrize("progress", [False, True])
@pytest.mark.parametrize("finishing", [False, True])
async def test_the_disk_keeps_up_with_parts_at_whose_end_an_offset_is_told(
    *, finishing: bool, progress: bool
) -> None:
    """A last part goes to the origin: its sync would be waited for by nobody."""
    log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(50),
    )
    spool = Noting()
    ledger = Ledger(spool, lambda: 0.0, log)
    reception = Reception(spool, spool, ledger, Tasks(log).spawn, log)
    admission = Admission(PlayedFigures(), Bounds(None, 0), ledger.now, log)
    plan = Receive(finishing, None, 100, Problem.TOO_LARGE, Event.OVERRAN_KEPT)
    intent = Create(finishing=finishing, content_length=None, progress=progress)
    exchange = Exchange(
        HEAD,
        Whole(b"abc"),
        lambda interim: None,
        "",
        lambda upload: None,
        lambda: HEAD,
        DEFAULT_ROUTE,
        nullcontext,
    )
    async with LocalLeases().hold(UPLOAD.token) as lease:
        upload = await ledger.open(UPLOAD)
        grant = admission.grant(UPLOAD, plan, None)
        upload = await reception.receive(
            upload,
            plan,
            intent,
            lease,
            exchange,
            grant,
            BOUNDLESS,
        )
    assert spool.noted == [not finishing]
    assert upload.offset == 3
