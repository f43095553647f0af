"""The command as it is typed: what it prints, how it exits, how it goes on."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shlex
import shutil
import ssl
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from signal import SIGINT, SIGKILL, Signals
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from proxy.sending.batch import Batch
from proxy.sending.files import found
from proxy.sending.kept import Kept, Plan
from tests.interop.link import Link
from tests.kit.origin import RecordingOrigin, Reply, Request
from tests.kit.process import free_port

if TYPE_CHECKING:
    from proxy.app import App

BOUND_S = 30.0
BODY = random.Random(8).randbytes(3_000_000)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(BODY)
    return path


def kept_in(directory: Path) -> list[Path]:
    return list(directory.rglob("*.json"))


async def begin(directory: Path, *words: str, output: int = PIPE) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", "upload"),
        *words,
        stdout=output,
        stderr=PIPE,
        env={
            "PATH": "",
            "HOME": str(directory),
            "PYTHONPATH": ":".join(sys.path),
            "TERM": "xterm",
        },
    )


async def end(process: Process) -> tuple[int, str, str]:
    output, errors = await asyncio.wait_for(process.communicate(), BOUND_S)
    assert process.returncode is not None
    return process.returncode, (output or b"").decode(), errors.decode()


async def run(directory: Path, *words: str) -> tuple[int, str, str]:
    return await end(await begin(directory, *words))


def posts(origin: RecordingOrigin) -> list[Request]:
    return [request for request in origin.requests if request.method != "OPTIONS"]


async def test_files_and_directories_are_uploaded(
    proxy: App, origin: RecordingOrigin, film: Path, tmp_path: Path
) -> None:
    below = tmp_path / "more" / "deep"
    below.mkdir(parents=True)
    (below / "a b.txt").write_bytes(b"a")
    url = f"{proxy.addresses[0]}/files/{{name}}"
    words = (str(film), str(below.parent), url, "--method", "PUT", "-H", "X-Mine: 1")
    code, output, errors = await run(tmp_path, *words)
    assert (code, errors) == (0, "")
    assert output == (
        "film.mp4: 200, 3.0 MB\n  stored\ndeep/a b.txt: 200, 1 byte\n  stored\n"
    )
    first, second = posts(origin)
    assert (first.target, bytes(first.body)) == ("/files/film.mp4", BODY)
    assert first.one("content-type") == "video/mp4"
    assert (second.method, second.target) == ("PUT", "/files/deep/a%20b.txt")
    assert second.one("content-disposition") == "inline; filename*=UTF-8''a%20b.txt"
    assert second.one("x-mine") == "1"
    assert kept_in(tmp_path) == []


async def paused(
    proxy: App, film: Path, tmp_path: Path, number: Signals
) -> tuple[int, str, str]:
    """An upload over a link that stalls, ended by a signal."""
    link = Link(proxy.addresses[0], 1_500_000, "stall")
    await link.start()
    url = f"{link.address}/files"
    words = (str(film), url, "--chunk-size", "1MB", "-H", "Authorization: secret")
    process = await begin(tmp_path, *words)
    await link.breaks(BOUND_S)
    process.send_signal(number)
    told = await end(process)
    # what is kept names the link, which is there no more
    (kept,) = kept_in(tmp_path)
    kept.write_text(kept.read_text().replace(link.address, proxy.addresses[0]))
    await link.stop()
    return told


async def test_what_cannot_be_kept_any_more_ends_nothing(
    proxy: App,
    origin: RecordingOrigin,
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(kept: Kept, plan: Plan) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Kept, "save", full)
    told: list[dict[str, Any]] = []
    jobs = found([str(film)], f"{proxy.addresses[0]}/files", print)
    batch = Batch(Plan(jobs, chunk_size=1_000_000), (), Kept.new(tmp_path), told.append)
    assert await batch.run() == 0
    warnings = [one["why"] for one in told if one["event"] == "warning"]
    assert warnings == [
        "what is needed to go on cannot be kept: No space left on device"
    ]
    assert [bytes(one.body) for one in posts(origin)] == [BODY]


async def test_ctrl_c_pauses_and_says_how_to_go_on(
    proxy: App, origin: RecordingOrigin, film: Path, tmp_path: Path
) -> None:
    code, _, errors = await paused(proxy, film, tmp_path, SIGINT)
    assert code == 130
    told, command = errors.splitlines()
    assert told == "1 file is not done; to go on:"
    (kept,) = kept_in(tmp_path)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "secret" not in kept.read_text()
    words = shlex.split(command)
    assert words == [
        *("upload-proxy", "upload", "--resume", str(kept)),
        *("-H", "Authorization: ..."),
    ]
    code, output, _ = await run(tmp_path, *words[2:])
    assert code == 0
    assert " saved" in output
    assert [bytes(one.body) for one in posts(origin)] == [BODY]
    assert not kept.exists()


async def test_kill_9_leaves_what_is_needed_to_go_on(
    proxy: App, origin: RecordingOrigin, film: Path, tmp_path: Path
) -> None:
    code, _, _ = await paused(proxy, film, tmp_path, SIGKILL)
    assert code == -SIGKILL
    (kept,) = kept_in(tmp_path)
    code, output, _ = await run(tmp_path, "--resume", str(kept), "--json")
    events = [json.loads(line) for line in output.splitlines()]
    assert (code, events[0]["event"], events[-1]["event"]) == (0, "begun", "done")
    assert 0 < events[-1]["saved"] < len(BODY)
    assert [bytes(one.body) for one in posts(origin)] == [BODY]


async def test_a_file_that_is_away_for_a_moment_costs_nothing(
    proxy: App, origin: RecordingOrigin, film: Path, tmp_path: Path
) -> None:
    await paused(proxy, film, tmp_path, SIGINT)
    (kept,) = kept_in(tmp_path)
    shutil.move(film, tmp_path / "away")
    code, _, errors = await run(tmp_path, "--resume", str(kept))
    assert (code, "to go on" in errors) == (75, True)
    assert errors.startswith(f"film.mp4: {film}: No such file or directory\n")
    shutil.copy(__file__, film)
    code, _, errors = await run(tmp_path, "--resume", str(kept))
    assert (code, "is not the file that it was" in errors) == (75, True)
    shutil.move(tmp_path / "away", film)
    code, output, _ = await run(tmp_path, "--resume", str(kept))
    assert (code, " saved" in output) == (0, True)
    assert [bytes(one.body) for one in posts(origin)] == [BODY]
    assert not kept.exists()


def watched(screen: int) -> str:
    """Everything that comes to a terminal; it keeps only some kilobytes by itself."""
    seen = b""
    while True:
        try:
            seen += os.read(screen, 65536)
        except OSError:  # Linux says so that nobody writes any more
            return seen.decode()


async def test_a_terminal_sees_a_bar(proxy: App, film: Path, tmp_path: Path) -> None:
    screen, terminal = os.openpty()
    url = f"{proxy.addresses[0]}/files"
    process = await begin(tmp_path, str(film), url, output=terminal)
    os.close(terminal)
    watching = asyncio.ensure_future(asyncio.to_thread(watched, screen))
    code, _, _ = await end(process)
    seen = await asyncio.wait_for(watching, BOUND_S)
    os.close(screen)
    assert code == 0
    assert "━" in seen
    assert "film.mp4: 200, 3.0 MB" in seen


async def test_what_the_application_refuses_is_a_failure(
    proxy: App, origin: RecordingOrigin, film: Path, tmp_path: Path
) -> None:
    origin.then(Reply(), Reply(status=422, body=b"no \x1b[31mfilm"))
    words = (str(film), f"{proxy.addresses[0]}/files")
    code, output, errors = await run(tmp_path, *words)
    assert (code, output) == (1, "")
    assert errors == "film.mp4: answered with 422\n  no \\x1b[31mfilm\n"


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(301, 1, "film.mp4: answered with 301, which leads to /there\n"), (303, 0, "")],
)
async def test_a_redirection_is_a_failure_unless_it_leads_to_what_was_made(
    origin: RecordingOrigin,
    film: Path,
    tmp_path: Path,
    status: int,
    code: int,
    told: str,
) -> None:
    origin.will.extend([Reply(status, (("Location", "/there"),), b"")] * 3)
    code_, _, errors = await run(tmp_path, str(film), f"{origin.address}/files")
    assert (code_, errors) == (code, told)


async def test_a_certificate_that_is_not_believed_is_nothing_to_go_on_with(
    film: Path, tmp_path: Path
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=tls)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/files"
    told: list[dict[str, Any]] = []
    kept = Kept.new(tmp_path)
    batch = Batch(Plan(found([str(film)], url, print)), (), kept, told.append)
    assert await batch.run() == 1
    server.close()
    assert [one["event"] for one in told if one["event"] != "progress"] == [
        "begun",
        "failed",
    ]
    assert not kept.path.exists()


async def test_nobody_there_is_to_be_tried_again(film: Path, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/files"
    code, output, _ = await run(
        tmp_path, str(film), str(film), nobody, "--attempts", "0", "--json"
    )
    *_, failed, last = [json.loads(line) for line in output.splitlines()]
    assert (failed["event"], failed["reason"]) == ("failed", "unreachable")
    assert failed["status"] is None
    assert (code, last["event"], len(last["files"])) == (75, "left", 2)
    (kept,) = kept_in(tmp_path)
    assert str(kept) == last["state"]
    assert len(Plan.loads(kept.read_text()).jobs) == 2


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("http://127.0.0.1/",),
        ("/nowhere", "http://127.0.0.1/"),
        (__file__, "ftp://h/"),
        (__file__, "http://h/", "--resume", __file__),
        ("--resume", __file__),
        (__file__, "http://127.0.0.1:1/", "--state", "/proc/x", "--attempts", "0"),
        (__file__, "http://h/", "-H", "Upload-Offset: 1"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(words: tuple[str, ...]) -> None:
    from proxy.cli import app

    with pytest.raises(SystemExit) as left:
        app(["upload", *words])
    assert left.value.code == 2
