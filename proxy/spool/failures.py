"""The edge where an ``OSError`` becomes one of ours.

The one invariant to keep: what leaves here names no path below the spool's directory,
since such a path spells a token. That holds for the message and for the exceptions it
was raised from, which a logged traceback would show as well.
"""

from __future__ import annotations

import os
from types import TracebackType

from proxy.core.errors import SpoolError


def spool_error(what: str, exc: OSError) -> SpoolError:
    """`what` failed, with the system's word for the reason; to be raised from `exc`."""
    nameless(exc)
    reason = str(exc) if exc.errno is None else os.strerror(exc.errno)
    return SpoolError(f"{what}: {reason}")


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
    """Raises SpoolError in place of an OSError from within; `what` says what failed.

    A class, since it stands around calls that cost less than a generator.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(exc, OSError):
            raise spool_error(self._what, exc) from exc
