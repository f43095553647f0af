"""Where the files of an upload lie: ``<shard>/<token>.record`` and its neighbours.

A shard is a directory named by the first two characters of its tokens, made when the
first of them comes, so that no directory grows without end. What else lies in the
spool's directory is passed over. The one invariant: only a token becomes part of a
path, and no shard is entered through a link.
"""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_right
from collections.abc import Iterator
from itertools import product
from string import ascii_letters, digits
from typing import Final

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import Token, token_from

from . import files
from .failures import translated
from .names import Names

RECORD = ".record"
DRAFT = ".draft"
"""A newer record that need not survive power loss; see ``records``."""
BODY = ".body"
ANSWER = ".answer"
"""All of an answer's content, durable."""
PARTIAL = ANSWER + files.NEW
"""What has come of it so far; or all, as long as that is not durable."""
DOUBT = ".doubt"
"""Empty; the body could not be synced, see ``doubts``."""

COUNTED = (RECORD, DRAFT, PARTIAL, ANSWER, BODY)
"""Files whose bytes count as used; others are empty, or gone in a moment."""
SUFFIXES = (
    *(RECORD, RECORD + files.NEW, DRAFT, DRAFT + files.NEW),
    *(PARTIAL, ANSWER, BODY),
    DOUBT,
)
"""All files an upload may have, in the order in which they are to be removed: without
a record it is none, and as long as one is left ``tokens`` finds it."""

_SHARD = re.compile(r"[A-Za-z0-9_-]{2}", re.ASCII)
_TOKEN_LENGTH = 43
_ALPHABET = sorted(ascii_letters + digits + "-_")
_NAMES: Final = ["".join(two) for two in product(_ALPHABET, repeat=2)]
"""Of all the shards there could be, in order."""


def behind(shard: str, count: int) -> list[str]:
    """The names of the next `count` shards there could be; of the first ones where
    `shard` is empty."""
    begin = bisect_right(_NAMES, shard)
    return _NAMES[begin : begin + count]


class Shards:
    """The shards below `root`, and which of them are known to be on the disk."""

    def __init__(self, root: str, names: Names) -> None:
        self.root = root
        self._names = names
        self._known = {
            entry.name
            for entry in _entries(root)
            if _SHARD.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        }
        # made since the root was synced last, or met later than at the start
        self._loose: set[str] = set()

    def stem(self, token: Token) -> str:
        """The path of the upload's files, without what tells them apart.

        Raises:
            UploadMissing: it is no token, so there cannot be such an upload.
            SpoolError: something else stands in the place of the shard.
        """
        if token_from(token) is None:
            raise UploadMissing("not a token")
        shard = token[:2]
        path = f"{self.root}/{shard}"
        if shard not in self._known:
            self._meet(shard, path)
        return f"{path}/{token}"

    def _meet(self, shard: str, path: str) -> None:
        with translated("a shard of the spool cannot be entered"):
            # one look: another process may be making it
            mode = files.mode(path)
            if mode is None:
                return
            if not stat.S_ISDIR(mode):
                raise SpoolError("something else stands in the place of a shard")
            self._known.add(shard)
            self._loose.add(shard)

    def make(self, token: Token) -> None:
        """Make the shard of `token` unless it is there. Raises OSError."""
        shard = token[:2]
        if shard not in self._known:
            files.make_directory(f"{self.root}/{shard}")
            self._known.add(shard)
            self._loose.add(shard)

    def forget(self, token: Token) -> None:
        """Look again before the shard of `token` is used: it seems to have gone."""
        self._known.discard(token[:2])

    def sync(self, token: Token) -> None:
        """Make the names of the upload's files durable. Raises OSError; blocks."""
        shard = token[:2]
        if shard in self._loose:
            loose = frozenset(self._loose)
            self._names.sync(self.root)
            self._loose -= loose
        self._names.sync(f"{self.root}/{shard}")

    def tokens(self) -> Iterator[Token]:
        """Every token that has a file here, be it a lone one that a crash left over."""
        for entry in _entries(self.root):
            if _SHARD.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                yield from self._tokens_in(entry.name)

    def beginning(self, start: str) -> set[Token]:
        """Every such token that begins with `start`, two characters of one at least.

        Raises OSError.
        """
        path = f"{self.root}/{start[:2]}"
        if not _SHARD.fullmatch(start[:2]) or not files.is_directory(path):
            return set()
        return {
            token for token in self._tokens_in(start[:2]) if token.startswith(start)
        }

    def _tokens_in(self, shard: str) -> set[Token]:
        found: set[Token] = set()
        try:
            for entry in _entries(f"{self.root}/{shard}"):
                token = token_from(entry.name[:_TOKEN_LENGTH])
                if (
                    token is not None
                    and token.startswith(shard)
                    and entry.name[_TOKEN_LENGTH:] in SUFFIXES
                    and entry.is_file(follow_symlinks=False)
                ):
                    found.add(token)
        except FileNotFoundError:
            # the shard was removed while we looked: nothing is in it
            pass
        return found

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """Every shard there could be, in the order of names: its own, its uploads'
        files, the bytes of those that count. Raises OSError; blocks."""
        for shard in _NAMES:
            if files.is_directory(f"{self.root}/{shard}"):
                yield (shard, *self._measure(shard))
            else:
                yield shard, 0, 0

    def _measure(self, shard: str) -> tuple[int, int]:
        number = size = 0
        try:
            for entry in _entries(f"{self.root}/{shard}"):
                number += 1
                if entry.name[_TOKEN_LENGTH:] in COUNTED:
                    size += files.size(entry.path) or 0
        except FileNotFoundError:
            # the shard was removed while we looked: nothing is in it
            pass
        return number, size


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        yield from entries
