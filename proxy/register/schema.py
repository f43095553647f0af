"""The tables of the register that processes share, as SQLite is told.

Nothing that SQLite learnt after 3.24: it is that of the system. The one invariant: the
sums follow whatever is done to uploads, in the same transaction.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 1
"""In the names of the files: two releases with different ones do not meet there."""

_WHOLE: Final = """
BEGIN;
CREATE TABLE uploads (
    heard INTEGER PRIMARY KEY, -- in this order they were told last
    token TEXT NOT NULL UNIQUE,
    client TEXT NOT NULL,
    principal TEXT NOT NULL,
    size INTEGER NOT NULL,
    deadline REAL NOT NULL
);
CREATE INDEX of_client ON uploads (client, heard) WHERE client != '';
CREATE INDEX of_principal ON uploads (principal, heard) WHERE principal != '';
CREATE TABLE sums (
    kind INTEGER, name TEXT, uploads INTEGER, size INTEGER, soonest REAL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TRIGGER came AFTER INSERT ON uploads BEGIN
{added}
END;
CREATE TRIGGER went AFTER DELETE ON uploads BEGIN
{taken}
END;
CREATE TRIGGER changed AFTER UPDATE OF client, principal, size, deadline ON uploads
BEGIN
{taken}
{added}
END;
PRAGMA user_version = {version};
COMMIT;
"""
_ADDED: Final = """
INSERT INTO sums SELECT {kind}, {name}, 1, new.size, new.deadline WHERE {counts}
ON CONFLICT (kind, name) DO UPDATE SET
    uploads = uploads + 1, size = size + excluded.size,
    soonest = min(soonest, excluded.soonest);
"""
_TAKEN: Final = """
UPDATE sums SET uploads = uploads - 1, size = size - old.size
WHERE kind = {kind} AND name = {name};
DELETE FROM sums WHERE kind = {kind} AND name = {name} AND uploads = 0;
"""


def _schema() -> str:
    """All of it: the sums of each kind of group follow what is done to uploads."""
    names = ("''", "{}.client", "{}.principal")
    added = [
        _ADDED.format(kind=kind, name=name.format("new"), counts=counts)
        for kind, (name, counts) in enumerate(
            zip(names, ("true", "new.client != ''", "new.principal != ''"), strict=True)
        )
    ]
    taken = [
        _TAKEN.format(kind=kind, name=name.format("old"))
        for kind, name in enumerate(names)
    ]
    return _WHOLE.format(added="".join(added), taken="".join(taken), version=VERSION)


SCHEMA: Final = _schema()
