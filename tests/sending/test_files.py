"""What there is to be uploaded: nothing is left out unsaid, nothing is sent twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.sending.files import described, found

NAMED = "http://h/{name}"


def silent(words: str) -> None:
    raise AssertionError(words)


def test_a_file_is_described_unless_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    (job,) = found([str(tmp_path / "film.mp4")], "http://h/", silent)
    told = (("content-type", "x/y"), ("Content-Disposition", "inline"))
    assert described(job, told) == told


def test_a_name_may_be_any_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.txt")
    (tmp_path / name).touch()
    (job,) = found([str(tmp_path)], NAMED, silent)
    assert (job.name, job.url) == (name, "http://h/%FF.txt")
    assert described(job, ())[1][1] == "inline; filename*=UTF-8''%FF.txt"


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").touch()
    (photos / "linked.jpg").symlink_to(photos / "a.jpg")
    (photos / "more").symlink_to(elsewhere)
    (photos / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(photos / "pipe")
    told: list[str] = []
    jobs = found([str(photos)], NAMED, told.append)
    assert [job.name for job in jobs] == ["a.jpg", "linked.jpg"]
    assert told == [
        f"{str(photos / 'gone')!r} is left out: there is nothing where it leads",
        f"{str(photos / 'more')!r} is left out: a link to a directory",
        f"{str(photos / 'pipe')!r} is left out: no regular file",
    ]


def test_the_same_url_twice_is_wrong_where_one_would_replace_the_other(
    tmp_path: Path,
) -> None:
    for below in ("a", "b"):
        (tmp_path / below).mkdir()
        (tmp_path / below / "x.jpg").touch()
    both = [str(tmp_path / below / "x.jpg") for below in ("a", "b")]
    with pytest.raises(ValueError, match=r"a/x\.jpg' and .*b/x\.jpg' would both go to"):
        found(both, NAMED, silent)
    with pytest.raises(ValueError, match="would both go to"):
        found(both, "http://h/", silent, method="PUT")
    assert len(found(both, "http://h/", silent)) == 2


def test_a_directory_that_cannot_be_read_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError):
        found([str(tmp_path)], NAMED, silent)


@pytest.mark.parametrize(
    ("given", "why"), [("pipe", "no regular file"), (".", "there is no file in")]
)
def test_what_can_be_no_upload_is_wrong(tmp_path: Path, given: str, why: str) -> None:
    if given == "pipe":
        os.mkfifo(tmp_path / given)
    with pytest.raises(ValueError, match=why):
        found([str(tmp_path / given)], NAMED, silent)


def test_a_file_of_the_kernel_that_tells_no_size_is_wrong() -> None:
    with pytest.raises(ValueError, match="tells no size"):
        found(["/proc/cpuinfo"], NAMED, silent)
