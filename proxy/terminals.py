"""What of others' words may be shown on a terminal.

A client names the paths, a server words its answers, whoever made a file has named it:
each of them could have a terminal that shows that obey. The one invariant: whatever
comes in, nothing but printable characters comes out.
"""

from __future__ import annotations


def plain(text: str) -> str:
    """`text` without anything that a terminal would obey, which is told by number."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
        for one in text
    )
