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
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from proxy.spool.failures import translated

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

_HINT: Final = "run it as the user of the proxy"


def step_down(directory: Path) -> str | None:
    """Be the user that the spool in `directory` belongs to, if this is root; the path
    by which it is reached from then on.

    None where nothing has happened: there is no spool, or it is root's own, or the
    system does not allow it; then whose the spool is will be told. The path is good as
    long as the process lives.

    Raises:
        SpoolError: the system allows only a part of it, and that has been done: this
            process is neither root as it was nor the owner, and had better end.
    """
    if os.geteuid() != 0:
        return None
    try:
        way = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    with ExitStack() as unused:
        unused.callback(os.close, way)
        if _become_owner(way):
            unused.pop_all()
            return f"/proc/self/fd/{way}"
    return None


def _become_owner(spool: int) -> bool:
    """Whether this process is now whom the spool belongs to, and was not before.

    Raises:
        SpoolError: it is neither that nor what it was.
    """
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
    return _become(lock.st_uid, lock.st_gid)


def _become(user: int, group: int) -> bool:
    """Be the user; False where the system does not let root, and nothing has happened.
    So it is without capabilities, and where the user or its groups are none of those
    that a namespace has. `group`: for a user that the system has no entry of.

    Raises:
        SpoolError: something has happened.
    """
    before = os.getgroups()
    try:
        group = _join(user, group)
    except OSError:
        return False
    try:
        os.setresgid(group, group, group)
    except OSError:
        with translated("root cannot have its groups back", _HINT):
            os.setgroups(before)
        return False
    # Last: whoever is not root any more may change no group.
    with translated(f"root has the group of the user number {user} only", _HINT):
        os.setresuid(user, user, user)
    return True


def _join(user: int, group: int) -> int:
    """Have the groups of the user besides its own; which that is.

    Raises:
        OSError: nothing has changed.
    """
    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        os.setgroups([])
        return group
    os.initgroups(entry.pw_name, entry.pw_gid)
    return entry.pw_gid
