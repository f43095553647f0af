"""Root at a spool of another user: it becomes that user, for good, before it looks.

A file that root made in a spool would shut its proxy out, and processes of the proxy
answer their own user. So the whole process gives up being root: what it makes belongs
to the owner, and it can do no more than the owner could, whatever lies in the spool.
The way there may be closed to the owner, as below /var/lib/private of systemd: it is
gone by a descriptor of the directory, which root has opened. The one invariant: there
is no way back, and nothing in the spool is opened before.
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


def step_down(directory: Path) -> str | None:
    """Be the user that the spool in `directory` belongs to, if this is root; the path
    by which it is reached from then on.

    None where nothing has happened: there is no spool, or it is root's own, or the
    system does not allow it; then whose the spool is will be told. The path is good as
    long as the process lives.
    """
    if os.geteuid() != 0:
        return None
    try:
        way = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    if _become_owner(way):
        return f"/proc/self/fd/{way}"
    os.close(way)
    return None


def _become_owner(spool: int) -> bool:
    """Whether this process is now whom the spool belongs to, and was not before."""
    try:
        # Not through a link: whose file that is says nothing of the spool.
        lock = os.stat("lock", dir_fd=spool, follow_symlinks=False)
    except OSError:
        return False
    if lock.st_uid == 0:
        return False
    for name in _NEEDED:
        importlib.import_module(name)
    for name in _CODECS:
        codecs.lookup(name)
    try:
        _become(lock.st_uid, lock.st_gid)
    except PermissionError:
        return False
    return True


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
