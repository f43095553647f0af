"""What was counted is 0, and would not be if bytes were lost."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cuts.choices import KINDS, Choices, Cut
from bench.cuts.kernel import Ends, Kernel, NoSuchSocket
from bench.cuts.run import Order, run
from bench.cuts.transfer import Transfer
from tests.kit.process import COMMAND

NAIVE = """
import asyncio
from proxy.cli import main
from proxy.wire.bodies import Body

read = Body.read

async def slow(self):
    chunk = await read(self)
    await asyncio.sleep(0.002)
    return chunk

Body.read = slow
Body.leftover = lambda self: b""
main()
"""
"""A proxy that does something else between two reads, and drops what it holds when the
client has gone, as servers do."""


def _order(directory: Path, cuts: int, program: tuple[str, ...] = COMMAND) -> Order:
    return Order(
        cuts=cuts,
        seed=5,
        clients=4,
        directory=directory,
        command="in a test",
        program=program,
    )


async def test_not_a_byte_is_lost(tmp_path: Path) -> None:
    """P2."""
    report = await run(_order(tmp_path, 60))
    assert report.good, report.as_markdown()
    assert report.total.cuts >= 60
    assert set(report.found.kinds) == set(KINDS)
    assert 0 < report.total.received <= report.total.kept
    assert f"| all | {report.total.cuts} |" in report.as_markdown()


async def test_a_proxy_that_loses_bytes_is_found_out(tmp_path: Path) -> None:
    report = await run(_order(tmp_path, 60, (sys.executable, "-c", NAIVE)))
    assert not report.good
    assert report.total.lost > 0
    assert len(report.found.losses) == report.total.losing


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of one, that of the server second."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        with near, far:
            yield near, far


def test_the_kernel_tells_what_was_read(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    near, far = connection
    kernel = Kernel()
    near.sendall(b"a" * 1000)
    assert kernel.read_by_peer(near) == 0
    assert len(far.recv(400)) == 400
    assert kernel.read_by_peer(near) == 400
    assert len(far.recv(4000)) == 600
    assert kernel.read_by_peer(near) == 1000
    kernel.close()


def test_the_kernel_knows_only_what_is_there() -> None:
    kernel = Kernel()
    nowhere = Ends(("127.0.0.1", 1), ("127.0.0.1", 2))
    with pytest.raises(NoSuchSocket):
        kernel.received(nowhere)
    kernel.close()


def _transfer(server: socket.socket, cut: Cut, content: bytes) -> Transfer:
    host, port = server.getsockname()
    return Transfer(f"http://{host}:{port}", "/cuts", cut, content, None)


@pytest.mark.parametrize("chunked", [False, True])
def test_how_much_content_lies_in_what_came(chunked: bool) -> None:
    """Every prefix, against what a reader would have got of it."""
    content = b"abcdefghijkl"
    plain = Choices(1, 0).cut(creation=True)
    cut = replace(plain, chunked=chunked, content=12, part=1.0, piece=5)
    cut = replace(cut, waits=False, at_once=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        transfer = _transfer(server, cut, content)
        far, _ = server.accept()
        transfer.begin()
        transfer.send()
        transfer.connection.close()
        said = b""
        while piece := far.recv(65536):
            said += piece
        far.close()
    head = said.index(b"\r\n\r\n") + 4
    assert transfer.content_in(head - 1) == 0
    for end in range(head, len(said) + 1):
        part = said[head:end]
        got = _letters(part) if chunked else part
        assert transfer.content_in(end) == len(got)
    assert transfer.sent == 12


def _letters(stream: bytes) -> bytes:
    """The content in the chunks of five: what stands between their heads and ends."""
    pieces = stream.split(b"\r\n")
    return b"".join(piece.rstrip(b"\r") for piece in pieces[1::2])


def test_choices_are_those_of_the_seed() -> None:
    first, again, other = (Choices(seed, 3) for seed in (5, 5, 6))
    cuts = [one.cut(creation=False) for one in (first, again, other)]
    assert cuts[0] == cuts[1] != cuts[2]
