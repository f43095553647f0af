"""Processes on one spool find each other, also where one has died, or hangs."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from proxy.asks import Ask, Said, Wish, Word, ask_line, read_said
from proxy.core.errors import SpoolError
from proxy.core.upload import Token
from proxy.peers import Peers
from proxy.tasks import Tasks

ASK = Ask(Wish.OVER, Token("t" * 43))
LOG: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
    structlog.ReturnLogger(),
    processors=[],
    wrapper_class=structlog.make_filtering_bound_logger(50),
)
SOMEBODY, ANOTHER = 65534, 65533
"""Users who are not root, whether they have a name or not."""
Join = Callable[..., Awaitable[Peers]]


@pytest.fixture
async def join(tmp_path: Path) -> AsyncIterator[Join]:
    """Makes a peer that says a word, once it may."""
    peers: list[Peers] = []
    tasks = Tasks(LOG)

    async def join(
        word: Word = Word.NONE,
        once: asyncio.Event | None = None,
        asked: asyncio.Event | None = None,
        ended: asyncio.Event | None = None,
    ) -> Peers:
        async def answer(ask: Ask) -> Said:
            if asked is not None:
                asked.set()
            try:
                if once is not None:
                    await once.wait()
            finally:
                if ended is not None:
                    ended.set()
            return Said(word)

        one = Peers(str(tmp_path), tasks.spawn, LOG)
        await one.listen(answer)
        peers.append(one)
        return one

    yield join
    await tasks.cancel_all()
    for one in peers:
        await one.close()


def _done(said: Said) -> bool:
    return said.word is Word.DONE


def _met(directory: Path) -> list[str]:
    return [path.name for path in (directory / "peers").iterdir()]


async def _asked(peers: Peers) -> Said | None:
    async with asyncio.timeout(5):
        return await peers.ask(ASK, _done)


async def test_alone_there_is_nobody_to_ask(join: Join) -> None:
    assert await _asked(await join()) == Said(Word.NONE)


async def test_when_nobody_knows_that_is_told(join: Join) -> None:
    ours = await join()
    await join()
    await join()
    assert await _asked(ours) == Said(Word.NONE)


async def test_the_one_that_knows_is_heard_among_the_others(join: Join) -> None:
    ours = await join()
    await join()
    await join(Word.DONE)
    assert await _asked(ours) == Said(Word.DONE)


async def test_one_that_takes_its_time_does_not_hold_up_one_that_knows(
    join: Join,
) -> None:
    ours, never, ended = await join(), asyncio.Event(), asyncio.Event()
    asked = asyncio.Event()
    await join(Word.DONE, never, asked, ended)
    knowing = await join(Word.DONE, asked)
    assert await _asked(ours) == Said(Word.DONE)
    async with asyncio.timeout(5):
        await ended.wait()  # what nobody waits for is given up
    assert knowing is not None


async def test_one_without_a_descriptor_for_who_asks_tries_once_and_rests(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, loop = await join(), asyncio.get_running_loop()
    await join(Word.DONE)
    failed = asyncio.Event()
    failures: list[str] = []

    def hear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failures.append(context["message"])
        failed.set()

    def accepted(self: socket.socket) -> tuple[socket.socket, Any]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket.socket, "accept", accepted)
    loop.set_exception_handler(hear)
    asking = asyncio.ensure_future(ours.ask(ASK, _done))
    async with asyncio.timeout(5):
        await failed.wait()
        monkeypatch.undo()
        assert await asking == Said(Word.DONE)  # the loop tries again after a second
    assert failures == ["socket.accept() out of system resource"]


async def test_signs_of_life_keep_an_asker_waiting(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.peers.STILL_S", 0.02)
    monkeypatch.setattr("proxy.peers.PATIENCE_S", 0.2)
    ours, once = await join(), asyncio.Event()
    await join(Word.DONE, once)
    asyncio.get_running_loop().call_later(0.5, once.set)
    assert await _asked(ours) == Said(Word.DONE)


async def test_one_that_hangs_is_not_waited_for(
    join: Join, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.peers.PATIENCE_S", 0.1)
    ours = await join()
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(tmp_path / "peers/hanging"))
        hanging.listen()
        assert await _asked(ours) is None
    assert "hanging" in _met(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_one_that_hangs_has_not_replied_though_nobody_more_can_ask(
    join: Join, tmp_path: Path
) -> None:
    """Who takes it for a stranger says 404 for what it may have."""
    ours = await join()
    (tmp_path / "peers").chmod(0o777)
    path = tmp_path / "peers" / "hanging"
    with ExitStack() as opened:
        hanging = opened.enter_context(socket.socket(socket.AF_UNIX))
        hanging.bind(str(path))
        path.chmod(0o666)
        hanging.listen(0)
        waiting = opened.enter_context(socket.socket(socket.AF_UNIX))
        waiting.connect(str(path))
        with being(SOMEBODY):
            assert await _asked(ours) is None


async def test_one_that_goes_while_it_is_asked_has_not_replied(
    join: Join, tmp_path: Path
) -> None:
    """What it had may be in the spool by now, or gone with it: who wants to know asks
    again."""
    ours = await join()
    await join()

    async def goes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    path = str(tmp_path / "peers/going")
    async with await asyncio.start_unix_server(goes, path):
        assert await _asked(ours) is None


async def test_where_the_others_cannot_be_found_nobody_has_replied(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = await join()
    await join(Word.DONE)

    def listdir(path: object) -> list[str]:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr("proxy.peers.os.listdir", listdir)
    assert await _asked(ours) is None


async def test_what_a_dead_one_left_is_removed(join: Join, tmp_path: Path) -> None:
    ours = await join()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "peers/dead"))
    assert await _asked(ours) == Said(Word.NONE)
    assert len(_met(tmp_path)) == 1


async def test_of_one_that_goes_before_it_is_told_nothing_is_said(
    join: Join, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a process ends, asyncio may be too late to say nothing of its own accord."""
    monkeypatch.delattr(asyncio.StreamReaderProtocol, "__del__")
    told: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    await join()
    (name,) = _met(tmp_path)
    drained, drain = asyncio.Event(), asyncio.StreamWriter.drain

    async def drains(writer: asyncio.StreamWriter) -> None:
        drained.set()
        await drain(writer)

    monkeypatch.setattr(asyncio.StreamWriter, "drain", drains)
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(tmp_path / "peers" / name))
        asker.sendall(ask_line(ASK))
    async with asyncio.timeout(5):
        await drained.wait()
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - tasks that end have no event
            await asyncio.sleep(0)
    gc.collect()
    assert not told


async def test_one_that_leaves_leaves_nothing(join: Join, tmp_path: Path) -> None:
    await join()
    other = Peers(str(tmp_path), Tasks(LOG).spawn, LOG)
    await other.listen(lambda ask: asyncio.sleep(0, Said(Word.NONE)))
    assert len(_met(tmp_path)) == 2
    await other.close()
    assert len(_met(tmp_path)) == 1


@pytest.mark.parametrize("said", [b"\n", b"{}\n", b'{"wish": "dance"}\n'])
async def test_a_word_of_another_release_is_answered(
    join: Join, tmp_path: Path, said: bytes
) -> None:
    await join()
    path = str(tmp_path / "peers" / _met(tmp_path)[0])
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(said)
    async with asyncio.timeout(5):
        assert read_said(await reader.readline()) == Said(Word.NOT_UNDERSTOOD)
        assert await reader.read() == b""
    writer.close()


async def test_a_line_without_end_is_not_read(join: Join, tmp_path: Path) -> None:
    await join()
    path = str(tmp_path / "peers" / _met(tmp_path)[0])
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"x" * 100_000)
    async with asyncio.timeout(5):
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass  # the rest of it was not read
    writer.close()


async def test_a_spool_far_down_has_room_for_its_sockets(tmp_path: Path) -> None:
    """The address of a socket has no room for more than 107 bytes."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    peers = [Peers(str(deep), Tasks(LOG).spawn, LOG) for _ in range(2)]
    for one in peers:
        await one.listen(lambda ask: asyncio.sleep(0, Said(Word.DONE)))
    assert await _asked(peers[0]) == Said(Word.DONE)
    for one in peers:
        await one.close()


async def test_a_place_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="no place can be made where processes meet"):
        Peers(str(tmp_path / "missing"), Tasks(LOG).spawn, LOG)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_another_user_is_not_answered(join: Join, tmp_path: Path) -> None:
    """P11: even where the rights of the directory would let it in."""
    asked = asyncio.Event()
    await join(Word.DONE, asked=asked)
    (name,) = _met(tmp_path)
    (tmp_path / "peers").chmod(0o711)
    (tmp_path / "peers" / name).chmod(0o666)
    directory = os.open(tmp_path / "peers", os.O_PATH)
    sock = socket.socket(socket.AF_UNIX)
    with being(SOMEBODY):
        sock.connect(f"/proc/self/fd/{directory}/{name}")
    os.close(directory)
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    try:
        writer.write(ask_line(ASK))
        async with asyncio.timeout(5):
            assert await _until_the_end(reader) == b""
    finally:
        writer.close()
    assert not asked.is_set()


async def _until_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(-1)
    except ConnectionResetError:
        return b""  # ended with our question unread


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_another_user_is_not_asked(join: Join, tmp_path: Path) -> None:
    """What it would say is not the word of a process on the spool."""
    ours = await join()
    (tmp_path / "peers").chmod(0o777)
    with socket.socket(socket.AF_UNIX) as stranger:
        path = tmp_path / "peers" / "stranger"
        stranger.bind(str(path))
        path.chmod(0o666)
        with being(SOMEBODY):
            stranger.listen()
        with being(ANOTHER):
            assert await _asked(ours) == Said(Word.NONE)


@contextmanager
def being(user: int) -> Iterator[None]:
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
