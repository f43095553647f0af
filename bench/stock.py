"""A spool full of uploads that wait, without uploading them one by one.

The product makes one; the others are copies of its files, each under a token of its
own. Where a file is sealed it is sealed again. The one invariant: the product takes a
copy for what it would have written itself.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from random import Random

from proxy.spool import envelope

from .transfers import waiting_upload

_BLOCK = 512
"""Bytes of what the system calls a block of a file."""


@dataclass(frozen=True, slots=True)
class Seed:
    """One upload as the product keeps it."""

    token: str
    size: int
    """Bytes of its body."""
    files: dict[str, bytes]
    """Content by path below the spool; the path has the token in it."""


@dataclass(slots=True)
class Stock:
    """A spool with many."""

    directory: Path
    offsets: dict[str, int]
    """Bytes of each upload, by its token."""
    bytes_each: float
    """On the disk, what a waiting upload takes beside its body, with its share of the
    directories."""
    inodes_each: float

    def take(self, count: int, chance: Random) -> list[str]:
        """Tokens of different uploads; fewer when there are not as many."""
        return chance.sample(list(self.offsets), min(count, len(self.offsets)))


def seed(port: int, spool: Path, size: int) -> Seed:
    """Let the product that keeps `spool` make an upload that waits."""
    token = waiting_upload(port, size).rpartition("/")[2]
    files = {
        str(path.relative_to(spool)): path.read_bytes()
        for path in spool.rglob(f"*{token}*")
    }
    return Seed(token, size, files)


def filled(planted: Seed, directory: Path, count: int) -> Stock:
    """A new spool in `directory` with `count` copies."""
    directory.mkdir(mode=0o700)
    tokens = [secrets.token_urlsafe(32) for _ in range(count)]
    made: set[str] = set()
    for token in tokens:
        for name, content in planted.files.items():
            path = f"{directory}/{_renamed(name, planted.token, token)}"
            above = os.path.dirname(path)
            if above not in made:
                Path(above).mkdir(mode=0o700, exist_ok=True)
                made.add(above)
            _write(path, _resealed(content, planted.token, token))
    used, inodes = _usage(directory, planted, tokens, made)
    offsets = dict.fromkeys(tokens, planted.size)
    return Stock(directory, offsets, used / count, inodes / count)


def _renamed(name: str, old: str, new: str) -> str:
    """Directories are named by the first characters of a token."""
    *above, last = name.split("/")
    renamed = [new[: len(part)] if old.startswith(part) else part for part in above]
    return "/".join([*renamed, last.replace(old, new)])


def _resealed(content: bytes, old: str, new: str) -> bytes:
    if not content.startswith(b'{"format"'):
        return content
    sealed, _ = envelope.opened(content)
    inner = envelope.unseal(sealed).replace(old.encode(), new.encode())
    return envelope.seal(inner) + content[len(sealed) :]


def _write(path: str, content: bytes) -> None:
    # hundreds of thousands of files: what pathlib adds is felt
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, content)
    os.close(fd)


def _usage(
    directory: Path, planted: Seed, tokens: list[str], made: set[str]
) -> tuple[int, int]:
    """Bytes on the disk but for bodies, and inodes; every copy is as the first."""
    count, first = len(tokens), tokens[0]
    files = [directory / _renamed(name, planted.token, first) for name in planted.files]
    kept = [path for path in files if path.suffix != ".body"]
    blocks = count * sum(path.stat().st_blocks for path in kept)
    blocks += sum(Path(path).stat().st_blocks for path in made)
    return blocks * _BLOCK, count * len(files) + len(made)
