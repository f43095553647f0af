"""The log in a file that is renamed while processes write to it."""

from __future__ import annotations

import errno
import json
import signal
from pathlib import Path

import pytest

from proxy import log as logs
from proxy.app import App
from proxy.config import Config
from proxy.log import access_logger, logger
from proxy.logfile import LogFile
from proxy.outfit import CannotStart
from tests.conftest import StartProxy
from tests.kit.bounds import until
from tests.kit.process import ProxyProcess
from tests.kit.raw import Connection, request


def test_lines_go_to_the_renamed_file_until_it_is_reopened(tmp_path: Path) -> None:
    file, old = tmp_path / "log", tmp_path / "log.1"
    log = logger("info", "json", file)
    log.info("first")
    file.rename(old)
    log.info("second")
    logs.reopen()
    log.info("third")
    assert told_in(old) == ["first", "second"]
    assert told_in(file) == ["third"]
    assert file.stat().st_mode & 0o007 == 0


def told_in(file: Path) -> list[str]:
    return [json.loads(line)["event"] for line in file.read_text().splitlines()]


def requests_in(file: Path) -> list[str]:
    """The paths that were asked for, as its lines tell."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [line["path"] for line in lines if line["event"] == "request"]


def test_a_file_is_added_to(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("before\n")
    logger("info", "console", file).info("after")
    assert file.read_text().startswith("before\n")


def test_what_the_file_cannot_take_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    LogFile(Path("/dev/full")).write("a line\n")
    assert capsys.readouterr().err == "a line\n"


def test_one_that_cannot_be_reopened_is_written_on(tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    file = LogFile(directory / "log")
    directory.rename(tmp_path / "old")
    with pytest.raises(FileNotFoundError):
        file.reopen()
    file.write("still here\n")
    assert (tmp_path / "old" / "log").read_text() == "still here\n"


@pytest.mark.parametrize("broken", ["log", "access"])
def test_one_that_cannot_be_reopened_holds_up_no_other(
    tmp_path: Path, broken: str
) -> None:
    files = {name: tmp_path / name / "file" for name in ("log", "access")}
    for file in files.values():
        file.parent.mkdir()
    log = logger("info", "json", files["log"])
    access = access_logger(log, "json", files["access"])
    for file in files.values():
        file.parent.rename(file.parent.with_suffix(".1"))
    for name, file in files.items():
        if name != broken:
            file.parent.mkdir()
    errors = {str(exc.filename): exc.errno for exc in logs.reopen()}
    assert errors[str(files.pop(broken))] == errno.ENOENT
    assert errors.keys().isdisjoint(map(str, files.values()))
    log.info("told")
    access.info("request")
    for file in (*files.values(), tmp_path / f"{broken}.1" / "file"):
        assert len(told_in(file)) == 1


async def test_the_one_that_cannot_be_reopened_is_named(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    file, own = tmp_path / "log", tmp_path / "access"
    app = await start_proxy(
        log={"file": str(file), "format": "json", "access": {"file": str(own)}}
    )
    own.unlink()
    own.mkdir()
    app.reopen()
    told = [json.loads(line) for line in file.read_text().splitlines()][-1]
    assert told["event"] == "log not reopened"
    assert (told["file"], told["error"]) == (str(own), "Is a directory")


def test_one_that_cannot_be_opened_is_told_at_the_start(tmp_path: Path) -> None:
    config = {
        "origin": {"url": "http://127.0.0.1:9"},
        "log": {"file": f"{tmp_path}/no/log"},
    }
    with pytest.raises(CannotStart, match=r"log\.file: .*/no/log: No such file"):
        App(Config.model_validate(config))


def test_lines_about_requests_have_a_file_of_their_own(tmp_path: Path) -> None:
    file, own, old = (tmp_path / name for name in ("log", "access", "access.1"))
    log = logger("error", "json", file).bind(worker=1)
    access = access_logger(log, "json", own)
    access.info("request")
    log.info("upload")
    own.rename(old)
    logs.reopen()
    access.debug("request")
    assert told_in(file) == []
    for told in (old, own):
        (line,) = map(json.loads, told.read_text().splitlines())
        assert (line["event"], line["worker"]) == ("request", 1)


def test_they_can_go_to_standard_output_or_nowhere(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log = logger("info", "json")
    access_logger(log, "json", "stdout").info("request")
    access_logger(log, "json", "off").error("request")
    told = capfd.readouterr()
    assert json.loads(told.out)["event"] == "request"
    assert told.err == ""
    assert access_logger(log, "json", None) is log


def test_a_file_for_them_that_cannot_be_opened_is_told_at_the_start(
    tmp_path: Path,
) -> None:
    config = {
        "origin": {"url": "http://127.0.0.1:9"},
        "log": {"access": {"file": f"{tmp_path}/no/log"}},
    }
    with pytest.raises(CannotStart, match=r"log\.access\.file: .*/no/log: No such"):
        App(Config.model_validate(config))


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
async def test_no_line_is_lost_or_doubled_by_a_rotation(
    tmp_path: Path, workers: int, *, apart: bool
) -> None:
    file, old = tmp_path / "proxy.log", tmp_path / "proxy.log.1"
    where = {"access": {"file": str(file)}} if apart else {"file": str(file)}
    settings = {
        "origin": {"url": "http://127.0.0.1:9"},
        "workers": workers,
        "log": {**where, "format": "json"},
    }
    proxy = ProxyProcess(tmp_path, settings)
    try:
        await proxy.start()
        for turn in range(40):
            if turn == 20:
                file.rename(old)
                # as systemctl does it, to all of the service
                proxy.signal_all(signal.SIGUSR1)

                async def renewed() -> bool | None:
                    return True if file.exists() else None

                await until(renewed)
            connection = await Connection.open(proxy.address)
            await connection.send(request("GET", f"/{turn}"))
            assert (await connection.hear("GET")).status == 502
            await connection.close()
        assert await proxy.terminate() == 0
    finally:
        await proxy.end()
    assert sorted(
        [*requests_in(old), *requests_in(file)], key=lambda path: int(path[1:])
    ) == [f"/{n}" for n in range(40)]
