"""Root at a spool of another user: it becomes that user, for good, before it looks.

A file that root made in a spool would shut its proxy out, and processes of the proxy
answer their own user. So the whole process gives up being root: what it makes belongs
to the owner, and it can do no more than the owner could, whatever lies in the spool.
The one invariant: there is no way back, and nothing of the spool is opened before.
"""

from __future__ import annotations

import codecs
import importlib
import os
import pwd
from pathlib import Path
from typing import Final

_NEEDED: Final = (
    "concurrent.futures.thread",
    *(
        f"proxy.operating.{name}"
        for name in ("acts", "catalogue", "copies", "entry", "guest", "life", "rows")
    ),
    "proxy.operating.wanted",
    "proxy.operating.wording",
)
_CODECS: Final = ("ascii", "latin-1", "utf-8", "idna")
"""Loaded while root may read it: program and interpreter may lie where only root
looks."""


def step_down(directory: Path) -> None:
    """Be the user that the spool in `directory` belongs to, if this is root. Nothing
    happens where there is no spool, and where the system does not allow it: then whose
    the spool is will be told."""
    if os.geteuid() != 0:
        return
    try:
        # Not through a link: whose file that is says nothing of the spool.
        lock = os.lstat(directory / "lock")
    except OSError:
        return
    if lock.st_uid == 0:
        return
    for name in _NEEDED:
        importlib.import_module(name)
    for name in _CODECS:
        codecs.lookup(name)
    try:
        _become(lock.st_uid, lock.st_gid)
    except PermissionError:
        return


def _become(user: int, group: int) -> None:
    """`group`: for a user that the system has no entry of.

    Raises:
        PermissionError: root may not, as without capabilities.
    """
    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        os.setgroups([])
    else:
        group = entry.pw_gid
        os.initgroups(entry.pw_name, group)
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
