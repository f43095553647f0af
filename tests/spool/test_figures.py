"""What is used and promised: shared by processes, true again after a round."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from proxy.core.errors import SpoolError
from proxy.core.room import UNBOUNDED
from proxy.core.upload import Token
from proxy.reckoning import STEP_SHARDS, Reckoning
from proxy.spool import figures as rooms
from proxy.spool.disk import DiskSpool, Sync
from proxy.spool.figures import HELD, SLOTS, Figures
from proxy.spool.shards import COUNTED

from .samples import BOOT, append, keep_answer, new_token, stored, upload

NOW = 1000.0
LOG: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
    structlog.ReturnLogger(), wrapper_class=structlog.make_filtering_bound_logger(50)
)

OTHER = """
import sys
from pathlib import Path
from proxy.spool.figures import Figures
figures = Figures(Path(sys.argv[1]))
figures.changed("t" * 43, 30)
figures.promise(7)
figures.publish()
print("told", flush=True)
sys.stdin.read()
"""


def token(number: int) -> Token:
    return Token(f"{number:043}")


def crash(figures: Figures) -> None:
    """The process of `figures` is killed: its locks go, nothing more is said."""
    figures._locks.close()
    os.close(figures._fd)


def seen(figures: Figures, now: float = NOW) -> tuple[int, int]:
    space = figures.look(now)
    return space.used, space.promised


def test_processes_see_what_the_others_have_stored_and_promised(tmp_path: Path) -> None:
    ours, theirs = Figures(tmp_path), Figures(tmp_path)
    ours.changed(token(1), 100)
    ours.promise(10)
    theirs.changed(token(2), 20)
    theirs.promise(3)
    theirs.publish()
    assert seen(ours) == (120, 13)
    assert seen(theirs) == (120, 3)
    ours.publish()
    assert seen(theirs) == (120, 13)
    theirs.changed(token(1), -100)
    assert seen(ours) == (20, 13)


def test_what_is_promised_is_told_before_it_is_much(tmp_path: Path) -> None:
    ours, theirs = Figures(tmp_path), Figures(tmp_path)
    ours.promise(rooms.PUBLISHED)
    assert seen(theirs) == (0, rooms.PUBLISHED)
    ours.promise(-rooms.PUBLISHED)
    assert seen(theirs) == (0, 0)


def test_the_free_bytes_are_those_of_the_file_system(tmp_path: Path) -> None:
    told = os.statvfs(tmp_path)
    space = Figures(tmp_path).look(NOW)
    assert space.size == told.f_blocks * told.f_frsize
    assert 0 < space.free <= space.size


def test_a_file_system_that_tells_nothing_holds_nobody_up(tmp_path: Path) -> None:
    """Who cannot store finds that out by storing."""
    spool = tmp_path / "spool"
    spool.mkdir()
    figures = Figures(spool)
    figures.changed(token(1), 10)
    spool.rename(tmp_path / "away")
    space = figures.look(NOW)
    assert (space.used, space.free) == (10, UNBOUNDED)


def test_the_promises_of_a_process_end_with_it_and_its_count_does_not(
    tmp_path: Path,
) -> None:
    ours = Figures(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"told\n"
        assert seen(ours) == (30, 7)
        other.kill()
        other.wait()
        assert seen(ours) == (30, 0)
    again = Figures(tmp_path)
    again.changed(token(1), 5)
    assert seen(ours) == (35, 0)


def test_a_start_goes_on_with_what_was_counted(tmp_path: Path) -> None:
    for _ in range(3):
        figures = Figures(tmp_path)
        figures.changed(token(1), 10)
        figures.promise(5)
        figures.publish()
        crash(figures)
    assert seen(Figures(tmp_path)) == (30, 0)
    figures = Figures(tmp_path)
    figures.promise(5)
    figures.close()
    assert seen(Figures(tmp_path)) == (30, 0)


def test_there_are_only_so_many_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "SLOTS", 2)
    both = [Figures(tmp_path), Figures(tmp_path)]
    with pytest.raises(SpoolError, match="as many as can"):
        Figures(tmp_path)
    crash(both[0])
    Figures(tmp_path)
    assert SLOTS == 64


def test_what_is_held_ends_in_time_and_whoever_goes_on_finds_it(
    tmp_path: Path,
) -> None:
    ours, theirs = Figures(tmp_path), Figures(tmp_path)
    ours.hold(token(1), 100, NOW + 10.5)
    ours.hold(token(2), 20, NOW + 5)
    assert seen(theirs) == (0, 120)
    assert seen(theirs, NOW + 6) == (0, 100)
    assert seen(theirs, NOW + 11) == (0, 0)
    assert theirs.let_go(token(1)) == (100, NOW + 11)
    assert theirs.let_go(token(1)) is None
    assert ours.let_go(token(3)) is None
    assert seen(ours) == (0, 20)


def test_what_is_held_outlives_the_process(tmp_path: Path) -> None:
    ours = Figures(tmp_path)
    ours.hold(token(1), 100, NOW + 10)
    crash(ours)
    assert seen(Figures(tmp_path)) == (0, 100)


def test_room_is_held_for_many(tmp_path: Path) -> None:
    """Those that meet in one place push each other out; they are few."""
    figures = Figures(tmp_path)
    for number in range(HELD // 10):
        figures.hold(token(number), 1, NOW + 10)
    assert HELD // 10 * 0.8 < seen(figures)[1] <= HELD // 10


def test_a_file_that_cannot_be_read_or_written_stands_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told next says all of it again."""
    ours, theirs = Figures(tmp_path), Figures(tmp_path)

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        patch.setattr(os, "pread", fail)
        ours.changed(token(1), 100)
        ours.promise(10)
        ours.hold(token(1), 5, NOW + 10)
        assert ours.let_go(token(1)) is None
        assert seen(ours) == (100, 10)
    ours.publish()
    assert seen(theirs) == (100, 10)


def test_a_start_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    figures = Figures(tmp_path)
    figures.changed(token(1), 10)
    assert seen(figures) == (10, 0)


class Machine:
    """One spool, and the processes on it."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.directory = directory
        self.random = random.Random(seed)
        self.tokens: list[Token] = []
        self.sync: Sync = "acknowledged" if seed % 2 else "never"
        self.processes = [self._start(), self._start()]

    def _start(self) -> tuple[DiskSpool, Figures]:
        """What it has on its spool."""
        spool = DiskSpool(self.directory, boot_id=BOOT, sync=self.sync)
        figures = Figures(self.directory)
        spool.changed = spool.recorded = figures.changed
        return spool, figures

    @property
    def used(self) -> int:
        return self.processes[0][1].look(NOW).used

    @property
    def true_size(self) -> int:
        return sum(
            path.stat().st_size
            for path in self.directory.glob("??/*")
            if path.name.endswith(COUNTED)
        )

    async def step(self) -> None:
        spool, _ = self.random.choice(self.processes)
        size = self.random.choice([0, 1, 1000, 2**20, 3 * 2**20 + 7])
        if not self.tokens or self.random.random() < 0.3:
            self.tokens.append((await stored(spool, bytes(size))).token)
            return
        if self.random.random() < 0.1:
            adopted = upload()
            spool.adopt(adopted, bytes(size), bytes(7))
            self.tokens.append(adopted.token)
            return
        chosen = self.random.choice(self.tokens)
        match self.random.randrange(6):
            case 0 | 1 if (self.directory / chosen[:2] / f"{chosen}.body").exists():
                append(spool, chosen, bytes(size))
            case 2:
                keep_answer(spool, chosen, bytes(size // 10))
            case 3:
                await spool.drop_body(chosen)
            case 4:
                changed = upload(token=chosen, why="y" * self.random.randrange(2000))
                await spool.save(changed, durable=self.random.random() < 0.5)
            case _:
                await spool.delete(chosen)
                self.tokens.remove(chosen)

    async def kill(self) -> None:
        """One of the processes, in the middle of a body; another takes its place."""
        which = self.random.randrange(2)
        spool, figures = self.processes[which]
        begun = await stored(spool)
        self.tokens.append(begun.token)
        spool.writer(begun.token).write(bytes(self.random.randrange(2 * 2**20)))
        crash(figures)
        self.processes[which] = self._start()

    async def reckon(self) -> None:
        spool, figures = self.processes[0]
        await Reckoning(spool, figures, LOG).round(pause_s=0)

    def end(self) -> None:
        for spool, _ in self.processes:
            spool.close()


@pytest.mark.parametrize("seed", range(3))
async def test_the_count_is_the_truth(tmp_path: Path, seed: int) -> None:
    machine = Machine(tmp_path, seed)
    for _ in range(40):
        await machine.step()
        assert machine.used == machine.true_size
    machine.end()


@pytest.mark.parametrize("seed", range(3))
async def test_after_kills_it_is_the_truth_again_after_a_round(
    tmp_path: Path, seed: int
) -> None:
    machine = Machine(tmp_path, seed)
    for _ in range(5):
        for _ in range(8):
            await machine.step()
        await machine.kill()
        (tmp_path / "ab").mkdir(exist_ok=True)
        (tmp_path / "ab" / f"{new_token('ab')}.body").write_bytes(b"not counted")
        await machine.reckon()
        assert machine.used == machine.true_size
    machine.end()


async def test_a_round_counts_on_while_it_measures(tmp_path: Path) -> None:
    """What changes where it has been, and where it has not come to yet."""
    machine = Machine(tmp_path, 0)
    (spool, figures), (other, _) = machine.processes
    early, late = new_token("--"), new_token("zz")
    for chosen in (early, late):
        await spool.create(upload(token=chosen))
    assert figures.begin_round()
    measured = 0
    for shard, _, size in spool.sizes():
        measured += size
        figures.come_to(shard)
        if shard == "Z9":
            append(other, early, bytes(100))
            append(other, late, bytes(30))
    figures.end_round(measured)
    records = machine.true_size - 130
    assert machine.used == machine.true_size > 130
    await other.drop_body(early)
    assert machine.used == machine.true_size == records + 30
    machine.end()


async def test_a_body_that_grows_while_it_is_measured_counts_once(
    tmp_path: Path,
) -> None:
    """Whatever was found of it that had not been counted by then, in any process."""
    machine = Machine(tmp_path, 0)
    (spool, figures), (other, _) = machine.processes
    writers = []
    for each in (spool, other):
        begun = await stored(each)
        writers.append(each.writer(begun.token))
        writers[-1].write(bytes(1000))
    assert machine.used == machine.true_size - 2000
    reckoning = Reckoning(
        spool, figures, LOG, lambda shard: spool.growing.count(shard, STEP_SHARDS)
    )
    reckoning.elsewhere = lambda shard: other.growing.count(shard, STEP_SHARDS)
    await reckoning.round(pause_s=0)
    assert machine.used == machine.true_size
    for writer in writers:
        writer.write(bytes(100))
        writer.close()
    assert machine.used == machine.true_size
    machine.end()


async def test_a_directory_that_is_away_is_not_measured_as_empty(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path / "spool", 0)
    await stored(machine.processes[0][0], bytes(100))
    before = machine.true_size
    (tmp_path / "spool").rename(tmp_path / "away")
    (tmp_path / "spool").mkdir()
    with pytest.raises(SpoolError, match="another directory"):
        await machine.reckon()
    assert machine.used == before > 100
    await machine.processes[0][0].keep_ballast()
    assert list((tmp_path / "spool").iterdir()) == []
    machine.end()


async def test_one_process_reckons(tmp_path: Path) -> None:
    ours, theirs = Figures(tmp_path), Figures(tmp_path)
    assert ours.begin_round()
    assert not theirs.begin_round()
    crash(ours)
    assert theirs.begin_round()
