"""Requests that two readers could take differently never become two requests.

One proxy hears all of them, over plain TCP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from . import corpus, heads
from .conftest import Stage, in_process
from .smuggling import KINDS, tries_framing, tries_head, tries_line

pytestmark = pytest.mark.asyncio(loop_scope="module")

each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with in_process(tmp_path_factory.mktemp("plain")) as stage:
        yield stage


@each_kind
@pytest.mark.parametrize("case", corpus.LENGTHS)
async def test_a_length(stage: Stage, kind: str, case: str) -> None:
    await tries_framing(stage, kind, corpus.LENGTHS[case])


@each_kind
@pytest.mark.parametrize("case", corpus.CODINGS)
async def test_a_coding(stage: Stage, kind: str, case: str) -> None:
    await tries_framing(stage, kind, corpus.CODINGS[case])


@each_kind
@pytest.mark.parametrize("case", corpus.BOTH)
async def test_both_framings(stage: Stage, kind: str, case: str) -> None:
    await tries_framing(stage, kind, corpus.BOTH[case])


@each_kind
@pytest.mark.parametrize("case", corpus.CHUNKS)
async def test_a_chunk(stage: Stage, kind: str, case: str) -> None:
    await tries_framing(stage, kind, corpus.CHUNKS[case])


@each_kind
@pytest.mark.parametrize("case", corpus.LINES)
async def test_a_line(stage: Stage, kind: str, case: str) -> None:
    await tries_line(stage, kind, corpus.LINES[case])


@pytest.mark.parametrize("case", heads.TARGETS)
async def test_a_target(stage: Stage, case: str) -> None:
    await tries_head(stage, heads.TARGETS[case])


@pytest.mark.parametrize("case", heads.HOSTS)
async def test_a_host(stage: Stage, case: str) -> None:
    await tries_head(stage, heads.HOSTS[case])


@pytest.mark.parametrize("case", heads.STARTS)
async def test_a_first_line(stage: Stage, case: str) -> None:
    await tries_head(stage, heads.STARTS[case])
