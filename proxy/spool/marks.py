"""Which uploads are unfinished: one empty file each, in a directory of its own.

After a restart this tells what has to be forwarded without reading every record. A
mark is only a hint that one should look. The one invariant: it is there before a record
says COMPLETE or FORWARDING, as durable as that record, and goes after the record says
otherwise; so there may be too many, never too few. A power loss may take the mark of
what was only shown (``shown``): that is found when the sweep comes to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from proxy.core.upload import Token, token_from

from . import files
from .names import Names


class Marks:
    """The marks in the directory `path`, which is made here."""

    def __init__(self, path: str, names: Names) -> None:
        self._path = path
        self._names = names
        self._durable: set[Token] = set()
        files.make_directory(path)

    def set(self, token: Token) -> None:
        """Mark `token`. Raises OSError."""
        try:
            self._create(token)
        except FileNotFoundError:
            # empty for long, it was taken for rubbish: some hosts tidy their disks
            files.make_directory(self._path)
            self._create(token)

    def make_durable(self, token: Token) -> None:
        """Have the mark of `token`, which is set, survive a power loss. Blocks.

        Raises:
            OSError
        """
        if token not in self._durable:
            self._names.sync(self._path)
            self._durable.add(token)

    def _create(self, token: Token) -> None:
        try:
            os.close(files.create(f"{self._path}/{token}"))
        except FileExistsError:
            # marked already, as COMPLETE is before FORWARDING
            pass

    def clear(self, token: Token) -> None:
        """Take the mark away, if there is one. Raises OSError."""
        self._durable.discard(token)
        files.remove(f"{self._path}/{token}")

    def tokens(self) -> Iterator[Token]:
        """Every marked token. Raises OSError."""
        with os.scandir(self._path) as entries:
            for entry in entries:
                token = token_from(entry.name)
                if token is not None:
                    yield token
