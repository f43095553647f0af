"""The edge where an ``OSError`` becomes one of ours.

The one invariant to keep: what leaves here names no path below the spool's directory,
since such a path spells a token. That holds for the message and for the exceptions it
was raised from, which a logged traceback would show as well.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Final

from proxy.core.errors import SpoolError

_SEEN: Final[Counter[str]] = Counter()
"""Of the process, like the errors themselves. What two threads meet at the same moment
may count once."""


def seen() -> Mapping[str, int]:
    """How often the system has failed us so far, by its name for the reason."""
    return dict(_SEEN)


def spool_error(what: str, exc: OSError, hint: str = "") -> SpoolError:
    """`what` failed, with the system's word for the reason, and `hint` for what helps;
    to be raised from `exc`."""
    nameless(exc)
    _SEEN[errno.errorcode.get(exc.errno or 0, "other")] += 1
    reason = str(exc) if exc.errno is None else os.strerror(exc.errno)
    return SpoolError(f"{what}: {reason}; {hint}" if hint else f"{what}: {reason}")


def nameless(exc: OSError) -> OSError:
    """`exc`, without the paths in it and in those it came out of."""
    link: BaseException | None = exc
    while link is not None:
        if isinstance(link, OSError):
            link.filename = link.filename2 = None
            # deleted after that, or str() would show the None
            del link.filename, link.filename2
        link = link.__context__
    return exc


class translated:  # noqa: N801 - read as a statement: with translated("...")
    """Raises SpoolError in place of an OSError from within; `what` says what failed,
    `hint` what whoever runs us can do about it.

    A class, since it stands around calls that cost less than a generator.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        self._what = what
        self._hint = hint

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(exc, OSError):
            raise spool_error(self._what, exc, self._hint) from exc
