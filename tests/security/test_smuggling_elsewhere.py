"""The most telling tricks, over TLS and before two workers.

What is read is the same there; who reads it, and what it is read from, is not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from tests.kit.process import ProxyProcess
from tests.kit.sealed import pair_in

from .conftest import SHORT, Stage, asked_of, in_process
from .corpus import BOTH, CHUNKS, CODINGS, LENGTHS, LINES
from .heads import HOSTS, STARTS, TARGETS
from .smuggling import tries_framing, tries_head, tries_line
from .witness import Witness

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRAMINGS: Final = {
    **{
        name: BOTH[name]
        for name in ("a length, then chunked", "no length, then chunked")
    },
    **{name: LENGTHS[name] for name in ("a length", "two lengths, the longer last")},
    **{name: CODINGS[name] for name in ("chunked", "xchunked", "behind a bare LF")},
    **{name: CHUNKS[name] for name in ("trailers", "a LF in an extension", "no size")},
    "nothing behind the chunk": CHUNKS["nothing behind the chunk"],
}
FIELDS: Final = ("a folded line", "a bare LF and the end of the head", "a second host")
HEADS: Final = {
    **{name: TARGETS[name] for name in ("absolute form of another host", "100 kB")},
    "an upload's for one reader": TARGETS["an upload's for one reader: a backslash"],
    "Host twice": HOSTS["twice"],
    "CONNECT": STARTS["CONNECT"],
}


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["TLS", "two workers"]
)
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("elsewhere")
    if request.param == "TLS":
        async with in_process(directory, tls=pair_in(directory).settings) as stage:
            yield stage
        return
    witness = Witness()
    await witness.start()
    settings = {**SHORT, "workers": 2, "origin": {"url": witness.address}}
    process = ProxyProcess(directory, settings)
    await process.start()
    yield Stage(witness, process.address, asked_of(process.admin_address))
    await process.end()
    await witness.stop()


@pytest.mark.parametrize("kind", ["passed through", "append"])
@pytest.mark.parametrize("case", FRAMINGS)
async def test_a_framing(stage: Stage, kind: str, case: str) -> None:
    await tries_framing(stage, kind, FRAMINGS[case])


@pytest.mark.parametrize("kind", ["passed through", "append"])
@pytest.mark.parametrize("case", FIELDS)
async def test_a_line(stage: Stage, kind: str, case: str) -> None:
    await tries_line(stage, kind, LINES[case])


@pytest.mark.parametrize("case", HEADS)
async def test_a_head(stage: Stage, case: str) -> None:
    await tries_head(stage, HEADS[case])
