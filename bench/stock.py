"""A spool full of uploads that wait, without uploading them one by one.

The product makes one; the others are copies of its files, each under a token of its
own. Where a file is sealed it is sealed again. The one invariant: the product takes a
copy for what it would have written itself.
"""

from __future__ import annotations

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
    spool: Path
    files: dict[str, bytes]
    """Content by path below the spool; the path has the token in it."""


@dataclass(slots=True)
class Stock:
    """A spool with many."""

    directory: Path
    tokens: list[str]
    """Those that no one has touched."""
    bytes_each: float
    """On the disk, what a waiting upload takes beside its body, with its share of the
    directories."""
    inodes_each: float

    def take(self, count: int, chance: Random) -> list[str]:
        """Tokens that nobody gets again; fewer when there are not as many."""
        chance.shuffle(self.tokens)
        taken, self.tokens = self.tokens[:count], self.tokens[count:]
        return taken


def seed(port: int, spool: Path, size: int) -> Seed:
    """Let the product that keeps `spool` make an upload that waits."""
    token = waiting_upload(port, size).rpartition("/")[2]
    files = {
        str(path.relative_to(spool)): path.read_bytes()
        for path in spool.rglob(f"*{token}*")
    }
    return Seed(token, spool, files)


def filled(planted: Seed, directory: Path, count: int) -> Stock:
    """A new spool in `directory` with `count` copies."""
    directory.mkdir(mode=0o700)
    tokens = [secrets.token_urlsafe(32) for _ in range(count)]
    for token in tokens:
        for name, content in planted.files.items():
            _write(
                directory / _renamed(name, planted.token, token),
                planted,
                token,
                content,
            )
    used, inodes = _usage(directory)
    return Stock(directory, tokens, used / count, inodes / count)


def _renamed(name: str, old: str, new: str) -> str:
    """Directories are named by the first characters of a token."""
    *above, last = Path(name).parts
    renamed = [new[: len(part)] if old.startswith(part) else part for part in above]
    return "/".join([*renamed, last.replace(old, new)])


def _write(path: Path, planted: Seed, token: str, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if content.startswith(b'{"format"'):
        inner = envelope.unseal(content)
        new = inner.replace(planted.token.encode(), token.encode())
        content = envelope.seal(new)
    path.write_bytes(content)


def _usage(directory: Path) -> tuple[int, int]:
    """Bytes on the disk but for bodies, and inodes, of all below."""
    used = inodes = 0
    for path in directory.rglob("*"):
        found = path.stat()
        inodes += 1
        if path.suffix != ".body":
            used += found.st_blocks * _BLOCK
    return used, inodes
